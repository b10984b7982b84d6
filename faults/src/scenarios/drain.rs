//! SIGTERM under load: what was accepted is answered, what was not is not stored, subscriptions end as they should,
//! and the process is gone in time.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::Verdict;
use crate::client::{Client, chunk};
use crate::journal::{Ack, Journal};
use crate::load::{Load, Without, base64, until};
use crate::preload::monotonic_ns;
use crate::reader::Reader;
use crate::records::record;
use crate::server::{Server, Setup};
use crate::world::World;

const STREAM: &str = "drained";
const WRITERS: u32 = 6;
/// The writer of the request whose body arrives late.
const LATE_WRITER: u32 = WRITERS;
const ROUNDS: u64 = 3;
/// `server.drain_secs`.
const DRAIN_SECS: u64 = 4;
/// What closing services, control plane and log may take on top.
const CLOSING: Duration = Duration::from_secs(5);
/// A start behind a clean stop has nothing to recover.
const START_MAX: Duration = Duration::from_secs(2);

#[derive(Default)]
struct Figures {
    stops: Vec<Duration>,
    starts: Vec<Duration>,
    subscriptions: usize,
    pushed_bytes: usize,
}

/// See the module.
pub fn run(world: &World) -> Result<Verdict> {
    let folder = world.fresh("drain")?;
    let setup = Setup::new(world, &folder).with(&format!("server.drain_secs={DRAIN_SECS}"));
    let (journal, mut reader, mut figures) = (Journal::default(), Reader::new(STREAM), Figures::default());
    let mut server = setup.start()?;
    server.client().create_stream(STREAM, 4)?;
    let consumer = consumer(&mut server.client())?;
    let rounds = world.rounds.map_or(ROUNDS, |rounds| rounds.clamp(1, 50));
    for round in 0..rounds {
        // Every other round a client never finishes its request: the server must not wait for it for ever.
        let stuck = round % 2 == 1;
        stop(world, &mut server, &journal, (&consumer, stuck), &mut figures)
            .with_context(|| format!("round {round}"))?;
        server = setup.start()?;
        ensure!(
            server.recovery < START_MAX,
            "the start after a clean stop took {:?}",
            server.recovery
        );
        figures.starts.push(server.recovery);
        reader.catch_up(&mut server.client(), &journal)?;
        let there = reader.unacknowledged();
        if let Some(name) = journal.unanswered().iter().find(|name| there.contains(name)) {
            anyhow::bail!(
                "{name:?} is stored, but its request was never answered: it was accepted and then dropped"
            );
        }
    }
    reader.read_again(&mut server.client(), &journal)?;
    let worst = |times: &[Duration]| times.iter().max().map_or(0, Duration::as_millis);
    Ok(Verdict::Passed(format!(
        "{rounds} stops, {} acknowledged, 0 lost, {} never accepted, {:?} refused; {} subscriptions ended whole after {} MiB; \
         slowest stop {} ms, slowest start {} ms",
        journal.acknowledged(),
        journal.unanswered_count(),
        journal.refusals(),
        figures.subscriptions,
        figures.pushed_bytes >> 20,
        worst(&figures.stops),
        worst(&figures.starts)
    )))
}

fn consumer(client: &mut Client) -> Result<String> {
    let summary = client.call("DescribeStreamSummary", &json!({"StreamName": STREAM}))?;
    let arn = summary["StreamDescriptionSummary"]["StreamARN"]
        .as_str()
        .context("a stream without an ARN")?;
    let made = client.call(
        "RegisterStreamConsumer",
        &json!({"StreamARN": arn, "ConsumerName": "reader"}),
    )?;
    let consumer = made["Consumer"]["ConsumerARN"]
        .as_str()
        .context("a consumer without an ARN")?
        .to_owned();
    until("the consumer is active", Duration::from_secs(10), || {
        let described = client.call("DescribeStreamConsumer", &json!({"ConsumerARN": consumer}))?;
        Ok(described["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE")
    })?;
    Ok(consumer)
}

/// One load with one SIGTERM in it.
fn stop(
    world: &World,
    server: &mut Server,
    journal: &Journal,
    (consumer, stuck): (&str, bool),
    figures: &mut Figures,
) -> Result<()> {
    let over = AtomicBool::new(false);
    let load = Load {
        journal,
        stream: STREAM,
        stop: &over,
        without: Without::End,
        clock: None,
    };
    let mut subscriptions = Vec::new();
    for shard in 0..3 {
        let shard = format!("shardId-{shard:012}");
        let asked =
            json!({"ConsumerARN": consumer, "ShardId": shard, "StartingPosition": {"Type": "TRIM_HORIZON"}});
        subscriptions.push(server.client().open("SubscribeToShard", &asked)?);
    }
    let before = journal.acknowledged();
    let chance = world.chance("drain");
    let stopped = std::thread::scope(|scope| -> Result<(Vec<Result<usize>>, Duration)> {
        for writer in 0..WRITERS {
            let (client, chance, load) = (server.client(), chance.child(), &load);
            scope.spawn(move || load.write(writer, client, &chance));
        }
        let pushes: Vec<_> = subscriptions
            .into_iter()
            .map(|push| scope.spawn(move || whole_frames(push)))
            .collect();
        let late = Late::begin(server.client(), journal)?;
        let hanging = stuck.then(|| Late::begin(server.client(), journal)).transpose()?;
        until("the load runs", Duration::from_secs(20), || {
            Ok(journal.acknowledged() > before + 500)
        })?;
        let begun = Instant::now();
        server.signal(libc::SIGTERM)?;
        until(
            "new calls are refused or not connected",
            Duration::from_secs(5),
            || Ok(!matches!(server.client().page("/readyz"), Ok((200, _)))),
        )?;
        late.finish(journal)?;
        let status = server.wait(Duration::from_secs(DRAIN_SECS) + CLOSING)?;
        let took = begun.elapsed();
        over.store(true, Ordering::Relaxed);
        let status = status.with_context(|| format!("it still runs {took:?} after SIGTERM"))?;
        ensure!(status.success(), "it ended with {status}: {}", server.said());
        ensure!(
            stuck || took < Duration::from_secs(DRAIN_SECS),
            "it took {took:?} although no client was stuck"
        );
        drop(hanging);
        let ends = pushes.into_iter().map(|push| {
            push.join()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("a reader panicked")))
        });
        Ok((ends.collect(), took))
    })?;
    figures.stops.push(stopped.1);
    for pushed in stopped.0 {
        figures.pushed_bytes += pushed.context("a subscription")?;
        figures.subscriptions += 1;
    }
    Ok(())
}

/// A request whose head and half of the body are there before the server is told to stop.
struct Late {
    client: Client,
    rest: Vec<u8>,
    name: crate::records::Name,
    sent: u64,
}

impl Late {
    fn begin(mut client: Client, journal: &Journal) -> Result<Self> {
        let name = journal.names(LATE_WRITER, 1)[0];
        let (key, data) = record(name);
        let body = json!({"StreamName": STREAM, "PartitionKey": key, "Data": base64(&data)}).to_string();
        let mut request = client.request("PutRecord", &body);
        let rest = request.split_off(request.len() - body.len() / 2);
        client.connect()?.get_mut().write_all(&request)?;
        journal.miss(&[name]);
        Ok(Self {
            client,
            rest,
            name,
            sent: monotonic_ns(),
        })
    }

    /// It was accepted, so it is answered.
    fn finish(mut self, journal: &Journal) -> Result<()> {
        self.client.connect()?.get_mut().write_all(&self.rest)?;
        let (status, answer) = self
            .client
            .answer()
            .context("a request that was under way at the stop")?;
        let answer: serde_json::Value = serde_json::from_slice(&answer)?;
        ensure!(
            status == 200,
            "a request that was under way at the stop was answered with {status}: {answer}"
        );
        let text = |member: &str| answer[member].as_str().unwrap_or_default().to_owned();
        let ack = Ack {
            shard: text("ShardId"),
            number: text("SequenceNumber"),
            at: 0,
        };
        journal.answered(self.name);
        journal.acknowledge(self.name, ack, self.sent);
        Ok(())
    }
}

/// Reads a push to its end: it must consist of whole event-stream messages and end with the last chunk. Yields its size.
fn whole_frames(mut push: BufReader<TcpStream>) -> Result<usize> {
    let (mut bytes, mut total) = (Vec::new(), 0);
    while let Some(piece) = chunk(&mut push)? {
        bytes.extend_from_slice(&piece);
        total += piece.len();
        while let Some(length) = bytes
            .first_chunk::<4>()
            .map(|head| u32::from_be_bytes(*head) as usize)
        {
            ensure!(length >= 16, "an event of {length} bytes");
            if bytes.len() < length {
                break;
            }
            let event: Vec<u8> = bytes.drain(..length).collect();
            let exception = b":exception-type";
            ensure!(
                !event.windows(exception.len()).any(|window| window == exception),
                "it ended with an exception: {}",
                String::from_utf8_lossy(&event)
            );
        }
    }
    ensure!(bytes.is_empty(), "it ended within an event");
    let mut rest = Vec::new();
    // The connection goes with the server.
    let _ = push.read_to_end(&mut rest);
    ensure!(rest.is_empty(), "there is something behind its end");
    Ok(total)
}
