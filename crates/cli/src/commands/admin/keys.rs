//! `millrace admin keys …`.

use anyhow::Result;
use clap::Subcommand;
use millrace_api::iam::{
    AccessKeyMetadata, CreateAccessKeyRequest, CreateAccessKeyResponse, DeleteAccessKeyRequest,
    ListAccessKeysRequest, ListAccessKeysResponse, StatusType, UpdateAccessKeyRequest,
};
use millrace_wire::timestamp::iso8601;
use serde_json::{Value, json};

use super::{Context, Target, with_iam};
use crate::output::table;

/// Makes, lists, switches and removes the access keys of users. A secret is shown once, when its key is made.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key
    Create {
        /// The user's name
        user: String,
    },
    /// List the keys of a user
    List {
        /// The user's name
        user: String,
    },
    /// Switch a key on
    Enable(One),
    /// Switch a key off
    Disable(One),
    /// Remove a key for ever
    Delete(One),
}

#[derive(Debug, clap::Args)]
struct One {
    /// The user's name
    user: String,
    /// The key's id: AKIA…
    key: String,
}

pub(super) fn run(target: Target, args: Args) -> Result<()> {
    with_iam(target, |context| async move {
        match args.action {
            Action::Create { user } => create(&context, user).await,
            Action::List { user } => list(&context, user).await,
            Action::Enable(one) => switch(&context, one, StatusType::Active).await,
            Action::Disable(one) => switch(&context, one, StatusType::Inactive).await,
            Action::Delete(one) => {
                let input = DeleteAccessKeyRequest {
                    user_name: Some(one.user),
                    access_key_id: one.key,
                };
                context.client.send("DeleteAccessKey", input).await?;
                Ok(())
            }
        }
    })
}

async fn create(context: &Context, user: String) -> Result<()> {
    let input = CreateAccessKeyRequest {
        user_name: Some(user),
    };
    // A second try could make a second key, whose secret nobody saw.
    let CreateAccessKeyResponse { access_key } = context.client.once().call("CreateAccessKey", input).await?;
    let told = json!({
        "user": access_key.user_name, "access_key_id": access_key.access_key_id,
        "secret_access_key": access_key.secret_access_key,
    });
    context.out.document(&told, || {
        vec![
            format!("AWS_ACCESS_KEY_ID={}", access_key.access_key_id),
            format!("AWS_SECRET_ACCESS_KEY={}", access_key.secret_access_key),
        ]
    })?;
    Ok(())
}

async fn list(context: &Context, user: String) -> Result<()> {
    let input = ListAccessKeysRequest {
        user_name: Some(user),
        ..ListAccessKeysRequest::default()
    };
    // No more than fit a page can be made.
    let answer: ListAccessKeysResponse = context.client.call("ListAccessKeys", input).await?;
    let keys = answer.access_key_metadata;
    let id = |key: &AccessKeyMetadata| key.access_key_id.clone().unwrap_or_default();
    let status = |key: &AccessKeyMetadata| key.status.map_or("", StatusType::as_str);
    let created = |key: &AccessKeyMetadata| key.create_date.map(|time| iso8601(time.0)).unwrap_or_default();
    let documents: Vec<Value> = keys
        .iter()
        .map(|key| json!({"access_key_id": id(key), "status": status(key), "created": created(key)}))
        .collect();
    context.out.document(&documents, || {
        let row = |key: &AccessKeyMetadata| vec![id(key), status(key).to_owned(), created(key)];
        table(
            &["KEY", "STATUS", "CREATED"],
            &keys.iter().map(row).collect::<Vec<_>>(),
        )
    })?;
    Ok(())
}

async fn switch(context: &Context, one: One, status: StatusType) -> Result<()> {
    let input = UpdateAccessKeyRequest {
        user_name: Some(one.user),
        access_key_id: one.key,
        status,
    };
    context.client.send("UpdateAccessKey", input).await?;
    Ok(())
}
