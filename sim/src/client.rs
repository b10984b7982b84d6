//! What clients do: each is a task that calls, notes what it was answered, and waits a little.

mod control;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64_simd::STANDARD;
use control::{create, delete, merge, retain, split};
pub use control::{describe, list, shards_of};
use millrace_base::Clock as _;
use millrace_wire::ApiError;
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::ledger::{Chain, Fate, Ledger, key_of, payload, text};
use crate::node::Client;
use crate::plant::Plant;
use crate::sched::Sched;
use crate::trace::Trace;

/// Hash keys of one stream: few, so that records of one key meet.
const KEYS: u128 = 12;
/// Streams at a time.
const STREAMS_MAX: usize = 3;
/// How long the product lets records wait for the children of a closed shard.
const RESHARD_PATIENCE: Duration = Duration::from_secs(10);

/// What all clients of one simulation share.
#[derive(Debug)]
pub struct World {
    pub ledger: Mutex<Ledger>,
    pub sched: Sched,
    pub trace: Trace,
    /// Whether a deleted name is used again: where a deletion takes longer than a second, so that the numbers of the
    /// two streams differ.
    pub names_return: bool,
    /// Whether clients sometimes sleep for hours.
    pub leaps: bool,
    pub plant: Plant,
    /// Answers that only a fault explains.
    pub internal: Mutex<Vec<String>>,
    /// For the planted stale answers.
    last_seen: Mutex<std::collections::BTreeMap<String, Value>>,
}

impl World {
    /// A world without streams.
    pub fn new(sched: Sched, trace: Trace, names_return: bool, leaps: bool, plant: Plant) -> Self {
        Self {
            ledger: Mutex::default(),
            sched,
            trace,
            names_return,
            leaps,
            plant,
            internal: Mutex::default(),
            last_seen: Mutex::default(),
        }
    }

    /// The books.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an answer, unless the call waited so long for the children of a closed shard that it gave up: syncs may be
    /// that slow.
    fn internal(&self, op: &str, error: &ApiError, begun: Duration) {
        if op.starts_with("Put") && self.sched.now().saturating_sub(begun) >= RESHARD_PATIENCE {
            return;
        }
        let mut internal = self.internal.lock().unwrap_or_else(PoisonError::into_inner);
        internal.push(format!("{op}: {error}"));
    }
}

/// One client over all lives of the process.
#[derive(Debug)]
pub struct Customer {
    pub dice: Dice,
    pub chains: Vec<Chain>,
}

/// Calls until so many were made.
pub async fn run(world: Arc<World>, client: Client, customer: Arc<Mutex<Customer>>, calls: u64) {
    for _ in 0..calls {
        // The dice stay with the customer: he goes on with them after a crash.
        let mut dice = {
            let mut customer = customer.lock().unwrap_or_else(PoisonError::into_inner);
            Dice::new(customer.dice.any(), 0)
        };
        act(&world, &client, &customer, &mut dice).await;
        let pause = match dice.roll(40) {
            0 => Duration::from_millis(dice.roll(10_000)),
            1 if world.leaps && dice.one_in(2) => Duration::from_secs(3_600 * (1 + dice.roll(14))),
            2..20 => Duration::ZERO,
            _ => dice.micros(30_000),
        };
        world.sched.sleep(pause).await;
    }
}

async fn act(world: &World, client: &Client, customer: &Mutex<Customer>, dice: &mut Dice) {
    let name = {
        let ledger = world.ledger();
        dice.pick(&ledger.names).cloned()
    };
    let Some(name) = name else {
        return create(world, client, dice).await;
    };
    match dice.roll(100) {
        0..26 => put_one(world, client, dice, &name).await,
        26..48 => put_many(world, client, dice, &name).await,
        48..76 => read(world, client, customer, dice, &name).await,
        76..83 => describe(world, client, &name).await,
        83..89 => list(world, client, &name).await,
        89..92 => split(world, client, dice, &name).await,
        92..95 => merge(world, client, dice, &name).await,
        95..97 => retain(world, client, dice, &name).await,
        97..99 => create(world, client, dice).await,
        _ if dice.one_in(2) => delete(world, client, &name).await,
        _ => {}
    }
}

/// A hash key: one of a few, spread over the range, sometimes at its ends.
fn some_hash(dice: &mut Dice) -> u128 {
    match dice.roll(20) {
        0 => 0,
        1 => u128::MAX,
        _ => u128::MAX / KEYS * (u128::from(dice.any()) % KEYS) + 17,
    }
}

fn some_size(dice: &mut Dice) -> usize {
    match dice.roll(150) {
        // A batch with such a record is written from where it lies.
        0 => 60_000 + dice.index(60_000),
        1..5 => dice.index(60_000),
        5..20 => 0,
        _ => dice.index(1_500),
    }
}

fn record(id: usize, hash: u128, size: usize) -> Value {
    json!({
        "Data": STANDARD.encode_to_string(payload(id, size)),
        "PartitionKey": key_of(hash),
        "ExplicitHashKey": hash.to_string(),
    })
}

async fn put_one(world: &World, client: &Client, dice: &mut Dice, name: &str) {
    let (hash, size) = (some_hash(dice), some_size(dice));
    let id = world.ledger().attempt(name, hash, size);
    let mut body = record(id, hash, size);
    body["StreamName"] = json!(name);
    let begun = world.sched.now();
    let answer = client.call("PutRecord", &body).await;
    world
        .trace
        .note(|| format!("PutRecord {id} to {name}, {size} bytes: {}", short(&answer)));
    let (fate, shard) = match &answer {
        Ok(answer) => (
            Fate::Acknowledged(text(answer, "SequenceNumber").to_owned()),
            text(answer, "ShardId"),
        ),
        Err(error) => (fate_of(world, ("PutRecord", begun), error), ""),
    };
    world.ledger().answered(id, fate, shard);
}

fn fate_of(world: &World, (op, begun): (&str, Duration), error: &ApiError) -> Fate {
    match &*error.code {
        // The stream may have been deleted after the record was stored in it: then that is of no consequence.
        "ResourceNotFoundException" => Fate::Open,
        "InternalFailureException" | "InternalFailure" => {
            world.internal(op, error, begun);
            Fate::Open
        }
        "ProvisionedThroughputExceededException" | "ResourceInUseException" => Fate::Refused,
        _ => {
            world.ledger().broke(format!("{op} is refused: {error}"));
            Fate::Open
        }
    }
}

async fn put_many(world: &World, client: &Client, dice: &mut Dice, name: &str) {
    let count = 1 + dice.roll(8);
    let (mut ids, mut records) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let (hash, size) = (some_hash(dice), some_size(dice));
        let id = world.ledger().attempt(name, hash, size);
        ids.push(id);
        records.push(record(id, hash, size));
    }
    let begun = world.sched.now();
    let answer = client
        .call("PutRecords", &json!({"StreamName": name, "Records": records}))
        .await;
    world
        .trace
        .note(|| format!("PutRecords {}+{count} to {name}: {}", ids[0], short(&answer)));
    for (at, id) in ids.into_iter().enumerate() {
        let (fate, shard) = match &answer {
            Err(error) => (fate_of(world, ("PutRecords", begun), error), String::new()),
            Ok(answer) => {
                let one = &answer["Records"][at];
                match one["ErrorCode"].as_str() {
                    None => (
                        Fate::Acknowledged(text(one, "SequenceNumber").to_owned()),
                        text(one, "ShardId").to_owned(),
                    ),
                    Some("InternalFailure") => {
                        let error = ApiError::client("InternalFailure", text(one, "ErrorMessage"));
                        world.internal("PutRecords", &error, begun);
                        (Fate::Open, String::new())
                    }
                    Some(_) => (Fate::Refused, String::new()),
                }
            }
        };
        world.ledger().answered(id, fate, &shard);
    }
}

async fn read(world: &World, client: &Client, customer: &Mutex<Customer>, dice: &mut Dice, name: &str) {
    let known = {
        let mut customer = customer.lock().unwrap_or_else(PoisonError::into_inner);
        let at = dice.index(customer.chains.len().max(1));
        if customer.chains.len() < 4 || dice.one_in(12) {
            if at < customer.chains.len() && customer.chains.len() >= 4 {
                let old = customer.chains.swap_remove(at);
                world.ledger().keep_chain(old);
            }
            None
        } else {
            Some(customer.chains.swap_remove(at))
        }
    };
    let begun = match known {
        Some(chain) => Some(chain),
        None => begin_chain(world, client, dice, name).await,
    };
    let Some(mut chain) = begun else { return };
    let goes_on = page(world, client, &mut chain, Some(1 + dice.roll(20))).await;
    let mut customer = customer.lock().unwrap_or_else(PoisonError::into_inner);
    if goes_on == Page::End {
        world.ledger().keep_chain(chain);
    } else {
        customer.chains.push(chain);
    }
}

async fn begin_chain(world: &World, client: &Client, dice: &mut Dice, name: &str) -> Option<Chain> {
    let (shard, number) = {
        let ledger = world.ledger();
        let shard = dice.pick(ledger.shards.get(name)?)?.clone();
        let known: Vec<&String> = ledger
            .attempts
            .iter()
            .rev()
            .take(50)
            .filter(|attempt| attempt.stream == name)
            .filter_map(|attempt| match &attempt.fate {
                Fate::Acknowledged(number) => Some(number),
                _ => None,
            })
            .collect();
        (shard, dice.pick(&known).map(|number| (*number).clone()))
    };
    let mut body = json!({"StreamName": name, "ShardId": shard.id});
    let from_horizon = match (dice.roll(4), number) {
        (0, Some(number))
            if number >= shard.starting && shard.ending.as_ref().is_none_or(|end| number <= *end) =>
        {
            body["ShardIteratorType"] = json!("AT_SEQUENCE_NUMBER");
            body["StartingSequenceNumber"] = json!(number);
            false
        }
        (1, _) => {
            body["ShardIteratorType"] = json!("LATEST");
            false
        }
        _ => {
            body["ShardIteratorType"] = json!("TRIM_HORIZON");
            true
        }
    };
    let answer = client.call("GetShardIterator", &body).await;
    world
        .trace
        .note(|| format!("GetShardIterator {body}: {}", short(&answer)));
    match answer {
        Ok(answer) => Some(Chain {
            stream: name.to_owned(),
            shard: shard.id,
            from_horizon,
            numbers: Vec::new(),
            iterator: answer["ShardIterator"].as_str().map(str::to_owned),
        }),
        Err(error) => {
            expected(
                world,
                "GetShardIterator",
                &error,
                &["ResourceNotFound", "InvalidArgument", "ResourceInUse"],
            );
            None
        }
    }
}

/// How a reader goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    More,
    Tail,
    End,
    Failed,
}

/// Reads a page of a chain.
pub async fn page(world: &World, client: &Client, chain: &mut Chain, limit: Option<u64>) -> Page {
    let Some(iterator) = chain.iterator.clone() else {
        return Page::End;
    };
    let invoked = world.ledger().tick();
    let mut body = json!({"ShardIterator": iterator});
    if let Some(limit) = limit {
        body["Limit"] = json!(limit);
    }
    let answer = client.call("GetRecords", &body).await;
    world.trace.note(|| {
        format!(
            "GetRecords {}/{} behind {:?}: {}",
            chain.stream,
            chain.shard,
            chain.numbers.last(),
            short(&answer)
        )
    });
    match answer {
        Ok(answer) => {
            let records = answer["Records"].as_array().cloned().unwrap_or_default();
            let latest = world.sched.latest();
            let next = answer["NextShardIterator"].as_str().map(str::to_owned);
            let behind = answer["MillisBehindLatest"].as_u64().unwrap_or(0);
            let mut ledger = world.ledger();
            // Behind the tail means that more is to come, so that an empty page then says nothing.
            if !records.is_empty() || behind == 0 {
                ledger.page(chain, &records, invoked, latest);
            }
            let ended = next.is_none();
            chain.iterator = next;
            match (ended, records.is_empty() && behind == 0) {
                (true, _) => Page::End,
                (false, true) => Page::Tail,
                (false, false) => Page::More,
            }
        }
        Err(error) => {
            expected(
                world,
                "GetRecords",
                &error,
                &["ResourceNotFound", "ExpiredIterator", "ResourceInUse"],
            );
            match &*error.code {
                "InternalFailureException" => Page::Failed,
                _ => Page::End,
            }
        }
    }
}

fn expected(world: &World, op: &str, error: &ApiError, codes: &[&str]) {
    if error.code.starts_with("InternalFailure") {
        world.internal(op, error, world.sched.now());
    } else if !codes.iter().any(|code| error.code.starts_with(code)) {
        world.ledger().broke(format!("{op} is refused: {error}"));
    }
}

fn short(answer: &Result<Value, ApiError>) -> String {
    match answer {
        Ok(answer) => {
            let mut text = without_data(answer).to_string();
            text.truncate(text.floor_char_boundary(4_000));
            text
        }
        Err(error) => format!("{}: {}", error.code, error.message),
    }
}

/// An answer without the bytes of its records.
fn without_data(answer: &Value) -> Value {
    let mut answer = answer.clone();
    if let Some(records) = answer.get_mut("Records").and_then(Value::as_array_mut) {
        for record in records {
            if let Some(record) = record.as_object_mut() {
                record.remove("Data");
            }
        }
    }
    answer
}
