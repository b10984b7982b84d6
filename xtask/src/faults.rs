//! `cargo xtask faults [--server PATH] [--rounds N] [--seed N] [SCENARIO …]`: the real server under faults, checked from
//! outside. Without `--server` the release binary is built and used; what is written goes to `target/faults`.

use std::path::Path;

use anyhow::Result;

use crate::asked::Asked;
use crate::tools;

/// Builds the harness and, unless one is given, the server, and runs the named scenarios or all.
pub fn run(root: &Path, asked: &Asked) -> Result<()> {
    let mut harness = tools::cargo();
    harness
        .args(["run", "--quiet", "--manifest-path"])
        .arg(root.join("faults/Cargo.toml"))
        .arg("--")
        .args(&asked.words)
        .arg("--work")
        .arg(root.join("target/faults"));
    if !asked.has("--server") {
        let server = tools::binary(root, "millrace", &["--release", "--package", "millrace-cli"])?;
        harness.arg("--server").arg(server);
    }
    tools::finished(
        &mut harness,
        "the run failed; what is left of a scenario that failed lies in target/faults",
    )
}
