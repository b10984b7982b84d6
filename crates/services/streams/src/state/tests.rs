//! The state machine, driven by commands only.

use std::collections::BTreeMap;

use millrace_base::Timestamp;
use millrace_control::{Applied, Machine};
use proptest::prelude::*;

use super::*;
use crate::limits::{Profile, Quotas};
use crate::topology::cover::is_exact;

const REGION: &str = "us-east-1";

fn key(name: &str) -> StreamKey {
    StreamKey::new("000000000000", REGION, name)
}

/// A state and the log that led to it.
#[derive(Default)]
struct World {
    state: StreamsState,
    log: Vec<(Applied, String)>,
    time: u64,
}

impl World {
    fn apply(&mut self, command: Command) -> Outcome {
        let at = Applied {
            index: u64::try_from(self.log.len()).unwrap(),
            time: Timestamp(self.time),
        };
        self.log.push((at, serde_json::to_string(&command).unwrap()));
        self.state.apply(at, command)
    }

    fn create(&mut self, name: &str, shards: u32, mode: Mode, profile: Profile) -> Outcome {
        self.apply(Command::CreateStream {
            key: key(name),
            mode,
            shards,
            tags: BTreeMap::new(),
            max_record_kib: 1024,
            warm_throughput_mib: None,
            distribution: Distribution::UserPartitionKey,
            quotas: Quotas::of(profile, REGION),
        })
    }

    fn active(&mut self, name: &str, shards: u32) {
        self.create(name, shards, Mode::Provisioned, Profile::Open)
            .unwrap();
        let uid = self.stream(name).uid;
        self.apply(Command::StreamCreated { key: key(name), uid })
            .unwrap();
    }

    fn stream(&self, name: &str) -> &Stream {
        self.state.stream(&key(name)).unwrap()
    }

    fn reshard(&mut self, name: &str, request: ReshardRequest, profile: Profile) -> Outcome {
        let quotas = Quotas::of(profile, REGION);
        self.apply(Command::Reshard {
            key: key(name),
            request,
            quotas,
        })
    }

    /// What the lifecycle worker reports when it is done.
    fn finish(&mut self, name: &str) {
        let stream = self.stream(name);
        let Phase::Resharding(reshard) = &stream.phase else {
            return;
        };
        let command = Command::Resharded {
            key: key(name),
            uid: stream.uid,
            first: reshard.births[0].index,
            ends: reshard
                .parents()
                .map(|parent| (parent, u64::from(parent.0) + 7))
                .collect(),
        };
        self.apply(command.clone()).unwrap();
        let once = self.state.clone();
        self.apply(command).unwrap();
        assert_eq!(self.state, once, "finishing twice changes nothing");
    }

    fn check_cover(&self, name: &str) {
        let stream = self.stream(name);
        let times = stream
            .shards
            .values()
            .flat_map(|s| [s.created.0.saturating_sub(1), s.created.0, s.created.0 + 1]);
        for time in times.chain([self.time]).filter(|time| *time >= stream.created.0) {
            let living = stream
                .shards
                .values()
                .filter(|shard| shard.life().at(Timestamp(time)));
            assert!(
                is_exact(living.map(|shard| shard.range)),
                "no exact cover at {time}"
            );
        }
        assert!(is_exact(stream.open_shards().map(|shard| shard.range)));
        let view = stream.view(&key(name));
        for shard in stream.shards.values() {
            for hash in [shard.range.start, shard.range.end] {
                assert!(
                    view.route(hash)
                        .is_some_and(|s| s.is_open() && s.range.contains(hash))
                );
            }
            for parent in shard.parent.iter().chain(&shard.adjacent_parent) {
                let parent = &stream.shards[parent];
                assert!(
                    parent.create_secs < shard.create_secs,
                    "sequence numbers grow along lines of descent"
                );
                assert_eq!(parent.closed.unwrap().at, shard.created);
                assert!(
                    view.children(parent.index)
                        .any(|child| child.index == shard.index)
                );
            }
        }
    }
}

fn split(shard: u32, at: u128) -> ReshardRequest {
    ReshardRequest::Split {
        shard: ShardIndex(shard).to_string(),
        at: at.to_string(),
    }
}

fn merge(shard: u32, adjacent: u32) -> ReshardRequest {
    ReshardRequest::Merge {
        shard: ShardIndex(shard).to_string(),
        adjacent: ShardIndex(adjacent).to_string(),
    }
}

#[test]
fn a_stream_comes_and_goes() {
    let mut world = World {
        time: 5_000,
        ..World::default()
    };
    world.create("s", 2, Mode::Provisioned, Profile::Aws).unwrap();
    assert_eq!(world.stream("s").status(), Status::Creating);
    assert_eq!(
        world.create("s", 2, Mode::Provisioned, Profile::Aws),
        Err(StreamsError::StreamExists(key("s")))
    );
    let uid = world.stream("s").uid;
    world
        .apply(Command::StreamCreated {
            key: key("s"),
            uid: StreamUid(uid.0 + 1),
        })
        .unwrap();
    assert_eq!(
        world.stream("s").status(),
        Status::Creating,
        "another stream's report"
    );
    world
        .apply(Command::StreamCreated { key: key("s"), uid })
        .unwrap();
    assert_eq!(world.stream("s").status(), Status::Active);
    world
        .apply(Command::DeleteStream {
            key: key("s"),
            with_consumers: false,
        })
        .unwrap();
    assert_eq!(world.stream("s").status(), Status::Deleting);
    assert!(
        world
            .apply(Command::DeleteStream {
                key: key("s"),
                with_consumers: false
            })
            .is_err()
    );
    world
        .apply(Command::StreamDeleted { key: key("s"), uid })
        .unwrap();
    assert_eq!(world.state.stream(&key("s")), None);
    world.active("s", 1);
    assert_ne!(world.stream("s").uid, uid);
    assert_eq!(
        world.stream("s").shards[&ShardIndex(0)].log,
        LogNumber(2),
        "logs are never used twice"
    );
}

#[test]
fn quotas_of_creation() {
    let mut world = World::default();
    for i in 0..5 {
        world
            .create(&format!("c{i}"), 1, Mode::Provisioned, Profile::Aws)
            .unwrap();
    }
    let refused = world.create("c5", 1, Mode::Provisioned, Profile::Aws);
    assert!(
        matches!(refused, Err(StreamsError::LimitExceeded(_))),
        "{refused:?}"
    );
    world.create("c5", 1, Mode::Provisioned, Profile::Open).unwrap();

    let mut world = World::default();
    world.active("big", 499);
    assert_eq!(
        world.create("more", 2, Mode::Provisioned, Profile::Aws),
        Err(StreamsError::ShardLimit {
            key: key("more"),
            current: 499,
            limit: 500,
            more: 2
        })
    );
    world.create("free", 4, Mode::OnDemand, Profile::Aws).unwrap();
    world.create("fits", 1, Mode::Provisioned, Profile::Aws).unwrap();
}

#[test]
fn splits_and_merges_that_are_refused_change_nothing() {
    let mut world = World::default();
    world.active("s", 4);
    let before = world.state.clone();
    let quarter = 1u128 << 126;
    for (request, expected) in [
        (
            split(9, 5),
            "Could not find shard shardId-000000000009 in stream s under account 000000000000.",
        ),
        (
            split(0, 1),
            "is not both greater than one plus the shard's StartingHashKey 0 and less than",
        ),
        (split(0, quarter - 1), "NewStartingHashKey"),
        (
            split(1, 5),
            "NewStartingHashKey 5 used in SplitShard() on shard shardId-000000000001",
        ),
        (
            merge(0, 2),
            "are not an adjacent pair of shards eligible for merging",
        ),
        (merge(1, 1), "are not an adjacent pair"),
        (merge(0, 17), "Could not find shard"),
    ] {
        let error = world.reshard("s", request, Profile::Aws).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(world.state, before);
}

#[test]
fn resharding_needs_an_active_provisioned_stream_and_open_shards() {
    let mut world = World::default();
    world.active("s", 1);
    world.reshard("s", split(0, 1 << 100), Profile::Aws).unwrap();
    assert_eq!(world.stream("s").status(), Status::Updating);
    assert_eq!(
        world.stream("s").open_count(),
        1,
        "nothing is visible before it is finished"
    );
    assert_eq!(
        world.reshard("s", split(0, 1 << 99), Profile::Aws),
        Err(StreamsError::StreamNotActive(key("s"), Status::Updating))
    );
    world.time = 20_000;
    world.finish("s");
    let parent = world.stream("s").shards[&ShardIndex(0)];
    assert_eq!(
        parent.closed,
        Some(Closed {
            at: Timestamp(20_000),
            end: 7
        })
    );
    assert_eq!(
        world.reshard("s", split(0, 1 << 99), Profile::Aws),
        Err(StreamsError::ShardClosed(key("s"), ShardIndex(0)))
    );
    world.create("d", 4, Mode::OnDemand, Profile::Aws).unwrap();
    let uid = world.stream("d").uid;
    world
        .apply(Command::StreamCreated { key: key("d"), uid })
        .unwrap();
    assert_eq!(
        world.reshard("d", split(0, 1 << 99), Profile::Aws),
        Err(StreamsError::OnDemandMode(key("d")))
    );
}

#[test]
fn scaling_keeps_its_rules() {
    let uniform = |target| ReshardRequest::Uniform { target };
    let mut world = World::default();
    world.active("s", 4);
    assert_eq!(
        world.reshard("s", uniform(9), Profile::Aws),
        Err(StreamsError::ScaleTooHigh(4, 9))
    );
    assert_eq!(
        world.reshard("s", uniform(1), Profile::Aws),
        Err(StreamsError::ScaleTooLow(4, 1))
    );
    for i in 0..10u32 {
        let target = if i % 2 == 0 { 6 } else { 4 };
        let changed = world.reshard("s", uniform(target), Profile::Aws);
        assert!(
            matches!(changed, Ok(Changed::Resharding { to, .. }) if to == target),
            "{changed:?}"
        );
        world.finish("s");
        world.check_cover("s");
        world.time += 1000;
    }
    let refused = world.reshard("s", uniform(6), Profile::Aws);
    assert!(
        matches!(refused, Err(StreamsError::LimitExceeded(_))),
        "{refused:?}"
    );
    world.time += 24 * 3_600_000;
    world.reshard("s", uniform(6), Profile::Aws).unwrap();
    world.finish("s");
    world.reshard("s", uniform(1), Profile::Open).unwrap();
}

#[test]
fn deleting_while_resharding_takes_the_unborn_along() {
    let mut world = World::default();
    world.active("s", 1);
    world.reshard("s", split(0, 1 << 100), Profile::Aws).unwrap();
    world
        .apply(Command::DeleteStream {
            key: key("s"),
            with_consumers: false,
        })
        .unwrap();
    let unborn = vec![LogNumber(1), LogNumber(2)];
    assert_eq!(world.stream("s").phase, Phase::Deleting { unborn });
}

#[test]
fn consumers_come_and_go() {
    let mut world = World {
        time: 7_000,
        ..World::default()
    };
    world.active("s", 1);
    let register = |name: &str| Command::RegisterConsumer {
        key: key("s"),
        name: name.to_owned(),
        tags: BTreeMap::new(),
        quotas: Quotas::of(Profile::Aws, REGION),
    };
    let settled = |world: &World, name: &str| Command::ConsumerSettled {
        key: key("s"),
        uid: world.stream("s").uid,
        name: name.to_owned(),
        created: world.stream("s").consumers[name].created,
    };
    for i in 0..5 {
        world.apply(register(&format!("c{i}"))).unwrap();
    }
    assert!(matches!(
        world.apply(register("c0")),
        Err(StreamsError::ConsumerExists { .. })
    ));
    assert!(
        matches!(world.apply(register("c5")), Err(StreamsError::LimitExceeded(_))),
        "five are CREATING"
    );
    for i in 0..5 {
        let command = settled(&world, &format!("c{i}"));
        world.apply(command).unwrap();
    }
    assert_eq!(world.stream("s").consumers["c0"].status, Status::Active);
    assert!(
        world
            .apply(Command::DeleteStream {
                key: key("s"),
                with_consumers: false
            })
            .is_err()
    );
    let deregister = |created_secs| Command::DeregisterConsumer {
        key: key("s"),
        name: "c0".to_owned(),
        created_secs,
    };
    assert!(
        world.apply(deregister(Some(8))).is_err(),
        "an ARN of an earlier consumer of that name"
    );
    world.apply(deregister(Some(7))).unwrap();
    assert_eq!(world.stream("s").consumers["c0"].status, Status::Deleting);
    let command = settled(&world, "c0");
    world.apply(command).unwrap();
    assert!(!world.stream("s").consumers.contains_key("c0"));
    world
        .apply(Command::DeleteStream {
            key: key("s"),
            with_consumers: true,
        })
        .unwrap();
}

#[test]
fn closed_shards_expire_and_leave_their_logs_to_be_deleted() {
    let mut world = World {
        time: 1_000,
        ..World::default()
    };
    world.active("s", 1);
    world.reshard("s", split(0, 1 << 100), Profile::Aws).unwrap();
    world.finish("s");
    let uid = world.stream("s").uid;
    let expire = |horizon| Command::ExpireShards {
        key: key("s"),
        uid,
        horizon: Timestamp(horizon),
        shards: vec![ShardIndex(0), ShardIndex(1)],
    };
    world.apply(expire(1_000)).unwrap();
    assert_eq!(world.stream("s").shards.len(), 3, "too young");
    world.apply(expire(1_001)).unwrap();
    assert_eq!(world.stream("s").shards.len(), 2, "open shards stay");
    assert_eq!(
        world.state.doomed().iter().copied().collect::<Vec<_>>(),
        vec![LogNumber(0)]
    );
    world
        .apply(Command::LogsDeleted {
            logs: vec![LogNumber(0)],
        })
        .unwrap();
    assert!(world.state.doomed().is_empty());
}

#[test]
fn tags_are_bounded_and_replaced() {
    let mut world = World::default();
    world.active("s", 1);
    let tag = |range: std::ops::Range<u32>, value: &str| Command::Tag {
        resource: Resource::Stream(key("s")),
        tags: range.map(|i| (format!("k{i}"), value.to_owned())).collect(),
        quotas: Quotas::of(Profile::Open, REGION),
    };
    world.apply(tag(0..50, "a")).unwrap();
    assert!(matches!(
        world.apply(tag(49..51, "b")),
        Err(StreamsError::InvalidArgument(_))
    ));
    world.apply(tag(10..20, "c")).unwrap();
    assert_eq!(world.stream("s").tags["k10"], "c");
    let resource = Resource::Stream(key("s"));
    world
        .apply(Command::Untag {
            resource,
            keys: vec!["k10".to_owned(), "no".to_owned()],
        })
        .unwrap();
    assert_eq!(world.stream("s").tags.len(), 49);
}

#[test]
fn what_load_asked_for_is_held_against_the_stream_as_it_is() {
    let mut world = World::default();
    world.create("s", 6, Mode::OnDemand, Profile::Open).unwrap();
    let uid = world.stream("s").uid;
    world
        .apply(Command::StreamCreated { key: key("s"), uid })
        .unwrap();
    let scale = |uid, merges: &[(u32, u32)]| ReshardRequest::Scale {
        uid,
        splits: Vec::new(),
        merges: merges
            .iter()
            .map(|(a, b)| (ShardIndex(*a), ShardIndex(*b)))
            .collect(),
    };
    let two = [(0, 1), (2, 3)];
    let other = scale(StreamUid(uid.0 + 1), &two);
    assert!(
        world.reshard("s", other, Profile::Open).is_err(),
        "another stream of that name"
    );
    let set = |mib| Command::Set {
        key: key("s"),
        setting: Setting::WarmThroughput(mib),
        quotas: Quotas::of(Profile::Open, REGION),
    };
    world.apply(set(5)).unwrap();
    assert!(
        matches!(
            world.reshard("s", scale(uid, &two), Profile::Open),
            Err(StreamsError::ScaleTooLow(6, 4))
        ),
        "warm throughput was raised in between"
    );
    world.reshard("s", scale(uid, &two[..1]), Profile::Open).unwrap();
    world.finish("s");
    assert_eq!(world.stream("s").open_count(), 5);
}

#[test]
fn warm_throughput_splits_the_widest_and_merges_nothing() {
    let mut world = World::default();
    world.create("s", 4, Mode::OnDemand, Profile::Open).unwrap();
    let uid = world.stream("s").uid;
    world
        .apply(Command::StreamCreated { key: key("s"), uid })
        .unwrap();
    let split = ReshardRequest::Scale {
        uid,
        splits: vec![(ShardIndex(0), (1u128 << 100).to_string())],
        merges: Vec::new(),
    };
    world.reshard("s", split, Profile::Open).unwrap();
    world.finish("s");
    world
        .apply(Command::Set {
            key: key("s"),
            setting: Setting::WarmThroughput(9),
            quotas: Quotas::of(Profile::Open, REGION),
        })
        .unwrap();
    world.finish("s");
    let stream = world.stream("s");
    assert_eq!(stream.open_count(), 9);
    assert!(
        stream
            .shards
            .values()
            .all(|shard| shard.adjacent_parent.is_none())
    );
    assert!(
        stream
            .open_shards()
            .any(|shard| shard.range.end == (1 << 100) - 1),
        "the narrow part stays"
    );
    world.check_cover("s");
}

#[derive(Clone, Debug)]
enum Step {
    Split(usize, u128),
    Merge(usize),
    Scale(u32),
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (any::<usize>(), any::<u128>()).prop_map(|(at, offset)| Step::Split(at, offset)),
        any::<usize>().prop_map(Step::Merge),
        (1u32..12).prop_map(Step::Scale),
        any::<u16>().prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_reshard_keeps_an_exact_cover_at_every_time(
        shards in 1u32..6,
        steps in proptest::collection::vec(step(), 1..25),
    ) {
        let mut world = World { time: 1_000, ..World::default() };
        world.active("s", shards);
        for step in steps {
            let mut open: Vec<Shard> = world.stream("s").open_shards().copied().collect();
            open.sort_by_key(|shard| shard.range.start);
            let outcome = match step {
                Step::Wait(ms) => {
                    world.time += u64::from(ms);
                    continue;
                }
                Step::Split(at, offset) => {
                    let shard = open[at % open.len()];
                    let size = shard.range.end - shard.range.start;
                    if size < 4 {
                        continue;
                    }
                    let at = shard.range.start + 2 + offset % (size - 2);
                    world.reshard("s", split(shard.index.0, at), Profile::Open)
                }
                Step::Merge(at) if open.len() > 1 => {
                    let at = at % (open.len() - 1);
                    world.reshard("s", merge(open[at].index.0, open[at + 1].index.0), Profile::Open)
                }
                Step::Merge(_) => continue,
                Step::Scale(target) => world.reshard("s", ReshardRequest::Uniform { target }, Profile::Open),
            };
            prop_assert!(outcome.is_ok(), "{outcome:?}");
            world.finish("s");
            prop_assert_eq!(world.stream("s").status(), Status::Active);
            world.check_cover("s");
        }
        // A snapshot anywhere, and a replay of the stored commands, lead to the same state.
        let json = serde_json::to_string(&world.state).unwrap();
        prop_assert_eq!(&serde_json::from_str::<StreamsState>(&json).unwrap(), &world.state);
        let (mut replayed, half) = (StreamsState::default(), world.log.len() / 2);
        for (i, (at, command)) in world.log.iter().enumerate() {
            if i == half {
                replayed = serde_json::from_str(&serde_json::to_string(&replayed).unwrap()).unwrap();
            }
            let _ = replayed.apply(*at, serde_json::from_str(command).unwrap());
        }
        prop_assert_eq!(&replayed, &world.state);
    }

    #[test]
    fn shard_ids_read_back(index: u32, text in "\\PC{0,20}") {
        let id = ShardIndex(index);
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        let _ = text.parse::<ShardIndex>();
    }
}
