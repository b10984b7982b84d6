//! The engine on a simulated disk: one thread, one seed, crashes anywhere.
//!
//! The model knows what was acknowledged and, in order, what was on its way at a crash. After every restart the
//! engine must show the acknowledged state plus a prefix of what was on its way, byte for byte.
//! `MILLRACE_SIM_SEEDS` sets how many seeds run, `MILLRACE_SIM_SEED` runs one.

mod model;
mod rot;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use millrace_base::{ByteSize, Clock, ManualClock, Rng, SeededRng, Timestamp};

use super::core::Core;
use super::options::{Durability, Options};
use super::{OpenError, recovery};
use crate::LogError;
use crate::disk::sim::{Crash, Faults, SimDisk};
use model::{Model, Step};

/// What the runs of many seeds came to.
#[derive(Debug, Default)]
struct Tally {
    recoveries: u64,
    crashed_recoveries: u64,
    acknowledged: u64,
    seals: u64,
    compactions: u64,
    overloaded: u64,
    failed: u64,
}

struct Sim {
    dice: SeededRng,
    disk: SimDisk,
    clock: ManualClock,
    options: Options,
    model: Model,
    tally: Tally,
}

impl Sim {
    fn new(seed: u64) -> Self {
        let dice = SeededRng::new(seed);
        let disk = SimDisk::new(dice.next_u64(), dice.next_u64().is_multiple_of(2));
        let clock = ManualClock::new(Timestamp(1_000_000));
        let on: Arc<dyn Clock> = Arc::new(clock.clone());
        let rng = Arc::new(SeededRng::new(seed ^ 0x5eed));
        let mut options = Options::on_disk(Arc::new(disk.clone()), on, rng);
        options.first_segment_bytes = ByteSize(64 << 10);
        options.segment_bytes = ByteSize((64 << 10) << (dice.next_u64() % 3));
        options.seal_bytes = ByteSize(1 << (12 + dice.next_u64() % 5));
        options.tail_cache_bytes = ByteSize(256 << 10);
        options.footer_cache_bytes = ByteSize(1 << (10 + dice.next_u64() % 6));
        if dice.next_u64().is_multiple_of(8) {
            options.durability = Durability::Os;
        }
        Self {
            dice,
            disk,
            clock,
            options,
            model: Model::default(),
            tally: Tally::default(),
        }
    }

    fn roll(&self, sides: u64) -> u64 {
        self.dice.next_u64() % sides
    }

    fn run(&mut self) {
        for _ in 0..2 + self.roll(6) {
            let Some(core) = self.open() else { continue };
            self.set_faults();
            for _ in 0..self.roll(40) {
                self.step(&core);
                if self.disk.is_down() {
                    break;
                }
            }
            self.model.shows_only_acknowledged(&core);
            if !self.disk.is_down() && self.roll(4) == 0 && !core.shared.is_poisoned() {
                self.recover_space(&core);
                core.sync();
            }
            drop(core);
            self.crash();
        }
        let core = loop {
            if let Some(core) = self.open() {
                break core;
            }
        };
        self.model.verify(&core);
        self.recover_space(&core);
        let again = self.disk.tally().synced_after_failure;
        assert_eq!(again, 0, "a file was synced again after a failed sync");
    }

    /// Opens the store; `None` when the machine went down meanwhile.
    fn open(&mut self) -> Option<Core> {
        if self.roll(4) == 0 {
            self.disk.crash_after(Some(1 + self.roll(12)));
        }
        let opened = recovery::open(&self.options);
        self.disk.crash_after(None);
        self.tally.recoveries += 1;
        match opened {
            Ok(core) if !self.disk.is_down() => {
                self.model.settle(&core);
                self.model.verify(&core);
                Some(core)
            }
            // Recovery may also be done already, but for cleaning up.
            Ok(_) | Err(OpenError::Io { .. }) if self.disk.is_down() => {
                self.tally.crashed_recoveries += 1;
                self.crash();
                None
            }
            Ok(_) => unreachable!("up or down"),
            Err(error) => panic!("recovery refuses: {error}"),
        }
    }

    fn crash(&mut self) {
        let kill = self.options.durability == Durability::Os || self.roll(4) == 0;
        self.disk.reboot(if kill { Crash::Kill } else { Crash::Power });
        self.disk.set_capacity(u64::MAX);
    }

    fn set_faults(&self) {
        // Harmless, if whoever reads and writes goes on where a call stopped.
        let short = if self.roll(2) == 0 { 100_000 } else { 0 };
        self.disk.set_faults(Faults {
            short,
            ..Faults::default()
        });
        if self.roll(8) != 0 {
            self.disk.crash_after(Some(1 + self.roll(80)));
        }
        if self.roll(6) == 0 {
            let kind = if self.roll(2) == 0 {
                io::ErrorKind::StorageFull
            } else {
                io::ErrorKind::Other
            };
            self.disk.fail_after(Some(1 + self.roll(60)), kind);
        }
        if self.roll(8) == 0 {
            self.disk.set_capacity(self.disk.used() + self.roll(200 << 10));
        }
    }

    fn step(&mut self, core: &Core) {
        self.clock.advance(Duration::from_millis(self.roll(3)));
        match self.roll(10) {
            0..7 => self.group(core),
            7 => {
                core.prepare_segment(&mut |_| {});
                core.background(&mut |_| {});
            }
            8 => {
                core.seal_now(&mut |_| {});
            }
            _ => self.model.read_somewhere(core, self.dice.next_u64()),
        }
        let metrics = core.metrics();
        (self.tally.seals, self.tally.compactions) = (
            self.tally.seals.max(metrics.seals),
            self.tally.compactions.max(metrics.compactions),
        );
    }

    /// Queues some changes and commits them as one group.
    fn group(&mut self, core: &Core) {
        let steps: Vec<Step> = (0..1 + self.roll(5))
            .map(|_| self.model.invent(&|sides| self.dice.next_u64() % sides))
            .collect();
        let mut waiting: Vec<_> = steps.into_iter().map(|step| step.submit(core)).collect();
        let mut group = Vec::new();
        core.shared.queue.take(&mut group);
        core.commit(group);
        for call in &mut waiting {
            match call.result() {
                Err(LogError::Overloaded(_)) => self.tally.overloaded += 1,
                Err(LogError::Closed(_)) => {
                    self.tally.failed += 1;
                    self.model.on_its_way(call.step.clone());
                }
                result => {
                    self.tally.acknowledged += 1;
                    self.model.acknowledge(&call.step, &result);
                }
            }
        }
    }

    /// With space and no faults the engine takes appends again by itself.
    fn recover_space(&mut self, core: &Core) {
        self.disk.set_capacity(u64::MAX);
        self.disk.crash_after(None);
        self.disk.fail_after(None, io::ErrorKind::Other);
        self.clock.advance(Duration::from_secs(2));
        for _ in 0..3 {
            core.background(&mut |_| {});
        }
        let step = self.model.invent_append(&|sides| self.dice.next_u64() % sides);
        let mut call = step.submit(core);
        let mut group = Vec::new();
        core.shared.queue.take(&mut group);
        core.commit(group);
        let result = call.result();
        assert!(
            !matches!(result, Err(LogError::Overloaded(_) | LogError::Closed(_))),
            "{result:?}"
        );
        self.model.acknowledge(&call.step, &result);
        core.seal_now(&mut |_| {});
        self.model.verify(core);
    }
}

fn seeds() -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("MILLRACE_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("MILLRACE_SIM_SEEDS").unwrap_or(2_000),
    }
}

#[test]
fn no_crash_loses_or_invents_a_record() {
    let mut total = Tally::default();
    for seed in seeds() {
        let run = std::panic::catch_unwind(|| {
            let mut sim = Sim::new(seed);
            sim.run();
            sim.tally
        });
        let tally =
            run.unwrap_or_else(|_| panic!("seed {seed} fails: set MILLRACE_SIM_SEED={seed} to run it alone"));
        total.recoveries += tally.recoveries;
        total.crashed_recoveries += tally.crashed_recoveries;
        total.acknowledged += tally.acknowledged;
        total.seals += tally.seals;
        total.compactions += tally.compactions;
        total.overloaded += tally.overloaded;
        total.failed += tally.failed;
    }
    println!("{total:?}");
    if seeds().end - seeds().start >= 1_000 {
        let all = [
            total.crashed_recoveries,
            total.seals,
            total.compactions,
            total.overloaded,
            total.failed,
        ];
        assert!(
            all.iter().all(|count| *count > 0),
            "the simulation does not reach everything: {total:?}"
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..20 {
        let run = || {
            let mut sim = Sim::new(seed);
            sim.run();
            (format!("{:?}", sim.tally), sim.disk.used())
        };
        assert_eq!(run(), run());
    }
}
