//! CreateKey: a symmetric key, with bytes of its own or waiting for an import.

use millrace_api::kms::{
    CreateKeyRequest, CreateKeyResponse, CustomerMasterKeySpec, KeySpec, KeyUsageType, OriginType,
};
use millrace_wire::Reply;

use crate::kms::request::unsupported;
use crate::kms::{Asked, KmsError, metadata};

pub(super) fn call(asked: &Asked<'_>) -> Result<Reply, KmsError> {
    let input: CreateKeyRequest = asked.input()?;
    asked.account()?;
    hold(&input)?;
    let import = match input.origin {
        None | Some(OriginType::AwsKms) => false,
        Some(OriginType::External) => true,
        Some(_) => return Err(unsupported("Custom key stores", "Origin")),
    };
    let description = input.description.unwrap_or_default();
    let info = asked.keys.create(&asked.realm, &description, import)?;
    asked.answer(CreateKeyResponse {
        key_metadata: Some(metadata::of(info)),
    })
}

/// A policy or a tag that is dropped in silence would let in whom it should keep out.
fn hold(input: &CreateKeyRequest) -> Result<(), KmsError> {
    let spec = matches!(input.key_spec, None | Some(KeySpec::SymmetricDefault));
    let old_spec = matches!(
        input.customer_master_key_spec,
        None | Some(CustomerMasterKeySpec::SymmetricDefault)
    );
    let usage = matches!(input.key_usage, None | Some(KeyUsageType::EncryptDecrypt));
    if !spec || !old_spec || !usage {
        return Err(KmsError::Unsupported(
            "Millrace has symmetric keys to encrypt and decrypt with: KeySpec must be SYMMETRIC_DEFAULT and KeyUsage \
             ENCRYPT_DECRYPT"
                .to_owned(),
        ));
    }
    let tags = input.tags.as_ref().is_some_and(|tags| !tags.is_empty());
    for (given, what, parameter) in [
        (input.policy.is_some(), "Key policies", "Policy"),
        (tags, "Tags of keys", "Tags"),
        (
            input.multi_region == Some(true),
            "Multi-Region keys",
            "MultiRegion",
        ),
        (
            input.custom_key_store_id.is_some(),
            "Custom key stores",
            "CustomKeyStoreId",
        ),
        (input.xks_key_id.is_some(), "External key stores", "XksKeyId"),
    ] {
        if given {
            return Err(unsupported(what, parameter));
        }
    }
    Ok(())
}
