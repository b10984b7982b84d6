//! `millrace completions SHELL`.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::output::Output;

/// For bash: millrace completions bash > /etc/bash_completion.d/millrace
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which shell
    shell: Shell,
}

/// Prints the completions.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "millrace", &mut script);
    Output::new(false).raw_line(script.trim_ascii_end())?;
    Ok(())
}
