//! Gets rivals from the registries of their languages, once.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A program of the Rust registry.
pub fn rust(home: &Path, name: &str, version: &str) -> Result<()> {
    if rust_program(home, name).exists() {
        return Ok(());
    }
    let (root, target) = (home.join("rust"), home.join("rust/target"));
    let mut cargo = Command::new("cargo");
    cargo
        .args(["install", name, "--version", version, "--root"])
        .arg(root);
    run(cargo.arg("--target-dir").arg(target), "cargo is not here")
}

/// Where such a program is.
pub fn rust_program(home: &Path, name: &str) -> PathBuf {
    home.join("rust/bin").join(name)
}

/// A package of the npm registry.
pub fn node(home: &Path, name: &str, version: &str) -> Result<()> {
    if node_package(home, name).exists() {
        return Ok(());
    }
    let prefix = home.join("node");
    std::fs::create_dir_all(&prefix)?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--prefix"])
        .arg(prefix);
    run(npm.arg(format!("{name}@{version}")), "npm is not here")
}

/// Where such a package is.
pub fn node_package(home: &Path, name: &str) -> PathBuf {
    home.join("node/node_modules").join(name)
}

/// Its program.
pub fn node_program(home: &Path, name: &str) -> PathBuf {
    home.join("node/node_modules/.bin").join(name)
}

/// A program of a Go module.
pub fn go(home: &Path, module: &str, version: &str) -> Result<()> {
    let folder = home.join("go");
    std::fs::create_dir_all(&folder)?;
    let folder = std::fs::canonicalize(folder)?;
    let mut go = Command::new("go");
    go.arg("install").arg(format!("{module}@{version}"));
    run(go.env("GOBIN", folder), "Go is not here")
}

/// Jars of Maven Central with all they need, `group:artifact:version` each, into a folder.
pub fn jars(home: &Path, folder: &str, artifacts: &[&str]) -> Result<()> {
    let folder = home.join(folder);
    if folder.join("complete").exists() {
        return Ok(());
    }
    std::fs::create_dir_all(&folder)?;
    let dependency = |artifact: &&str| {
        let mut parts = artifact.split(':');
        let mut next = || parts.next().unwrap_or_default().to_owned();
        let (group, name, version) = (next(), next(), next());
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId>\
             <version>{version}</version></dependency>"
        )
    };
    let dependencies: String = artifacts.iter().map(dependency).collect();
    let pom = format!(
        "<project><modelVersion>4.0.0</modelVersion><groupId>bench</groupId><artifactId>jars</artifactId>\
         <version>1</version><packaging>pom</packaging><dependencies>{dependencies}</dependencies></project>"
    );
    std::fs::write(folder.join("pom.xml"), pom)?;
    let mut maven = Command::new("mvn");
    maven
        .args(["--batch-mode", "--quiet"])
        .arg("org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies")
        .args(["-DincludeScope=runtime", "-DoutputDirectory=libs"])
        .current_dir(&folder);
    run(&mut maven, "Maven is not here")?;
    std::fs::write(folder.join("complete"), "")?;
    Ok(())
}

/// Runs an installer and tells what it said if it fails.
fn run(command: &mut Command, needed: &'static str) -> Result<()> {
    let done = match command.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => bail!("{needed}"),
        done => done.context(needed)?,
    };
    if !done.status.success() {
        let said = [done.stdout, done.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        let last: Vec<&str> = said.lines().filter(|l| !l.trim().is_empty()).collect();
        bail!("not installed: {}", last.last().unwrap_or(&"no word of why"));
    }
    Ok(())
}
