//! What a stream's shards do in detail – traffic, hot keys, lag – while somebody looks (`millrace streams top`).
//!
//! Nothing is measured of a stream that nobody looks at: the first look begins it, and it ends [`WATCH_LIFE`] after the
//! last one. Numbers are sums since it began; who wants rates looks twice. Each node measures its own calls.

mod keys;
mod shard;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use shard::{Lag, ShardWatch, Traffic};

use crate::limits::{WATCH_LIFE, WATCHED_SHARDS_MAX, WATCHED_STREAMS_MAX};
use crate::routing::StreamView;
use crate::service::Streams;
use crate::shard::read::Page;
use crate::state::{Shard, ShardIndex, StreamUid};

/// The streams that somebody looks at.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    /// Whether there are any: all that a call looks at when there are none.
    any: AtomicBool,
    streams: Mutex<HashMap<StreamUid, Arc<Watch>>>,
}

/// One stream that somebody looks at.
#[derive(Debug)]
pub(crate) struct Watch {
    /// In monotonic time.
    pub(crate) began: Duration,
    looked: Mutex<Duration>,
    shards: Mutex<HashMap<ShardIndex, Arc<ShardWatch>>>,
}

/// As many streams are looked at as can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watches {
    /// What is measured of a stream, if somebody looks at it.
    pub(crate) fn of(&self, stream: StreamUid) -> Option<Arc<Watch>> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        locked(&self.streams).get(&stream).cloned()
    }

    /// Looks at a stream: begins to measure it, or goes on.
    pub(crate) fn look(&self, stream: StreamUid, now: Duration) -> Result<Arc<Watch>, TooMany> {
        let mut streams = locked(&self.streams);
        streams.retain(|_, watch| watch.is_looked_at(now));
        if streams.len() >= WATCHED_STREAMS_MAX && !streams.contains_key(&stream) {
            return Err(TooMany);
        }
        let watch = streams.entry(stream).or_insert_with(|| {
            Arc::new(Watch {
                began: now,
                looked: Mutex::new(now),
                shards: Mutex::default(),
            })
        });
        *locked(&watch.looked) = now;
        self.any.store(true, Ordering::Relaxed);
        Ok(Arc::clone(watch))
    }

    /// Ends what nobody looks at any more.
    pub(crate) fn sweep(&self, now: Duration) {
        let mut streams = locked(&self.streams);
        streams.retain(|_, watch| watch.is_looked_at(now));
        self.any.store(!streams.is_empty(), Ordering::Relaxed);
    }
}

impl Watch {
    fn is_looked_at(&self, now: Duration) -> bool {
        now.saturating_sub(*locked(&self.looked)) <= WATCH_LIFE
    }

    /// What is measured of a shard; `None` where as many are measured as can be.
    pub(crate) fn shard(&self, index: ShardIndex) -> Option<Arc<ShardWatch>> {
        let mut shards = locked(&self.shards);
        if shards.len() >= WATCHED_SHARDS_MAX && !shards.contains_key(&index) {
            return None;
        }
        Some(Arc::clone(shards.entry(index).or_default()))
    }

    /// Every shard that something happened to.
    pub(crate) fn shards(&self) -> Vec<(ShardIndex, Arc<ShardWatch>)> {
        let shards = locked(&self.shards);
        shards
            .iter()
            .map(|(index, shard)| (*index, Arc::clone(shard)))
            .collect()
    }
}

impl Streams {
    /// Where what happens to a shard is measured, if somebody looks at its stream.
    pub(crate) fn watched(&self, view: &StreamView, shard: &Shard) -> Option<Arc<ShardWatch>> {
        self.0.watches.of(view.uid)?.shard(shard.index)
    }

    /// How far a reader is behind who got this page.
    pub(crate) fn lag(&self, page: &Page) -> Lag {
        Lag {
            records: page.records_behind,
            millis: u64::try_from(page.behind.as_millis()).unwrap_or(u64::MAX),
            at: self.0.clock.monotonic(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_ends_when_nobody_looks() {
        let watches = Watches::default();
        let stream = StreamUid(1);
        assert!(watches.of(stream).is_none());
        watches.look(stream, Duration::ZERO).unwrap();
        let later = WATCH_LIFE / 2;
        let watch = watches.look(stream, later).unwrap();
        assert_eq!(watch.began, Duration::ZERO, "it goes on");
        watches.sweep(later + WATCH_LIFE);
        assert!(watches.of(stream).is_some());
        watches.sweep(later + WATCH_LIFE + Duration::from_millis(1));
        assert!(watches.of(stream).is_none());
    }

    #[test]
    fn as_many_streams_and_shards_as_there_may_be() {
        let watches = Watches::default();
        for uid in 0..WATCHED_STREAMS_MAX as u64 {
            watches.look(StreamUid(uid), Duration::ZERO).unwrap();
        }
        let one_more = StreamUid(WATCHED_STREAMS_MAX as u64);
        assert_eq!(watches.look(one_more, Duration::ZERO).unwrap_err(), TooMany);
        let later = WATCH_LIFE + Duration::from_secs(1);
        let watch = watches.look(one_more, later).unwrap();
        for index in 0..WATCHED_SHARDS_MAX {
            assert!(watch.shard(ShardIndex(u32::try_from(index).unwrap())).is_some());
        }
        assert!(watch.shard(ShardIndex(u32::MAX)).is_none());
        assert!(watch.shard(ShardIndex(0)).is_some());
    }
}
