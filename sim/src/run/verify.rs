//! Reads everything that is stored, without faults.

use std::time::Duration;

use millrace_base::Clock as _;
use serde_json::json;

use crate::client::{self, Page, World, shards_of};
use crate::ledger::{Chain, ShardInfo, text};
use crate::node::Client;

/// Reads everything and holds it against the books.
pub(super) async fn all(world: &World, client: &Client) {
    let names: Vec<String> = {
        let ledger = world.ledger();
        let mut names: Vec<String> = ledger.attempts.iter().map(|a| a.stream.clone()).collect();
        names.extend(ledger.names.iter().cloned());
        names.sort_unstable();
        names.dedup();
        names
    };
    for name in names {
        let Some(created) = at_rest(world, client, &name).await else {
            continue;
        };
        let body = json!({"StreamName": name});
        let listing = match client.call("ListShards", &body).await {
            Ok(listing) => listing,
            Err(error) => {
                return world
                    .ledger()
                    .broke(format!("the shards of {name} cannot be listed: {error}"));
            }
        };
        let mut contents: Vec<(ShardInfo, Vec<String>)> = Vec::new();
        for shard in shards_of(&listing) {
            let numbers = read_all(world, client, &name, &shard).await;
            contents.push((shard, numbers));
        }
        let latest = world.sched.latest();
        world.ledger().verify(&name, created, &contents, latest);
    }
}

/// Waits until the stream rests; yields the second it was created in, or `None` when there is none.
pub(super) async fn at_rest(world: &World, client: &Client, name: &str) -> Option<u64> {
    for _ in 0..600 {
        let body = json!({"StreamName": name});
        match client.call("DescribeStreamSummary", &body).await {
            Ok(answer) => {
                let summary = &answer["StreamDescriptionSummary"];
                if text(summary, "StreamStatus") == "ACTIVE" {
                    client::describe(world, client, name).await;
                    client::list(world, client, name).await;
                    let created = summary["StreamCreationTimestamp"].as_f64().unwrap_or(0.0);
                    return Some(created as u64);
                }
            }
            Err(_) => {
                client::describe(world, client, name).await;
                return None;
            }
        }
        world.sched.sleep(Duration::from_millis(500)).await;
    }
    world.ledger().broke(format!("{name} never comes to rest"));
    None
}

async fn read_all(world: &World, client: &Client, name: &str, shard: &ShardInfo) -> Vec<String> {
    let body = json!({"StreamName": name, "ShardId": shard.id, "ShardIteratorType": "TRIM_HORIZON"});
    let answer = match client.call("GetShardIterator", &body).await {
        Ok(answer) => answer,
        Err(error) => {
            world
                .ledger()
                .broke(format!("{name}/{} cannot be read: {error}", shard.id));
            return Vec::new();
        }
    };
    let mut chain = Chain {
        stream: name.to_owned(),
        shard: shard.id.clone(),
        from_horizon: true,
        numbers: Vec::new(),
        iterator: answer["ShardIterator"].as_str().map(str::to_owned),
    };
    let mut end = Page::More;
    for _ in 0..5_000 {
        end = client::page(world, client, &mut chain, None).await;
        if end != Page::More {
            break;
        }
    }
    if shard.ending.is_some() && end == Page::Tail {
        world.ledger().broke(format!(
            "{name}/{} is closed, and its records do not end",
            shard.id
        ));
    }
    let numbers = chain.numbers.clone();
    world.ledger().keep_chain(chain);
    numbers
}
