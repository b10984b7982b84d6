//! Receiving: wait until there is something, have it handed out, read it.
//!
//! Nothing is written before there is something to hand out, so that a call that waits in vain, or whose caller goes
//! away while it waits, leaves no trace. A caller that goes away later leaves records in flight until their visibility
//! timeout is over, as if it had received them.

use std::time::Duration;

use millrace_api::kinesis::QueueRecord;
use millrace_base::Timestamp;
use millrace_wire::{ApiError, Caller};

use super::deliver::deliver;
use super::machine::{Action, Handed, Kind, Offer, Outcome};
use super::open::Open;
use super::turn::{Claim, Tails};
use crate::error::StreamsError;
use crate::limits::{QUEUE_OFFERS_MAX, QUEUE_RECEIVE_MAX, QUEUE_RETRY, QUEUE_WAIT};
use crate::queues::QueueError;
use crate::service::Streams;
use crate::state::{Queue, QueueKey, ShardIndex};

/// What a request says, as it says it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) arn: &'a str,
    pub(crate) limit: Option<i32>,
    pub(crate) wait_secs: Option<i32>,
    pub(crate) visibility_secs: Option<i32>,
}

/// What it asks for.
#[derive(Clone, Debug)]
struct Asked {
    key: QueueKey,
    kind: Kind,
    limit: u32,
    /// When the answer is due, in monotonic time.
    until: Duration,
    visibility_secs: Option<u32>,
}

/// Receives records of a queue; none, if none came in time.
pub(crate) async fn receive(
    streams: &Streams,
    caller: &Caller,
    kind: Kind,
    request: Request<'_>,
) -> Result<Vec<QueueRecord>, StreamsError> {
    // The API's tables hold all of them between their bounds.
    let positive = |value: i32| u32::try_from(value).ok();
    let wait = request.wait_secs.and_then(positive);
    let wait = wait.map_or(QUEUE_WAIT, |secs| Duration::from_secs(secs.into()));
    let asked = Asked {
        key: streams.queue_target(caller, request.arn)?,
        kind,
        limit: request.limit.and_then(positive).unwrap_or(QUEUE_RECEIVE_MAX),
        until: streams.0.clock.monotonic() + wait,
        visibility_secs: request.visibility_secs.and_then(positive),
    };
    let mut misses = 0u32;
    loop {
        let queue = streams.delivering(&asked.key)?;
        let open = streams.0.queues.get(streams, &asked.key, &queue).await?;
        let Some((claim, found)) = wait_for(streams, &asked, &open).await? else {
            return nothing(streams, &asked, &open, &queue);
        };
        let handed = hand_out(&asked, &open, found).await?;
        drop(claim);
        let records = deliver(streams, &open, kind, handed).await?;
        if !records.is_empty() {
            open.counts.received.add(records.len() as u64);
            return Ok(records);
        }
        if streams.0.clock.monotonic() >= asked.until {
            return nothing(streams, &asked, &open, &queue);
        }
        // Another node was quicker, or retention was: once that is chance, more often it must not be a busy loop.
        if misses > 0 {
            tokio::select! {
                () = streams.0.clock.sleep(QUEUE_RETRY) => {}
                () = over(streams, &asked) => {}
            }
        }
        misses += 1;
    }
}

/// What a look found.
#[derive(Clone, Debug)]
struct Found {
    queue: Queue,
    /// Records that could be handed out, counted as far as it matters.
    ready: usize,
    offers: Vec<Offer>,
    /// When the next record becomes visible.
    next: Option<Timestamp>,
}

/// Waits for records and claims them; `None` when time is up.
async fn wait_for<'a>(
    streams: &Streams,
    asked: &Asked,
    open: &'a Open,
) -> Result<Option<(Claim<'a>, Found)>, StreamsError> {
    let turn = open.turn(asked.kind);
    let mut tails = tokio::select! {
        biased;
        tails = turn.take() => tails,
        () = over(streams, asked) => return Ok(None),
    };
    let limit = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let (mut applied, mut changed) = (open.part.changed(), streams.changed());
    let mut claimed = turn.claimed();
    loop {
        // Everything is looked at after it was marked as seen, so that no change is slept through.
        applied.mark_unchanged();
        changed.mark_unchanged();
        let taken = *claimed.borrow_and_update();
        let now = streams.0.clock.now();
        let found = look(
            streams,
            asked,
            open,
            &mut tails,
            (now, taken.saturating_add(limit)),
        )?;
        let free = found.ready.saturating_sub(taken);
        if free > 0 {
            return Ok(Some((turn.claim(free.min(limit)), found)));
        }
        if streams.0.clock.monotonic() >= asked.until || streams.0.tasks.is_stopping() {
            return Ok(None);
        }
        let due = async {
            match found.next {
                // At least a millisecond: what is due counts from the next one on.
                Some(at) => {
                    let pause = at.since(now).max(Duration::from_millis(1));
                    streams.0.clock.sleep(pause).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tails.moved(), if asked.kind == Kind::Live => {}
            _ = applied.changed() => {}
            _ = changed.changed() => {}
            _ = claimed.changed() => {}
            () = due => {}
            () = over(streams, asked) => {}
        }
    }
}

/// What could be handed out now, counted up to `wanted`.
fn look(
    streams: &Streams,
    asked: &Asked,
    open: &Open,
    tails: &mut Tails,
    (now, wanted): (Timestamp, usize),
) -> Result<Found, StreamsError> {
    let queue = streams.delivering(&asked.key)?;
    let seen = match asked.kind {
        Kind::Live => {
            tails.follow(streams, &streams.view(&queue.stream)?);
            tails.look()
        }
        Kind::Dead => Vec::new(),
    };
    let max_receives = queue.attributes.max_receives();
    let (mut ready, next, offers) = open.part.read(|state| {
        let look = state.look(asked.kind, now, max_receives, wanted);
        let (mut ready, mut room) = (look.again, look.room);
        let mut offers = Vec::new();
        for (shard, tail) in seen {
            if ready >= wanted || room == 0 || offers.len() >= QUEUE_OFFERS_MAX {
                break;
            }
            let Some(cursor) = state.cursor(shard) else {
                continue;
            };
            let new = tail.end.saturating_sub(cursor.max(tail.start));
            let new = usize::try_from(new).unwrap_or(usize::MAX).min(room);
            if new > 0 {
                let (start, end) = (tail.start, tail.end);
                offers.push(Offer { shard, start, end });
                (ready, room) = (ready.saturating_add(new), room - new);
            }
        }
        (ready, look.next, offers)
    });
    if let Some(last) = offers.last() {
        tails.from = ShardIndex(last.shard.0.wrapping_add(1));
    }
    ready = ready.min(wanted);
    Ok(Found {
        queue,
        ready,
        offers,
        next,
    })
}

async fn hand_out(asked: &Asked, open: &Open, found: Found) -> Result<Vec<Handed>, StreamsError> {
    let secs = asked
        .visibility_secs
        .unwrap_or(found.queue.attributes.visibility_secs);
    let (limit, visibility_ms) = (asked.limit, u64::from(secs) * 1000);
    let action = match asked.kind {
        Kind::Live => Action::Receive {
            limit,
            visibility_ms,
            offers: found.offers,
        },
        Kind::Dead => Action::ReceiveDead { limit, visibility_ms },
    };
    match open.propose(&found.queue, action).await? {
        Outcome::Received(handed) => Ok(handed),
        Outcome::Done | Outcome::Entries(_) => {
            Err(ApiError::internal("receiving had another command's outcome").into())
        }
    }
}

/// The answer of a call that waited in vain. Where a bound of the queue is the reason, it says so: an empty answer
/// would look as if the stream were empty.
fn nothing(
    streams: &Streams,
    asked: &Asked,
    open: &Open,
    queue: &Queue,
) -> Result<Vec<QueueRecord>, StreamsError> {
    open.counts.empty.add(1);
    let full = open.part.read(|state| state.full(streams.0.clock.now()));
    match full {
        Some(full) if asked.kind == Kind::Live && open.backlog(streams, queue) > 0 => {
            Err(QueueError::full(asked.key.clone(), full).into())
        }
        _ => Ok(Vec::new()),
    }
}

/// Completes when the answer is due, or the server stops.
async fn over(streams: &Streams, asked: &Asked) {
    let left = asked.until.saturating_sub(streams.0.clock.monotonic());
    tokio::select! {
        () = streams.0.clock.sleep(left) => {}
        () = streams.0.tasks.stopping() => {}
    }
}
