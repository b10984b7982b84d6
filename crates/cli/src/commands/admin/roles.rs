//! `millrace admin roles …`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;
use millrace_api::iam::{
    CreateRoleRequest, CreateRoleResponse, DeleteRoleRequest, ListRolesRequest, ListRolesResponse, Role,
};
use millrace_wire::timestamp::iso8601;
use serde_json::{Value, json};

use super::{Context, Target, document, with_iam};
use crate::client::pages;
use crate::output::table_or;

/// Makes, lists and removes roles. Whom a role's trust policy names can assume it and gets keys for a while.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a role
    Create {
        /// Its name
        name: String,
        /// File with its trust policy, or - for standard input
        #[arg(long, value_name = "FILE")]
        trust: PathBuf,
        /// Its longest session, in seconds, 3600 to 43200
        #[arg(long, value_name = "SECONDS")]
        max_session: Option<i32>,
    },
    /// List all roles
    List,
    /// Remove a role that has no policies any more
    Delete {
        /// Its name
        name: String,
    },
}

pub(super) fn run(target: Target, args: Args) -> Result<()> {
    with_iam(target, |context| async move {
        match args.action {
            Action::Create {
                name,
                trust,
                max_session,
            } => {
                let input = CreateRoleRequest {
                    role_name: name,
                    assume_role_policy_document: document(&trust)?,
                    max_session_duration: max_session,
                    ..CreateRoleRequest::default()
                };
                let CreateRoleResponse { role } = context.client.call("CreateRole", input).await?;
                context.out.document(&told(&role), || vec![role.arn.clone()])?;
                Ok(())
            }
            Action::List => list(&context).await,
            Action::Delete { name } => {
                let input = DeleteRoleRequest { role_name: name };
                context.client.send("DeleteRole", input).await?;
                Ok(())
            }
        }
    })
}

fn told(role: &Role) -> Value {
    json!({
        "name": role.role_name, "arn": role.arn, "id": role.role_id, "created": iso8601(role.create_date.0),
        "max_session_seconds": role.max_session_duration,
    })
}

async fn list(context: &Context) -> Result<()> {
    let roles = pages(async |marker| {
        let input = ListRolesRequest {
            marker,
            ..ListRolesRequest::default()
        };
        let page: ListRolesResponse = context.client.call("ListRoles", input).await?;
        Ok((page.roles, page.marker))
    })
    .await?;
    let documents: Vec<Value> = roles.iter().map(told).collect();
    context.out.document(&documents, || {
        let row = |role: &Role| {
            let created = iso8601(role.create_date.0);
            vec![role.role_name.clone(), created, role.arn.clone()]
        };
        table_or(
            "no roles; make one with 'millrace admin roles create NAME --trust FILE'",
            &["ROLE", "CREATED", "ARN"],
            &roles.iter().map(row).collect::<Vec<_>>(),
        )
    })?;
    Ok(())
}
