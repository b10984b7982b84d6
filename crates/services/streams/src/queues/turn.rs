//! Who waits for records, one at a time.
//!
//! Of many receivers one has the *turn*: it alone watches the shards. When it finds records it *claims* as many as it
//! wants, passes the turn on and has them handed out; the next one counts what is claimed as taken. So a record that
//! arrives wakes one receiver and not a thousand, they are served in the order in which they came, and as many hand-outs
//! are under way at once as there are records for.

use std::collections::BTreeMap;
use std::sync::Arc;

use millrace_log::{Tail, Watch};
use tokio::sync::{Mutex, MutexGuard, watch};

use crate::routing::StreamView;
use crate::service::Streams;
use crate::state::ShardIndex;

/// The turn, and what is claimed by those who passed it on.
#[derive(Debug)]
pub(super) struct Turn {
    tails: Mutex<Tails>,
    claimed: watch::Sender<usize>,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            tails: Mutex::default(),
            claimed: watch::Sender::new(0),
        }
    }
}

impl Turn {
    /// Waits for the turn; first come, first served.
    pub(super) async fn take(&self) -> MutexGuard<'_, Tails> {
        self.tails.lock().await
    }

    /// Records that others are about to be handed.
    pub(super) fn claimed(&self) -> watch::Receiver<usize> {
        self.claimed.subscribe()
    }

    /// Counts records as taken until the claim is dropped.
    pub(super) fn claim(&self, records: usize) -> Claim<'_> {
        self.claimed.send_modify(|claimed| *claimed += records);
        Claim { turn: self, records }
    }
}

/// Records that are about to be handed out.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    turn: &'a Turn,
    records: usize,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.turn.claimed.send_modify(|claimed| *claimed -= self.records);
    }
}

/// The tails of the stream's shards as they move.
#[derive(Debug, Default)]
pub(super) struct Tails {
    view: Option<Arc<StreamView>>,
    watches: BTreeMap<ShardIndex, Watch>,
    /// Where the next look begins, so that no shard is always the first.
    pub(super) from: ShardIndex,
}

impl Tails {
    /// Follows the shards that the stream has now.
    pub(super) fn follow(&mut self, streams: &Streams, view: &Arc<StreamView>) {
        if self.view.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, view)) {
            return;
        }
        self.watches.retain(|shard, _| view.shard(*shard).is_some());
        for shard in view.shards() {
            // A log that is gone belongs to a shard that expires.
            if !self.watches.contains_key(&shard.index)
                && let Ok(watch) = streams.0.log.watch(shard.log_id())
            {
                self.watches.insert(shard.index, watch);
            }
        }
        self.view = Some(Arc::clone(view));
    }

    /// Every shard with its tail, from where the last look ended, all of them marked as seen.
    pub(super) fn look(&mut self) -> Vec<(ShardIndex, Tail)> {
        let from = self.from;
        let mut tails: Vec<(ShardIndex, Tail)> = self
            .watches
            .iter_mut()
            .map(|(shard, watch)| (*shard, *watch.borrow_and_update()))
            .collect();
        let middle = tails.partition_point(|(shard, _)| *shard < from);
        tails.rotate_left(middle);
        tails
    }

    /// Completes when a tail moved since it was seen.
    pub(super) async fn moved(&mut self) {
        // A sealed log moves no more; one that was sealed since it was seen has news all the same.
        let open = self
            .watches
            .values_mut()
            .filter(|watch| !watch.borrow().sealed || watch.has_changed().unwrap_or(false));
        let waits: Vec<_> = open
            .map(|watch| {
                Box::pin(async move {
                    if watch.changed().await.is_err() {
                        // Its log is deleted: only the control plane has news of it.
                        std::future::pending::<()>().await;
                    }
                })
            })
            .collect();
        if waits.is_empty() {
            return std::future::pending().await;
        }
        futures_util::future::select_all(waits).await;
    }
}
