//! `cargo xtask sim …`: builds the simulator and runs seeds. The arguments are its own; without any it runs the fixed
//! set of seeds that CI runs.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::build;

/// Builds `sim/` and hands it the arguments.
pub fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let status = build::cargo()
        .current_dir(root.join("sim"))
        .args(["run", "--release", "--quiet", "--locked", "--"])
        .args(arguments)
        // Its errors are of what was asked for or found: where they were made says nothing. Panics keep their backtrace.
        .env("RUST_LIB_BACKTRACE", "0")
        .status()?;
    ensure!(
        status.success(),
        "the simulation ended badly; a seed that found something is named with the command that repeats it"
    );
    Ok(())
}
