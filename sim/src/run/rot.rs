//! The end of a seed: one bit of its store rots. It must be found and named, and cost no more than what stands with it.

use std::sync::atomic::{AtomicU64, Ordering};

use millrace_log::embedded::OpenError;

use serde_json::json;

use super::verify::at_rest;
use super::*;
use crate::client::Page;
use crate::ledger::{Fate, key_of, payload, shard_of};

/// Most bytes that one bit may cost: the largest block but for single larger records, which there are none of.
const LOST_MAX: u64 = 128 << 10;
/// Records that are looked at one by one, per stream.
const LOOKED_AT: usize = 250;

pub(super) fn autopsy(simulation: &mut Simulation, node: &Node) {
    let name = simulation.world.ledger().names.first().cloned();
    let Some(name) = name.filter(|_| simulation.machine.is_sound()) else {
        return;
    };
    if simulation.dice.one_in(2) {
        let sched = simulation.machine.sched.clone();
        let mut pace = |_| {};
        sched.holding(Role::Background, || {
            node.steps.seal_now(&mut pace);
        });
    }
    // What was written last has no witness: losing it cannot be told from a write that was cut off.
    let (world, client) = (Arc::clone(&simulation.world), Client(node.streams.clone()));
    let said = Arc::new(AtomicU64::new(0));
    let flag = Arc::clone(&said);
    simulation.complete(async move {
        let said = last_words(&world, &client, &name).await;
        flag.store(u64::from(said), Ordering::Relaxed);
    });
    simulation.end(Crash::Kill);
    let witnessed = said.load(Ordering::Relaxed) == 1;
    let which = |name: &str| witnessed || name.starts_with("seg-");
    let Some(rot) = simulation.machine.disk.rot(which) else {
        return;
    };
    simulation
        .machine
        .trace
        .note(|| format!("{} rots at {}", rot.name, rot.position));
    // A batch whose header rotted is not known to have stood there: its successor is the one who misses it. And tables
    // that lost their last edits are noticed by what they do not say any more.
    let vague = rot.name == "MANIFEST" || rot.name.starts_with("wal-");
    let blame = |file: &str| file.contains(&rot.name) || vague;
    simulation.report.recoveries += 1;
    match simulation.machine.start() {
        Ok(node) => {
            let (world, client) = (Arc::clone(&simulation.world), Client(node.streams.clone()));
            let lost = Arc::new(AtomicU64::new(0));
            let count = Arc::clone(&lost);
            simulation.complete(async move { look(&world, &client, &count).await });
            let lost = lost.load(Ordering::Relaxed);
            let allowed = rot.name.starts_with("seg-") && lost <= LOST_MAX;
            if lost == 0 {
                simulation.report.rot_harmless += 1;
            } else if allowed {
                simulation.report.rot_local += 1;
            } else {
                let what = format!("one rotten bit of {} costs {lost} bytes", rot.name);
                simulation.world.ledger().broke(what);
            }
        }
        Err(Refused::Log(OpenError::Damaged { file, .. } | OpenError::Version { file, .. }))
            if blame(&file) =>
        {
            simulation.report.rot_named += 1;
        }
        Err(Refused::Service(why)) if blame(&why) => simulation.report.rot_named += 1,
        Err(other) => {
            let what = format!(
                "{} is rotten at {}, and that is said: {other:?}",
                rot.name, rot.position
            );
            simulation.world.ledger().broke(what);
        }
    }
}

async fn last_words(world: &World, client: &Client, name: &str) -> bool {
    let id = world.ledger().attempt(name, 1, 0);
    let body = json!({
        "StreamName": name,
        "Data": base64_simd::STANDARD.encode_to_string(payload(id, 0)),
        "PartitionKey": key_of(1),
        "ExplicitHashKey": "1",
    });
    // Nobody relies on what it says.
    let answer = client.call("PutRecord", &body).await;
    world.ledger().answered(id, Fate::Open, "");
    answer.is_ok()
}

/// Reads every record on its own.
async fn look(world: &World, client: &Client, lost: &AtomicU64) {
    let names: Vec<String> = {
        let ledger = world.ledger();
        let mut names: Vec<String> = ledger.attempts.iter().map(|a| a.stream.clone()).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    for name in names {
        let Some(created) = at_rest(world, client, &name).await else {
            continue;
        };
        let known = world.ledger().known(&name, created, world.sched.latest());
        for (number, size) in known.into_iter().take(LOOKED_AT) {
            if !is_there(world, client, &name, &number).await {
                lost.fetch_add(1 + size as u64, Ordering::Relaxed);
            }
        }
    }
}

async fn is_there(world: &World, client: &Client, name: &str, number: &str) -> bool {
    let shard = shard_of(number);
    let body = json!({
        "StreamName": name, "ShardId": shard,
        "ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": number,
    });
    let Ok(answer) = client.call("GetShardIterator", &body).await else {
        return false;
    };
    let mut chain = Chain {
        stream: name.to_owned(),
        shard,
        from_horizon: false,
        numbers: Vec::new(),
        iterator: answer["ShardIterator"].as_str().map(str::to_owned),
    };
    match client::page(world, client, &mut chain, Some(1)).await {
        Page::Failed => false,
        _ if chain.numbers.first().is_some_and(|first| first == number) => true,
        _ => {
            world.ledger().broke(format!(
                "{number} of {name} is passed over in silence after a bit rotted"
            ));
            false
        }
    }
}
