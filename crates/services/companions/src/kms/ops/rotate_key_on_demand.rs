//! RotateKeyOnDemand: new bytes wrap, the older ones go on unwrapping.

use millrace_api::kms::{RotateKeyOnDemandRequest, RotateKeyOnDemandResponse};
use millrace_keys::local::ManageError;
use millrace_wire::Reply;

use crate::kms::{Asked, KmsError};

pub(super) fn call(asked: &Asked<'_>) -> Result<Reply, KmsError> {
    let input: RotateKeyOnDemandRequest = asked.input()?;
    let key = asked.key_by_id(&input.key_id)?;
    let info = match asked.keys.rotate(&asked.realm, &key) {
        Err(ManageError::Refused(sentence)) => return Err(KmsError::Unsupported(sentence)),
        rotated => rotated?,
    };
    asked.answer(RotateKeyOnDemandResponse {
        key_id: Some(info.name),
    })
}
