//! `cargo xtask sim …`: builds the simulator and runs seeds. The arguments are its own; without any it runs the fixed
//! set of seeds that CI runs.

use std::path::Path;

use anyhow::Result;

use crate::asked::Asked;
use crate::tools;

/// Builds `sim/` and hands it the arguments.
pub fn run(root: &Path, asked: &Asked) -> Result<()> {
    let mut simulator = tools::cargo();
    simulator
        .current_dir(root.join("sim"))
        .args(["run", "--release", "--quiet", "--locked", "--"])
        .args(&asked.words);
    tools::finished(
        &mut simulator,
        "the simulation found something; each failure names the command that repeats it",
    )
}
