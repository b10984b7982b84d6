//! Project tasks: `cargo xtask codegen|coverage|tidy|conformance|bench|faults|fuzz|sim|model|miri`.
//!
//! None is needed to build or test Millrace.

mod bench;
mod build;
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

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

/// A task, `cargo xtask NAME`.
struct Task {
    name: &'static str,
    /// What it takes and does: a line for the list of tasks, then what `--help` adds. The options that stand in it are
    /// those that there are.
    usage: &'static str,
    run: fn(&Path, &[String]) -> Result<()>,
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
        usage: bench::USAGE,
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
        usage: "fuzz [--seconds N] [TARGET …]    run the fuzz targets from their seeds
  --seconds N  how long each of them runs",
        run: fuzz::run,
    },
    Task {
        name: "sim",
        usage: "sim [--seeds N] [--from S] [--seconds T]    run the simulation; without options the seeds that CI runs
  --seed S [--aloud]   one seed, and what happens in it
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

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("xtask lies in the checkout")?;
    let Some((name, rest)) = arguments.split_first() else {
        bail!("{}", tasks())
    };
    if is_help(name) {
        println!("{}", tasks());
        return Ok(());
    }
    let Some(task) = TASKS.iter().find(|task| task.name == name) else {
        bail!("no task '{name}'\n{}", tasks())
    };
    if rest.iter().any(|argument| is_help(argument)) {
        println!("usage: cargo xtask {}", task.usage);
        return Ok(());
    }
    // Said before anything is built.
    if let Some(unknown) = rest.iter().find(|argument| !task.knows(argument)) {
        bail!("no option '{unknown}'\nusage: cargo xtask {}", task.usage);
    }
    (task.run)(root, rest)
}

impl Task {
    /// Whether an argument is an option that the usage names, or none at all.
    fn knows(&self, argument: &str) -> bool {
        let mut words = self.usage.split(|c: char| c != '-' && !c.is_alphanumeric());
        !argument.starts_with('-') || words.any(|word| word == argument)
    }
}

/// Whether there is a `--check`, where a task takes nothing else.
fn check_only(arguments: &[String]) -> Result<bool> {
    if let Some(unknown) = arguments.iter().find(|argument| *argument != "--check") {
        bail!("'{unknown}' is not understood; there is only --check");
    }
    Ok(!arguments.is_empty())
}

fn is_help(argument: &str) -> bool {
    matches!(argument, "--help" | "-h")
}

/// The tasks, a line each.
fn tasks() -> String {
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

    #[test]
    fn options_are_those_of_the_usage() {
        let sim = TASKS.iter().find(|task| task.name == "sim").unwrap();
        for (argument, known) in [("--seeds", true), ("12", true), ("--seedz", false), ("-s", false)] {
            assert_eq!(sim.knows(argument), known, "{argument}");
        }
        for task in TASKS {
            assert!(task.usage.starts_with(task.name), "{}", task.name);
            assert!(task.knows("name") && !task.knows("--nothing"), "{}", task.name);
        }
    }

    #[test]
    fn help_is_no_error_and_a_wrong_option_builds_nothing() {
        let run = |line: &str| run(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        for task in TASKS {
            run(&format!("{} --help", task.name)).unwrap();
            let refused = run(&format!("{} --nothing", task.name)).unwrap_err().to_string();
            assert!(refused.starts_with("no option '--nothing'\nusage: "), "{refused}");
        }
        assert!(run("nothing").is_err());
    }
}
