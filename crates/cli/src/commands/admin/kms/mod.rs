//! `millrace admin kms …`: one file per action. All but `import` are calls of the key service on the server's port.

mod alias;
mod create;
mod delete;
mod import;
mod list;
mod switch;

use anyhow::Result;
use clap::Subcommand;
use millrace_api::kms::{DescribeKeyRequest, DescribeKeyResponse, KeyMetadata, SERVICE};
use millrace_wire::timestamp::iso8601;
use serde_json::{Value, json};

use crate::client::{CallError, Client};
use crate::commands::streams::Target;
use crate::output::Output;
use crate::seams;

/// Looks after the master keys of a running server, in the account of the credentials and the region.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key
    Create(create::Args),
    /// List all keys
    List(list::Args),
    /// Switch a key on: what it encrypted can be read again
    Enable(switch::Args),
    /// Switch a key off: what it encrypted cannot be read until it is switched on
    Disable(switch::Args),
    /// Give a key new bytes to encrypt with; the older ones go on decrypting
    Rotate(switch::Args),
    /// Point an alias to a key, or take one away
    Alias(alias::Args),
    /// Put a key out of use at once, and delete it for ever after some days
    Delete(delete::Args),
    /// Take a deletion back; the key is switched off then
    CancelDeletion(switch::Args),
    /// Give a key that was made with 'create --import' its bytes, while the server is stopped
    Import(import::Args),
}

/// What an action works with.
struct Context {
    client: Client,
    out: Output,
}

/// Runs the chosen action.
pub(crate) fn run(target: Target, args: Args) -> Result<()> {
    // It works on the directory, not on a server.
    let action = match args.action {
        Action::Import(args) => return import::run(&args, target.output()),
        action => action,
    };
    seams::block_on(|seams| async move {
        let streams = target.context(seams)?;
        let context = Context {
            client: streams.client.of(&SERVICE),
            out: streams.out,
        };
        match action {
            Action::Create(args) => create::run(&context, args).await,
            Action::List(args) => list::run(&context, &args).await,
            Action::Enable(args) => switch::run(&context, switch::Turn::On, args).await,
            Action::Disable(args) => switch::run(&context, switch::Turn::Off, args).await,
            Action::Rotate(args) => switch::run(&context, switch::Turn::Over, args).await,
            Action::Alias(args) => alias::run(&context, args).await,
            Action::Delete(args) => delete::run(&context, args).await,
            Action::CancelDeletion(args) => switch::run(&context, switch::Turn::Back, args).await,
            Action::Import(_) => Ok(()),
        }
    })
}

/// A key by any of its names: what changes a key wants its id.
async fn describe(client: &Client, key: &str) -> Result<KeyMetadata, CallError> {
    let input = DescribeKeyRequest {
        key_id: key.to_owned(),
        ..DescribeKeyRequest::default()
    };
    let answer: DescribeKeyResponse = client.call("DescribeKey", input).await?;
    Ok(answer.key_metadata.unwrap_or_default())
}

/// A key as JSON.
fn document(key: &KeyMetadata) -> Value {
    json!({
        "id": key.key_id, "arn": key.arn, "state": state(key), "description": key.description,
        "created": key.creation_date.map(|time| iso8601(time.0)),
        "deletion": key.deletion_date.map(|time| iso8601(time.0)),
        "origin": key.origin.map(millrace_api::kms::OriginType::as_str),
    })
}

/// Prints what became of a key.
async fn show(context: &Context, key: &str) -> Result<()> {
    let key = describe(&context.client, key).await?;
    context.out.document(&document(&key), || {
        vec![format!("key {} is {}", key.key_id, state(&key))]
    })?;
    Ok(())
}

fn state(key: &KeyMetadata) -> &'static str {
    key.key_state.map_or("", millrace_api::kms::KeyState::as_str)
}

/// An alias with its prefix, which may be left out.
fn alias_name(text: &str) -> String {
    if text.starts_with("alias/") {
        text.to_owned()
    } else {
        format!("alias/{text}")
    }
}
