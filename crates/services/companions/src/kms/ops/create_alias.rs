//! CreateAlias: it must not be there yet.

use millrace_api::kms::CreateAliasRequest;
use millrace_keys::local::Alias;
use millrace_wire::Reply;

use crate::kms::{Asked, KmsError};

pub(super) fn call(asked: &Asked<'_>) -> Result<Reply, KmsError> {
    let input: CreateAliasRequest = asked.input()?;
    asked.alias(&input.alias_name)?;
    let key = asked.key_by_id(&input.target_key_id)?;
    asked
        .keys
        .point_alias(&asked.realm, (&input.alias_name, Alias::New), &key)?;
    Ok(asked.done())
}
