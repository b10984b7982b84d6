//! Calls on the disk fail, at the Nth of a kind: after a failed write or sync of the write-ahead log nothing is
//! acknowledged any more and the process ends with a reason; what only delays – a full disk, a short write, an
//! interruption, a slow sync, a failed sealing – is survived. After every case: kill -9, start, everything is there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Verdict;
use crate::journal::Journal;
use crate::load::{Load, Without, until};
use crate::preload::{Control, Fault, Kind, Library, calls, files};
use crate::reader::Reader;
use crate::server::{Server, Setup};
use crate::world::{Chance, World};

const STREAM: &str = "io";
const WRITERS: u32 = 3;
/// How many positions of each case are tried in CI.
const POSITIONS: u64 = 2;
const PATIENCE: Duration = Duration::from_secs(30);

/// What must come of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The process ends at once and says why.
    Ends,
    /// Writes are acknowledged again.
    GoesOn,
    /// Either.
    Either,
}

struct Case {
    name: &'static str,
    kind: Kind,
    files: u64,
    calls: u64,
    /// How many calls in a row.
    times: i64,
    /// Whether O_DIRECT is refused, so that the log is written through the page cache and synced.
    buffered: bool,
    then: Then,
}

const fn case(name: &'static str, kind: Kind, (files, calls): (u64, u64), then: Then) -> Case {
    Case {
        name,
        kind,
        files,
        calls,
        times: 1,
        buffered: false,
        then,
    }
}

impl Case {
    const fn times(mut self, times: i64) -> Self {
        self.times = times;
        self
    }

    const fn buffered(mut self) -> Self {
        self.buffered = true;
        self
    }
}

const WAL_WRITE: (u64, u64) = (files::WAL, calls::WRITE);
const WAL_SYNC: (u64, u64) = (files::WAL, calls::SYNC);
const NEW_WRITE: (u64, u64) = (files::WAL_NEW, calls::WRITE | calls::SYNC);
const MANIFEST_WRITE: (u64, u64) = (files::MANIFEST, calls::WRITE);
const MANIFEST_SYNC: (u64, u64) = (files::MANIFEST, calls::SYNC);
const SEALED: (u64, u64) = (files::SEALED, calls::WRITE | calls::SYNC);

const CASES: &[Case] = &[
    case("log write EIO", Kind::EioBefore, WAL_WRITE, Then::Ends),
    case("log write half, EIO", Kind::EioHalf, WAL_WRITE, Then::Ends),
    case("log write whole, EIO", Kind::EioAfter, WAL_WRITE, Then::Ends),
    case("log write ENOSPC", Kind::EnospcBefore, WAL_WRITE, Then::GoesOn).times(3),
    case(
        "log write half, ENOSPC",
        Kind::EnospcHalf,
        WAL_WRITE,
        Then::GoesOn,
    )
    .times(3),
    case(
        "log write whole, ENOSPC",
        Kind::EnospcAfter,
        WAL_WRITE,
        Then::GoesOn,
    )
    .times(3),
    case("log write short", Kind::Short, WAL_WRITE, Then::GoesOn).times(20),
    case("log write EINTR", Kind::Interrupted, WAL_WRITE, Then::GoesOn).times(5),
    case("log write slow", Kind::Slow, WAL_WRITE, Then::GoesOn).times(20),
    case("buffered log write EIO", Kind::EioBefore, WAL_WRITE, Then::Ends).buffered(),
    case("buffered log write short", Kind::Short, WAL_WRITE, Then::GoesOn)
        .times(20)
        .buffered(),
    case("log sync EIO", Kind::EioBefore, WAL_SYNC, Then::Ends).buffered(),
    case("log sync done, EIO", Kind::EioAfter, WAL_SYNC, Then::Ends).buffered(),
    case("log sync ENOSPC", Kind::EnospcBefore, WAL_SYNC, Then::Ends).buffered(),
    case("log sync slow", Kind::Slow, WAL_SYNC, Then::GoesOn)
        .times(20)
        .buffered(),
    case("new segment EIO", Kind::EioBefore, NEW_WRITE, Then::Either),
    case("new segment ENOSPC", Kind::EnospcHalf, NEW_WRITE, Then::GoesOn).times(2),
    case("manifest write EIO", Kind::EioBefore, MANIFEST_WRITE, Then::Ends),
    case(
        "manifest write ENOSPC",
        Kind::EnospcHalf,
        MANIFEST_WRITE,
        Then::GoesOn,
    ),
    case("manifest sync EIO", Kind::EioAfter, MANIFEST_SYNC, Then::Ends),
    case("sealed file EIO", Kind::EioHalf, SEALED, Then::GoesOn).times(2),
    case("sealed file ENOSPC", Kind::EnospcAfter, SEALED, Then::GoesOn).times(2),
];

struct Run {
    setup: Setup,
    control: Control,
    journal: Journal,
    reader: Reader,
    chance: Chance,
    ended: u64,
    survived: u64,
}

/// See the module.
pub fn run(world: &World) -> Result<Verdict> {
    let folder = world.fresh("io")?;
    let library = match Library::build(&folder)? {
        Ok(library) => library,
        Err(reason) => return Ok(Verdict::NotRun(reason)),
    };
    let control = library.control(&folder)?;
    let mut run = Run {
        setup: Setup::new(world, &folder).under(&control),
        control,
        journal: Journal::default(),
        reader: Reader::new(STREAM),
        chance: world.chance("io"),
        ended: 0,
        survived: 0,
    };
    run.setup.start()?.client().create_stream(STREAM, 3)?;
    for case in CASES {
        for position in 0..world.rounds.unwrap_or(POSITIONS) {
            // The first ones in order, then anywhere within the first second or so.
            let nth = if position < 2 {
                position + 1
            } else {
                run.chance.between(3, 60)
            };
            run.one(case, nth)
                .with_context(|| format!("{}, call {nth}", case.name))?;
        }
    }
    let server = run.setup.start()?;
    run.reader.read_again(&mut server.client(), &run.journal)?;
    let stored = run
        .reader
        .unacknowledged()
        .intersection(&run.journal.refused())
        .count();
    Ok(Verdict::Passed(format!(
        "{} kinds of failures, {} of them ended the process, {} were survived; {} acknowledged, 0 lost, 0 acknowledged from \
         a failed file; {stored} refused records stored all the same",
        CASES.len(),
        run.ended,
        run.survived,
        run.journal.acknowledged()
    )))
}

impl Run {
    fn one(&mut self, case: &Case, nth: u64) -> Result<()> {
        self.control.disarm();
        self.control.refuse_direct(case.buffered);
        let mut server = self.setup.start()?;
        let stop = AtomicBool::new(false);
        let load = Load {
            journal: &self.journal,
            stream: STREAM,
            stop: &stop,
            without: Without::End,
            clock: None,
        };
        let outcome = std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (client, chance, load) = (server.client(), self.chance.child(), &load);
                scope.spawn(move || load.write(writer, client, &chance));
            }
            let outcome = strike(&mut server, &self.control, case, (nth, &self.journal));
            stop.store(true, Ordering::Relaxed);
            if outcome.is_err() {
                // The writers must not wait for it.
                let _ = server.kill();
            }
            outcome
        })?;
        self.control.disarm();
        match outcome {
            Then::Ends => self.ended += 1,
            _ => self.survived += 1,
        }
        server.kill()?;
        self.control.refuse_direct(false);
        let server = self.setup.start().context("the start behind it")?;
        self.reader.catch_up(&mut server.client(), &self.journal)?;
        Ok(())
    }
}

/// Lets the fault happen under load and says what came of it.
fn strike(
    server: &mut Server,
    control: &Control,
    case: &Case,
    (nth, journal): (u64, &Journal),
) -> Result<Then> {
    let before = journal.acknowledged();
    until("the load runs", PATIENCE, || {
        Ok(journal.acknowledged() > before + 20)
    })?;
    control.arm(&Fault {
        kind: case.kind,
        files: case.files,
        calls: case.calls,
        nth: i64::try_from(nth)?,
        times: case.times,
        delay: Duration::from_millis(20),
    });
    until("the failure happens", PATIENCE, || Ok(control.fired() > 0))
        .context("the load never made such a call")?;
    let acknowledged = journal.acknowledged();
    let mut status = None;
    until("it ends, or acknowledges again", PATIENCE, || {
        status = server.wait(Duration::ZERO)?;
        Ok(status.is_some() || case.then != Then::Ends && journal.acknowledged() > acknowledged + 200)
    })
    .with_context(|| server.said())?;
    let Some(status) = status else {
        ensure!(
            server.wait(Duration::ZERO)?.is_none(),
            "it ended: {}",
            server.said()
        );
        return Ok(Then::GoesOn);
    };
    let said = server.said();
    ensure!(
        case.then != Then::GoesOn,
        "it ended ({status}) where it should go on: {said}"
    );
    ensure!(
        !status.success() && said.contains("storage failed"),
        "it ended with {status} and said: {said}"
    );
    let (failed, newest) = (control.fired_at_ns(), journal.newest_acked());
    // Of another file's failure the log learns a moment later; what it acknowledges until then is stored.
    ensure!(
        case.files != files::WAL || newest < failed,
        "a request was acknowledged that was sent {} µs after the failure",
        newest.saturating_sub(failed) / 1000
    );
    Ok(Then::Ends)
}
