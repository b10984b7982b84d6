//! Building what a task runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Cargo, without what it says of this package to this program: build scripts that look at it would run again, and all
/// that depends on them would be built again.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// The nightly toolchain's cargo, where rustup has one.
pub fn nightly_cargo() -> Command {
    let mut cargo = Command::new("cargo");
    // `cargo xtask` runs under the pinned toolchain and says so to its children.
    cargo.env_remove("RUSTUP_TOOLCHAIN").arg("+nightly");
    cargo
}

/// Builds the binary `name` of a workspace, with more `arguments`, and says where cargo put it.
pub fn binary(workspace: &Path, name: &str, arguments: &[&str]) -> Result<PathBuf> {
    let built = cargo()
        .current_dir(workspace)
        .args([
            "build",
            "--bin",
            name,
            "--message-format",
            "json-render-diagnostics",
        ])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(built.status.success(), "{name} does not build");
    let lines = String::from_utf8_lossy(&built.stdout);
    let executable = lines
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.with_context(|| format!("cargo did not say where {name} is"))
}
