//! Project tasks: `cargo xtask codegen|coverage|tidy|conformance|bench|faults|fuzz|sim|model|miri`.
//!
//! None is needed to build or test Millrace.

mod asked;
mod bench;
mod codegen;
mod conformance;
mod coverage;
mod faults;
mod fuzz;
mod miri;
mod model;
mod page;
mod sim;
mod tidy;
mod tools;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::asked::{Asked, Misuse, misuse};

/// A task, `cargo xtask NAME`.
struct Task {
    name: &'static str,
    /// What it takes and does: a line for the list of tasks, then what `--help` adds. [`Asked::read`] holds the
    /// arguments against it.
    usage: &'static str,
    run: fn(&Path, &Asked) -> Result<()>,
}

const TASKS: &[Task] = &[
    Task {
        name: "codegen",
        usage: "codegen [--check]    write crates/api from the pinned botocore models
  --check  write nothing; a difference is an error",
        run: codegen::run,
    },
    Task {
        name: "coverage",
        usage: "coverage [--check]    write the tables of supported operations
  --check  write nothing; a difference is an error",
        run: coverage::run,
    },
    Task {
        name: "tidy",
        usage: "tidy    import direction, layers, sizes, module headers",
        run: |root, _| tidy::run(root),
    },
    Task {
        name: "conformance",
        usage: "conformance [--long] [CLIENT …]    run real clients against a fresh server
  --long  all clients over both schemes, and the variations of those that take minutes",
        run: conformance::run,
    },
    Task {
        name: "bench",
        usage: "bench streams|floor|scale|fanout|memory|load [--quick] [NAME …]    measure this server and its rivals
  NAME     measure only contenders whose names begin so
  --quick  a few seconds each, to see that it works; the page is left alone
  load     drives a server that runs already; it takes, instead of these,
           [--port N] [--stream NAME] [--shards N] [--records N] [--bytes N] [--cbor] [--h2] [--zipf] [--connections N]
           [--seconds S] [--rate CALLS_PER_SECOND] [--pid N], and --get to read instead of putting",
        run: bench::run,
    },
    Task {
        name: "faults",
        usage: "faults [SCENARIO …]    run the real server under faults and check it from outside
  --server PATH  a binary of millrace; else the release binary is built
  --rounds N     how often a scenario repeats what it does; each has a number of its own
  --seed N       repeat the choices of a run",
        run: faults::run,
    },
    Task {
        name: "fuzz",
        usage: "fuzz [--seconds N] [--keep] [TARGET …]    run the fuzz targets from their seeds
  --seconds N  how long each of them runs
  --keep       keep the smallest corpus that reaches what was reached",
        run: fuzz::run,
    },
    Task {
        name: "sim",
        usage: "sim [--seeds N] [--from N] [--seconds N]    run the simulation; without options the seeds that CI runs
  --seed N [--aloud]   one seed, and what happens in it
  --twice N            each of N seeds twice: is it the same?
  --score [--seeds N]  planted bugs, and how many seeds find each
  --plant NAME         run with a planted bug",
        run: sim::run,
    },
    Task {
        name: "model",
        usage: "model [--tries N]    try interleavings of the log's threads
  --tries N  how many of each kind",
        run: model::run,
    },
    Task {
        name: "miri",
        usage: "miri    look for undefined behaviour in the unsafe code",
        run: |root, _| miri::run(root),
    },
];

/// The exit code is 2 for arguments that are not understood, and 1 for a task that fails.
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            if error.is::<Misuse>() {
                let name = arguments.first().map_or("", String::as_str);
                eprintln!("{}", usage(name));
                return ExitCode::from(2);
            }
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("xtask lies in the checkout")?;
    let (name, rest) = arguments.split_first().ok_or_else(|| misuse("no task"))?;
    if arguments
        .iter()
        .any(|word| matches!(word.as_str(), "--help" | "-h"))
    {
        println!("{}", usage(name));
        return Ok(());
    }
    let task = TASKS.iter().find(|task| task.name == name);
    let task = task.ok_or_else(|| misuse(format!("no task '{name}'")))?;
    (task.run)(root, &Asked::read(task.usage, rest)?)
}

/// How a task is called; where there is none of that name, the tasks, a line each.
fn usage(name: &str) -> String {
    if let Some(task) = TASKS.iter().find(|task| task.name == name) {
        return format!("usage: cargo xtask {}", task.usage);
    }
    let mut text = "usage: cargo xtask TASK, and --help behind one for more".to_owned();
    for task in TASKS {
        text.push_str("\n  ");
        text.extend(task.usage.lines().next());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn what_ci_and_the_pages_call_is_understood() {
        for line in [
            "codegen --check",
            "coverage --check",
            "tidy",
            "conformance --long kcl2 kpl",
            "bench streams --quick millrace",
            "bench load --port 4567 --rate 0.5 --seconds 30 --get",
            "faults --server target/debug/millrace --rounds 2 --seed 7 kill",
            "fuzz --seconds 20 json",
            "sim --seeds 5 --from 7 --plant turns-bits",
            "sim --seed 3 --aloud",
            "sim --score --seeds 9",
            "model --tries 5",
            "miri",
        ] {
            let all = words(line);
            let task = TASKS.iter().find(|task| task.name == all[0]).unwrap();
            assert!(task.usage.starts_with(task.name), "{line}");
            Asked::read(task.usage, &all[1..]).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }

    #[test]
    fn help_is_no_error_and_misuse_runs_nothing() {
        for task in TASKS {
            run(&words(&format!("{} --help", task.name))).unwrap();
            assert!(
                run(&words(&format!("{} --nothing", task.name)))
                    .unwrap_err()
                    .is::<Misuse>()
            );
        }
        for line in [
            "",
            "nothing",
            "bench",
            "bench nothing",
            "bench scale --port 1",
            "conformance nobody",
            "faults --rounds abc kill",
            "fuzz nothing",
            "sim 5",
            "tidy all",
        ] {
            assert!(run(&words(line)).unwrap_err().is::<Misuse>(), "{line}");
        }
    }
}
