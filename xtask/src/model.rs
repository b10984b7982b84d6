//! `cargo xtask model [--tries N]`: the log's hand-off between callers, committer and background under a scheduler that
//! tries its interleavings (`crates/engines/log/src/embedded/model_tests.rs`), so many at random and so many with few
//! switches. A failure names the schedule that repeats it.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Result, ensure};

use crate::asked::Asked;
use crate::tools;

/// Builds the log with the scheduler's locks, apart from everything else, and runs the tests.
pub fn run(root: &Path, asked: &Asked) -> Result<()> {
    let tries = asked.value("--tries").map(|tries| ("MODEL_TRIES", tries));
    let done = tools::cargo()
        .current_dir(root)
        .env("RUSTFLAGS", "--cfg shuttle")
        .envs(tries)
        .args(["test", "--package", "millrace-log", "--lib"])
        .args(["--target-dir", "target/model", "model_tests"])
        .stderr(Stdio::inherit())
        .output()?;
    let said = String::from_utf8_lossy(&done.stdout);
    println!("{said}");
    ensure!(done.status.success(), "an interleaving breaks the log");
    ensure!(!said.contains("running 0 tests"), "the tests were not built");
    Ok(())
}
