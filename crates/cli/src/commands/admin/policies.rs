//! `millrace admin policies …`: policies of users and roles, their own and managed ones.

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;
use millrace_api::iam as api;
use millrace_wire::percent;
use serde_json::json;

use super::{Context, Target, document, with_iam};
use crate::output::table;

/// Gives users and roles policies, shows them and takes them away. A policy is a file in IAM's language; one of the
/// managed policies (`arn:aws:iam::aws:policy/AmazonKinesisFullAccess` and its kin) is named by its ARN.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

/// Whose policies.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Whose {
    /// Of this user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Of this role
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Put a policy of its own, in place of one of that name
    Put {
        #[command(flatten)]
        whose: Whose,
        /// The policy's name
        name: String,
        /// File with its document, or - for standard input
        file: PathBuf,
    },
    /// Print a policy of its own
    Show {
        #[command(flatten)]
        whose: Whose,
        /// The policy's name
        name: String,
    },
    /// List its policies
    List {
        #[command(flatten)]
        whose: Whose,
    },
    /// Take a policy of its own away
    Delete {
        #[command(flatten)]
        whose: Whose,
        /// The policy's name
        name: String,
    },
    /// Attach a managed policy
    Attach {
        #[command(flatten)]
        whose: Whose,
        /// The policy's ARN
        arn: String,
    },
    /// Detach a managed policy
    Detach {
        #[command(flatten)]
        whose: Whose,
        /// The policy's ARN
        arn: String,
    },
}

/// A user's name, or a role's.
enum Holder {
    User(String),
    Role(String),
}

impl From<Whose> for Holder {
    fn from(whose: Whose) -> Self {
        match (whose.user, whose.role) {
            (_, Some(role)) => Self::Role(role),
            (user, None) => Self::User(user.unwrap_or_default()),
        }
    }
}

pub(super) fn run(target: Target, args: Args) -> Result<()> {
    with_iam(target, |context| async move {
        match args.action {
            Action::Put { whose, name, file } => put(&context, whose.into(), name, document(&file)?).await,
            Action::Show { whose, name } => show(&context, whose.into(), name).await,
            Action::List { whose } => list(&context, whose.into()).await,
            Action::Delete { whose, name } => delete(&context, whose.into(), name).await,
            Action::Attach { whose, arn } => attach(&context, whose.into(), arn).await,
            Action::Detach { whose, arn } => detach(&context, whose.into(), arn).await,
        }
    })
}

async fn put(context: &Context, holder: Holder, policy_name: String, policy_document: String) -> Result<()> {
    let client = &context.client;
    match holder {
        Holder::User(user_name) => {
            let input = api::PutUserPolicyRequest {
                user_name,
                policy_name,
                policy_document,
            };
            client.send("PutUserPolicy", input).await?;
        }
        Holder::Role(role_name) => {
            let input = api::PutRolePolicyRequest {
                role_name,
                policy_name,
                policy_document,
            };
            client.send("PutRolePolicy", input).await?;
        }
    }
    Ok(())
}

async fn show(context: &Context, holder: Holder, policy_name: String) -> Result<()> {
    let client = &context.client;
    let text = match holder {
        Holder::User(user_name) => {
            let input = api::GetUserPolicyRequest {
                user_name,
                policy_name,
            };
            let answer: api::GetUserPolicyResponse = client.call("GetUserPolicy", input).await?;
            answer.policy_document
        }
        Holder::Role(role_name) => {
            let input = api::GetRolePolicyRequest {
                role_name,
                policy_name,
            };
            let answer: api::GetRolePolicyResponse = client.call("GetRolePolicy", input).await?;
            answer.policy_document
        }
    };
    // The service answers documents percent-encoded.
    let text = percent::decode(&text);
    context.out.line(String::from_utf8_lossy(&text).trim_end())?;
    Ok(())
}

async fn list(context: &Context, holder: Holder) -> Result<()> {
    let client = &context.client;
    let (own, attached) = match holder {
        Holder::User(user_name) => {
            let input = api::ListUserPoliciesRequest {
                user_name: user_name.clone(),
                ..api::ListUserPoliciesRequest::default()
            };
            let own: api::ListUserPoliciesResponse = client.call("ListUserPolicies", input).await?;
            let input = api::ListAttachedUserPoliciesRequest {
                user_name,
                ..api::ListAttachedUserPoliciesRequest::default()
            };
            let attached: api::ListAttachedUserPoliciesResponse =
                client.call("ListAttachedUserPolicies", input).await?;
            (own.policy_names, attached.attached_policies)
        }
        Holder::Role(role_name) => {
            let input = api::ListRolePoliciesRequest {
                role_name: role_name.clone(),
                ..api::ListRolePoliciesRequest::default()
            };
            let own: api::ListRolePoliciesResponse = client.call("ListRolePolicies", input).await?;
            let input = api::ListAttachedRolePoliciesRequest {
                role_name,
                ..api::ListAttachedRolePoliciesRequest::default()
            };
            let attached: api::ListAttachedRolePoliciesResponse =
                client.call("ListAttachedRolePolicies", input).await?;
            (own.policy_names, attached.attached_policies)
        }
    };
    let attached: Vec<String> = attached
        .unwrap_or_default()
        .into_iter()
        .filter_map(|policy| policy.policy_arn)
        .collect();
    context
        .out
        .document(&json!({"own": own, "attached": attached}), || {
            let own = own.iter().map(|name| vec!["own".to_owned(), name.clone()]);
            let attached = attached
                .iter()
                .map(|arn| vec!["attached".to_owned(), arn.clone()]);
            table(&["KIND", "POLICY"], &own.chain(attached).collect::<Vec<_>>())
        })?;
    Ok(())
}

async fn delete(context: &Context, holder: Holder, policy_name: String) -> Result<()> {
    let client = &context.client;
    match holder {
        Holder::User(user_name) => {
            let input = api::DeleteUserPolicyRequest {
                user_name,
                policy_name,
            };
            client.send("DeleteUserPolicy", input).await?;
        }
        Holder::Role(role_name) => {
            let input = api::DeleteRolePolicyRequest {
                role_name,
                policy_name,
            };
            client.send("DeleteRolePolicy", input).await?;
        }
    }
    Ok(())
}

async fn attach(context: &Context, holder: Holder, policy_arn: String) -> Result<()> {
    let client = &context.client;
    match holder {
        Holder::User(user_name) => {
            let input = api::AttachUserPolicyRequest {
                user_name,
                policy_arn,
            };
            client.send("AttachUserPolicy", input).await?;
        }
        Holder::Role(role_name) => {
            let input = api::AttachRolePolicyRequest {
                role_name,
                policy_arn,
            };
            client.send("AttachRolePolicy", input).await?;
        }
    }
    Ok(())
}

async fn detach(context: &Context, holder: Holder, policy_arn: String) -> Result<()> {
    let client = &context.client;
    match holder {
        Holder::User(user_name) => {
            let input = api::DetachUserPolicyRequest {
                user_name,
                policy_arn,
            };
            client.send("DetachUserPolicy", input).await?;
        }
        Holder::Role(role_name) => {
            let input = api::DetachRolePolicyRequest {
                role_name,
                policy_arn,
            };
            client.send("DetachRolePolicy", input).await?;
        }
    }
    Ok(())
}
