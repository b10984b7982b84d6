//! Reads everything back and holds it against the journal.
//!
//! A reader remembers where it stopped in every shard, so that after each fault only what is new is read; at the end a
//! fresh reader reads all of it once more and must come to the same digests. It checks: acknowledged records are there,
//! under their shard and number, with their bytes, once; numbers and arrival times of a shard never go back; each
//! writer's records stand in the order in which they were sent; nothing is there that nobody sent; what was there once
//! stays; children's numbers are behind their parents'; the open shards cover every hash key once.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::client::Client;
use crate::journal::{Ack, Journal};
use crate::records::{Name, name_of};

/// One shard, as far as it was read.
#[derive(Clone, Debug, Default)]
pub struct Shard {
    last: Option<String>,
    arrived: f64,
    /// The newest record of each writer.
    newest: HashMap<u32, u32>,
    /// Records read.
    pub count: u64,
    /// Over numbers, names and arrival times.
    pub digest: u64,
    ended: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Reader {
    stream: String,
    /// By id.
    pub shards: BTreeMap<String, Shard>,
    seen: HashMap<u32, Vec<u64>>,
    /// Acknowledged and not read yet.
    pending: HashMap<Name, Ack>,
    /// Read, and not acknowledged (yet).
    early: HashMap<Name, (String, String)>,
}

impl Reader {
    /// Of that stream, from its beginning.
    pub fn new(stream: &str) -> Self {
        Self {
            stream: stream.to_owned(),
            shards: BTreeMap::new(),
            seen: HashMap::new(),
            pending: HashMap::new(),
            early: HashMap::new(),
        }
    }

    /// Reads what is new and checks it; nothing that was acknowledged before the call may be missing. Yields the number
    /// of records read.
    pub fn catch_up(&mut self, client: &mut Client, journal: &Journal) -> Result<u64> {
        self.expect(journal.take_acked())?;
        let read = self.read(client, journal)?;
        self.nothing_lost()?;
        Ok(read)
    }

    /// Acknowledgements that the next reading must confirm.
    pub fn expect(&mut self, acked: HashMap<Name, Ack>) -> Result<()> {
        for (name, ack) in acked {
            match self.early.remove(&name) {
                Some(place) => same(name, &ack, &place)?,
                None => drop(self.pending.insert(name, ack)),
            }
        }
        Ok(())
    }

    /// Fails when something acknowledged was not read.
    pub fn nothing_lost(&self) -> Result<()> {
        if let Some((name, ack)) = self.pending.iter().next() {
            bail!(
                "LOST: {} acknowledged records are not there, such as {name:?} at {} of {}",
                self.pending.len(),
                ack.number,
                ack.shard
            );
        }
        Ok(())
    }

    /// Records that are there without an acknowledgement.
    pub fn unacknowledged(&self) -> HashSet<Name> {
        self.early.keys().copied().collect()
    }

    /// Records read in all.
    pub fn records(&self) -> u64 {
        self.shards.values().map(|shard| shard.count).sum()
    }

    /// Reads everything once more with a fresh reader, which must see the same.
    pub fn read_again(&self, client: &mut Client, journal: &Journal) -> Result<()> {
        let mut again = Self::new(&self.stream);
        again.read(client, journal)?;
        for (id, shard) in &self.shards {
            let other = again.shards.get(id).with_context(|| format!("{id} is gone"))?;
            ensure!(
                (shard.count, shard.digest) == (other.count, other.digest),
                "{id} had {} records when they were new, and now has {}, or other ones",
                shard.count,
                other.count
            );
        }
        Ok(())
    }

    /// Reads what is new, without asking whether something is missing.
    pub fn read(&mut self, client: &mut Client, journal: &Journal) -> Result<u64> {
        let listed = client.shards(&self.stream)?;
        let before = self.records();
        for shard in &listed {
            let id = shard["ShardId"].as_str().context("a shard without an id")?;
            self.read_shard(client, journal, id)?;
        }
        self.lineage(&listed)?;
        Ok(self.records() - before)
    }

    fn read_shard(&mut self, client: &mut Client, journal: &Journal, id: &str) -> Result<()> {
        let mut shard = self.shards.remove(id).unwrap_or_default();
        let start = match &shard.last {
            _ if shard.ended => json!(null),
            Some(last) => {
                json!({"StreamName": self.stream, "ShardId": id, "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "StartingSequenceNumber": last})
            }
            None => json!({"StreamName": self.stream, "ShardId": id, "ShardIteratorType": "TRIM_HORIZON"}),
        };
        let mut iterator = if shard.ended {
            Value::Null
        } else {
            client
                .call("GetShardIterator", &start)
                .with_context(|| format!("GetShardIterator of {id}"))?["ShardIterator"]
                .take()
        };
        while iterator.is_string() {
            let mut page = client
                .call("GetRecords", &json!({"ShardIterator": iterator, "Limit": 10_000}))
                .with_context(|| format!("GetRecords of {id}"))?;
            let records = page["Records"].as_array().context("a page without records")?;
            for record in records {
                self.record(id, &mut shard, record, journal)?;
            }
            let at_tip = records.is_empty() && page["MillisBehindLatest"] == 0;
            iterator = page["NextShardIterator"].take();
            shard.ended |= iterator.is_null();
            if at_tip {
                break;
            }
        }
        self.shards.insert(id.to_owned(), shard);
        Ok(())
    }

    fn record(&mut self, id: &str, shard: &mut Shard, record: &Value, journal: &Journal) -> Result<()> {
        let number = record["SequenceNumber"]
            .as_str()
            .context("a record without a number")?;
        let data = base64_simd::STANDARD.decode_to_vec(record["Data"].as_str().unwrap_or_default())?;
        let key = record["PartitionKey"].as_str().unwrap_or_default();
        let name = name_of(key, &data).with_context(|| format!("WRONG BYTES in {id} at {number}"))?;
        ensure!(
            journal.was_sent(name),
            "PHANTOM: nobody sent {name:?}, which is in {id} at {number}"
        );
        // Numbers have the same number of digits, so that text is ordered as they are.
        let last = shard.last.get_or_insert_default();
        ensure!(number > last.as_str(), "{id}: number {number} comes after {last}");
        number.clone_into(last);
        let arrived = record["ApproximateArrivalTimestamp"].as_f64().unwrap_or_default();
        ensure!(
            arrived >= shard.arrived,
            "{id}: {name:?} arrived at {arrived}, after one that arrived at {}",
            shard.arrived
        );
        shard.arrived = arrived;
        if let Some(newest) = shard.newest.insert(name.writer, name.number) {
            ensure!(
                newest < name.number,
                "ORDER: in {id} {name:?} stands behind number {newest}"
            );
        }
        ensure!(
            self.is_new(name),
            "TWICE: {name:?}, the second time in {id} at {number}"
        );
        for byte in number
            .bytes()
            .chain(name.number.to_le_bytes())
            .chain(arrived.to_bits().to_le_bytes())
        {
            // FNV-1a.
            shard.digest = (shard.digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
        shard.count += 1;
        let place = (id.to_owned(), number.to_owned());
        match self.pending.remove(&name) {
            Some(ack) => same(name, &ack, &place),
            None => {
                self.early.insert(name, place);
                Ok(())
            }
        }
    }

    fn is_new(&mut self, name: Name) -> bool {
        let bits = self.seen.entry(name.writer).or_default();
        let (word, bit) = (name.number as usize / 64, 1u64 << (name.number % 64));
        if bits.len() <= word {
            bits.resize(word + 1, 0);
        }
        let new = bits[word] & bit == 0;
        bits[word] |= bit;
        new
    }

    /// Children behind their parents; the open shards side by side.
    fn lineage(&self, listed: &[Value]) -> Result<()> {
        let mut open: Vec<(u128, u128)> = Vec::new();
        for shard in listed {
            let bound = |name: &str| {
                shard["HashKeyRange"][name]
                    .as_str()
                    .and_then(|text| text.parse().ok())
            };
            let (start, end) = bound("StartingHashKey")
                .zip(bound("EndingHashKey"))
                .context("a shard without a range")?;
            if shard["SequenceNumberRange"]["EndingSequenceNumber"].is_null() {
                open.push((start, end));
            }
            let first = shard["SequenceNumberRange"]["StartingSequenceNumber"]
                .as_str()
                .unwrap_or_default();
            for parent in ["ParentShardId", "AdjacentParentShardId"] {
                let last = shard[parent]
                    .as_str()
                    .and_then(|id| self.shards.get(id)?.last.as_deref());
                ensure!(
                    last.is_none_or(|last| first > last),
                    "{} begins at {first}, before the end of its parent",
                    shard["ShardId"]
                );
            }
        }
        open.sort_unstable();
        let mut next = Some(0u128);
        for (start, end) in &open {
            ensure!(
                next == Some(*start),
                "the open shards do not cover the hash keys once: {open:?}"
            );
            next = end.checked_add(1);
        }
        ensure!(
            next.is_none(),
            "the open shards do not reach the last hash key: {open:?}"
        );
        Ok(())
    }
}

fn same(name: Name, ack: &Ack, (shard, number): &(String, String)) -> Result<()> {
    ensure!(
        (&ack.shard, &ack.number) == (shard, number),
        "{name:?} was acknowledged as {} of {} and is at {number} of {shard}",
        ack.number,
        ack.shard
    );
    Ok(())
}
