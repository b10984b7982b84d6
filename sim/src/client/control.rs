//! Calls of the control plane, each noted for the search for their order.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use millrace_wire::ApiError;
use serde_json::{Value, json};

use super::{STREAMS_MAX, World, short};
use crate::dice::Dice;
use crate::ledger::{ShardInfo, text};
use crate::linear::{Call, Control, Outcome, Phase};
use crate::node::Client;
use crate::plant::Plant;

/// Makes a call of the control plane and notes it.
async fn control(
    world: &World,
    client: &Client,
    (name, call): (&str, Call),
    op: &str,
    body: &Value,
) -> Option<Value> {
    let at = {
        let mut ledger = world.ledger();
        let invoked = ledger.tick();
        ledger.control.push(Control {
            stream: name.to_owned(),
            call,
            invoked,
            returned: None,
            outcome: Outcome::Unknown,
        });
        ledger.control.len() - 1
    };
    let answer = planted(world, client, name, op, body).await;
    world.trace.note(|| format!("{op} {body}: {}", short(&answer)));
    let outcome = match &answer {
        Ok(answer) => outcome_of(op, answer),
        Err(error) => match &*error.code {
            "ResourceNotFoundException" => Outcome::NotFound,
            "ResourceInUseException" => Outcome::InUse,
            "InvalidArgumentException" => Outcome::Invalid,
            "LimitExceededException" | "ServiceUnavailable" => Outcome::Limit,
            "InternalFailureException" => {
                world.internal(op, error, world.sched.now());
                Outcome::Unknown
            }
            _ => {
                world.ledger().broke(format!("{op} is refused: {error}"));
                Outcome::Unknown
            }
        },
    };
    let mut ledger = world.ledger();
    let now = ledger.tick();
    // What is in doubt may still happen.
    let open = outcome == Outcome::Unknown;
    if let Some(noted) = ledger.control.get_mut(at) {
        (noted.outcome, noted.returned) = (outcome, (!open).then_some(now));
    }
    answer.ok()
}

async fn planted(
    world: &World,
    client: &Client,
    name: &str,
    op: &str,
    body: &Value,
) -> Result<Value, ApiError> {
    let rarely = world.sched.dice(|dice| dice.one_in(3));
    match world.plant {
        Plant::LosesChanges if rarely && op.ends_with("RetentionPeriod") => return Ok(Value::Null),
        Plant::StaleAnswers if rarely && op == "DescribeStreamSummary" => {
            let last = world.last_seen.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(answer) = last.get(name) {
                return Ok(answer.clone());
            }
        }
        _ => {}
    }
    let answer = client.call(op, body).await;
    if let (Plant::StaleAnswers, "DescribeStreamSummary", Ok(answer)) = (world.plant, op, &answer) {
        let mut last = world.last_seen.lock().unwrap_or_else(PoisonError::into_inner);
        last.insert(name.to_owned(), answer.clone());
    }
    answer
}

fn outcome_of(op: &str, answer: &Value) -> Outcome {
    match op {
        "DescribeStreamSummary" => {
            let summary = &answer["StreamDescriptionSummary"];
            let count = |member: &str| {
                u32::try_from(summary[member].as_u64().unwrap_or(u64::MAX)).unwrap_or(u32::MAX)
            };
            Outcome::Seen {
                phase: match text(summary, "StreamStatus") {
                    "CREATING" => Phase::Creating,
                    "ACTIVE" => Phase::Active,
                    "UPDATING" => Phase::Updating,
                    _ => Phase::Deleting,
                },
                open: count("OpenShardCount"),
                hours: count("RetentionPeriodHours"),
            }
        }
        "ListShards" => {
            let shards = shards_of(answer);
            let open = shards.iter().filter(|shard| shard.ending.is_none());
            Outcome::Shards(
                open.filter_map(|shard| index_of(&shard.id))
                    .collect::<BTreeSet<u32>>(),
            )
        }
        _ => Outcome::Done,
    }
}

fn index_of(id: &str) -> Option<u32> {
    id.strip_prefix("shardId-")?.parse().ok()
}

/// The shards of a listing.
pub fn shards_of(answer: &Value) -> Vec<ShardInfo> {
    let bound = |shard: &Value, end: &str| text(&shard["HashKeyRange"], end).parse().unwrap_or(0);
    let shards = answer["Shards"].as_array().cloned().unwrap_or_default();
    shards
        .iter()
        .map(|shard| {
            let numbers = &shard["SequenceNumberRange"];
            let parents = ["ParentShardId", "AdjacentParentShardId"];
            ShardInfo {
                id: text(shard, "ShardId").to_owned(),
                range: (bound(shard, "StartingHashKey"), bound(shard, "EndingHashKey")),
                starting: text(numbers, "StartingSequenceNumber").to_owned(),
                ending: numbers["EndingSequenceNumber"].as_str().map(str::to_owned),
                parents: parents
                    .iter()
                    .filter_map(|parent| shard[*parent].as_str().map(str::to_owned))
                    .collect(),
            }
        })
        .collect()
}

pub(super) async fn create(world: &World, client: &Client, dice: &mut Dice) {
    let name = {
        let mut ledger = world.ledger();
        if world.names_return {
            format!("stream-{}", dice.index(STREAMS_MAX))
        } else if ledger.names.len() < STREAMS_MAX {
            ledger.made += 1;
            format!("stream-{}", ledger.made)
        } else {
            // One of those that are there might be gone by then, and must not return.
            return;
        }
    };
    let shards = 1 + u32::try_from(dice.roll(3)).unwrap_or(0);
    {
        let mut ledger = world.ledger();
        if !ledger.names.contains(&name) {
            ledger.names.push(name.clone());
        }
    }
    let body = json!({"StreamName": name, "ShardCount": shards});
    control(
        world,
        client,
        (&name, Call::Create(shards)),
        "CreateStream",
        &body,
    )
    .await;
}

pub(super) async fn delete(world: &World, client: &Client, name: &str) {
    if !world.names_return {
        // Before the call: its answer may be lost.
        world.ledger().names.retain(|other| other != name);
    }
    let body = json!({"StreamName": name});
    control(world, client, (name, Call::Delete), "DeleteStream", &body).await;
}

/// Describes a stream; yields what is known of it.
pub async fn describe(world: &World, client: &Client, name: &str) {
    let body = json!({"StreamName": name});
    control(
        world,
        client,
        (name, Call::Describe),
        "DescribeStreamSummary",
        &body,
    )
    .await;
}

/// Lists the shards of a stream, and remembers them.
pub async fn list(world: &World, client: &Client, name: &str) {
    let body = json!({"StreamName": name});
    let answer = control(world, client, (name, Call::List), "ListShards", &body).await;
    if let Some(answer) = answer {
        world.ledger().shards.insert(name.to_owned(), shards_of(&answer));
    }
}

pub(super) async fn retain(world: &World, client: &Client, dice: &mut Dice, name: &str) {
    let hours = 24 + u32::try_from(dice.roll(4)).unwrap_or(0) * 12;
    let more = dice.one_in(2);
    let op = if more {
        "IncreaseStreamRetentionPeriod"
    } else {
        "DecreaseStreamRetentionPeriod"
    };
    let body = json!({"StreamName": name, "RetentionPeriodHours": hours});
    control(world, client, (name, Call::Retain { hours, more }), op, &body).await;
}

fn open_shards(world: &World, name: &str) -> Vec<ShardInfo> {
    let ledger = world.ledger();
    let mut open: Vec<ShardInfo> = ledger.shards.get(name).cloned().unwrap_or_default();
    open.retain(|shard| shard.ending.is_none());
    open.sort_by_key(|shard| shard.range);
    open
}

pub(super) async fn split(world: &World, client: &Client, dice: &mut Dice, name: &str) {
    let open = open_shards(world, name);
    let Some(shard) = dice
        .pick(&open)
        .filter(|shard| open.len() < 8 && shard.range.1 - shard.range.0 > 100)
    else {
        return list(world, client, name).await;
    };
    let Some(index) = index_of(&shard.id) else { return };
    let at = shard.range.0 + (shard.range.1 - shard.range.0) / 3;
    let body = json!({"StreamName": name, "ShardToSplit": shard.id, "NewStartingHashKey": at.to_string()});
    control(world, client, (name, Call::Split(index)), "SplitShard", &body).await;
}

pub(super) async fn merge(world: &World, client: &Client, dice: &mut Dice, name: &str) {
    let open = open_shards(world, name);
    let pairs: Vec<&[ShardInfo]> = open.windows(2).collect();
    let Some([one, other]) = dice.pick(&pairs).copied() else {
        return list(world, client, name).await;
    };
    let (Some(a), Some(b)) = (index_of(&one.id), index_of(&other.id)) else {
        return;
    };
    let body = json!({"StreamName": name, "ShardToMerge": one.id, "AdjacentShardToMerge": other.id});
    control(world, client, (name, Call::Merge(a, b)), "MergeShards", &body).await;
}
