//! `millrace admin kms list`.

use std::collections::BTreeMap;

use anyhow::Result;
use millrace_api::kms::{
    KeyMetadata, ListAliasesRequest, ListAliasesResponse, ListKeysRequest, ListKeysResponse,
};
use millrace_wire::timestamp::iso8601;
use serde_json::{Value, json};

use super::{Context, describe, document, state};
use crate::client::pages;
use crate::output::table_or;

/// Lists the keys of the account in the region. The server's own, alias/aws/kinesis, is there once it was used.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Lists them, page by page.
pub(super) async fn run(context: &Context, _args: &Args) -> Result<()> {
    let aliases = aliases(context).await?;
    let of = |key: &KeyMetadata| aliases.get(&key.key_id).cloned().unwrap_or_default();
    let keys = keys(context).await?;
    let documents: Vec<Value> = keys
        .iter()
        .map(|key| {
            let mut document = document(key);
            if let Some(members) = document.as_object_mut() {
                members.insert("aliases".to_owned(), json!(of(key)));
            }
            document
        })
        .collect();
    context.out.document(&documents, || {
        let row = |key: &KeyMetadata| {
            let created = key.creation_date.map(|time| iso8601(time.0));
            let state = match key.deletion_date {
                Some(time) => format!("{} until {}", state(key), iso8601(time.0)),
                None => state(key).to_owned(),
            };
            vec![
                key.key_id.clone(),
                state,
                created.unwrap_or_default(),
                of(key).join(" "),
                key.description.clone().unwrap_or_default(),
            ]
        };
        let rows: Vec<_> = keys.iter().map(row).collect();
        table_or(
            "no keys; make one with 'millrace admin kms create'",
            &["KEY", "STATE", "CREATED", "ALIASES", "DESCRIPTION"],
            &rows,
        )
    })?;
    Ok(())
}

async fn keys(context: &Context) -> Result<Vec<KeyMetadata>> {
    pages(async |marker| {
        let input = ListKeysRequest {
            marker,
            ..ListKeysRequest::default()
        };
        let page: ListKeysResponse = context.client.call("ListKeys", input).await?;
        let entries = page.keys.unwrap_or_default();
        let mut keys = Vec::new();
        for id in entries.into_iter().filter_map(|key| key.key_id) {
            keys.push(describe(&context.client, &id).await?);
        }
        Ok((keys, page.next_marker))
    })
    .await
}

/// All aliases, by key.
async fn aliases(context: &Context) -> Result<BTreeMap<String, Vec<String>>> {
    let entries = pages(async |marker| {
        let input = ListAliasesRequest {
            marker,
            ..ListAliasesRequest::default()
        };
        let page: ListAliasesResponse = context.client.call("ListAliases", input).await?;
        Ok((page.aliases.unwrap_or_default(), page.next_marker))
    })
    .await?;
    let mut aliases: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for alias in entries {
        let (key, name) = (alias.target_key_id, alias.alias_name);
        aliases.entry(key.unwrap_or_default()).or_default().extend(name);
    }
    Ok(aliases)
}
