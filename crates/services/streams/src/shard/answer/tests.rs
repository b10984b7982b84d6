//! What is written by hand, read back by the tables.

use std::time::Duration;

use bytes::Bytes;
use millrace_api::kinesis as api;
use millrace_api::{EpochMillis, Shaped, Typed};
use millrace_base::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::record;
use crate::shard::read::Read;
use crate::state::LogNumber;
use crate::topology::HashRange;

const CODECS: [Codec; 3] = [Codec::Json10, Codec::Json11, Codec::Cbor11];

fn number(index: u64) -> SequenceNumber {
    SequenceNumber {
        create_secs: 1_700_000_000,
        shard: ShardIndex(1),
        index,
        time_secs: 1_700_000_001,
    }
}

fn child(index: u32, adjacent: Option<u32>) -> Shard {
    Shard {
        index: ShardIndex(index),
        log: LogNumber(9),
        range: HashRange {
            start: 5,
            end: u128::MAX,
        },
        parent: Some(ShardIndex(1)),
        adjacent_parent: adjacent.map(ShardIndex),
        created: Timestamp(1),
        create_secs: 1,
        closed: None,
    }
}

fn page(records: Vec<(Option<String>, Vec<u8>, u64)>, ended: Option<Vec<Shard>>) -> Page {
    let read = |(at, (key, data, time)): (u64, (Option<String>, Vec<u8>, u64))| Read {
        number: number(at * at),
        time: Timestamp(time),
        record: {
            let mut bytes = Vec::new();
            record::begin(key.as_deref(), &mut bytes);
            bytes.extend_from_slice(&data);
            let record = record::read(bytes.into()).unwrap();
            // Some are encrypted, some are not.
            if time.is_multiple_of(3) {
                record.opened()
            } else {
                record
            }
        },
    };
    let records: Vec<Read> = (1..).zip(records).map(read).collect();
    Page {
        records_behind: 0,
        bytes: records.iter().map(|read| read.record.data().len()).sum(),
        records,
        next: 0,
        behind: Duration::from_millis(77),
        ended,
    }
}

fn expected_records(page: &Page) -> Vec<api::Record> {
    let record = |read: &Read| api::Record {
        sequence_number: read.number.to_string(),
        approximate_arrival_timestamp: Some(api_time(read.time)),
        data: Bytes::copy_from_slice(read.record.data()),
        partition_key: read
            .record
            .key()
            .map(|key| String::from_utf8(key.to_vec()).unwrap()),
        encryption_type: read.time.0.is_multiple_of(3).then_some(api::EncryptionType::Kms),
    };
    page.records.iter().map(record).collect()
}

fn api_time(time: Timestamp) -> EpochMillis {
    EpochMillis(i64::try_from(time.0).unwrap())
}

fn expected_children(children: &[Shard]) -> Vec<api::ChildShard> {
    let child = |child: &Shard| api::ChildShard {
        shard_id: child.index.to_string(),
        parent_shards: parents(child).map(|parent| parent.to_string()).collect(),
        hash_key_range: api::HashKeyRange {
            starting_hash_key: child.range.start.to_string(),
            ending_hash_key: child.range.end.to_string(),
        },
    };
    children.iter().map(child).collect()
}

fn back<T: Shaped>(codec: Codec, bytes: impl Into<Bytes>) -> T {
    codec.typed(&bytes.into()).unwrap()
}

/// All of an answer; its announced length holds.
fn whole(reply: Reply) -> Bytes {
    match reply {
        Reply::Body(body) => body,
        Reply::Pieces(pieces) => {
            let whole: Bytes = pieces.pieces.flatten().collect();
            assert_eq!(whole.len(), pieces.length);
            whole
        }
        Reply::Events(_) => panic!("records are no events"),
    }
}

proptest! {
    #[test]
    fn records_come_back(
        records in prop::collection::vec(
            (prop::option::of("\\PC{1,12}|[\\x01-\\x7f]{1,9}"), prop::collection::vec(any::<u8>(), 0..40), 0..1u64 << 40),
            0..6,
        ),
        end: bool,
    ) {
        let children = end.then(|| vec![child(3, None), child(4, Some(2))]);
        let page = page(records, children);
        for codec in CODECS {
            let next = if end { None } else { Some("AAA+/=") };
            let written = whole(super::records(codec, page.clone(), next));
            prop_assert_eq!(written.len(), Records::new(codec, page.clone(), next).length());
            let pieces = Records::new(codec, page.clone(), next).fold(Vec::new(), |all, piece| [all, piece.to_vec()].concat());
            prop_assert_eq!(&pieces, &written);
            let answer: api::GetRecordsOutput = back(codec, written);
            prop_assert_eq!(answer, api::GetRecordsOutput {
                records: expected_records(&page),
                next_shard_iterator: next.map(str::to_owned),
                millis_behind_latest: Some(77),
                child_shards: page.ended.as_deref().map(expected_children),
            });
        }
        let next = if end { None } else { Some(number(3)) };
        let mut event: serde_json::Value = serde_json::from_slice(&event(&page, next.as_ref())).unwrap();
        if end {
            // Required by the tables, and absent at a shard's end all the same.
            prop_assert!(event.get("ContinuationSequenceNumber").is_none());
            event["ContinuationSequenceNumber"] = "".into();
        }
        let event = Codec::Json11
            .decode(api::SubscribeToShardEvent::SHAPE, &Bytes::from(event.to_string()))
            .map(|value| api::SubscribeToShardEvent::from_value(value).unwrap())
            .unwrap();
        prop_assert_eq!(event.records, expected_records(&page));
        prop_assert_eq!(event.millis_behind_latest, 77);
        prop_assert_eq!(event.child_shards, page.ended.as_deref().map(expected_children));
        prop_assert_eq!(event.continuation_sequence_number, next.map(|n| n.to_string()).unwrap_or_default());
    }
}

#[test]
fn a_large_answer_comes_in_pieces() {
    for size in [23, 24, 255, 256, 5000, 65_535, 65_536, 900_000] {
        let record = (Some("key".to_owned()), vec![7; size], 1_700_000_000_123);
        let page = page(vec![record; 1 + 1_200_000 / (size + 99)], None);
        for codec in CODECS {
            let reply = records(codec, page.clone(), Some("next"));
            assert!(matches!(&reply, Reply::Pieces(_)), "{reply:?}");
            let answer: api::GetRecordsOutput = back(codec, whole(reply));
            assert_eq!(answer.records, expected_records(&page));
            assert_eq!(answer.next_shard_iterator.as_deref(), Some("next"));
        }
    }
}

#[test]
fn outcomes_come_back_in_order() {
    let stream = StreamKey::new("000000000000", "us-east-1", "s");
    let stored = |index| Outcome::Stored {
        shard: ShardIndex(1),
        number: number(index),
    };
    let outcomes = [
        stored(1),
        Outcome::Throttled {
            shard: ShardIndex(2),
            why: None,
        },
        Outcome::Throttled {
            shard: ShardIndex(2),
            why: Some("it is full: empty it"),
        },
        stored(2),
        Outcome::Failed,
    ];
    let entry = |outcome: &Outcome| match outcome {
        Outcome::Stored { shard, number } => api::PutRecordsResultEntry {
            sequence_number: Some(number.to_string()),
            shard_id: Some(shard.to_string()),
            error_code: None,
            error_message: None,
        },
        refused => api::PutRecordsResultEntry {
            sequence_number: None,
            shard_id: None,
            error_code: Some(refusal(&stream, refused).0.to_owned()),
            error_message: Some(refusal(&stream, refused).1),
        },
    };
    assert_eq!(
        refusal(&stream, &outcomes[1]).1,
        "Rate exceeded for shard shardId-000000000002 in stream s under account 000000000000."
    );
    assert_eq!(
        refusal(&stream, &outcomes[2]).1,
        "Rate exceeded for shard shardId-000000000002 in stream s under account 000000000000: it is full: empty it."
    );
    let types = [api::EncryptionType::None, api::EncryptionType::Kms];
    for (codec, kind) in CODECS
        .into_iter()
        .flat_map(|codec| types.map(|kind| (codec, kind)))
    {
        let encrypted = kind == api::EncryptionType::Kms;
        let summary = Summary { failed: 2, encrypted };
        let answer: api::PutRecordsOutput = back(codec, put_records(codec, &stream, &outcomes, summary));
        assert_eq!(
            answer,
            api::PutRecordsOutput {
                failed_record_count: Some(2),
                records: outcomes.iter().map(entry).collect(),
                encryption_type: Some(kind),
            }
        );
        let answer: api::PutRecordOutput =
            back(codec, put_record(codec, ShardIndex(1), &number(1), encrypted));
        assert_eq!(
            answer,
            api::PutRecordOutput {
                shard_id: "shardId-000000000001".to_owned(),
                sequence_number: number(1).to_string(),
                encryption_type: Some(kind),
            }
        );
    }
}
