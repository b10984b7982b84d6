//! What all scenarios share: the server's binary, a folder to work in, how long to try, and chance.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use millrace_base::{Rng, SeededRng, SystemRng};

/// See the module.
#[derive(Debug)]
pub struct World {
    /// The binary under test.
    pub server: PathBuf,
    /// Everything that is written.
    work: PathBuf,
    /// How much to try; every scenario has a default that suits CI.
    pub rounds: Option<u64>,
    /// All choices follow from it; the timing does not.
    pub seed: u64,
}

impl World {
    /// A folder of its own below `work`, or below the system's folder for temporary files.
    pub fn new(
        server: PathBuf,
        work: Option<PathBuf>,
        rounds: Option<u64>,
        seed: Option<u64>,
    ) -> Result<Self> {
        let server = server
            .canonicalize()
            .with_context(|| format!("there is no server at {}", server.display()))?;
        let work = work
            .unwrap_or_else(|| std::env::temp_dir().join(format!("millrace-faults-{}", std::process::id())));
        fs::create_dir_all(&work)?;
        Ok(Self {
            server,
            work: work.canonicalize()?,
            rounds,
            seed: seed.unwrap_or_else(|| SystemRng.next_u64() % 1_000_000),
        })
    }

    /// Where a scenario works.
    pub fn folder(&self, scenario: &str) -> PathBuf {
        self.work.join(scenario)
    }

    /// That folder, empty.
    pub fn fresh(&self, scenario: &str) -> Result<PathBuf> {
        let folder = self.folder(scenario);
        clear(&folder)?;
        Ok(folder)
    }

    /// Removes what a scenario left.
    pub fn clean(&self, scenario: &str) {
        // What cannot be removed is in nobody's way.
        let _ = fs::remove_dir_all(self.folder(scenario));
    }

    /// Chance for one scenario.
    pub fn chance(&self, scenario: &str) -> Chance {
        let mixed = scenario
            .bytes()
            .fold(self.seed, |seed, byte| seed.wrapping_mul(31) + u64::from(byte));
        Chance(SeededRng::new(mixed))
    }
}

/// Makes `folder` an empty folder.
pub fn clear(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))
}

/// Reproducible choices.
#[derive(Debug)]
pub struct Chance(SeededRng);

impl Chance {
    /// Of a seed.
    pub fn of(seed: u64) -> Self {
        Self(SeededRng::new(seed))
    }

    /// A number from `from` up to, but without, `to`.
    pub fn between(&self, from: u64, to: u64) -> u64 {
        from + self.0.next_u64() % (to - from).max(1)
    }

    /// True once in `n` times.
    pub fn one_in(&self, n: u64) -> bool {
        self.between(0, n) == 0
    }

    /// A generator that follows from this one.
    pub fn child(&self) -> Self {
        Self::of(self.0.next_u64())
    }
}
