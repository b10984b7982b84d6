//! `millrace config`.

use anyhow::Result;

use super::server::Options;
use crate::output::Output;

/// Prints a configuration file with every setting: its meaning, its value and where that came from. Secrets are left
/// out. Fails, as 'serve' would, when something is wrong with it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    options: Options,
}

/// Prints it.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.options.load()?;
    Output::new(false).raw_line(config.dump().trim_end().as_bytes())?;
    Ok(())
}
