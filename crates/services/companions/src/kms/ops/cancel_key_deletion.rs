//! CancelKeyDeletion: the key is switched off then.

use millrace_api::kms::{CancelKeyDeletionRequest, CancelKeyDeletionResponse};
use millrace_wire::Reply;

use crate::kms::{Asked, KmsError};

pub(super) fn call(asked: &Asked<'_>) -> Result<Reply, KmsError> {
    let input: CancelKeyDeletionRequest = asked.input()?;
    let key = asked.key_by_id(&input.key_id)?;
    let info = asked.keys.cancel_deletion(&asked.realm, &key)?;
    asked.answer(CancelKeyDeletionResponse {
        key_id: Some(info.name),
    })
}
