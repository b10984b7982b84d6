//! `millrace admin users …`.

use anyhow::Result;
use clap::Subcommand;
use millrace_api::iam::{
    CreateUserRequest, CreateUserResponse, DeleteUserRequest, ListUsersRequest, ListUsersResponse, User,
};
use millrace_wire::timestamp::iso8601;
use serde_json::{Value, json};

use super::{Context, Target, with_iam};
use crate::client::pages;
use crate::output::table_or;

/// Makes, lists and removes users of the account. A new user may do nothing: give it a policy, and a key.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a user
    Create {
        /// Its name
        name: String,
        /// Its path, such as /team/
        #[arg(long)]
        path: Option<String>,
    },
    /// List all users
    List,
    /// Remove a user that has no keys and no policies any more
    Delete {
        /// Its name
        name: String,
    },
}

pub(super) fn run(target: Target, args: Args) -> Result<()> {
    with_iam(target, |context| async move {
        match args.action {
            Action::Create { name, path } => create(&context, name, path).await,
            Action::List => list(&context).await,
            Action::Delete { name } => {
                let input = DeleteUserRequest { user_name: name };
                context.client.send("DeleteUser", input).await?;
                Ok(())
            }
        }
    })
}

fn told(user: &User) -> Value {
    json!({"name": user.user_name, "arn": user.arn, "id": user.user_id, "created": iso8601(user.create_date.0)})
}

async fn create(context: &Context, name: String, path: Option<String>) -> Result<()> {
    let input = CreateUserRequest {
        user_name: name,
        path,
        ..CreateUserRequest::default()
    };
    let answer: CreateUserResponse = context.client.call("CreateUser", input).await?;
    let user = answer.user.unwrap_or_default();
    context.out.document(&told(&user), || vec![user.arn.clone()])?;
    Ok(())
}

async fn list(context: &Context) -> Result<()> {
    let users = pages(async |marker| {
        let input = ListUsersRequest {
            marker,
            ..ListUsersRequest::default()
        };
        let page: ListUsersResponse = context.client.call("ListUsers", input).await?;
        Ok((page.users, page.marker))
    })
    .await?;
    let documents: Vec<Value> = users.iter().map(told).collect();
    context.out.document(&documents, || {
        let row = |user: &User| {
            let created = iso8601(user.create_date.0);
            vec![user.user_name.clone(), created, user.arn.clone()]
        };
        table_or(
            "no users; make one with 'millrace admin users create NAME'",
            &["USER", "CREATED", "ARN"],
            &users.iter().map(row).collect::<Vec<_>>(),
        )
    })?;
    Ok(())
}
