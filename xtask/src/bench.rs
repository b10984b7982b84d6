//! `cargo xtask bench TASK`: `streams` measures this server, the emulators people use and two logs in one run; `floor`
//! what the machine can do at all; `scale`, `fanout` and `memory` this server alone; `load` drives one that runs already.
//!
//! Builds the server and the load generator, which installs the rivals under `target/bench`, and puts what it wrote into
//! `docs/benchmarks.md` between the markers. What people learned from the figures stays around the markers.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{build, page};

const PAGE: &str = "docs/benchmarks.md";
/// What can be measured, and the section of the page that it fills.
const SECTIONS: &[(&str, &str)] = &[
    ("streams", "bench"),
    ("scale", "scale"),
    ("fanout", "fanout"),
    ("memory", "memory"),
];
/// See [`crate::Task`].
pub const USAGE: &str = "bench streams|floor|scale|fanout|memory|load [--quick] [NAME …]    measure this server and its rivals
  NAME     measure only contenders whose names begin so
  --quick  a few seconds each, to see that it works; the page is left alone
  load     drives a server that runs already; it takes, instead of these,
           [--port N] [--stream NAME] [--shards N] [--records N] [--bytes N] [--cbor] [--h2] [--zipf] [--connections N]
           [--seconds N] [--rate CALLS_PER_SECOND] [--pid N], and --get to read instead of putting";

/// Runs a benchmark.
pub fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let Some((task, rest)) = arguments.split_first() else {
        bail!("usage: cargo xtask {USAGE}")
    };
    let section = SECTIONS.iter().find(|(name, _)| name == task);
    if section.is_none() && !matches!(task.as_str(), "floor" | "load") {
        bail!("no benchmark '{task}'\nusage: cargo xtask {USAGE}");
    }
    let quick = rest.iter().any(|argument| argument == "--quick");
    let names: Vec<&str> = rest
        .iter()
        .map(String::as_str)
        .filter(|a| *a != "--quick")
        .collect();
    if let Some(flag) = names.iter().find(|name| task != "load" && name.starts_with("--")) {
        bail!("{task} takes no {flag}\nusage: cargo xtask {USAGE}");
    }
    let generator = build::binary(&root.join("bench"), "millrace-bench", &["--release", "--bins"])?;
    let mut bench = Command::new(generator);
    bench.current_dir(root).arg(task);
    if task == "load" {
        return finished(bench.args(rest));
    }
    let server = build::binary(root, "millrace", &["--release", "--package", "millrace-cli"])?;
    let home = root.join("target/bench");
    let figures = home.join(format!("{task}.md"));
    bench
        .arg("--server")
        .arg(server)
        .arg("--home")
        .arg(&home)
        .arg("--work")
        .arg(home.join("run"))
        .arg("--page")
        .arg(&figures);
    if quick {
        bench.arg("--quick");
    }
    if !names.is_empty() {
        bench.arg("--only").arg(names.join(","));
    }
    finished(&mut bench)?;
    match section {
        Some((_, section)) if !quick && names.is_empty() => {
            let file = root.join(PAGE);
            let text = page::with_part(
                &std::fs::read_to_string(&file)?,
                section,
                &std::fs::read_to_string(figures)?,
            );
            std::fs::write(file, text.context(PAGE)?)?;
            println!("wrote {PAGE}");
            Ok(())
        }
        _ => {
            println!("{}", std::fs::read_to_string(figures)?);
            Ok(())
        }
    }
}

fn finished(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    if !status.success() {
        bail!("{} failed", command.get_program().display());
    }
    Ok(())
}
