//! ListAliases, of the account in the region or of one key, page by page. A marker is the last alias of a page.

use millrace_api::kms::{AliasListEntry, ListAliasesRequest, ListAliasesResponse};
use millrace_wire::Reply;

use crate::kms::limits::{ALIASES_PAGE, ALIASES_PAGE_MAX};
use crate::kms::request::{page, page_size};
use crate::kms::{Asked, KmsError};

pub(super) fn call(asked: &Asked<'_>) -> Result<Reply, KmsError> {
    let input: ListAliasesRequest = asked.input()?;
    asked.account()?;
    let after = input.marker.unwrap_or_default();
    if !after.is_empty() && !after.starts_with("alias/") {
        return Err(KmsError::InvalidMarker);
    }
    let key = match &input.key_id {
        Some(key) => Some(asked.keys.show(&asked.realm, &asked.key_by_id(key)?)?.name),
        None => None,
    };
    let most = page_size(input.limit, (ALIASES_PAGE, ALIASES_PAGE_MAX));
    let found = asked
        .keys
        .aliases(&asked.realm, key.as_deref(), (&after, most.saturating_add(1)));
    let (found, more) = page(found, most);
    let next = found.last().filter(|_| more).map(|(alias, _)| alias.clone());
    let entry = |(alias, key): (String, String)| AliasListEntry {
        alias_arn: Some(asked.full(&alias)),
        alias_name: Some(alias),
        target_key_id: key.rsplit('/').next().map(str::to_owned),
        ..AliasListEntry::default()
    };
    asked.answer(ListAliasesResponse {
        aliases: Some(found.into_iter().map(entry).collect()),
        next_marker: next,
        truncated: Some(more),
    })
}
