//! `cargo xtask bench TASK` runs this: every contender in turn, in one run, under the same load.
//!
//! `streams` measures everybody, `floor` only the machine; `scale`, `fanout` and `memory` measure this server alone;
//! `load` drives one that runs already.

mod by_hand;
mod client;
mod contender;
mod count;
mod fanout;
mod floor;
mod kinesis;
mod load;
mod measure;
mod memory;
mod options;
mod process;
mod report;
mod scale;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use contender::Millrace;
use options::Options;
use report::Row;

fn main() -> Result<()> {
    let options = Options::read(std::env::args().skip(1))?;
    if options.task == "load" {
        return by_hand::run(&options);
    }
    let home = existing(options.path("home")?)?;
    let work = existing(options.path("work")?)?;
    let server = options.path("server")?;
    let places = (home.as_path(), work.as_path());
    let (plan, ours) = (options.plan(), Millrace::new(&server, true));
    let page = match options.task.as_str() {
        "streams" => streams(&options, &server, places)?,
        "floor" => format!("{:#?}\n", floor::measure(places, plan.floor)?),
        "scale" => scale::run(&ours, places)?,
        "fanout" => fanout::run(&ours, places)?,
        "memory" => memory::run(&ours, places, &plan)?,
        other => bail!("there is nothing to measure called {other}"),
    };
    let file = options.path("page")?;
    std::fs::write(&file, page)?;
    println!("wrote {}", file.display());
    Ok(())
}

/// A directory, made if need be, as an absolute path.
fn existing(path: PathBuf) -> Result<PathBuf> {
    std::fs::create_dir_all(&path)?;
    Ok(std::fs::canonicalize(path)?)
}

/// Installs everybody first, so that no compiler runs beside a measurement; then measures one after the other.
fn streams(options: &Options, server: &Path, places: (&Path, &Path)) -> Result<String> {
    let plan = options.plan();
    let wanted = contender::all(server)
        .into_iter()
        .filter(|contender| options.wants(contender.about().name));
    let installed: Vec<_> = wanted
        .map(|contender| {
            let outcome = contender.install(places.0);
            (contender, outcome)
        })
        .collect();
    println!("floor: what this machine can do at all");
    let floor = floor::measure(places, plan.floor)?;
    let mut rows = Vec::new();
    for (contender, outcome) in installed {
        let about = contender.about();
        println!("{}", about.name);
        let outcome = outcome.and_then(|()| measure::measure(contender.as_ref(), places, &plan));
        let outcome = outcome.map_err(|why| format!("{why:#}").trim_end_matches('.').to_owned());
        if let Err(why) = &outcome {
            println!("   not run: {why}");
        }
        rows.push(Row { about, outcome });
    }
    let floor = floor.or(floor::measure(places, plan.floor)?);
    report::page(&rows, &floor, &plan)
}
