//! The power goes: what the server wrote and synced is recorded, together with the moment of every acknowledgement; then
//! the server is started on what a power cut may leave behind any of its operations, and everything must be there that
//! was acknowledged before.
//!
//! The recording ends with a stop between two operations and a kill, and goes on with a second run, so that cuts fall
//! into recovery too. It is first checked against the files themselves, so that nothing escaped it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Verdict;
use crate::client::Trouble;
use crate::journal::{Ack, Journal};
use crate::load::{Load, Without, reshard, reshard_holds, until};
use crate::preload::{Control, Library};
use crate::reader::Reader;
use crate::records::Name;
use crate::server::{Server, Setup};
use crate::trace::{Disk, Keep, Op, Trace};
use crate::world::{Chance, World, clear};

const STREAM: &str = "power";
const WRITERS: u32 = 3;
/// Cuts in CI; thousands by hand.
const CUTS: u64 = 40;
/// Acknowledged records of each of the two recorded runs: enough to seal and to merge files.
const RECORDS: u64 = 6_000;

/// What the clients knew, with the number of operations that were recorded when they learnt it.
struct Known {
    journal: Journal,
    acked: HashMap<Name, Ack>,
    created: u64,
    reshards: Vec<(u64, Vec<String>)>,
}

/// See the module.
pub fn run(world: &World) -> Result<Verdict> {
    let folder = world.fresh("power")?;
    let library = match Library::build(&folder)? {
        Ok(library) => library,
        Err(reason) => return Ok(Verdict::NotRun(reason)),
    };
    let file = folder.join("trace");
    let control = library.control(&folder)?.recording(&file)?;
    let chance = world.chance("power");
    let recorded = Setup::new(world, &folder).under(&control);
    let known = record(&recorded, &control, &chance)?;
    let trace = Trace::read(&file, &recorded.data)?;
    let mut disk = Disk::default();
    trace.ops.iter().for_each(|op| disk.play(&trace, op));
    disk.agrees_with(&trace, &recorded.data)
        .context("the recording is not whole")?;

    let cuts = world.rounds.unwrap_or(CUTS);
    let (mut checked, mut slowest) = (0, Duration::ZERO);
    let after = folder.join("after");
    let mut disk = Disk::default();
    let points = points(&trace, &chance, cuts);
    for (at, op) in trace.ops.iter().enumerate() {
        for _ in 0..points.get(&at).copied().unwrap_or_default() {
            let keep = match checked % 5 {
                0 => Keep::Nothing,
                1 => Keep::All,
                _ => Keep::Some,
            };
            let server = cut(world, (&trace, at, &disk), (keep, &chance), &after)
                .and_then(|server| check(&server, &known, at as u64).map(|()| server))
                .with_context(|| {
                    format!("power cut before operation {at} ({}), kept: {keep:?}", shown(op))
                })?;
            slowest = slowest.max(server.recovery);
            checked += 1;
        }
        disk.play(&trace, op);
    }
    Ok(Verdict::Passed(format!(
        "{checked} power cuts in {} recorded operations with {} acknowledged records and {} reshards, 0 lost; the recording \
         holds every byte; slowest recovery {} ms",
        trace.ops.len(),
        known.acked.len(),
        known.reshards.len(),
        slowest.as_millis()
    )))
}

/// Two runs under load, with a kill between two operations in between.
fn record(setup: &Setup, control: &Control, chance: &Chance) -> Result<Known> {
    let mut known = Known {
        journal: Journal::default(),
        acked: HashMap::new(),
        created: 0,
        reshards: Vec::new(),
    };
    for part in 0..2 {
        let mut server = setup.start()?;
        if part == 0 {
            server.client().create_stream(STREAM, 3)?;
            known.created = control.recorded().load(Ordering::SeqCst);
        }
        let stop = AtomicBool::new(false);
        let load = Load {
            journal: &known.journal,
            stream: STREAM,
            stop: &stop,
            without: Without::End,
            clock: Some(control.recorded()),
        };
        let reshards = std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (client, chance, load) = (server.client(), chance.child(), &load);
                scope.spawn(move || load.write(writer, client, &chance));
            }
            let done = busy(&mut server, control, chance, (&known.journal, part));
            stop.store(true, Ordering::Relaxed);
            if done.is_err() {
                let _ = server.kill();
            }
            done
        })?;
        known.reshards.extend(reshards);
        control.thaw();
    }
    known.acked = known.journal.take_acked();
    Ok(known)
}

/// Waits until enough was recorded, with reshards meanwhile, and ends the server between two operations.
fn busy(
    server: &mut Server,
    control: &Control,
    chance: &Chance,
    (journal, part): (&Journal, u64),
) -> Result<Vec<(u64, Vec<String>)>> {
    let mut reshards = Vec::new();
    for step in 1..=4 {
        let enough = RECORDS * part + RECORDS / 4 * step;
        until("records are recorded", Duration::from_secs(60), || {
            Ok(journal.acknowledged() >= enough)
        })?;
        if let Some(parents) = reshard(&mut server.client(), STREAM, chance)? {
            reshards.push((control.recorded().load(Ordering::SeqCst), parents));
        }
    }
    until(
        "the server stands between two operations",
        Duration::from_secs(20),
        || Ok(control.freeze()),
    )?;
    server.kill()?;
    Ok(reshards)
}

/// Where to cut, and how often: half of them next to a sync or a change of names, where it matters, half anywhere.
fn points(trace: &Trace, chance: &Chance, cuts: u64) -> HashMap<usize, u64> {
    let telling: Vec<usize> = (0..trace.ops.len())
        .filter(|at| !matches!(trace.ops[*at], Op::Write { .. }))
        .flat_map(|at| [at, at + 1])
        .collect();
    let mut points = HashMap::new();
    for cut in 0..cuts {
        let at = if cut % 2 == 0 && !telling.is_empty() {
            telling[usize::try_from(chance.between(0, telling.len() as u64)).unwrap_or_default()]
        } else {
            usize::try_from(chance.between(0, trace.ops.len() as u64)).unwrap_or_default()
        };
        *points
            .entry(at.min(trace.ops.len().saturating_sub(1)))
            .or_default() += 1;
    }
    points
}

/// Starts a server on what is left.
fn cut(
    world: &World,
    (trace, at, disk): (&Trace, usize, &Disk),
    (keep, chance): (Keep, &Chance),
    after: &Path,
) -> Result<Server> {
    clear(after)?;
    let setup = Setup::new(world, after);
    std::fs::create_dir_all(&setup.data)?;
    disk.cut(trace, trace.ops.get(at), (keep, chance), &setup.data)?;
    setup.start()
}

/// Everything is there that was acknowledged before `at` operations were done.
fn check(server: &Server, known: &Known, at: u64) -> Result<()> {
    let mut client = server.client();
    match client.until_active(STREAM) {
        Err(Trouble::Refused { code, .. }) if code == "ResourceNotFoundException" && at < known.created => {
            return Ok(());
        }
        other => other?,
    }
    let mut reader = Reader::new(STREAM);
    let before = known.acked.iter().filter(|(_, ack)| ack.at <= at);
    reader.expect(before.map(|(name, ack)| (*name, ack.clone())).collect())?;
    reader.read(&mut client, &known.journal)?;
    reader.nothing_lost()?;
    // What was acknowledged later may be there already, in its place.
    reader.expect(
        known
            .acked
            .iter()
            .filter(|(_, ack)| ack.at > at)
            .map(|(name, ack)| (*name, ack.clone()))
            .collect(),
    )?;
    for (when, parents) in &known.reshards {
        if *when <= at {
            reshard_holds(&mut client, STREAM, parents)?;
        }
    }
    ensure!(
        reader.records() > 0 || known.acked.values().all(|ack| ack.at > at),
        "nothing was read"
    );
    Ok(())
}

fn shown(op: &Op) -> String {
    let text = format!("{op:?}");
    text.chars().take(120).collect()
}
