//! Writers and a resharder: the load under which everything happens.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::client::{Client, Trouble};
use crate::journal::{Ack, Journal};
use crate::preload::monotonic_ns;
use crate::records::{Name, record};
use crate::world::Chance;

/// Most records of one PutRecords.
const RECORDS_MAX: u64 = 25;
/// Pause behind a refusal or a broken connection.
const PAUSE: Duration = Duration::from_millis(3);

/// What a writer does without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// The server is gone: end.
    End,
    /// Connect again and go on with other records.
    GoOn,
}

/// What all writers of a scenario share.
#[derive(Debug)]
pub struct Load<'a> {
    /// Where it is written down.
    pub journal: &'a Journal,
    /// The stream that is written to.
    pub stream: &'a str,
    /// Ends the writers.
    pub stop: &'a AtomicBool,
    /// What a writer does without an answer.
    pub without: Without,
    /// Read when an answer is there, and noted with it; nothing where nobody counts.
    pub clock: Option<&'a AtomicU64>,
}

impl Load<'_> {
    /// Writes until told to stop. A record is sent once, whatever comes of it.
    pub fn write(&self, writer: u32, mut client: Client, chance: &Chance) {
        while !self.stop.load(Ordering::Relaxed) {
            let single = chance.one_in(3);
            let count = if single {
                1
            } else {
                chance.between(1, RECORDS_MAX + 1)
            };
            let names = self.journal.names(writer, u32::try_from(count).unwrap_or(1));
            let sent = monotonic_ns();
            let answer = if single {
                let (key, data) = record(names[0]);
                let body = json!({"StreamName": self.stream, "PartitionKey": key, "Data": base64(&data)});
                client
                    .call("PutRecord", &body)
                    .map(|answer| json!({"Records": [answer]}))
            } else {
                client.send("PutRecords", &self.put_records(&names))
            };
            match answer {
                Ok(answer) => self.settle(&names, &answer, sent),
                Err(trouble @ Trouble::Refused { .. }) => {
                    self.journal.refuse(&names, &trouble);
                    std::thread::sleep(PAUSE);
                }
                Err(Trouble::Broken(_)) => {
                    self.journal.miss(&names);
                    if self.without == Without::End {
                        return;
                    }
                    std::thread::sleep(PAUSE);
                }
            }
        }
    }

    fn put_records(&self, names: &[Name]) -> String {
        let mut body = format!("{{\"StreamName\":\"{}\",\"Records\":[", self.stream);
        for (at, name) in names.iter().enumerate() {
            let (key, data) = record(*name);
            let comma = if at == 0 { "" } else { "," };
            body.push_str(&format!(
                "{comma}{{\"Data\":\"{}\",\"PartitionKey\":\"{key}\"}}",
                base64(&data)
            ));
        }
        body.push_str("]}");
        body
    }

    /// Notes what an answer says of each record.
    fn settle(&self, names: &[Name], answer: &Value, sent: u64) {
        let at = self.clock.map_or(0, |clock| clock.load(Ordering::SeqCst));
        let results = answer["Records"].as_array().cloned().unwrap_or_default();
        for (name, result) in names.iter().zip(&results) {
            if let (Some(shard), Some(number)) =
                (result["ShardId"].as_str(), result["SequenceNumber"].as_str())
            {
                let (shard, number) = (shard.to_owned(), number.to_owned());
                self.journal.acknowledge(*name, Ack { shard, number, at }, sent);
            } else {
                let text = |member: &str| result[member].as_str().unwrap_or_default().to_owned();
                let trouble = Trouble::Refused {
                    status: 200,
                    code: text("ErrorCode"),
                    message: text("ErrorMessage"),
                };
                self.journal.refuse(&[*name], &trouble);
            }
        }
        // An answer that is shorter than its question acknowledges nothing of the rest.
        self.journal.miss(names.get(results.len()..).unwrap_or_default());
    }
}

/// Splits or merges an open shard at random; `None` when the stream was busy. Yields the parents of what was
/// acknowledged.
pub fn reshard(client: &mut Client, stream: &str, chance: &Chance) -> Result<Option<Vec<String>>, Trouble> {
    let mut open: Vec<(u128, u128, String)> = client
        .shards(stream)?
        .iter()
        .filter(|shard| shard["SequenceNumberRange"]["EndingSequenceNumber"].is_null())
        .filter_map(|shard| {
            let bound = |name: &str| shard["HashKeyRange"][name].as_str()?.parse().ok();
            Some((
                bound("StartingHashKey")?,
                bound("EndingHashKey")?,
                shard["ShardId"].as_str()?.to_owned(),
            ))
        })
        .collect();
    open.sort_unstable();
    if open.len() < 2 || open.len() < 6 && chance.one_in(2) {
        let at = usize::try_from(chance.between(0, open.len() as u64)).unwrap_or_default();
        let Some((start, end, shard)) = open.get(at) else {
            return Ok(None);
        };
        let middle = start + (end - start) / 2;
        let asked =
            json!({"StreamName": stream, "ShardToSplit": shard, "NewStartingHashKey": middle.to_string()});
        return done(client.call("SplitShard", &asked), vec![shard.clone()]);
    }
    let at = usize::try_from(chance.between(0, open.len() as u64 - 1)).unwrap_or_default();
    let (left, right) = (open[at].2.clone(), open[at + 1].2.clone());
    let asked = json!({"StreamName": stream, "ShardToMerge": left, "AdjacentShardToMerge": right});
    done(client.call("MergeShards", &asked), vec![left, right])
}

fn done(answer: Result<Value, Trouble>, parents: Vec<String>) -> Result<Option<Vec<String>>, Trouble> {
    match answer {
        Ok(_) => Ok(Some(parents)),
        Err(Trouble::Refused { .. }) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// Waits until an acknowledged reshard is completed: its parents are closed.
pub fn reshard_holds(client: &mut Client, stream: &str, parents: &[String]) -> Result<()> {
    client.until_active(stream)?;
    until(
        "an acknowledged reshard closes its parents",
        Duration::from_secs(10),
        || {
            let shards = client.shards(stream)?;
            Ok(parents.iter().all(|parent| {
                shards.iter().any(|shard| {
                    shard["ShardId"] == parent.as_str()
                        && shard["SequenceNumberRange"]["EndingSequenceNumber"].is_string()
                })
            }))
        },
    )?;
    Ok(())
}

/// Looks until `true`, `patience` at most; `what` is waited for.
pub fn until(what: &str, patience: Duration, mut look: impl FnMut() -> Result<bool>) -> Result<Duration> {
    let begun = Instant::now();
    while !look()? {
        if begun.elapsed() > patience {
            bail!("waited {patience:?} in vain: {what}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(begun.elapsed())
}

/// Standard base64.
pub fn base64(data: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(data)
}
