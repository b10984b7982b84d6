//! What queues promise within the state.

use std::time::Duration;

use millrace_control::Machine as _;

use super::*;
use crate::error::StreamsError;
use crate::limits::Profile;
use crate::state::{Command, Distribution, Outcome, Phase};

fn quotas() -> Quotas {
    Quotas::of(Profile::Aws, "us-east-1")
}

/// State with an on-demand stream `s`, the number of the next command, and that stream's key.
fn with_stream() -> (StreamsState, u64, StreamKey) {
    let mut state = StreamsState::default();
    let key = StreamKey::new("000000000000", "us-east-1", "s");
    let create = Command::CreateStream {
        key: key.clone(),
        mode: Mode::OnDemand,
        shards: 4,
        tags: BTreeMap::new(),
        max_record_kib: 1024,
        warm_throughput_mib: None,
        distribution: Distribution::default(),
        quotas: quotas(),
    };
    apply(&mut state, 7, create).unwrap();
    let uid = state.stream(&key).unwrap().uid;
    let created = Command::StreamCreated {
        key: key.clone(),
        uid,
    };
    apply(&mut state, 8, created).unwrap();
    assert_eq!(state.stream(&key).unwrap().phase, Phase::Active);
    (state, 9, key)
}

fn apply(state: &mut StreamsState, index: u64, command: Command) -> Outcome {
    let time = Timestamp(1_000).plus(Duration::from_millis(index));
    state.apply(Applied { index, time }, command)
}

fn create(stream: &StreamKey, uid: StreamUid, name: &str) -> Command {
    Command::Queue(QueueCommand::Create {
        key: QueueKey::new("000000000000", "us-east-1", format!("id{name}")),
        name: name.to_owned(),
        stream: stream.clone(),
        uid,
        position: Position::Latest,
        effective: Timestamp(5),
        start: Start::default(),
        attributes: Attributes {
            visibility_secs: 30,
            dead_letters: DeadLetters::After(6),
        },
        tags: BTreeMap::new(),
        quotas: quotas(),
    })
}

#[test]
fn a_step_that_comes_late_changes_nothing() {
    let (mut state, index, stream) = with_stream();
    let uid = state.stream(&stream).unwrap().uid;
    apply(&mut state, index, create(&stream, uid, "q")).unwrap();
    let key = QueueKey::new("000000000000", "us-east-1", "idq");
    let settled = |step| {
        Command::Queue(QueueCommand::Settled {
            key: key.clone(),
            step,
        })
    };
    apply(&mut state, index + 1, settled(Settled::Deleted)).unwrap();
    assert_eq!(state.queue(&key).unwrap().status(), Status::Creating);
    let delete = QueueCommand::Delete {
        key: key.clone(),
        quotas: quotas(),
    };
    apply(&mut state, index + 2, Command::Queue(delete)).unwrap();
    // The node that created it says so only now: it is still to be deleted.
    apply(&mut state, index + 3, settled(Settled::Created)).unwrap();
    assert_eq!(state.queue(&key).unwrap().status(), Status::Deleting);
    apply(&mut state, index + 4, settled(Settled::Deleted)).unwrap();
    assert_eq!(state.queue(&key), None);
}

#[test]
fn a_queue_of_an_earlier_stream_of_that_name_is_none() {
    let (mut state, index, stream) = with_stream();
    let before = state.clone();
    let refused = apply(&mut state, index, create(&stream, StreamUid(1), "q"));
    assert_eq!(refused, Err(StreamsError::StreamNotFound(stream)));
    assert_eq!(state, before, "a refusal changes nothing");
}

#[test]
fn the_form_of_queues_stays_readable() {
    let (mut state, index, stream) = with_stream();
    let uid = state.stream(&stream).unwrap().uid;
    apply(&mut state, index, create(&stream, uid, "q")).unwrap();
    let json = serde_json::to_value(&state).unwrap();
    let expected = serde_json::json!({"000000000000/us-east-1/idq": {
        "name": "q", "log": 4, "stream": "000000000000/us-east-1/s", "stream_uid": 7, "stream_created": 1007,
        "created": 1009, "phase": {"creating": {"known": 0, "at": {}}}, "position": "latest", "effective": 5,
        "attributes": {"visibility_secs": 30, "dead_letters": {"after": 6}}, "tags": {},
    }});
    assert_eq!(json["queues"], expected);
    let back: StreamsState = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(back, state);
    // What was stored before there were queues.
    let mut old = json;
    old.as_object_mut().unwrap().remove("queues");
    let old: StreamsState = serde_json::from_value(old).unwrap();
    assert_eq!(old.queues().count(), 0);
}
