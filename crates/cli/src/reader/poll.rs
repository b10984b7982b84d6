//! Reading a shard by GetRecords.

use millrace_api::EpochMillis;
use millrace_api::kinesis::{
    GetRecordsInput, GetRecordsOutput, GetShardIteratorInput, GetShardIteratorOutput,
};
use tokio::sync::mpsc::Sender;

use super::limits::{IDLE_TIME, RECORDS_MAX, TROUBLE_TIME};
use super::{Delivery, Start};
use crate::client::{CallError, Client};

/// Reads until the shard ends, cannot be read, or nobody listens any more.
pub(super) async fn run(client: Client, stream: String, shard: String, start: Start, sink: Sender<Delivery>) {
    let mut poll = Poll {
        client,
        stream,
        shard: shard.clone(),
        next: start,
        iterator: None,
    };
    loop {
        let delivery = match poll.step().await {
            Ok(delivery) => delivery,
            Err(error) if error.code() == Some("ExpiredIteratorException") => {
                poll.iterator = None;
                continue;
            }
            Err(error) if error.is_passing() => {
                let told = sink
                    .send(Delivery::Trouble {
                        shard: shard.clone(),
                        error,
                    })
                    .await;
                if told.is_err() {
                    return;
                }
                poll.client.clock().sleep(TROUBLE_TIME).await;
                continue;
            }
            Err(error) => Delivery::Failed {
                shard: shard.clone(),
                error,
            },
        };
        let last = !matches!(delivery, Delivery::Records { .. });
        let idle =
            matches!(&delivery, Delivery::Records { records, caught_up: true, .. } if records.is_empty());
        if sink.send(delivery).await.is_err() || last {
            return;
        }
        if idle {
            poll.client.clock().sleep(IDLE_TIME).await;
        }
    }
}

struct Poll {
    client: Client,
    stream: String,
    shard: String,
    /// Where to go on without an iterator.
    next: Start,
    iterator: Option<String>,
}

impl Poll {
    async fn step(&mut self) -> Result<Delivery, CallError> {
        let iterator = match &self.iterator {
            Some(iterator) => iterator.clone(),
            None => self.iterator().await?,
        };
        // Kept until it is answered, so that a lost answer is asked for again.
        self.iterator = Some(iterator.clone());
        let input = GetRecordsInput {
            shard_iterator: iterator,
            limit: Some(RECORDS_MAX),
            ..GetRecordsInput::default()
        };
        let output: GetRecordsOutput = self.client.call("GetRecords", input).await?;
        if let Some(last) = output.records.last() {
            self.next = Start::AfterSequence(last.sequence_number.clone());
        }
        let ended = output.next_shard_iterator.is_none();
        if ended && output.records.is_empty() {
            let children = output.child_shards.unwrap_or_default();
            return Ok(Delivery::End {
                shard: self.shard.clone(),
                children,
            });
        }
        // The last records and the end come in one answer; the same question again yields the end alone.
        self.iterator = output.next_shard_iterator;
        let caught_up = !ended && output.millis_behind_latest == Some(0);
        Ok(Delivery::Records {
            shard: self.shard.clone(),
            records: output.records,
            caught_up,
        })
    }

    async fn iterator(&mut self) -> Result<String, CallError> {
        let (kind, starting_sequence_number, timestamp) = self.next.parts();
        let input = GetShardIteratorInput {
            stream_name: Some(self.stream.clone()),
            shard_id: self.shard.clone(),
            shard_iterator_type: kind,
            starting_sequence_number,
            timestamp,
            stream_arn: None,
            stream_id: None,
            dry_run: None,
        };
        let asked_at = self.client.clock().now();
        let output: GetShardIteratorOutput = self.client.call("GetShardIterator", input).await?;
        if self.next == Start::Latest {
            // "Latest" is a moment; should this iterator expire, later records must not be skipped.
            self.next = Start::AtTimestamp(EpochMillis(i64::try_from(asked_at.0).unwrap_or(i64::MAX)));
        }
        output.shard_iterator.ok_or_else(|| CallError::Malformed {
            operation: "GetShardIterator",
            detail: "it has no iterator".to_owned(),
        })
    }
}
