//! The `millrace` command.
//!
//! One file per subcommand under [`commands`]; [`client`] calls a server, [`reader`] follows a stream's shards,
//! [`kpl`] takes aggregated records apart, [`doctor`] and [`demo`] are what their commands do. Only [`output`]
//! writes to the terminal; [`exit`] says what the exit status means.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::cast_possible_truncation
    )
)]

mod client;
mod commands;
mod demo;
mod doctor;
mod exit;
mod kpl;
mod output;
mod reader;
mod seams;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = commands::Cli::parse();
    exit::code(commands::run(cli))
}
