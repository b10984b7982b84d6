//! `millrace admin …`: what operators do.

mod kms;

use anyhow::Result;
use clap::Subcommand;

use super::streams::Target;

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
    /// Make, list and change the master keys of encrypted streams
    Kms(kms::Args),
}

/// Runs the chosen action.
pub(crate) fn run(args: Args) -> Result<()> {
    match args.action {
        Action::Kms(action) => kms::run(args.target, action),
    }
}
