//! `cargo xtask bench streams`: this server and the emulators people use, measured in one run. `cargo xtask bench scale`
//! and `fanout`: this server alone, with many shards and streams, and with many subscriptions.
//!
//! Builds the server and the load generator, installs the rivals under `target/bench`, and has the generator write the
//! figures into `docs/benchmarks.md` between its markers. What people learned from them stays around the markers.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Rivals from the npm registry: package, version.
const NODE_RIVALS: &[(&str, &str)] = &[("kinesis-local", "0.6.2"), ("kinesalite", "3.3.3")];
/// Rivals from the Rust registry: crate, version.
const RUST_RIVALS: &[(&str, &str)] = &[("ferrokinesis", "0.7.0"), ("fakecloud", "0.51.0")];

const PAGE: &str = "docs/benchmarks.md";

/// Runs the benchmark of one service; `only` names contenders, all where it is empty.
pub fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let Some((service, only)) = arguments.split_first() else {
        bail!("usage: cargo xtask bench streams [CONTENDER …] | scale | fanout")
    };
    let alone = matches!(service.as_str(), "scale" | "fanout");
    if service != "streams" && !alone {
        bail!("there are benchmarks of streams, scale and fanout");
    }
    let work = root.join("target/bench");
    std::fs::create_dir_all(&work)?;
    let wanted = |name: &str| !alone && only.is_empty() || only.iter().any(|o| name.starts_with(o.as_str()));
    cargo(root, &["build", "--release", "--package", "millrace-cli"])?;
    cargo(&root.join("bench"), &["build", "--release"])?;
    let mut contenders = ours(root);
    for (name, version) in RUST_RIVALS.iter().filter(|(n, _)| wanted(n)) {
        install(name, &mut contenders, || rust_rival(&work, name, version));
    }
    for (name, version) in NODE_RIVALS.iter().filter(|(n, _)| wanted(n)) {
        install(name, &mut contenders, || node_rival(&work, name, version));
    }
    if !alone {
        contenders.retain(|c| c["name"].as_str().is_some_and(wanted));
    }
    let (list, figures) = (work.join("contenders.json"), work.join("figures.md"));
    std::fs::write(&list, Value::from(contenders).to_string())?;
    let program = root.join("bench/target/release/millrace-bench");
    let status = Command::new(program)
        .arg(service)
        .arg(&list)
        .arg(work.join("run"))
        .arg(&figures)
        .current_dir(root)
        .status()?;
    if !status.success() {
        bail!("the benchmark failed");
    }
    let section = if alone { service } else { "bench" };
    write_page(&root.join(PAGE), section, &std::fs::read_to_string(figures)?)
}

fn ours(root: &Path) -> Vec<Value> {
    let binary = root.join("target/release/millrace").display().to_string();
    let contender = |name: &str, durable: bool, environment: Value| {
        let command = [
            &binary,
            "serve",
            "--listen",
            "127.0.0.1:{port}",
            "--data-dir",
            "{data}",
        ];
        json!({"name": name, "command": command, "environment": environment, "durable": durable,
            "signatures": environment["MILLRACE_AUTH"].is_null()})
    };
    vec![
        contender("millrace", true, json!({"MILLRACE_LOG_LEVEL": "warn"})),
        contender(
            "millrace, auth none",
            true,
            json!({"MILLRACE_LOG_LEVEL": "warn", "MILLRACE_AUTH": "none"}),
        ),
    ]
}

fn install(name: &str, contenders: &mut Vec<Value>, how: impl FnOnce() -> Result<Value>) {
    match how() {
        Ok(contender) => contenders.push(contender),
        Err(why) => println!("{name} is not measured: {why:#}"),
    }
}

fn rust_rival(work: &Path, name: &str, version: &str) -> Result<Value> {
    let binary = work.join("rust/bin").join(name);
    if !binary.exists() {
        let target = work.join("rust/target").display().to_string();
        let home = work.join("rust").display().to_string();
        cargo(
            work,
            &[
                "install",
                name,
                "--version",
                version,
                "--root",
                &home,
                "--target-dir",
                &target,
            ],
        )?;
    }
    let binary = binary.display().to_string();
    Ok(match name {
        "ferrokinesis" => json!({"name": name, "command": [binary, "--port", "{port}"], "environment": {}}),
        _ => json!({"name": name, "command": [binary, "--addr", "127.0.0.1:{port}"], "environment": {}}),
    })
}

fn node_rival(work: &Path, name: &str, version: &str) -> Result<Value> {
    let home = work.join("node");
    let binary = home.join("node_modules/.bin").join(name);
    if !binary.exists() {
        std::fs::create_dir_all(&home)?;
        let package = format!("{name}@{version}");
        let done = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--prefix"])
            .arg(&home)
            .arg(&package)
            .output();
        let done = done.context("npm is needed for the rivals written in JavaScript")?;
        if !done.status.success() {
            bail!("{}", String::from_utf8_lossy(&done.stderr));
        }
    }
    let binary = binary.display().to_string();
    // It looks for its certificate in the directory it is started in.
    let directory = home.join("node_modules").join(name).display().to_string();
    Ok(match name {
        "kinesis-local" => json!({"name": name, "command": [binary], "directory": directory,
            "environment": {"KINESIS_MOCK_PLAIN_PORT": "{port}", "KINESIS_MOCK_TLS_PORT": "0", "SHARD_LIMIT": "100", "LOG_LEVEL": "ERROR"}}),
        _ => {
            json!({"name": name, "command": [binary, "--port", "{port}", "--shardLimit", "100"], "environment": {}})
        }
    })
}

fn cargo(folder: &Path, arguments: &[&str]) -> Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(folder)
        .status()?;
    if !status.success() {
        bail!("cargo {} failed", arguments.join(" "));
    }
    Ok(())
}

/// Puts figures between the markers of a section.
fn write_page(page: &Path, section: &str, figures: &str) -> Result<()> {
    let (begin, end) = (
        format!("<!-- {section}:begin -->"),
        format!("<!-- {section}:end -->"),
    );
    let text = std::fs::read_to_string(page)?;
    let (before, rest) = text
        .split_once(&begin)
        .with_context(|| format!("{PAGE} has no {begin}"))?;
    let (_, after) = rest
        .split_once(&end)
        .with_context(|| format!("{PAGE} has no {end}"))?;
    std::fs::write(page, format!("{before}{begin}\n{figures}{end}{after}"))?;
    println!("wrote {PAGE}");
    Ok(())
}
