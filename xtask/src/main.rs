//! Project tasks: `cargo xtask codegen|coverage|tidy|conformance|bench|faults|fuzz|sim`.
//!
//! None is needed to build or test Millrace.

mod bench;
mod codegen;
mod conformance;
mod coverage;
mod faults;
mod fuzz;
mod sim;
mod tidy;

use std::path::Path;

use anyhow::{Context, Result, bail};

const USAGE: &str = "usage: cargo xtask TASK
  codegen [--check]       write crates/api from the pinned botocore models
  coverage [--check]      write the tables of supported operations
  tidy                    import direction, layers, sizes, module headers
  conformance [--long] [CLIENT …]  run real clients against a fresh server
  bench streams|floor|scale|fanout|memory|load [--quick] [NAME …]  measure this server and its rivals
  faults [SCENARIO …]     run the real server under faults and check it from outside
  fuzz [--seconds N] [TARGET …]  run the fuzz targets from their seeds
  sim [--seeds N] [--from S] [--seconds T] | --seed S  run the simulation";

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("xtask lies in the checkout")?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((task, rest)) = arguments.split_first() else {
        bail!("{USAGE}")
    };
    match task.as_str() {
        "codegen" => codegen::run(root, rest),
        "coverage" => coverage::run(root, rest),
        "tidy" => tidy::run(root),
        "conformance" => conformance::run(root, rest),
        "bench" => bench::run(root, rest),
        "faults" => faults::run(root, rest),
        "fuzz" => fuzz::run(root, rest),
        "sim" => sim::run(root, rest),
        _ => bail!("no task '{task}'\n{USAGE}"),
    }
}
