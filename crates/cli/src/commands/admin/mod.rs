//! `millrace admin …`: what operators do.

mod backup;
mod keys;
mod kms;
mod policies;
mod restore;
mod roles;
mod users;

use std::path::Path;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use millrace_api::iam::SERVICE;

use super::streams::Target;
use crate::client::Client;
use crate::output::Output;
use crate::seams;

/// Looks after a server. Credentials come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; without
/// them the local key test/test is used.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make, list and remove users, who may do what their policies say
    Users(users::Args),
    /// Make, list, switch and remove the access keys of users
    Keys(keys::Args),
    /// Give users and roles policies, show them and take them away
    Policies(policies::Args),
    /// Make, list and remove roles, which others assume for a while
    Roles(roles::Args),
    /// Make, list and change the master keys of encrypted streams
    Kms(kms::Args),
    /// Copy everything that a server has, while it runs or is stopped
    Backup(backup::Args),
    /// Make a data directory of a backup
    Restore(restore::Args),
}

/// Runs the chosen action.
pub(crate) fn run(args: Args) -> Result<()> {
    match args.action {
        Action::Users(action) => users::run(args.target, action),
        Action::Keys(action) => keys::run(args.target, action),
        Action::Policies(action) => policies::run(args.target, action),
        Action::Roles(action) => roles::run(args.target, action),
        Action::Kms(action) => kms::run(args.target, action),
        // These work on the directory of a server on this machine.
        Action::Backup(action) => backup::run(&action, args.target.output()),
        Action::Restore(action) => restore::run(&action, args.target.output()),
    }
}

/// What an action works with.
struct Context {
    client: Client,
    out: Output,
}

/// Runs what talks to Identity and Access Management.
fn with_iam<F, C>(target: Target, action: C) -> Result<()>
where
    C: FnOnce(Context) -> F,
    F: Future<Output = Result<()>>,
{
    seams::block_on(|seams| async move {
        let streams = target.context(seams)?;
        let context = Context {
            client: streams.client.of(&SERVICE),
            out: streams.out,
        };
        action(context).await
    })
}

/// A policy's document: a file's, or standard input's where it is called `-`.
fn document(file: &Path) -> Result<String> {
    if file == Path::new("-") {
        return std::io::read_to_string(std::io::stdin()).context("reading the policy from standard input");
    }
    std::fs::read_to_string(file).with_context(|| format!("reading the policy {}", file.display()))
}
