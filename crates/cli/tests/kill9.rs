//! `kill -9` under load, restart, verify – again and again on one data directory.
//!
//! Producers put records that say who they are and which number they have, and journal every acknowledgement in this
//! process. After each kill the server is started again on what is on disk. At the end everything is read back:
//! no acknowledged record may be lost, none may be there twice, and within a shard each producer's records must stand
//! in the order in which they were sent.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at what is not as it should be"
)]

mod common;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use common::{Client, Server};
use serde_json::{Value, json};

const PRODUCERS: u64 = 4;
const SHARDS: usize = 3;
const RECORDS_PER_PUT: u64 = 7;

/// Rounds of kill and restart; `MILLRACE_KILL_ROUNDS` asks for more.
fn rounds() -> u64 {
    std::env::var("MILLRACE_KILL_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(50)
}

/// What was acknowledged: `(shard, sequence number)` by record name.
type Journal = Mutex<HashMap<String, (String, String)>>;

#[test]
fn no_acknowledged_record_is_lost_doubled_or_reordered() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::default();
    let numbers: Vec<AtomicU64> = (0..PRODUCERS).map(|_| AtomicU64::new(0)).collect();
    let mut server = Server::start(directory.path());
    server.client().create_stream("kills", SHARDS);
    for round in 0..rounds() {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for (producer, next) in numbers.iter().enumerate() {
                let client = server.client();
                let (journal, stop) = (&journal, &stop);
                scope.spawn(move || produce(client, producer, next, journal, stop));
            }
            // Between nothing done and a few hundred requests; the kill falls anywhere within a commit.
            std::thread::sleep(Duration::from_millis(20 + (round * 37) % 90));
            server.kill();
            stop.store(true, Ordering::Relaxed);
        });
        server = Server::start(directory.path());
    }
    verify(&mut server.client(), &journal.into_inner().unwrap());
}

/// Puts until the server is gone. Never retries: whether an unanswered put is there is up to the server.
fn produce(mut client: Client, producer: usize, next: &AtomicU64, journal: &Journal, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let first = next.fetch_add(RECORDS_PER_PUT, Ordering::Relaxed);
        let names: Vec<String> = (first..first + RECORDS_PER_PUT)
            .map(|n| format!("{producer}-{n:09}"))
            .collect();
        let records: Vec<Value> = names
            .iter()
            .enumerate()
            .map(|(at, name)| json!({"Data": common::base64(name.as_bytes()), "PartitionKey": format!("k{at}")}))
            .collect();
        let Ok(answer) = client.try_call("PutRecords", &json!({"StreamName": "kills", "Records": records}))
        else {
            return;
        };
        let mut journal = journal.lock().unwrap();
        for (name, result) in names.into_iter().zip(answer["Records"].as_array().unwrap()) {
            if let Some(number) = result["SequenceNumber"].as_str() {
                let shard = result["ShardId"].as_str().unwrap().to_owned();
                journal.insert(name, (shard, number.to_owned()));
            }
        }
    }
}

fn verify(client: &mut Client, journal: &HashMap<String, (String, String)>) {
    assert!(
        journal.len() > 1000,
        "only {} records were acknowledged: the load was no load",
        journal.len()
    );
    let mut seen: HashMap<String, (String, String)> = HashMap::new();
    for shard in 0..SHARDS {
        let shard = format!("shardId-{shard:012}");
        let mut last: BTreeMap<String, u64> = BTreeMap::new();
        let mut numbers = HashSet::new();
        let mut highest = String::new();
        for (name, number) in client.read_all("kills", &shard) {
            assert!(
                numbers.insert(number.clone()),
                "sequence number {number} twice in {shard}"
            );
            assert!(
                number > highest,
                "sequence number {number} after {highest} in {shard}"
            );
            highest.clone_from(&number);
            let (producer, count) = name.split_once('-').unwrap();
            let count: u64 = count.parse().unwrap();
            if let Some(before) = last.insert(producer.to_owned(), count) {
                assert!(
                    before < count,
                    "producer {producer}: {count} stands after {before} in {shard}"
                );
            }
            let place = (shard.clone(), number);
            assert!(
                seen.insert(name.clone(), place).is_none(),
                "record {name} is there twice"
            );
        }
    }
    for (name, place) in journal {
        assert_eq!(seen.get(name), Some(place), "acknowledged record {name}");
    }
}
