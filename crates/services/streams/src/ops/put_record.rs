//! PutRecord

use millrace_wire::Reply;

use super::Call;
use crate::error::StreamsError;
use crate::shard::answer;
use crate::shard::append::Outcome;
use crate::shard::request::{Put, Shape};
use crate::state::Distribution;
use crate::telemetry::Puts;

/// One record, durable when answered.
pub(super) async fn call(call: Call<'_>) -> Result<Reply, StreamsError> {
    let begun = call.streams.0.clock.monotonic();
    let put = Put::read(Shape::One, call.codec, &call.body)?;
    let view = call.streams.resolve(call.caller, put.named())?;
    if let Some(number) = &put.ordering {
        if view.distribution == Distribution::Auto {
            return Err(StreamsError::InvalidArgument(format!(
                "SequenceNumberForOrdering cannot be given: stream {} under account {} distributes records itself \
                 (RecordDistributionStrategy AUTO).",
                view.key.name, view.key.account
            )));
        }
        call.streams.check_ordering(&view, number)?;
    }
    if put.dry_run {
        return Err(call.streams.dry_run(&view, &put));
    }
    let decode = || Put::decode(Shape::One, call.codec, call.body.whole());
    let outcomes = call.streams.store(&view, &put, decode).await;
    call.streams.put_ended((&view, Puts::One), &put, begun, &outcomes);
    let outcomes = outcomes?;
    match outcomes.as_slice() {
        [Outcome::Stored { shard, number }] => Ok(Reply::Body(
            answer::put_record(call.codec, *shard, number, view.is_encrypted()).into(),
        )),
        [refused @ Outcome::Throttled { .. }] => Err(StreamsError::ThroughputExceeded(
            answer::refusal(&view.key, refused).1,
        )),
        _ => Err(StreamsError::NotStored),
    }
}
