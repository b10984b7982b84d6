//! The frames of one subscription, made when they are polled for.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use millrace_base::Timestamp;
use millrace_log::{Offset, ReadLimits, Watch};
use millrace_wire::call::Events;
use millrace_wire::{ApiError, event_stream};
use tokio::sync::watch;

use super::registry::{Claim, Slot};
use crate::error::StreamsError;
use crate::limits::{
    SUBSCRIPTION_BYTES_PER_S, SUBSCRIPTION_EVENT_BYTES, SUBSCRIPTION_EVENT_RECORDS, SUBSCRIPTION_HEARTBEAT,
    SUBSCRIPTION_LIFE,
};
use crate::routing::StreamView;
use crate::sequence::SequenceNumber;
use crate::service::Streams;
use crate::shard::answer;
use crate::shard::read::{Page, gone};
use crate::state::{Shard, Status, StreamKey, StreamUid};
use crate::telemetry::ConsumerMeter;

/// Events are JSON whatever the request was in.
const JSON: &str = "application/x-amz-json-1.1";

/// Who reads what.
#[derive(Clone, Debug)]
pub(crate) struct Subscriber {
    pub(crate) stream: StreamKey,
    pub(crate) uid: StreamUid,
    pub(crate) consumer: String,
    pub(crate) created: Timestamp,
    pub(crate) shard: Shard,
}

/// Opens a subscription from `offset` on; its events are counted by `meter`.
pub(crate) fn open(
    streams: &Streams,
    subscriber: Subscriber,
    offset: Offset,
    meter: Option<Arc<ConsumerMeter>>,
) -> Result<Events, StreamsError> {
    let slot = Slot {
        stream: subscriber.uid,
        consumer: subscriber.consumer.clone(),
        shard: subscriber.shard.index,
    };
    let tail = streams
        .0
        .log
        .watch(subscriber.shard.log_id())
        .map_err(|error| gone(&subscriber.stream, &subscriber.shard, error))?;
    let now = streams.0.clock.monotonic();
    let arn = format!(
        "{}/consumer/{}:{}",
        subscriber.stream.arn(),
        subscriber.consumer,
        subscriber.created.seconds()
    );
    let claim = streams.0.subscriptions.claim(&slot, &arn, now)?;
    // Behind the claim: a second call during a subscription is told of that one.
    let part = format!("{}/{}", slot.consumer, slot.shard);
    if !streams.admit_shard("SubscribeToShard", &subscriber.stream, &part) {
        streams.0.subscriptions.release(&slot, claim.id);
        return Err(StreamsError::LimitExceeded(format!(
            "Rate exceeded for SubscribeToShard on shard {} by consumer {arn}.",
            slot.shard
        )));
    }
    streams.0.metrics.subscriptions.up();
    let subscription = Subscription {
        changed: streams.changed(),
        streams: streams.clone(),
        subscriber,
        meter,
        slot,
        claim,
        tail,
        next: offset,
        ends: now + SUBSCRIPTION_LIFE,
        quiet_since: now,
        phase: Phase::Opening,
    };
    // Fused: whoever polls once more behind the end gets the end again.
    Ok(Box::pin(stream::unfold(subscription, Subscription::step).fuse()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Opening,
    Pushing,
    Over,
}

struct Subscription {
    streams: Streams,
    subscriber: Subscriber,
    meter: Option<Arc<ConsumerMeter>>,
    slot: Slot,
    claim: Claim,
    tail: Watch,
    changed: watch::Receiver<u64>,
    next: Offset,
    /// When its five minutes are over, in monotonic time.
    ends: Duration,
    /// When the last frame was made.
    quiet_since: Duration,
    phase: Phase,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.streams.0.subscriptions.release(&self.slot, self.claim.id);
        self.streams.0.metrics.subscriptions.down();
    }
}

impl Subscription {
    async fn step(mut self) -> Option<(Bytes, Self)> {
        match self.phase {
            Phase::Over => None,
            Phase::Opening => {
                self.phase = Phase::Pushing;
                Some((event_stream::initial_response(JSON, b"{}"), self))
            }
            Phase::Pushing => {
                let frame = match self.next_frame().await {
                    Ok(frame) => frame?,
                    Err(error) => {
                        self.phase = Phase::Over;
                        if let Some(meter) = &self.meter {
                            meter.error();
                        }
                        exception(error)
                    }
                };
                self.quiet_since = self.streams.0.clock.monotonic();
                Some((frame, self))
            }
        }
    }

    /// The next event; `None` when the five minutes are over or the server stops.
    async fn next_frame(&mut self) -> Result<Option<Bytes>, StreamsError> {
        loop {
            // Everything is looked at after it was marked as seen, so that no change is slept through.
            self.tail.mark_unchanged();
            self.changed.mark_unchanged();
            let now = self.streams.0.clock.monotonic();
            if now >= self.ends || self.streams.0.tasks.is_stopping() {
                return Ok(None);
            }
            if *self.claim.taken_over.borrow() {
                return Err(StreamsError::ResourceInUse(
                    "Another active subscription exists for this consumer: it has taken this one over."
                        .to_owned(),
                ));
            }
            let view = self.view()?;
            let limits = ReadLimits {
                bytes: SUBSCRIPTION_EVENT_BYTES,
                records: SUBSCRIPTION_EVENT_RECORDS,
            };
            let page = self
                .streams
                .read_shard(&view, &self.subscriber.shard, self.next, limits)
                .await?;
            let heartbeat = now.saturating_sub(self.quiet_since) >= SUBSCRIPTION_HEARTBEAT;
            if !page.records.is_empty() || page.ended.is_some() || heartbeat {
                if let Some(watch) = self.streams.watched(&view, &self.subscriber.shard) {
                    let read = (page.records.len() as u64, page.bytes as u64);
                    watch.read(&self.subscriber.consumer, read, self.streams.lag(&page));
                }
                return Ok(Some(self.event(&page).await));
            }
            self.wait(now).await;
        }
    }

    /// The stream as it is now, if the consumer is still there.
    fn view(&self) -> Result<Arc<StreamView>, StreamsError> {
        let Subscriber {
            stream,
            uid,
            consumer,
            created,
            ..
        } = &self.subscriber;
        let view = self.streams.view(stream)?;
        if view.uid != *uid {
            return Err(StreamsError::StreamNotFound(stream.clone()));
        }
        match view.consumers.get(consumer) {
            Some(known) if known.created == *created && known.status == Status::Active => Ok(view),
            _ => Err(StreamsError::ConsumerNotFound {
                key: stream.clone(),
                name: consumer.clone(),
            }),
        }
    }

    async fn event(&mut self, page: &Page) -> Bytes {
        let shard = &self.subscriber.shard;
        self.next = page.next;
        // Behind this number stands whatever comes next; only its index counts when it is used.
        let time = page
            .records
            .last()
            .map_or_else(|| self.streams.0.clock.now(), |read| read.time);
        let number = SequenceNumber {
            index: self.next,
            ..SequenceNumber::of(shard, 0, time)
        };
        let continuation = if page.ended.is_some() { None } else { Some(&number) };
        if page.ended.is_some() {
            self.phase = Phase::Over;
        }
        let metrics = &self.streams.0.metrics;
        metrics.pushed_records.add(page.records.len() as u64);
        if let Some(meter) = &self.meter {
            meter.event(page.records.len(), page.bytes, page.behind);
        }
        if self.streams.limits_throughput() && !page.records.is_empty() {
            // Two MiB per second and consumer: a frame is paid for before it leaves.
            let micros = page.bytes as u64 * 1_000_000 / SUBSCRIPTION_BYTES_PER_S;
            self.streams.0.clock.sleep(Duration::from_micros(micros)).await;
        }
        let payload = answer::event(page, continuation);
        event_stream::event("SubscribeToShardEvent", JSON, &payload)
    }

    async fn wait(&mut self, now: Duration) {
        let beat = (self.quiet_since + SUBSCRIPTION_HEARTBEAT)
            .min(self.ends)
            .saturating_sub(now);
        let sleep = self.streams.0.clock.sleep(beat);
        let tasks = self.streams.0.tasks.clone();
        // A log that is deleted ends its watch at once, every time: then only the control plane has news.
        let tail = async {
            if self.tail.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = tail => {}
            _ = self.changed.changed() => {}
            _ = self.claim.taken_over.changed() => {}
            () = sleep => {}
            () = tasks.stopping() => {}
        }
    }
}

fn exception(error: StreamsError) -> Bytes {
    let error = ApiError::from(error);
    let mut payload = b"{\"message\":".to_vec();
    millrace_wire::json::quote(&error.message, &mut payload);
    payload.push(b'}');
    event_stream::exception(&error.code, JSON, &payload)
}
