//! The queues that this node has in memory: opened when they are first used, closed when nobody used them for long,
//! when they are deleted, and with the service.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millrace_base::Tasks;
use millrace_base::metrics::Counter;
use millrace_blob::Blobs;
use millrace_control::{Control, ControlError, Options, Part};
use ring::hmac;
use tokio::sync::OnceCell;

use super::machine::{Action, Command, Kind, Outcome, QueueState};
use super::receipt;
use super::turn::Turn;
use crate::error::StreamsError;
use crate::limits::{QUEUE_CLOSE_PATIENCE, QUEUE_IDLE};
use crate::queues::QueueError;
use crate::service::Streams;
use crate::state::{LogNumber, Queue, QueueKey};

/// The number of the one part in a queue's log.
const PART: u16 = 1;

/// All queues of this node.
#[derive(Debug)]
pub(crate) struct Queues {
    /// Where snapshots are kept.
    pub(super) blobs: Blobs,
    /// Under which receipt handles are written.
    pub(super) receipts: Receipts,
    open: Mutex<HashMap<LogNumber, Slot>>,
}

type Slot = Arc<OnceCell<Arc<Open>>>;

/// A key that does not print.
pub(super) struct Receipts(pub(super) hmac::Key);

impl fmt::Debug for Receipts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A queue in memory.
pub(crate) struct Open {
    pub(super) key: QueueKey,
    pub(super) part: Part<QueueState>,
    pub(super) live: Turn,
    pub(super) dead: Turn,
    pub(super) counts: Counts,
    control: Control,
    tasks: Tasks,
    /// When it was used last, in seconds of monotonic time.
    used_secs: AtomicU64,
}

/// What went through a queue on this node.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) received: Counter,
    pub(super) acknowledged: Counter,
    pub(super) empty: Counter,
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Open({}, {:?})", self.key, self.control)
    }
}

impl Queues {
    pub(crate) fn new(blobs: Blobs, secret: &[u8; 32]) -> Self {
        Self {
            blobs,
            receipts: Receipts(receipt::key(secret)),
            open: Mutex::default(),
        }
    }

    /// The queue in memory; it is brought there if it is not yet.
    pub(super) async fn get(
        &self,
        streams: &Streams,
        key: &QueueKey,
        queue: &Queue,
    ) -> Result<Arc<Open>, StreamsError> {
        let slot = Arc::clone(self.lock().entry(queue.log).or_default());
        let open = slot
            .get_or_try_init(|| Open::open(streams, key, queue.log))
            .await?;
        if matches!(
            &*open.control.status().borrow(),
            millrace_control::Status::Failed(_)
        ) {
            // The next call starts anew from what is stored.
            let mut all = self.lock();
            if all.get(&queue.log).is_some_and(|now| Arc::ptr_eq(now, &slot)) {
                all.remove(&queue.log);
            }
        }
        open.use_now(streams);
        Ok(Arc::clone(open))
    }

    /// The queues in memory, at this moment.
    pub(super) fn all(&self) -> Vec<(LogNumber, Arc<Open>)> {
        let all = self.lock();
        let open = all
            .iter()
            .filter_map(|(log, slot)| Some((*log, Arc::clone(slot.get()?))));
        open.collect()
    }

    /// Lets go of a queue and waits until nothing of it works any more.
    pub(super) async fn close(&self, log: LogNumber) {
        let slot = self.lock().remove(&log);
        if let Some(open) = slot.as_ref().and_then(|slot| slot.get()) {
            open.stop().await;
        }
    }

    /// Lets go of the queues that nobody used for long. One that is just being used stays.
    pub(super) async fn close_idle(&self, now: Duration) {
        let idle: Vec<Slot> = {
            let mut all = self.lock();
            let logs: Vec<LogNumber> = all
                .iter()
                .filter(|(_, slot)| {
                    // Whoever uses it holds either the slot or what is in it.
                    Arc::strong_count(slot) == 1
                        && slot
                            .get()
                            .is_none_or(|open| Arc::strong_count(open) == 1 && open.is_idle(now))
                })
                .map(|(log, _)| *log)
                .collect();
            logs.iter().filter_map(|log| all.remove(log)).collect()
        };
        for open in idle.iter().filter_map(|slot| slot.get()) {
            open.stop().await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<LogNumber, Slot>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    async fn open(streams: &Streams, key: &QueueKey, log: LogNumber) -> Result<Arc<Self>, StreamsError> {
        let tasks = Tasks::new();
        let options = Options {
            // Only the lifecycle creates it: a node that lags must not bring back what was deleted.
            create: false,
            ..Options::default()
        };
        let blobs = streams.0.queues.blobs.clone();
        let engine = Arc::clone(&streams.0.log);
        let mut builder = Control::builder(engine, log.id(), blobs, tasks.clone(), options);
        let part = builder.part(PART);
        let control = builder.open().await?;
        let (own, service) = (tasks.clone(), streams.0.tasks.clone());
        streams.0.tasks.spawn(async move {
            tokio::select! {
                () = service.stopping() => {
                    own.drain(QUEUE_CLOSE_PATIENCE).await;
                }
                () = own.stopping() => {}
            }
        });
        let open = Self {
            key: key.clone(),
            part,
            live: Turn::default(),
            dead: Turn::default(),
            counts: Counts::default(),
            control,
            tasks,
            used_secs: AtomicU64::new(0),
        };
        open.use_now(streams);
        Ok(Arc::new(open))
    }

    /// Has something done, and durably so.
    pub(super) async fn propose(&self, queue: &Queue, action: Action) -> Result<Outcome, StreamsError> {
        let command = Command {
            max_receives: queue.attributes.max_receives(),
            action,
        };
        match self.part.propose(command).await {
            Ok(outcome) => Ok(outcome),
            Err(ControlError::Overloaded) => Err(QueueError::Busy(self.key.clone()).into()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn turn(&self, kind: Kind) -> &Turn {
        match kind {
            Kind::Live => &self.live,
            Kind::Dead => &self.dead,
        }
    }

    fn use_now(&self, streams: &Streams) {
        let now = streams.0.clock.monotonic().as_secs();
        self.used_secs.store(now, Ordering::Relaxed);
    }

    fn is_idle(&self, now: Duration) -> bool {
        let used = Duration::from_secs(self.used_secs.load(Ordering::Relaxed));
        now.saturating_sub(used) >= QUEUE_IDLE
    }

    async fn stop(&self) {
        if !self.tasks.drain(QUEUE_CLOSE_PATIENCE).await {
            tracing::warn!(queue = %self.key, "a queue's work did not stop in time");
        }
    }
}
