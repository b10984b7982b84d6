//! The operations, one file each.

use millrace_wire::{ApiError, Reply};

use super::Asked;
use super::error::KmsError;

mod cancel_key_deletion;
mod create_alias;
mod create_key;
mod decrypt;
mod delete_alias;
mod describe_key;
mod disable_key;
mod enable_key;
mod encrypt;
mod generate_data_key;
mod generate_data_key_without_plaintext;
mod list_aliases;
mod list_keys;
mod rotate_key_on_demand;
mod schedule_key_deletion;
mod update_alias;
mod update_key_description;

/// Answers a call.
pub(super) fn dispatch(asked: &Asked<'_>) -> Result<Reply, KmsError> {
    match asked.op.name {
        "CancelKeyDeletion" => cancel_key_deletion::call(asked),
        "CreateAlias" => create_alias::call(asked),
        "CreateKey" => create_key::call(asked),
        "Decrypt" => decrypt::call(asked),
        "DeleteAlias" => delete_alias::call(asked),
        "DescribeKey" => describe_key::call(asked),
        "DisableKey" => disable_key::call(asked),
        "EnableKey" => enable_key::call(asked),
        "Encrypt" => encrypt::call(asked),
        "GenerateDataKey" => generate_data_key::call(asked),
        "GenerateDataKeyWithoutPlaintext" => generate_data_key_without_plaintext::call(asked),
        "ListAliases" => list_aliases::call(asked),
        "ListKeys" => list_keys::call(asked),
        "RotateKeyOnDemand" => rotate_key_on_demand::call(asked),
        "ScheduleKeyDeletion" => schedule_key_deletion::call(asked),
        "UpdateAlias" => update_alias::call(asked),
        "UpdateKeyDescription" => update_key_description::call(asked),
        _ => Err(ApiError::unknown_operation().into()),
    }
}
