//! `cargo xtask faults [--server PATH] [--rounds N] [--seed N] [SCENARIO …]`: the real server under faults, checked from
//! outside. Without `--server` the release binary is built and used; what is written goes to `target/faults`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

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
        None => release(root)?,
    };
    let work = root.join("target/faults");
    let status = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--manifest-path"])
        .arg(root.join("faults/Cargo.toml"))
        .arg("--")
        .arg("--server")
        .arg(server)
        .arg("--work")
        .arg(work)
        .args(rest)
        .status()?;
    ensure!(
        status.success(),
        "a scenario failed; what is left of it lies in target/faults"
    );
    Ok(())
}

/// The release binary, as cargo says where it is.
fn release(root: &Path) -> Result<PathBuf> {
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--release",
            "--package",
            "millrace-cli",
            "--message-format",
            "json-render-diagnostics",
        ])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(built.status.success(), "the server does not build");
    let lines = String::from_utf8_lossy(&built.stdout);
    let executable = lines
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back();
    executable.context("cargo did not say where the server is")
}
