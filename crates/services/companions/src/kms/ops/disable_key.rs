//! DisableKey: what it wrapped cannot be used until it is enabled again.

use millrace_api::kms::DisableKeyRequest;
use millrace_wire::Reply;

use crate::kms::{Asked, KmsError};

pub(super) fn call(asked: &Asked<'_>) -> Result<Reply, KmsError> {
    let input: DisableKeyRequest = asked.input()?;
    let key = asked.key_by_id(&input.key_id)?;
    asked.keys.set_enabled(&asked.realm, &key, false)?;
    Ok(asked.done())
}
