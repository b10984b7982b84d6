//! UpdateKeyDescription

use millrace_api::kms::UpdateKeyDescriptionRequest;
use millrace_wire::Reply;

use crate::kms::{Asked, KmsError};

pub(super) fn call(asked: &Asked<'_>) -> Result<Reply, KmsError> {
    let input: UpdateKeyDescriptionRequest = asked.input()?;
    let key = asked.key_by_id(&input.key_id)?;
    asked
        .keys
        .set_description(&asked.realm, &key, &input.description)?;
    Ok(asked.done())
}
