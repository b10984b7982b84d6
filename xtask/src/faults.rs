//! `cargo xtask faults [--server PATH] [--rounds N] [--seed N] [SCENARIO …]`: the real server under faults, checked from
//! outside. Without `--server` the release binary is built and used; what is written goes to `target/faults`.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::build;

/// Builds the harness and, unless one is given, the server, and runs the named scenarios or all.
pub fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let mut rest = arguments.to_vec();
    let server = match rest.iter().position(|argument| argument == "--server") {
        Some(at) => {
            ensure!(
                at + 1 < rest.len(),
                "--server takes the path of a millrace binary"
            );
            rest.drain(at..at + 2)
                .nth(1)
                .map(PathBuf::from)
                .unwrap_or_default()
        }
        None => build::binary(root, "millrace", &["--release", "--package", "millrace-cli"])?,
    };
    let status = build::cargo()
        .args(["run", "--quiet", "--manifest-path"])
        .arg(root.join("faults/Cargo.toml"))
        .arg("--")
        .arg("--server")
        .arg(server)
        .arg("--work")
        .arg(root.join("target/faults"))
        .args(rest)
        .status()?;
    ensure!(
        status.success(),
        "the run failed; what is left of a scenario that failed lies in target/faults"
    );
    Ok(())
}
