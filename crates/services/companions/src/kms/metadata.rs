//! A key, as the API describes it.

use millrace_api::EpochMillis;
use millrace_api::kms::{
    CustomerMasterKeySpec, EncryptionAlgorithmSpec, ExpirationModelType, KeyManagerType, KeyMetadata,
    KeySpec, KeyState as State, KeyUsageType, OriginType,
};
use millrace_base::Timestamp;
use millrace_keys::KeyState;
use millrace_keys::local::KeyInfo;

/// What the names of AWS's own keys begin with.
pub(super) const RESERVED: &str = "alias/aws/";

/// `KeyMetadata`
pub(super) fn of(info: KeyInfo) -> KeyMetadata {
    let is_default = info
        .aliases
        .iter()
        .any(|alias| alias.contains(&format!(":{RESERVED}")));
    // arn:PARTITION:kms:REGION:ACCOUNT:key/ID
    let account = info.name.split(':').nth(4).map(str::to_owned);
    let here = info.imported && info.versions > 0;
    KeyMetadata {
        aws_account_id: account,
        key_id: info.id,
        arn: Some(info.name),
        creation_date: Some(millis(info.created)),
        enabled: Some(info.state == KeyState::Enabled),
        description: Some(info.description),
        key_usage: Some(KeyUsageType::EncryptDecrypt),
        key_state: Some(state(info.state)),
        deletion_date: info.deletion.map(millis),
        origin: Some(if info.imported {
            OriginType::External
        } else {
            OriginType::AwsKms
        }),
        expiration_model: here.then_some(ExpirationModelType::KeyMaterialDoesNotExpire),
        key_manager: Some(if is_default {
            KeyManagerType::Aws
        } else {
            KeyManagerType::Customer
        }),
        customer_master_key_spec: Some(CustomerMasterKeySpec::SymmetricDefault),
        key_spec: Some(KeySpec::SymmetricDefault),
        encryption_algorithms: Some(vec![EncryptionAlgorithmSpec::SymmetricDefault]),
        multi_region: Some(false),
        ..KeyMetadata::default()
    }
}

/// `KeyState`
pub(super) const fn state(state: KeyState) -> State {
    match state {
        KeyState::Enabled => State::Enabled,
        KeyState::Disabled => State::Disabled,
        KeyState::PendingDeletion => State::PendingDeletion,
        KeyState::PendingImport => State::PendingImport,
    }
}

/// A moment, as the API has it.
pub(super) fn millis(time: Timestamp) -> EpochMillis {
    EpochMillis(i64::try_from(time.0).unwrap_or(i64::MAX))
}
