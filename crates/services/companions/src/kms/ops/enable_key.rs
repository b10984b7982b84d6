//! EnableKey

use millrace_api::kms::EnableKeyRequest;
use millrace_wire::Reply;

use crate::kms::{Asked, KmsError};

pub(super) fn call(asked: &Asked<'_>) -> Result<Reply, KmsError> {
    let input: EnableKeyRequest = asked.input()?;
    let key = asked.key_by_id(&input.key_id)?;
    asked.keys.set_enabled(&asked.realm, &key, true)?;
    Ok(asked.done())
}
