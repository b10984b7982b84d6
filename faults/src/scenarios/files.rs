//! File descriptors run out, because more clients connect than the process may have files: who is connected is served,
//! the write-ahead log goes on, nothing spins or dies, and it recovers.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::Verdict;
use crate::client::Client;
use crate::journal::Journal;
use crate::load::{Load, Without, until};
use crate::reader::Reader;
use crate::server::{Server, Setup};
use crate::world::World;

const STREAM: &str = "files";
/// RLIMIT_NOFILE of the server.
const OPEN_FILES: u64 = 160;
/// Idle connections, far more than that.
const IDLE: usize = 500;
/// Enough to need new segments and sealed files: a multiple of `storage.seal`.
const RECORDS: u64 = 15_000;
const PATIENCE: Duration = Duration::from_secs(60);
/// How long an idle server is watched for spinning.
const WATCHED: Duration = Duration::from_secs(2);
/// CPU that it may use meanwhile.
const CPU_MAX: Duration = Duration::from_millis(400);

/// See the module.
pub fn run(world: &World) -> Result<Verdict> {
    let folder = world.fresh("files")?;
    let setup = Setup::new(world, &folder).open_files(OPEN_FILES);
    let (journal, mut reader) = (Journal::default(), Reader::new(STREAM));
    let mut server = setup.start()?;
    server.client().create_stream(STREAM, 3)?;
    let mut connected = server.client();
    connected.page("/readyz")?;
    let (stop, chance) = (AtomicBool::new(false), world.chance("files"));
    let load = Load {
        journal: &journal,
        stream: STREAM,
        stop: &stop,
        without: Without::GoOn,
        clock: None,
    };
    let (idle, peak) = std::thread::scope(|scope| {
        for writer in 0..3 {
            let (client, chance, load) = (server.client(), chance.child(), &load);
            scope.spawn(move || load.write(writer, client, &chance));
        }
        let flooded = flood(&mut server, &mut connected, &journal);
        stop.store(true, Ordering::Relaxed);
        flooded
    })?;
    let spun = cpu_while_idle(&server);
    ensure!(
        spun < CPU_MAX,
        "without calls it used {spun:?} of CPU in {WATCHED:?} while connections wait"
    );
    reader
        .catch_up(&mut connected, &journal)
        .context("reading without free file descriptors")?;
    drop(idle);
    let back = until(
        "a new connection is served again",
        Duration::from_secs(10),
        || Ok(matches!(server.client().page("/readyz"), Ok((200, _)))),
    )?;
    server.kill()?;
    server = setup.start()?;
    reader.catch_up(&mut server.client(), &journal)?;
    reader.read_again(&mut server.client(), &journal)?;
    Ok(Verdict::Passed(format!(
        "{IDLE} idle connections at {OPEN_FILES} files: {} acknowledged meanwhile, 0 lost, {:?} refused, {} unanswered; at \
         most {peak} files open, {} ms of CPU in {} s without calls; new connections served {} ms after the others went",
        journal.acknowledged(),
        journal.refusals(),
        journal.unanswered_count(),
        spun.as_millis(),
        WATCHED.as_secs(),
        back.as_millis()
    )))
}

/// Connects until it is enough, then waits for the writers. Yields the connections and the most files it had open.
fn flood(server: &mut Server, connected: &mut Client, journal: &Journal) -> Result<(Vec<TcpStream>, usize)> {
    until("the load runs", PATIENCE, || Ok(journal.acknowledged() > 100))?;
    let mut idle = Vec::with_capacity(IDLE);
    for _ in 0..IDLE {
        // The operating system queues what the server does not accept.
        idle.push(TcpStream::connect(("127.0.0.1", server.port))?);
    }
    let (before, mut peak) = (journal.acknowledged(), 0);
    let written = until(
        "records are acknowledged without free file descriptors",
        PATIENCE,
        || {
            if let Some(status) = server.wait(Duration::ZERO)? {
                anyhow::bail!("the server ended ({status}): {}", server.said());
            }
            peak = peak.max(server.open_files());
            Ok(journal.acknowledged() > before + RECORDS)
        },
    );
    written.with_context(|| server.said())?;
    ensure!(peak > 60, "only {peak} files were open: the flood was none");
    let (status, text) = connected.page("/readyz")?;
    ensure!(status == 200, "not ready: {text}");
    Ok((idle, peak))
}

fn cpu_while_idle(server: &Server) -> Duration {
    let (begun, before) = (Instant::now(), server.cpu());
    while begun.elapsed() < WATCHED {
        std::thread::sleep(Duration::from_millis(50));
    }
    server.cpu().saturating_sub(before)
}
