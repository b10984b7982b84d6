//! PutRecords

use millrace_wire::Reply;

use super::Call;
use crate::error::StreamsError;
use crate::shard::answer::{self, Summary};
use crate::shard::append::Outcome;
use crate::shard::request::{Put, Shape};
use crate::telemetry::Puts;

/// Up to 500 records; each has its own outcome, in the request's order.
pub(super) async fn call(call: Call<'_>) -> Result<Reply, StreamsError> {
    let begun = call.streams.0.clock.monotonic();
    let put = Put::read(Shape::Many, call.codec, &call.body)?;
    let view = call.streams.resolve(call.caller, put.named())?;
    if put.dry_run {
        return Err(call.streams.dry_run(&view, &put));
    }
    let decode = || Put::decode(Shape::Many, call.codec, call.body.whole());
    let outcomes = call.streams.store(&view, &put, decode).await;
    call.streams
        .put_ended((&view, Puts::Many), &put, begun, &outcomes);
    let outcomes = outcomes?;
    let stored = |outcome: &&Outcome| matches!(outcome, Outcome::Stored { .. });
    let failed = outcomes.len() - outcomes.iter().filter(stored).count();
    call.streams.0.metrics.failed_records.add(failed as u64);
    let summary = Summary {
        failed,
        encrypted: view.is_encrypted(),
    };
    Ok(Reply::Body(
        answer::put_records(call.codec, &view.key, &outcomes, summary).into(),
    ))
}
