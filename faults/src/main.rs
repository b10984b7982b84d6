//! `millrace-faults --server PATH [--work DIR] [--rounds N] [--seed N] [SCENARIO …]`: runs the real server, breaks what is
//! around it, and checks from outside that nothing acknowledged is lost.
//!
//! Each scenario prints one line with its figures. What could not be run on this machine is said aloud and listed apart;
//! the exit code is 1 when a scenario failed, 2 when nothing was run. Servers die with this process
//! (`PR_SET_PDEATHSIG`), mounts live in a mount namespace of its own, so that nothing is left behind however it ends.

mod client;
mod journal;
mod load;
mod mount;
mod preload;
mod reader;
mod records;
mod scenarios;
mod server;
mod trace;
mod world;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use scenarios::{ALL, Scenario, Verdict};
use world::World;

const USAGE: &str = "usage: millrace-faults --server PATH [--work DIR] [--rounds N] [--seed N] [SCENARIO …]";

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

/// What is left of a run: names of scenarios, with the reason where they did not pass.
#[derive(Default)]
struct Summary {
    passed: Vec<&'static str>,
    failed: Vec<(&'static str, String)>,
    not_run: Vec<(&'static str, String)>,
}

fn run() -> Result<bool> {
    let (world, chosen) = parse(std::env::args().skip(1).collect())?;
    println!("seed {}; --seed repeats its choices", world.seed);
    let mut summary = Summary::default();
    for scenario in chosen {
        let begun = Instant::now();
        let verdict = (scenario.run)(&world);
        let seconds = begun.elapsed().as_secs_f64();
        match verdict {
            Ok(Verdict::Passed(figures)) => {
                println!("{:<6} passed in {seconds:.1} s: {figures}", scenario.name);
                summary.passed.push(scenario.name);
                world.clean(scenario.name);
            }
            Ok(Verdict::NotRun(reason)) => {
                println!("{:<6} NOT RUN: {reason}", scenario.name);
                summary.not_run.push((scenario.name, reason));
            }
            Err(error) => {
                println!("{:<6} FAILED in {seconds:.1} s: {error:#}", scenario.name);
                println!(
                    "       what is left of it: {}",
                    world.folder(scenario.name).display()
                );
                summary.failed.push((scenario.name, format!("{error:#}")));
            }
        }
    }
    Ok(summary.print())
}

impl Summary {
    /// Says whether nothing failed.
    fn print(&self) -> bool {
        println!("passed   {}", list(&self.passed));
        let failed: Vec<&str> = self.failed.iter().map(|(name, _)| *name).collect();
        println!("failed   {}", list(&failed));
        for (name, reason) in &self.not_run {
            println!("NOT RUN  {name}: {reason}");
        }
        if self.not_run.is_empty() {
            println!("NOT RUN  none");
        }
        self.failed.is_empty()
    }
}

fn list(names: &[&str]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn parse(arguments: Vec<String>) -> Result<(World, Vec<&'static Scenario>)> {
    let (mut server, mut work, mut rounds, mut seed) = (None, None, None, None);
    let mut chosen = Vec::new();
    let mut rest = arguments.into_iter();
    while let Some(argument) = rest.next() {
        let mut value = || {
            rest.next()
                .with_context(|| format!("{argument} takes a value\n{USAGE}"))
        };
        match argument.as_str() {
            "--server" => server = Some(value()?.into()),
            "--work" => work = Some(value()?.into()),
            "--rounds" => rounds = Some(value()?.parse().context("--rounds takes a number")?),
            "--seed" => seed = Some(value()?.parse().context("--seed takes a number")?),
            name => {
                let Some(found) = ALL.iter().find(|scenario| scenario.name == name) else {
                    let known: Vec<&str> = ALL.iter().map(|scenario| scenario.name).collect();
                    bail!("no scenario '{name}'; there are {}\n{USAGE}", known.join(", "));
                };
                chosen.push(found);
            }
        }
    }
    if chosen.is_empty() {
        chosen.extend(ALL);
    }
    let world = World::new(server.context(USAGE)?, work, rounds, seed)?;
    Ok((world, chosen))
}
