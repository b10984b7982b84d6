//! The subcommands, one file each.

mod admin;
mod completions;
mod config;
mod demo;
mod doctor;
mod serve;
pub(crate) mod server;
pub(crate) mod streams;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::exit;

/// An open-source server for the Amazon Kinesis APIs, and tools to work with streams.
#[derive(Debug, Parser)]
#[command(name = "millrace", version, after_help = exit::HELP, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Args),
    /// Take the tour: a server, live readings of this machine, and two ways to read them back
    Demo(demo::Args),
    /// Create, fill, read and change data streams
    Streams(streams::Args),
    /// Look after a server
    Admin(admin::Args),
    /// Show the configuration that 'serve' would run with, every key with its value
    Config(config::Args),
    /// Check that this machine is fit to run a server
    Doctor(doctor::Args),
    /// Print the completions of a shell
    Completions(completions::Args),
}

/// Runs the chosen command.
pub(crate) fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Demo(args) => demo::run(args),
        Command::Streams(args) => streams::run(args),
        Command::Admin(args) => admin::run(args),
        Command::Config(args) => config::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions(args) => completions::run(&args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_argument_is_explained() {
        fn check(command: &clap::Command, path: &str) {
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{path}: {} has no help",
                    argument.get_id()
                );
            }
            for sub in command.get_subcommands() {
                assert!(sub.get_about().is_some(), "{path} {} has no help", sub.get_name());
                check(sub, &format!("{path} {}", sub.get_name()));
            }
        }
        check(&Cli::command(), "millrace");
    }
}
