//! `cargo xtask bench TASK`: `streams` measures this server, the emulators people use and two logs in one run; `floor`
//! what the machine can do at all; `scale`, `fanout` and `memory` this server alone; `load` drives one that runs already.
//!
//! Builds the server and the load generator, which installs the rivals under `target/bench`, and puts what it wrote into
//! `docs/benchmarks.md` between the markers. What people learned from the figures stays around the markers.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::asked::{Asked, misuse};
use crate::page::with_part;
use crate::tools;

const PAGE: &str = "docs/benchmarks.md";
/// What can be measured, and the section of the page that it fills.
const SECTIONS: &[(&str, &str)] = &[
    ("streams", "bench"),
    ("scale", "scale"),
    ("fanout", "fanout"),
    ("memory", "memory"),
];

/// Runs a benchmark.
pub fn run(root: &Path, asked: &Asked) -> Result<()> {
    let (task, rest) = asked.words.split_first().ok_or_else(|| misuse("no benchmark"))?;
    let section = SECTIONS.iter().find(|(name, _)| name == task);
    if section.is_none() && !matches!(task.as_str(), "floor" | "load") {
        return Err(misuse(format!("no benchmark '{task}'")));
    }
    if let (true, Some(option)) = (task != "load", asked.besides(&["--quick"])) {
        return Err(misuse(format!("{task} takes no {option}")));
    }
    let generator = tools::binary(&root.join("bench"), "millrace-bench", &["--release", "--bins"])?;
    let mut bench = Command::new(generator);
    bench.current_dir(root).arg(task);
    let failed = format!("the benchmark {task} failed");
    if task == "load" {
        return tools::finished(bench.args(rest), &failed);
    }
    let (quick, names) = (asked.has("--quick"), asked.names.get(1..).unwrap_or_default());
    let server = tools::binary(root, "millrace", &["--release", "--package", "millrace-cli"])?;
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
    tools::finished(&mut bench, &failed)?;
    let figures = std::fs::read_to_string(figures)?;
    match section {
        Some((_, section)) if !quick && names.is_empty() => {
            let file = root.join(PAGE);
            let text = with_part(&std::fs::read_to_string(&file)?, section, &figures);
            std::fs::write(file, text.context(PAGE)?)?;
            println!("wrote {PAGE}");
        }
        _ => println!("{figures}"),
    }
    Ok(())
}
