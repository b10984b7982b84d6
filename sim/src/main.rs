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

use anyhow::{Context, Result, bail};

use crate::plant::Plant;
use crate::report::{Asked, many, score, twice};

const USAGE: &str = "usage: cargo xtask sim [--seeds N] [--from S] [--seconds T]   many seeds
       cargo xtask sim --seed S [--aloud]                  one, and what happens in it
       cargo xtask sim --twice N                           each of N seeds twice: is it the same?
       cargo xtask sim --score [--seeds N]                 planted bugs, and how many seeds find each
each with [--plant NAME] to run with a planted bug";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut asked = Asked {
        seeds: 400,
        ..Asked::default()
    };
    let (mut seed, mut aloud, mut child, mut again, mut scored) = (None, false, false, None, false);
    let mut rest = arguments.iter();
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
                asked.plant = name.clone();
                plant::named(name).with_context(|| format!("no plant '{name}'"))?;
            }
            _ => bail!("{USAGE}"),
        }
    }
    let plant = plant::named(&asked.plant).unwrap_or(Plant::None);
    match (seed, again) {
        (Some(seed), _) => one(seed, plant, aloud, child),
        (None, Some(seeds)) => twice(seeds, &asked),
        (None, None) if scored => score(&asked),
        (None, None) => many(&asked),
    }
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
