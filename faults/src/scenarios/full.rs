//! A full disk: writes are refused with an error that says so and can be retried, reads go on, nothing is lost, and
//! writes resume by themselves – whether somebody else frees space or a stream is deleted.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::Verdict;
use crate::journal::Journal;
use crate::load::{Load, Without, until};
use crate::mount::small_disk;
use crate::reader::Reader;
use crate::server::{Server, Setup};
use crate::world::{Chance, World};

const KEPT: &str = "kept";
/// Deleted to give space back, one while the server runs, one behind a restart.
const VICTIMS: [&str; 2] = ["victim-1", "victim-2"];
const DISK_MIB: u64 = 64;
/// What somebody else has on the disk.
const BALLAST_MIB: usize = 10;
/// What each stream holds that is deleted later: several files that hold nothing else.
const VICTIM_RECORDS: u64 = 6_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// See the module.
pub fn run(world: &World) -> Result<Verdict> {
    let folder = world.fresh("full")?;
    let disk = match small_disk(&folder, DISK_MIB)? {
        Ok(disk) => disk,
        Err(reason) => return Ok(Verdict::NotRun(reason)),
    };
    let mut run = Run {
        setup: Setup::new(world, &folder).with("streams.retention_check_secs=1"),
        kept: Journal::default(),
        reader: Reader::new(KEPT),
        chance: world.chance("full"),
        resumed: Vec::new(),
    };
    run.setup.data = disk.path.join("data");
    let ballast = disk.path.join("ballast");
    fill(&ballast, BALLAST_MIB)?;
    let mut server = run.setup.start()?;
    server.client().create_stream(KEPT, 2)?;
    for victim in VICTIMS {
        let journal = Journal::default();
        server.client().create_stream(victim, 2)?;
        under_load(&server, victim, &journal, &run.chance, || {
            until("the other stream has records", PATIENCE, || {
                Ok(journal.acknowledged() > VICTIM_RECORDS)
            })
            .map(drop)
        })?;
    }
    run.full_until(&server, "a deleted stream", |server| delete(server, VICTIMS[0]))?;
    run.full_until(&server, "space freed by somebody else", |_| {
        Ok(fs::remove_file(&ballast)?)
    })?;
    under_load(&server, KEPT, &run.kept, &run.chance, || {
        until_full(&server, &run.kept)
    })?;
    // The worst moment for a crash.
    server.kill()?;
    server = run.setup.start().context("the start on a full disk")?;
    run.reader.catch_up(&mut server.client(), &run.kept)?;
    run.full_until(
        &server,
        "a kill, a start on the full disk and a deleted stream",
        |server| delete(server, VICTIMS[1]),
    )?;
    let filler = disk.path.join("filler");
    run.full_until(
        &server,
        "somebody else filled it to the last byte and went",
        |server| {
            to_the_last_byte(&filler)?;
            reads_go_on(server, KEPT)?;
            Ok(fs::remove_file(&filler)?)
        },
    )?;
    to_the_last_byte(&filler)?;
    server.kill()?;
    let started = match run.setup.start() {
        Ok(running) => {
            server = running;
            run.reader.catch_up(&mut server.client(), &run.kept)?;
            fs::remove_file(&filler)?;
            "yes"
        }
        Err(error) => {
            ensure!(
                format!("{error:#}").contains("No space left"),
                "without a byte left: {error:#}"
            );
            fs::remove_file(&filler)?;
            server = run.setup.start().context("with space again")?;
            "no, it says that there is no space"
        }
    };
    run.reader.catch_up(&mut server.client(), &run.kept)?;
    run.reader.read_again(&mut server.client(), &run.kept)?;
    let stored = run
        .reader
        .unacknowledged()
        .intersection(&run.kept.refused())
        .count();
    let waits: Vec<String> = run
        .resumed
        .iter()
        .map(|(why, took)| format!("{} ms after {why}", took.as_millis()))
        .collect();
    Ok(Verdict::Passed(format!(
        "{DISK_MIB} MiB of {}; {} acknowledged, 0 lost, refusals {:?}, {stored} refused records stored all the same; \
         resumed {}; starts without a byte left: {started}",
        disk.kind,
        run.kept.acknowledged(),
        run.kept.refusals(),
        waits.join(", ")
    )))
}

struct Run {
    setup: Setup,
    kept: Journal,
    reader: Reader,
    chance: Chance,
    resumed: Vec<(&'static str, Duration)>,
}

impl Run {
    /// Writes until the disk is full, looks whether everything can be read, and whether writes resume behind `remedy`.
    fn full_until(
        &mut self,
        server: &Server,
        why: &'static str,
        remedy: impl FnOnce(&Server) -> Result<()>,
    ) -> Result<()> {
        let (kept, reader, resumed) = (&self.kept, &mut self.reader, &mut self.resumed);
        under_load(server, KEPT, kept, &self.chance, || {
            until_full(server, kept)?;
            reads_go_on(server, KEPT)?;
            reader
                .catch_up(&mut server.client(), kept)
                .context("reading on a full disk")?;
            remedy(server)?;
            resumed.push((why, until_written(server, kept)?));
            Ok(())
        })
        .with_context(|| format!("to resume behind {why}"))?;
        self.reader.catch_up(&mut server.client(), &self.kept)?;
        Ok(())
    }
}

fn delete(server: &Server, stream: &str) -> Result<()> {
    server
        .client()
        .call("DeleteStream", &json!({"StreamName": stream}))
        .context("DeleteStream on a full disk")?;
    Ok(())
}

/// Writers run while `what` does.
fn under_load(
    server: &Server,
    stream: &str,
    journal: &Journal,
    chance: &Chance,
    what: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let stop = AtomicBool::new(false);
    let load = Load {
        journal,
        stream,
        stop: &stop,
        without: Without::GoOn,
        clock: None,
    };
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let (client, chance, load) = (server.client(), chance.child(), &load);
            scope.spawn(move || load.write(writer, client, &chance));
        }
        let done = what();
        stop.store(true, Ordering::Relaxed);
        done
    })
}

/// Waits until many requests in a row are refused, each with an error that says what to do.
fn until_full(server: &Server, journal: &Journal) -> Result<()> {
    let (mut acknowledged, mut refused) = (0, 0);
    until("the disk is full", PATIENCE, || {
        let (now, refusals) = (journal.acknowledged(), journal.refusals().values().sum::<u64>());
        if now != acknowledged {
            (acknowledged, refused) = (now, refusals);
        }
        Ok(refusals > refused + 200)
    })
    .with_context(|| server.said())?;
    for wording in journal.wordings() {
        ensure!(
            wording.is_retryable(),
            "a full disk is answered with an error that no client retries: {wording}"
        );
        let said = wording.to_string();
        ensure!(
            !said.contains("Rate exceeded") || said.contains("the disk is full: free space"),
            "the answer does not say what to do: {said}"
        );
    }
    ensure!(
        server.client().metric("millrace_log_disk_full ")? == 1.0,
        "the metric does not say that the disk is full"
    );
    Ok(())
}

fn until_written(server: &Server, journal: &Journal) -> Result<Duration> {
    let before = journal.acknowledged();
    until("writes resume", PATIENCE, || {
        Ok(journal.acknowledged() > before + 100)
    })
    .with_context(|| server.said())
}

fn reads_go_on(server: &Server, stream: &str) -> Result<()> {
    let mut client = server.client();
    client.call("DescribeStreamSummary", &json!({"StreamName": stream}))?;
    let asked =
        json!({"StreamName": stream, "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = client.call("GetShardIterator", &asked)?;
    let page = client.call(
        "GetRecords",
        &json!({"ShardIterator": iterator["ShardIterator"], "Limit": 10}),
    )?;
    ensure!(
        page["Records"]
            .as_array()
            .is_some_and(|records| !records.is_empty()),
        "nothing is read on a full disk"
    );
    let (status, text) = client.page("/readyz")?;
    ensure!(status == 200, "a full disk makes it not ready: {text}");
    Ok(())
}

fn fill(path: &Path, mib: usize) -> Result<()> {
    let mut file = File::create(path)?;
    file.write_all(&vec![0x5a; mib << 20])?;
    file.sync_all()?;
    Ok(())
}

/// Takes every block that is left.
fn to_the_last_byte(path: &Path) -> Result<()> {
    let mut file = File::create(path)?;
    let mut piece = vec![0x5a; 1 << 20];
    while !piece.is_empty() {
        match file.write(&piece).and_then(|_| file.sync_all()) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => {
                piece.truncate(piece.len() / 2 / 4096 * 4096)
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
