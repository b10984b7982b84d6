//! UpdateAlias: it must be there already. What the other key wrapped stays with that key.

use millrace_api::kms::UpdateAliasRequest;
use millrace_keys::local::Alias;
use millrace_wire::Reply;

use crate::kms::{Asked, KmsError};

pub(super) fn call(asked: &Asked<'_>) -> Result<Reply, KmsError> {
    let input: UpdateAliasRequest = asked.input()?;
    asked.alias(&input.alias_name)?;
    let key = asked.key_by_id(&input.target_key_id)?;
    asked
        .keys
        .point_alias(&asked.realm, (&input.alias_name, Alias::Known), &key)?;
    Ok(asked.done())
}
