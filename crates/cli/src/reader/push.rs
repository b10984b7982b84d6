//! Reading a shard by SubscribeToShard (enhanced fan-out).

use millrace_api::kinesis::{StartingPosition, SubscribeToShardEvent, SubscribeToShardInput};
use tokio::sync::mpsc::Sender;

use super::limits::{RESUBSCRIBE_TIME, TROUBLE_TIME};
use super::{Delivery, Start};
use crate::client::{CallError, Client, Events, PushedEvent};

/// Reads until the shard ends, cannot be read, or nobody listens any more.
pub(super) async fn run(
    client: Client,
    consumer_arn: String,
    shard: String,
    start: Start,
    sink: Sender<Delivery>,
) {
    let mut next = start;
    loop {
        let error = match subscribe(&client, &consumer_arn, &shard, &next).await {
            Ok(mut events) => match listen(&mut events, &shard, &mut next, &sink).await {
                Ok(Go::On) => {
                    client.clock().sleep(RESUBSCRIBE_TIME).await;
                    continue;
                }
                Ok(Go::Stop) => return,
                Err(error) => error,
            },
            Err(error) => error,
        };
        // Another subscription lives, or the last one is still being taken down.
        let taken = error.code() == Some("ResourceInUseException");
        let broken = matches!(error, CallError::Malformed { .. });
        if !(taken || broken || error.is_passing()) {
            let _ = sink.send(Delivery::Failed { shard, error }).await;
            return;
        }
        if sink
            .send(Delivery::Trouble {
                shard: shard.clone(),
                error,
            })
            .await
            .is_err()
        {
            return;
        }
        client.clock().sleep(TROUBLE_TIME).await;
    }
}

enum Go {
    On,
    Stop,
}

async fn subscribe(
    client: &Client,
    consumer_arn: &str,
    shard: &str,
    next: &Start,
) -> Result<Events, CallError> {
    let (kind, sequence_number, timestamp) = next.parts();
    let input = SubscribeToShardInput {
        consumer_arn: consumer_arn.to_owned(),
        shard_id: shard.to_owned(),
        starting_position: StartingPosition {
            r#type: kind,
            sequence_number,
            timestamp,
        },
        stream_id: None,
        dry_run: None,
    };
    client.subscribe("SubscribeToShard", input).await
}

/// Passes events on until the subscription ends, as it does after five minutes.
async fn listen(
    events: &mut Events,
    shard: &str,
    next: &mut Start,
    sink: &Sender<Delivery>,
) -> Result<Go, CallError> {
    loop {
        let event: SubscribeToShardEvent = match events.next().await? {
            PushedEvent::Event(event) => event,
            PushedEvent::End => return Ok(Go::On),
        };
        let children = event.child_shards.unwrap_or_default();
        if !event.continuation_sequence_number.is_empty() {
            *next = Start::AfterSequence(event.continuation_sequence_number);
        }
        // The end of a shard may come right behind its last records, in an event of its own.
        let caught_up = event.records.is_empty() && children.is_empty() && event.millis_behind_latest == 0;
        let delivery = Delivery::Records {
            shard: shard.to_owned(),
            records: event.records,
            caught_up,
        };
        if sink.send(delivery).await.is_err() {
            return Ok(Go::Stop);
        }
        if !children.is_empty() {
            let _ = sink
                .send(Delivery::End {
                    shard: shard.to_owned(),
                    children,
                })
                .await;
            return Ok(Go::Stop);
        }
    }
}
