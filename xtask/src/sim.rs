//! `cargo xtask sim …`: builds the simulator and runs seeds. The arguments are its own; without any it runs the fixed
//! set of seeds that CI runs.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

/// Builds `sim/` and hands it the arguments.
pub fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let mut command = Command::new("cargo");
    command
        .current_dir(root.join("sim"))
        .args(["run", "--release", "--quiet", "--locked", "--"])
        .args(arguments);
    ensure!(
        command.status()?.success(),
        "the simulation found something; each failure names the command that repeats it"
    );
    Ok(())
}
