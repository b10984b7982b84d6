//! The wall clock jumps by a day, forward and back, under a running server and across restarts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use super::Verdict;
use crate::client::{Client, Trouble};
use crate::journal::Journal;
use crate::load::{Load, Without, reshard, reshard_holds, until};
use crate::preload::{Control, Library};
use crate::reader::Reader;
use crate::server::{Server, Setup};
use crate::world::{Chance, World};

const HOUR_MS: i64 = 3_600_000;
/// More than the retention of the one stream, less than that of the other.
const FORWARD_MS: i64 = 25 * HOUR_MS;
const BACK_MS: i64 = -26 * HOUR_MS;
/// `streams.retention_check_secs` is one second; this is watched for what must not happen.
const SWEEPS: Duration = Duration::from_millis(3_500);

/// A stream with what is known of it.
struct Watched {
    name: &'static str,
    journal: Journal,
    reader: Reader,
}

impl Watched {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            journal: Journal::default(),
            reader: Reader::new(name),
        }
    }

    /// Writes some records at the clock's time and reads everything that is new.
    fn some(&mut self, at: &Clocked<'_>) -> Result<()> {
        let (stop, before) = (AtomicBool::new(false), self.journal.acknowledged());
        let load = Load {
            journal: &self.journal,
            stream: self.name,
            stop: &stop,
            without: Without::GoOn,
            clock: None,
        };
        std::thread::scope(|scope| {
            for writer in 0..2 {
                let (client, chance, load) = (at.client(), at.chance.child(), &load);
                scope.spawn(move || load.write(writer, client, &chance));
            }
            let written = until("records are acknowledged", Duration::from_secs(20), || {
                Ok(load.journal.acknowledged() > before + 300)
            });
            stop.store(true, Ordering::Relaxed);
            written.with_context(|| format!("{:?}", load.journal.refusals()))
        })?;
        self.reader
            .catch_up(&mut at.client(), &self.journal)
            .with_context(|| self.name.to_owned())?;
        Ok(())
    }

    fn whole(&self, at: &Clocked<'_>) -> Result<()> {
        self.reader
            .read_again(&mut at.client(), &self.journal)
            .with_context(|| self.name.to_owned())
    }
}

/// A server and the time it is shown.
struct Clocked<'a> {
    server: &'a Server,
    control: &'a Control,
    chance: &'a Chance,
    offset_ms: i64,
}

impl Clocked<'_> {
    /// One whose clock agrees with the server's.
    fn client(&self) -> Client {
        let mut client = self.server.client();
        client.skew_ms = self.offset_ms;
        client
    }

    fn jump(&mut self, offset_ms: i64) -> Result<()> {
        let old = self.client();
        self.control.set_clock(offset_ms);
        self.offset_ms = offset_ms;
        stale_signature(old)
    }
}

/// A signature by the clock before the jump is refused, with a sentence that says that it is the time.
fn stale_signature(mut client: Client) -> Result<()> {
    match client.call("ListStreams", &json!({})) {
        Err(Trouble::Refused {
            status,
            code,
            message,
        }) => {
            ensure!(
                status < 500
                    && (message.contains("Signature expired") || message.contains("not yet current")),
                "a signature of another day is refused with {status} {code}: {message}"
            );
            Ok(())
        }
        other => bail!("a signature of another day: {other:?}"),
    }
}

/// See the module.
pub fn run(world: &World) -> Result<Verdict> {
    let folder = world.fresh("clock")?;
    let library = match Library::build(&folder)? {
        Ok(library) => library,
        Err(reason) => return Ok(Verdict::NotRun(reason)),
    };
    let control = library.control(&folder)?;
    let setup = Setup::new(world, &folder)
        .with("streams.retention_check_secs=1")
        .under(&control);
    let chance = world.chance("clock");
    let mut server = setup.start()?;
    let mut at = Clocked {
        server: &server,
        control: &control,
        chance: &chance,
        offset_ms: 0,
    };
    let (mut day, mut week) = (Watched::new("day"), Watched::new("week"));
    for stream in [day.name, week.name] {
        at.client().create_stream(stream, 2)?;
    }
    at.client().call(
        "IncreaseStreamRetentionPeriod",
        &json!({"StreamName": "week", "RetentionPeriodHours": 168}),
    )?;
    day.some(&at)?;
    week.some(&at)?;
    let old_iterator = iterator(&at)?;

    // Forward: what is older than its retention by the new clock goes, and only that.
    at.jump(FORWARD_MS)?;
    expired(&at, &old_iterator)?;
    let trimmed = until("the stream of a day is trimmed", Duration::from_secs(20), || {
        Ok(oldest_of_day(&at)? == 0)
    })?;
    let gone = day.reader.records();
    week.whole(&at)?;
    let first = day.journal.acknowledged();
    let mut day = Watched::new("later");
    at.client().create_stream(day.name, 2)?;
    day.some(&at)?;
    week.some(&at)?;
    let future_iterator = iterator(&at)?;

    // Back: nothing is trimmed, times do not go back, iterators of the future are taken.
    at.jump(0)?;
    at.client()
        .call("GetRecords", &json!({"ShardIterator": future_iterator}))
        .context("an iterator of the future")?;
    for offset in [0, BACK_MS] {
        if offset != at.offset_ms {
            at.jump(offset)?;
        }
        day.some(&at)?;
        week.some(&at)?;
        watch_sweeps(&at, &day, &week).with_context(|| format!("clock at {} h", offset / HOUR_MS))?;
    }
    // Shards that are closed and born there hold records all the same, and for as long as others.
    for stream in [&mut day, &mut week] {
        let parents =
            reshard(&mut at.client(), stream.name, &chance)?.context("a reshard a day back was refused")?;
        reshard_holds(&mut at.client(), stream.name, &parents)?;
        stream.some(&at)?;
    }
    watch_sweeps(&at, &day, &week).context("behind a reshard a day back")?;

    // Restarts: a day back, and at the right time again.
    for offset in [BACK_MS, 0] {
        server.kill()?;
        control.set_clock(offset);
        server = setup.start()?;
        at = Clocked {
            server: &server,
            control: &control,
            chance: &chance,
            offset_ms: offset,
        };
        for stream in [&mut day, &mut week] {
            stream.reader.catch_up(&mut at.client(), &stream.journal)?;
            stream.some(&at)?;
            stream.whole(&at)?;
        }
    }
    watch_sweeps(&at, &day, &week).context("at the right time again")?;
    Ok(Verdict::Passed(format!(
        "{} acknowledged, 0 lost; forward 25 h: {gone} records of a 24 h stream trimmed after {} ms, none of a 168 h stream; \
         back 25 h and another 26 h, with reshards there: none trimmed, arrival times never went back; restarts a day back and at the right time",
        first + day.journal.acknowledged() + week.journal.acknowledged(),
        trimmed.as_millis()
    )))
}

fn iterator(at: &Clocked<'_>) -> Result<String> {
    let asked =
        json!({"StreamName": "week", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"});
    let answer = at.client().call("GetShardIterator", &asked)?;
    Ok(answer["ShardIterator"]
        .as_str()
        .context("no iterator")?
        .to_owned())
}

fn expired(at: &Clocked<'_>, iterator: &str) -> Result<()> {
    match at
        .client()
        .call("GetRecords", &json!({"ShardIterator": iterator}))
    {
        Err(trouble) if trouble.code().contains("ExpiredIterator") => Ok(()),
        other => bail!("an iterator of yesterday: {other:?}"),
    }
}

/// How many records are there at the trim horizons.
fn oldest_of_day(at: &Clocked<'_>) -> Result<usize> {
    let mut found = 0;
    for shard in 0..2 {
        let shard = format!("shardId-{shard:012}");
        let asked = json!({"StreamName": "day", "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
        let iterator = at.client().call("GetShardIterator", &asked)?;
        let page = at
            .client()
            .call("GetRecords", &json!({"ShardIterator": iterator["ShardIterator"]}))?;
        found += page["Records"].as_array().map_or(0, Vec::len);
    }
    Ok(found)
}

/// Nothing goes while three sweeps pass.
fn watch_sweeps(at: &Clocked<'_>, day: &Watched, week: &Watched) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < SWEEPS {
        day.whole(at)?;
        week.whole(at)?;
        std::thread::sleep(Duration::from_millis(300));
    }
    Ok(())
}
