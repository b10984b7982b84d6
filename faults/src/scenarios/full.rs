//! A full disk: writes are refused with an error that says so and can be retried, reads go on, nothing is lost, and
//! writes resume by themselves – whether somebody else frees space or a stream is deleted.

use std::fs::{self, File};
use std::io::Write;
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
const VICTIM: &str = "victim";
const DISK_MIB: u64 = 64;
/// What somebody else has on the disk, twice.
const BALLAST_MIB: usize = 8;
/// What the stream holds that is deleted later.
const VICTIM_RECORDS: u64 = 6_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// See the module.
pub fn run(world: &World) -> Result<Verdict> {
    let folder = world.fresh("full")?;
    let disk = match small_disk(&folder, DISK_MIB)? {
        Ok(disk) => disk,
        Err(reason) => return Ok(Verdict::NotRun(reason)),
    };
    let mut setup = Setup::new(world, &folder).with("streams.retention_check_secs=1");
    setup.data = disk.path.join("data");
    let ballast = [disk.path.join("ballast-1"), disk.path.join("ballast-2")];
    for file in &ballast {
        fill(file)?;
    }
    let chance = world.chance("full");
    let (kept, victim) = (Journal::default(), Journal::default());
    let mut reader = Reader::new(KEPT);
    let mut server = setup.start()?;
    for stream in [KEPT, VICTIM] {
        server.client().create_stream(stream, 2)?;
    }
    under_load(&server, VICTIM, &victim, &chance, || {
        until("the other stream has records", PATIENCE, || Ok(victim.acknowledged() > VICTIM_RECORDS)).map(drop)
    })?;
    let mut resumed = Vec::new();

    under_load(&server, KEPT, &kept, &chance, || {
        until_full(&server, &kept)?;
        reads_go_on(&server, &kept, &mut reader)?;
        fs::remove_file(&ballast[0])?;
        resumed.push(("space freed by somebody else", until_written(&server, &kept).context("space freed by somebody else")?));
        until_full(&server, &kept).context("the second time")
    })?;
    // The worst moment for a crash.
    server.kill()?;
    server = match setup.start() {
        Ok(server) => server,
        Err(error) => {
            println!("       on the full disk it does not start: {error:#}");
            fs::remove_file(&ballast[1])?;
            setup.start().context("with space again")?
        }
    };
    reader.catch_up(&mut server.client(), &kept)?;
    under_load(&server, KEPT, &kept, &chance, || {
        until_full(&server, &kept).context("behind the restart")?;
        server.client().call("DeleteStream", &json!({"StreamName": VICTIM})).context("DeleteStream on a full disk")?;
        resumed.push(("a deleted stream", until_written(&server, &kept).context("a deleted stream")?));
        until("the metric says that there is space", PATIENCE, || {
            Ok(server.client().metric("millrace_log_disk_full ")? == 0.0)
        })
        .map(drop)
    })?;
    reader.catch_up(&mut server.client(), &kept)?;
    server.kill()?;
    server = setup.start()?;
    reader.catch_up(&mut server.client(), &kept)?;
    reader.read_again(&mut server.client(), &kept)?;
    let refused = kept.refused();
    let stored = reader.unacknowledged().intersection(&refused).count();
    let waits: Vec<String> = resumed.iter().map(|(why, took)| format!("{} ms after {why}", took.as_millis())).collect();
    Ok(Verdict::Passed(format!(
        "{} of {DISK_MIB} MiB; {} acknowledged, 0 lost, refusals {:?}, {stored} refused records stored all the same; \
         resumed {}",
        disk.kind,
        kept.acknowledged(),
        kept.refusals(),
        waits.join(", ")
    )))
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
        ensure!(wording.is_retryable(), "a full disk is answered with an error that no client retries: {wording}");
    }
    ensure!(server.client().metric("millrace_log_disk_full ")? == 1.0, "the metric does not say that the disk is full");
    Ok(())
}

fn until_written(server: &Server, journal: &Journal) -> Result<Duration> {
    let before = journal.acknowledged();
    until("writes resume", PATIENCE, || Ok(journal.acknowledged() > before + 100)).with_context(|| server.said())
}

fn reads_go_on(server: &Server, journal: &Journal, reader: &mut Reader) -> Result<()> {
    let mut client = server.client();
    reader.catch_up(&mut client, journal).context("reading on a full disk")?;
    reader.read_again(&mut client, journal).context("reading on a full disk")?;
    client.call("DescribeStreamSummary", &json!({"StreamName": KEPT}))?;
    let (status, text) = client.page("/readyz")?;
    ensure!(status == 200, "a full disk makes it not ready: {text}");
    Ok(())
}

fn fill(path: &Path) -> Result<()> {
    let mut file = File::create(path)?;
    file.write_all(&vec![0x5a; BALLAST_MIB << 20])?;
    file.sync_all()?;
    Ok(())
}
