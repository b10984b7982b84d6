//! The scenarios, in the order in which they run.

mod clock;
mod drain;
mod files;
mod full;
mod io;
mod kill;
mod power;

use anyhow::Result;

use crate::world::World;

/// How a scenario ended, unless it failed.
#[derive(Debug)]
pub enum Verdict {
    /// With these figures.
    Passed(String),
    /// This machine cannot, for this reason.
    NotRun(String),
}

/// A kind of fault.
#[derive(Debug)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// Runs it; an error is what was found.
    pub run: fn(&World) -> Result<Verdict>,
}

/// All of them.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "kill",
        run: kill::run,
    },
    Scenario {
        name: "drain",
        run: drain::run,
    },
    Scenario {
        name: "full",
        run: full::run,
    },
    Scenario {
        name: "clock",
        run: clock::run,
    },
    Scenario {
        name: "files",
        run: files::run,
    },
    Scenario {
        name: "io",
        run: io::run,
    },
    Scenario {
        name: "power",
        run: power::run,
    },
];
