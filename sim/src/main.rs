//! `millrace-sim`: seeds of the simulation, each in a process of its own, and what they found.
//!
//! `cargo xtask sim` builds and starts it; `docs/design/simulation.md` says what is simulated.

mod client;
mod dice;
mod entropy;
mod ledger;
mod linear;
mod node;
mod plant;
mod report;
mod run;
mod sched;
mod trace;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::plant::Plant;
use crate::report::{Asked, many, score, twice};

/// What is to be done with the seeds.
enum Task {
    One { seed: u64, aloud: bool, child: bool },
    Twice { seeds: u64 },
    Score,
    Many,
}

/// The exit code is 2 for arguments that are not understood, and 1 when something was found.
fn main() -> ExitCode {
    let (task, asked) = match parse(std::env::args().skip(1)) {
        Ok(parsed) => parsed,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::from(2);
        }
    };
    let plant = plant::named(&asked.plant).unwrap_or(Plant::None);
    let done = match task {
        Task::One { seed, aloud, child } => one(seed, plant, aloud, child),
        Task::Twice { seeds } => twice(seeds, &asked),
        Task::Score => score(&asked),
        Task::Many => many(&asked),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut rest: impl Iterator<Item = String>) -> Result<(Task, Asked)> {
    let mut asked = Asked {
        seeds: 400,
        ..Asked::default()
    };
    let (mut seed, mut aloud, mut child, mut again, mut scored) = (None, false, false, None, false);
    while let Some(argument) = rest.next() {
        let mut number = || -> Result<u64> {
            let text = rest
                .next()
                .with_context(|| format!("{argument} takes a number"))?;
            text.parse()
                .with_context(|| format!("{argument} takes a number, not '{text}'"))
        };
        match argument.as_str() {
            "--seeds" => asked.seeds = number()?,
            "--from" => asked.from = number()?,
            "--seconds" => asked.seconds = Some(number()?),
            "--seed" => seed = Some(number()?),
            "--twice" => again = Some(number()?),
            "--aloud" => aloud = true,
            "--child" => child = true,
            "--score" => scored = true,
            "--plant" => {
                let name = rest.next().context("--plant takes a name")?;
                plant::named(&name).with_context(|| {
                    let known: Vec<&str> = plant::PLANTS.iter().map(|(name, _)| *name).collect();
                    format!("no plant '{name}'; there are {}", known.join(", "))
                })?;
                asked.plant = name;
            }
            _ => bail!("'{argument}' is not understood; `cargo xtask sim --help` says what is"),
        }
    }
    let task = match (seed, again) {
        (Some(seed), _) => Task::One { seed, aloud, child },
        (None, Some(seeds)) => Task::Twice { seeds },
        (None, None) if scored => Task::Score,
        (None, None) => Task::Many,
    };
    Ok((task, asked))
}

/// Runs one seed in this process.
fn one(seed: u64, plant: Plant, aloud: bool, child: bool) -> Result<()> {
    entropy::seed(seed);
    let report = run::run(seed, plant, aloud);
    if child {
        println!("{}{}", report::MARK, serde_json::to_string(&report)?);
        return Ok(());
    }
    println!("{report:#?}");
    if report.broken.is_empty() {
        Ok(())
    } else {
        bail!("seed {seed}: {}", report.broken.join("\n"))
    }
}
