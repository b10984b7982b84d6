//! ListKeys, of the account in the region, page by page. A marker is the last key's id of a page.

use millrace_api::kms::{KeyListEntry, ListKeysRequest, ListKeysResponse};
use millrace_wire::Reply;

use crate::kms::limits::{KEYS_PAGE, KEYS_PAGE_MAX};
use crate::kms::request::{page, page_size};
use crate::kms::{Asked, KmsError};

pub(super) fn call(asked: &Asked<'_>) -> Result<Reply, KmsError> {
    let input: ListKeysRequest = asked.input()?;
    asked.account()?;
    let after = input.marker.unwrap_or_default();
    if !after.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
        return Err(KmsError::InvalidMarker);
    }
    let most = page_size(input.limit, (KEYS_PAGE, KEYS_PAGE_MAX));
    let found = asked.keys.ids(&asked.realm, &after, most.saturating_add(1));
    let (found, more) = page(found, most);
    let next = found.last().filter(|_| more).cloned();
    let entry = |id: String| KeyListEntry {
        key_arn: Some(asked.full(&format!("key/{id}"))),
        key_id: Some(id),
    };
    asked.answer(ListKeysResponse {
        keys: Some(found.into_iter().map(entry).collect()),
        next_marker: next,
        truncated: Some(more),
    })
}
