//! SubscribeToShard

use millrace_api::kinesis::SubscribeToShardInput;
use millrace_wire::Reply;

use super::Call;
use crate::error::StreamsError;
use crate::resolve::hold_id;
use crate::shard::position::Asked;
use crate::state::Status;
use crate::subscribe::{self, Subscriber};

/// Pushes a shard's records to a consumer for five minutes.
pub(super) async fn call(call: Call<'_>) -> Result<Reply, StreamsError> {
    let streams = call.streams;
    let input: SubscribeToShardInput = call.codec.typed(call.body.whole())?;
    hold_id(input.stream_id.as_deref())?;
    let (view, consumer) = streams.resolve_consumer(call.caller, &input.consumer_arn)?;
    if consumer.status != Status::Active {
        return Err(StreamsError::ConsumerNotActive {
            key: view.key.clone(),
            name: consumer.name.clone(),
            created_secs: consumer.created.seconds(),
        });
    }
    let shard = *view
        .shard_by_id(&input.shard_id)
        .ok_or_else(|| StreamsError::ShardMissing(view.key.clone(), input.shard_id.clone()))?;
    let asked = Asked {
        kind: input.starting_position.r#type,
        number: input.starting_position.sequence_number.as_deref(),
        timestamp_ms: input.starting_position.timestamp.map(|time| time.0),
        operation: "SubscribeToShard",
    };
    let offset = streams.offset_of(&view, &shard, asked).await?;
    if input.dry_run == Some(true) {
        return Err(StreamsError::DryRun);
    }
    let subscriber = Subscriber {
        stream: view.key.clone(),
        uid: view.uid,
        consumer: consumer.name.clone(),
        created: consumer.created,
        shard,
    };
    let meter = streams.0.telemetry.consumer(&view.key, view.uid, &consumer.name);
    let opened = subscribe::open(streams, subscriber, offset, meter.clone());
    if let Some(meter) = meter {
        let too_many = matches!(
            opened,
            Err(StreamsError::ResourceInUse(_) | StreamsError::LimitExceeded(_))
        );
        meter.subscription(opened.is_ok(), too_many);
    }
    Ok(Reply::Events(opened?))
}
