//! kill -9 under load, again and again on one data directory: at any moment, also while the server recovers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::Verdict;
use crate::journal::Journal;
use crate::load::{Load, Without, reshard, reshard_holds};
use crate::reader::Reader;
use crate::server::{Server, Setup};
use crate::world::{Chance, World};

const STREAM: &str = "kills";
const WRITERS: u32 = 4;
/// Rounds in CI; a thousand by hand.
const ROUNDS: u64 = 20;
/// The longest load before a kill, in milliseconds.
const LOAD_MS_MAX: u64 = 120;

struct Run {
    setup: Setup,
    chance: Chance,
    journal: Journal,
    reader: Reader,
    recoveries: Vec<Duration>,
    reshards: u64,
    kills: u64,
}

/// See the module.
pub fn run(world: &World) -> Result<Verdict> {
    let folder = world.fresh("kill")?;
    let mut run = Run {
        setup: Setup::new(world, &folder),
        chance: world.chance("kill"),
        journal: Journal::default(),
        reader: Reader::new(STREAM),
        recoveries: Vec::new(),
        reshards: 0,
        kills: 0,
    };
    let begun = Instant::now();
    let mut server = run.setup.start()?;
    server.client().create_stream(STREAM, 3)?;
    let rounds = world.rounds.unwrap_or(ROUNDS);
    for round in 0..rounds {
        server = run
            .round(server, round)
            .with_context(|| format!("round {round}"))?;
        if (round + 1).is_multiple_of(100) {
            run.reader.read_again(&mut server.client(), &run.journal)?;
            println!("       {}", run.figures(begun.elapsed()));
        }
    }
    run.reader.read_again(&mut server.client(), &run.journal)?;
    ensure!(
        run.journal.acknowledged() > rounds * 20,
        "only {} records were acknowledged: the load was no load",
        run.journal.acknowledged()
    );
    Ok(Verdict::Passed(run.figures(begun.elapsed())))
}

impl Run {
    /// Load, kill, sometimes a kill within the recovery, start, check.
    fn round(&mut self, mut server: Server, round: u64) -> Result<Server> {
        let stop = AtomicBool::new(false);
        let load = Load {
            journal: &self.journal,
            stream: STREAM,
            stop: &stop,
            without: Without::End,
            clock: None,
        };
        let mut parents = None;
        std::thread::scope(|scope| -> Result<()> {
            for writer in 0..WRITERS {
                let (client, chance, load) = (server.client(), self.chance.child(), &load);
                scope.spawn(move || load.write(writer, client, &chance));
            }
            let (mut client, chance) = (server.client(), self.chance.child());
            let resharder = round
                .is_multiple_of(3)
                .then(|| scope.spawn(move || reshard(&mut client, STREAM, &chance)));
            // The moment is left to chance; the kill falls anywhere within a commit, a sealing or a reshard.
            std::thread::sleep(Duration::from_micros(
                self.chance.between(1_000, LOAD_MS_MAX * 1_000),
            ));
            server.kill()?;
            stop.store(true, Ordering::Relaxed);
            if let Some(Ok(Ok(Some(closed)))) = resharder.map(std::thread::ScopedJoinHandle::join) {
                parents = Some(closed);
            }
            Ok(())
        })?;
        self.kills += 1;
        if round % 4 == 3 {
            let mut opening = self.setup.spawn()?;
            std::thread::sleep(Duration::from_micros(self.chance.between(0, 40_000)));
            opening.kill()?;
            self.kills += 1;
        }
        let server = self.setup.start()?;
        self.recoveries.push(server.recovery);
        if let Some(parents) = parents {
            self.reshards += 1;
            reshard_holds(&mut server.client(), STREAM, &parents)?;
        }
        self.reader.catch_up(&mut server.client(), &self.journal)?;
        Ok(server)
    }

    fn figures(&self, took: Duration) -> String {
        let (p50, p99, max) = (self.recovery(50), self.recovery(99), self.recovery(100));
        format!(
            "{} kills, {} acknowledged, {} in doubt, 0 lost, {} reshards, {} records in {} shards; recovery p50 {p50} ms, \
             p99 {p99} ms, max {max} ms; {:.1} kills/s",
            self.kills,
            self.journal.acknowledged(),
            self.journal.unanswered_count(),
            self.reshards,
            self.reader.records(),
            self.reader.shards.len(),
            self.kills as f64 / took.as_secs_f64()
        )
    }

    /// A percentile of the recovery times, in milliseconds.
    fn recovery(&self, percent: usize) -> u128 {
        let mut sorted = self.recoveries.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * percent).div_ceil(100).max(1) - 1;
        sorted.get(at).map_or(0, Duration::as_millis)
    }
}
