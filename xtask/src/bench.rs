//! `cargo xtask bench TASK`: `streams` measures this server, the emulators people use and two logs in one run; `floor`
//! what the machine can do at all; `scale`, `fanout` and `memory` this server alone; `load` drives one that runs already.
//!
//! Builds the server and the load generator, which installs the rivals under `target/bench`, and puts what it wrote into
//! `docs/benchmarks.md` between the markers. What people learned from the figures stays around the markers.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

const PAGE: &str = "docs/benchmarks.md";
/// What can be measured, and the section of the page that it fills.
const SECTIONS: &[(&str, &str)] = &[
    ("streams", "bench"),
    ("scale", "scale"),
    ("fanout", "fanout"),
    ("memory", "memory"),
];
const USAGE: &str =
    "usage: cargo xtask bench streams [--quick] [NAME …] | floor | scale | fanout | memory [--quick] | load …
  NAME     measure only contenders whose names begin so
  --quick  a few seconds each, to see that it works; the page is left alone";

/// Runs a benchmark.
pub fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let Some((task, rest)) = arguments.split_first() else {
        bail!("{USAGE}")
    };
    let section = SECTIONS.iter().find(|(name, _)| name == task);
    if section.is_none() && !matches!(task.as_str(), "floor" | "load") {
        bail!("{USAGE}");
    }
    let generator = root.join("bench");
    cargo(&generator, &["build", "--release"])?;
    let mut bench = Command::new(target(&generator).join("release/millrace-bench"));
    bench.current_dir(root).arg(task);
    if task == "load" {
        return finished(bench.args(rest));
    }
    cargo(root, &["build", "--release", "--package", "millrace-cli"])?;
    let home = root.join("target/bench");
    let figures = home.join(format!("{task}.md"));
    bench
        .arg("--server")
        .arg(target(root).join("release/millrace"))
        .arg("--home")
        .arg(&home)
        .arg("--work")
        .arg(home.join("run"))
        .arg("--page")
        .arg(&figures);
    let quick = rest.iter().any(|argument| argument == "--quick");
    let names: Vec<&str> = rest
        .iter()
        .map(String::as_str)
        .filter(|a| *a != "--quick")
        .collect();
    if let Some(flag) = names.iter().find(|name| name.starts_with("--")) {
        bail!("{flag} is not known\n{USAGE}");
    }
    if quick {
        bench.arg("--quick");
    }
    if !names.is_empty() {
        bench.arg("--only").arg(names.join(","));
    }
    finished(&mut bench)?;
    match section {
        Some((_, section)) if !quick && names.is_empty() => {
            write_page(&root.join(PAGE), section, &std::fs::read_to_string(figures)?)
        }
        _ => {
            println!("{}", std::fs::read_to_string(figures)?);
            Ok(())
        }
    }
}

/// Where cargo puts what it builds of a workspace.
fn target(workspace: &Path) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => workspace.join(folder),
        None => workspace.join("target"),
    }
}

fn cargo(folder: &Path, arguments: &[&str]) -> Result<()> {
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo says of this package to this program would make build scripts that look at it run again, and all that
    // depends on them be built again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    finished(cargo.args(arguments).current_dir(folder))
}

fn finished(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    if !status.success() {
        bail!("{} failed", command.get_program().display());
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
