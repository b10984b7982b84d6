//! `millrace admin kms alias`.

use anyhow::Result;
use clap::Subcommand;
use millrace_api::kms::{CreateAliasRequest, DeleteAliasRequest, UpdateAliasRequest};
use serde_json::json;

use super::{Context, alias_name, describe};

/// Points an alias to a key, or takes one away. What was encrypted stays with its key.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Let an alias mean a key from now on, whatever it meant before
    Set {
        /// The alias; 'alias/' may be left out
        name: String,
        /// Id, ARN or another alias of the key
        key: String,
    },
    /// Take an alias away
    Remove {
        /// The alias; 'alias/' may be left out
        name: String,
    },
}

/// Runs the action.
pub(super) async fn run(context: &Context, args: Args) -> Result<()> {
    let (alias, key) = match args.action {
        Action::Set { name, key } => (alias_name(&name), Some(key)),
        Action::Remove { name } => (alias_name(&name), None),
    };
    let client = &context.client;
    let Some(key) = key else {
        let input = DeleteAliasRequest {
            alias_name: alias.clone(),
        };
        client.send("DeleteAlias", input).await?;
        let document = json!({ "alias": alias, "key": null });
        context
            .out
            .document(&document, || vec![format!("{alias} is gone")])?;
        return Ok(());
    };
    let id = describe(client, &key).await?.key_id;
    let (alias_name, target_key_id) = (alias.clone(), id.clone());
    let moved = client
        .send(
            "UpdateAlias",
            UpdateAliasRequest {
                alias_name,
                target_key_id,
            },
        )
        .await;
    match moved {
        Err(error) if error.code() == Some("NotFoundException") => {
            let (alias_name, target_key_id) = (alias.clone(), id.clone());
            let input = CreateAliasRequest {
                alias_name,
                target_key_id,
            };
            client.send("CreateAlias", input).await?;
        }
        moved => moved?,
    }
    let document = json!({ "alias": alias, "key": id });
    context
        .out
        .document(&document, || vec![format!("{alias} is key {id}")])?;
    Ok(())
}
