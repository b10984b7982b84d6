//! What was asked, what was answered, and what therefore must hold: the checker of records.
//!
//! Every put carries bytes that are only its own, so that a record that is read says which attempt it came from.
//! Promises, for every stream by the sequence numbers of its shards:
//! - an acknowledged record is where the answer said, with its bytes and key, until it is as old as retention;
//! - an attempt is stored once at most, a refused one never; a sequence number names one record for ever;
//! - what was read once stays; a reader that goes on sees every record, in order;
//! - of two puts under one hash key, of which one ended before the other began, the later has the greater number,
//!   in whatever shards they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use base64_simd::STANDARD;
use millrace_base::Timestamp;
use millrace_streams::sequence::SequenceNumber;
use serde_json::Value;

use crate::linear::{Call, Control, Outcome};

/// How long records stay at least.
const DAY_MS: u64 = 86_400_000;

/// One put of one record.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub stream: String,
    pub hash: u128,
    pub size: usize,
    pub invoked: u64,
    pub returned: Option<u64>,
    pub fate: Fate,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nobody knows: no answer, or one that leaves it open.
    Open,
    /// It has this sequence number.
    Acknowledged(String),
    /// It was not stored.
    Refused,
}

/// A reader's way through one shard.
#[derive(Clone, Debug)]
pub struct Chain {
    pub stream: String,
    pub shard: String,
    /// Whether it began at the horizon, so that it may miss nothing.
    pub from_horizon: bool,
    pub numbers: Vec<String>,
    pub iterator: Option<String>,
}

/// A shard as a listing shows it.
#[derive(Clone, Debug)]
pub struct ShardInfo {
    pub id: String,
    pub range: (u128, u128),
    pub starting: String,
    pub ending: Option<String>,
    pub parents: Vec<String>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Ledger {
    events: u64,
    pub attempts: Vec<Attempt>,
    /// Which attempt has which number.
    numbers: BTreeMap<(String, String), usize>,
    /// Where each stored attempt is.
    places: BTreeMap<usize, String>,
    chains: Vec<Chain>,
    pub control: Vec<Control>,
    pub shards: BTreeMap<String, Vec<ShardInfo>>,
    pub names: Vec<String>,
    pub made: u64,
    /// What broke, in the order in which it was noticed.
    pub broken: Vec<String>,
    pub reads: u64,
    pub acknowledged: u64,
}

/// The bytes of an attempt.
pub fn payload(id: usize, size: usize) -> Vec<u8> {
    let mut bytes = format!("{id}/").into_bytes();
    let filler = u8::try_from(id % 251).unwrap_or(0);
    bytes.resize(bytes.len() + size, filler);
    bytes
}

/// The partition key of a hash key.
pub fn key_of(hash: u128) -> String {
    format!("k{hash:x}")
}

fn number(text: &str) -> Option<SequenceNumber> {
    SequenceNumber::parse(text)
}

/// The member as text.
pub fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

impl Ledger {
    /// The next moment.
    pub fn tick(&mut self) -> u64 {
        self.events += 1;
        self.events
    }

    /// Something is wrong.
    pub fn broke(&mut self, what: String) {
        if self.broken.len() < 20 {
            self.broken.push(what);
        }
    }

    /// A put begins.
    pub fn attempt(&mut self, stream: &str, hash: u128, size: usize) -> usize {
        let invoked = self.tick();
        self.attempts.push(Attempt {
            stream: stream.to_owned(),
            hash,
            size,
            invoked,
            returned: None,
            fate: Fate::Open,
        });
        self.attempts.len() - 1
    }

    /// A put was answered.
    pub fn answered(&mut self, id: usize, fate: Fate, shard: &str) {
        let now = self.tick();
        let Some(attempt) = self.attempts.get_mut(id) else {
            return;
        };
        attempt.returned = Some(now);
        attempt.fate = fate.clone();
        let stream = attempt.stream.clone();
        match fate {
            Fate::Acknowledged(number) => {
                self.acknowledged += 1;
                self.place(id, &stream, shard, &number);
            }
            Fate::Refused if self.places.contains_key(&id) => {
                self.broke(format!(
                    "record {id} of {stream} was refused after it had been read"
                ));
            }
            Fate::Refused | Fate::Open => {}
        }
    }

    /// The process died: whatever was not answered never will be.
    pub fn died(&mut self) {
        let now = self.tick();
        for attempt in self.attempts.iter_mut().rev().take(2_000) {
            attempt.returned.get_or_insert(now);
        }
        for op in self.control.iter_mut().filter(|op| op.returned.is_none()) {
            (op.returned, op.outcome) = (Some(now), Outcome::Unknown);
        }
    }

    /// An attempt was found under a number.
    fn place(&mut self, id: usize, stream: &str, shard: &str, text: &str) {
        let index = number(text).map(|number| number.shard.to_string());
        if index.as_deref() != Some(shard) {
            self.broke(format!(
                "number {text} of record {id} is none of {stream}/{shard}"
            ));
        }
        let key = (stream.to_owned(), text.to_owned());
        if let Some(other) = self.numbers.insert(key, id)
            && other != id
        {
            self.broke(format!(
                "number {text} of {stream}/{shard} names record {other} and record {id}"
            ));
        }
        if let Some(other) = self.places.insert(id, text.to_owned())
            && other != text
        {
            self.broke(format!(
                "record {id} is twice in {stream}: as {other} and as {text}"
            ));
        }
    }

    /// A record was read; yields its number.
    fn read_one(&mut self, stream: &str, shard: &str, record: &Value) -> String {
        self.reads += 1;
        let text_of = text(record, "SequenceNumber").to_owned();
        let data = STANDARD
            .decode_to_vec(text(record, "Data").as_bytes())
            .unwrap_or_default();
        let id = data
            .iter()
            .position(|byte| *byte == b'/')
            .and_then(|end| std::str::from_utf8(data.get(..end)?).ok()?.parse::<usize>().ok());
        let known = id.and_then(|id| Some((id, self.attempts.get(id)?.clone())));
        let Some((id, attempt)) = known else {
            self.broke(format!(
                "{stream}/{shard} holds bytes that nobody put at {text_of}"
            ));
            return text_of;
        };
        if attempt.stream != stream || data != payload(id, attempt.size) {
            self.broke(format!(
                "record {id} was read with other bytes at {stream}/{shard} {text_of}"
            ));
        }
        if text(record, "PartitionKey") != key_of(attempt.hash) {
            self.broke(format!(
                "record {id} was read under another key in {stream}/{shard}"
            ));
        }
        if attempt.fate == Fate::Refused {
            self.broke(format!(
                "record {id} was refused and is in {stream}/{shard} at {text_of}"
            ));
        }
        self.place(id, stream, shard, &text_of);
        text_of
    }

    /// A page was read by a reader that asked at `invoked`.
    pub fn page(&mut self, chain: &mut Chain, records: &[Value], invoked: u64, latest: Timestamp) {
        for record in records {
            let number = self.read_one(&chain.stream, &chain.shard, record);
            if chain.numbers.last().is_some_and(|last| *last >= number) {
                self.broke(format!(
                    "{}/{} is read out of order at {number}",
                    chain.stream, chain.shard
                ));
            }
            chain.numbers.push(number);
        }
        if records.is_empty() {
            self.missed_at_tail(chain, invoked, latest);
        }
    }

    /// Whoever reads to the tail sees what was acknowledged before he asked.
    fn missed_at_tail(&mut self, chain: &Chain, invoked: u64, latest: Timestamp) {
        let last = chain.numbers.last().cloned().unwrap_or_default();
        if last.is_empty() && !chain.from_horizon {
            return;
        }
        let after = (chain.stream.clone(), last);
        let missed = self.numbers.range(after.clone()..).find(|((stream, text), id)| {
            *stream == chain.stream
                && *text != after.1
                && shard_of(text) == chain.shard
                && is_young(text, latest)
                && self.attempts.get(**id).is_some_and(|attempt| {
                    matches!(attempt.fate, Fate::Acknowledged(_))
                        && attempt.returned.is_some_and(|returned| returned < invoked)
                })
        });
        if let Some(((stream, text), id)) = missed {
            let what = format!(
                "a reader at the tail of {stream}/{} does not see record {id} at {text}, which was acknowledged before he asked",
                chain.shard
            );
            // A stream that was made anew under the name begins anew.
            if !self.was_made_anew(stream, invoked, *id) {
                self.broke(what);
            }
        }
    }

    /// Whether the name may have another stream since the attempt.
    fn was_made_anew(&self, stream: &str, until: u64, id: usize) -> bool {
        let since = self.attempts.get(id).map_or(0, |attempt| attempt.invoked);
        self.control.iter().any(|op| {
            op.stream == stream
                && op.call == Call::Delete
                && matches!(op.outcome, Outcome::Done | Outcome::Unknown)
                && op.invoked < until
                && op.returned.is_none_or(|returned| returned > since)
        }) || self.deleted_before(stream, since)
    }

    fn deleted_before(&self, stream: &str, since: u64) -> bool {
        // A put may be taken by a stream whose deletion has begun.
        self.control.iter().any(|op| {
            op.stream == stream
                && op.call == Call::Delete
                && matches!(op.outcome, Outcome::Done | Outcome::Unknown)
                && op.returned.is_some_and(|returned| returned <= since)
        })
    }

    /// A reader ends; what he saw is held against everything else at the end.
    pub fn keep_chain(&mut self, chain: Chain) {
        if !chain.numbers.is_empty() {
            self.chains.push(chain);
        }
    }

    /// The whole content of a stream that was made at `created`, at rest: shard by shard what a reader sees from the
    /// horizon on.
    pub fn verify(
        &mut self,
        stream: &str,
        created: u64,
        contents: &[(ShardInfo, Vec<String>)],
        latest: Timestamp,
    ) {
        let present: BTreeSet<&String> = contents.iter().flat_map(|(_, numbers)| numbers).collect();
        let missing: Vec<String> = self
            .numbers
            .iter()
            .filter(|((name, text), _)| {
                name == stream
                    && number(text).is_some_and(|number| number.create_secs >= created)
                    && is_young(text, latest)
                    && !present.contains(text)
            })
            .map(|((_, text), id)| {
                let how = match self.attempts.get(*id).map(|attempt| &attempt.fate) {
                    Some(Fate::Acknowledged(_)) => "acknowledged",
                    _ => "read",
                };
                format!(
                    "record {id} of {stream}/{} was {how} at {text} and is gone",
                    shard_of(text)
                )
            })
            .collect();
        missing.into_iter().for_each(|what| self.broke(what));
        self.verify_shards(stream, contents);
    }

    /// What must be in the stream that was made at `created`: numbers, with their records' sizes.
    pub fn known(&self, stream: &str, created: u64, latest: Timestamp) -> Vec<(String, usize)> {
        self.numbers
            .iter()
            .filter(|((name, text), _)| {
                name == stream
                    && is_young(text, latest)
                    && number(text).is_some_and(|number| number.create_secs >= created)
            })
            .filter_map(|((_, text), id)| Some((text.clone(), self.attempts.get(*id)?.size)))
            .collect()
    }

    fn verify_shards(&mut self, stream: &str, contents: &[(ShardInfo, Vec<String>)]) {
        let mut open: Vec<(u128, u128)> = contents
            .iter()
            .filter(|(shard, _)| shard.ending.is_none())
            .map(|(shard, _)| shard.range)
            .collect();
        open.sort_unstable();
        let covers = open.first().is_some_and(|range| range.0 == 0)
            && open.last().is_some_and(|range| range.1 == u128::MAX)
            && open.windows(2).all(|pair| pair[0].1.wrapping_add(1) == pair[1].0);
        if !covers {
            self.broke(format!(
                "the open shards of {stream} do not cover the hash keys: {open:?}"
            ));
        }
        for (shard, numbers) in contents {
            for text in numbers {
                let id = self.numbers.get(&(stream.to_owned(), text.clone()));
                let hash = id
                    .and_then(|id| self.attempts.get(*id))
                    .map(|attempt| attempt.hash);
                let fits = hash.is_none_or(|hash| shard.range.0 <= hash && hash <= shard.range.1);
                let before = shard.ending.as_ref().is_some_and(|ending| text > ending);
                if !fits || *text < shard.starting || before {
                    self.broke(format!(
                        "{text} does not belong into {stream}/{}: {shard:?}",
                        shard.id
                    ));
                }
            }
            for parent in &shard.parents {
                let ending = contents
                    .iter()
                    .find(|(other, _)| other.id == *parent)
                    .and_then(|(other, _)| other.ending.clone());
                if ending.is_some_and(|ending| ending >= shard.starting) {
                    self.broke(format!(
                        "{stream}/{} does not begin behind its parent {parent}",
                        shard.id
                    ));
                }
            }
        }
    }

    /// What only the whole history shows.
    pub fn close(&mut self, latest: Timestamp) {
        self.check_order();
        for chain in std::mem::take(&mut self.chains) {
            self.check_chain(&chain, latest);
        }
    }

    fn check_order(&mut self) {
        let mut keys: BTreeMap<(&str, u128), Vec<_>> = BTreeMap::new();
        for (id, attempt) in self.attempts.iter().enumerate() {
            if let (Fate::Acknowledged(number), Some(returned)) = (&attempt.fate, attempt.returned) {
                let key = (attempt.stream.as_str(), attempt.hash);
                keys.entry(key)
                    .or_default()
                    .push((number, attempt.invoked, returned, id));
            }
        }
        let mut wrong = Vec::new();
        for ((stream, _), mut records) in keys {
            records.sort_unstable();
            let mut latest = (0, 0);
            for (_, invoked, returned, id) in records {
                if returned < latest.0 {
                    wrong.push(format!(
                        "record {id} of {stream} was put before record {} and stands behind it",
                        latest.1
                    ));
                }
                latest = latest.max((invoked, id));
            }
        }
        wrong.into_iter().for_each(|what| self.broke(what));
    }

    fn check_chain(&mut self, chain: &Chain, latest: Timestamp) {
        let Some(first) = chain.numbers.first() else {
            return;
        };
        let Some(shard) = number(first) else { return };
        let seen: BTreeSet<&String> = chain.numbers.iter().collect();
        let from = if chain.from_horizon {
            String::new()
        } else {
            first.clone()
        };
        let to = chain.numbers.last().cloned().unwrap_or_default();
        let skipped: Vec<String> = self
            .numbers
            .range((chain.stream.clone(), from)..=(chain.stream.clone(), to))
            .filter(|((_, text), _)| {
                !seen.contains(text)
                    && is_young(text, latest)
                    && number(text)
                        .is_some_and(|n| n.shard == shard.shard && n.create_secs == shard.create_secs)
            })
            .map(|((_, text), id)| {
                let mut what = format!("a reader of {}/{} passed over ", chain.stream, chain.shard);
                let _ = write!(what, "record {id} at {text}");
                what
            })
            .collect();
        skipped.into_iter().take(1).for_each(|what| self.broke(what));
    }
}

/// The shard of a number.
pub fn shard_of(text: &str) -> String {
    number(text).map_or_else(String::new, |number| number.shard.to_string())
}

/// Whether retention cannot have taken it yet.
fn is_young(text: &str, latest: Timestamp) -> bool {
    number(text).is_some_and(|number| number.time_secs * 1000 + DAY_MS > latest.0 + 2_000)
}
