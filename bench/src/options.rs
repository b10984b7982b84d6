//! What the command line asks for, and how long everything takes.
//!
//! `millrace-bench TASK --server FILE --home DIRECTORY --work DIRECTORY --page FILE [--quick] [--only NAME,…]`; `load`
//! has flags of its own.

use std::collections::HashMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// The arguments.
pub struct Options {
    /// What to do.
    pub task: String,
    /// Names of contenders to measure, by their beginning; all where it is empty.
    pub only: Vec<String>,
    flags: HashMap<String, String>,
}

/// Flags that stand alone.
const SWITCHES: &[&str] = &["quick", "h2", "cbor", "zipf", "get"];

impl Options {
    /// Of the arguments behind the program's name.
    pub fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let task = arguments
            .next()
            .context("say what to do: streams, floor, memory, scale, fanout or load")?;
        let mut flags = HashMap::new();
        while let Some(argument) = arguments.next() {
            let Some(name) = argument.strip_prefix("--") else {
                bail!("{argument}: every argument behind the task is a --flag");
            };
            let value = if SWITCHES.contains(&name) {
                "yes".to_owned()
            } else {
                arguments
                    .next()
                    .with_context(|| format!("--{name} needs a value"))?
            };
            flags.insert(name.to_owned(), value);
        }
        let only = flags.get("only").map(String::as_str).unwrap_or_default();
        let only = only
            .split(',')
            .filter(|n| !n.is_empty())
            .map(str::to_owned)
            .collect();
        Ok(Self { task, only, flags })
    }

    /// Whether a switch is set.
    pub fn is(&self, switch: &str) -> bool {
        self.flags.contains_key(switch)
    }

    /// A flag's value, or what it is where it is not given.
    pub fn get<T: FromStr>(&self, flag: &str, otherwise: T) -> Result<T> {
        match self.flags.get(flag) {
            None => Ok(otherwise),
            Some(text) => text
                .parse()
                .ok()
                .with_context(|| format!("--{flag} {text}: not understood")),
        }
    }

    /// A path that has to be given.
    pub fn path(&self, flag: &str) -> Result<PathBuf> {
        let path = self
            .flags
            .get(flag)
            .with_context(|| format!("--{flag} is missing"))?;
        Ok(PathBuf::from(path))
    }

    /// Whether a contender is wanted.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| name.starts_with(only.as_str()))
    }

    /// How long everything takes.
    pub fn plan(&self) -> Plan {
        if self.is("quick") { QUICK } else { FULL }
    }
}

/// Lengths and amounts of one run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Whether it is too short for figures to be published.
    pub quick: bool,
    /// Length of a closed loop of PutRecord.
    pub put_record: Duration,
    /// Payload of the PutRecords scenario; also the state after which memory is read.
    pub ingest_bytes: u64,
    /// A slow contender is stopped after this long; its figures are of what it did.
    pub patience: Duration,
    /// Length of a load at a fixed rate.
    pub offered: Duration,
    /// Length of each run in which system calls or allocations are counted.
    pub counted: Duration,
    /// Length of a run of another shape.
    pub shape: Duration,
    /// Length of each measurement of the floor.
    pub floor: Duration,
    /// Records pushed in the fan-out scenario.
    pub pushes: usize,
    /// Payload of `bench memory`.
    pub memory_bytes: u64,
}

const FULL: Plan = Plan {
    quick: false,
    put_record: Duration::from_secs(5),
    ingest_bytes: 1 << 30,
    patience: Duration::from_secs(20),
    offered: Duration::from_secs(10),
    counted: Duration::from_secs(3),
    shape: Duration::from_secs(4),
    floor: Duration::from_secs(1),
    pushes: 300,
    memory_bytes: 10 << 30,
};

const QUICK: Plan = Plan {
    quick: true,
    put_record: Duration::from_secs(1),
    ingest_bytes: 64 << 20,
    patience: Duration::from_secs(3),
    offered: Duration::from_secs(2),
    counted: Duration::from_secs(1),
    shape: Duration::from_secs(1),
    floor: Duration::from_millis(200),
    pushes: 50,
    memory_bytes: 512 << 20,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_switches_and_names_are_told_apart() {
        let given = ["streams", "--quick", "--only", "mill,kafka", "--port", "1"];
        let options = Options::read(given.into_iter().map(str::to_owned)).unwrap();
        assert!(options.is("quick") && !options.is("h2"));
        assert!(options.wants("millrace, auth none") && !options.wants("kinesalite"));
        assert_eq!(options.get("port", 0u16).unwrap(), 1);
        assert!(options.get("only", 0u16).is_err());
        assert!(Options::read(["load", "--port"].into_iter().map(str::to_owned)).is_err());
    }
}
