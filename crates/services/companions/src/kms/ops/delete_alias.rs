//! DeleteAlias

use millrace_api::kms::DeleteAliasRequest;
use millrace_wire::Reply;

use crate::kms::{Asked, KmsError};

pub(super) fn call(asked: &Asked<'_>) -> Result<Reply, KmsError> {
    let input: DeleteAliasRequest = asked.input()?;
    asked.alias(&input.alias_name)?;
    asked.keys.remove_alias(&asked.realm, &input.alias_name)?;
    Ok(asked.done())
}
