//! Opening the control plane and looking at it as a whole.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use millrace_base::{Rng, SystemRng, Tasks};
use millrace_blob::Blobs;
use millrace_log::{Log, LogError, LogId, LogOptions};
use tokio::sync::{Mutex, mpsc, oneshot, watch};

use crate::applier::{Applier, SnapshotRequest};
use crate::limits::SNAPSHOT_REQUESTS_MAX;
use crate::part::{AnyPart, Shared};
use crate::snapshot::Store;
use crate::{ControlError, Machine, Part};

/// How a control plane is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// A snapshot is taken after this many commands …
    pub snapshot_commands: u64,
    /// … or after this many bytes of commands, whichever comes first.
    pub snapshot_bytes: u64,
    /// This many commands stay in the log behind the oldest kept snapshot, so that a node that lags a little keeps
    /// following the log and sees the outcomes of its proposals.
    pub trim_slack: u64,
    /// Names this opening among those that share the log.
    pub rng: Arc<dyn Rng>,
    /// Whether a log that is missing is created. Where logs come and go it must not be: a node that lags would bring
    /// one back that was deleted.
    pub create: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            snapshot_commands: 10_000,
            snapshot_bytes: 16 << 20,
            trim_slack: 10_000,
            rng: Arc::new(SystemRng),
            create: true,
        }
    }
}

/// How the control plane is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not open yet.
    Opening,
    /// Commands are applied.
    Running,
    /// It was told to stop.
    Closed,
    /// It cannot go on; this node's state stands still.
    Failed(ControlError),
}

/// A control plane that is being put together.
pub struct Builder {
    shared: Arc<Shared>,
    parts: BTreeMap<u16, Arc<dyn AnyPart>>,
    twice: Option<u16>,
    blobs: Blobs,
    tasks: Tasks,
    options: Options,
}

/// An open control plane. Clones share it. It stops with the tasks it was given: end those that still propose first.
#[derive(Clone)]
pub struct Control {
    shared: Arc<Shared>,
    requests: mpsc::Sender<SnapshotRequest>,
}

impl Control {
    /// Starts to put a control plane together: over log `log_id`, which is created if it is missing, with snapshots
    /// in `blobs`, applied by one of `tasks`.
    #[must_use]
    pub fn builder(
        log: Arc<dyn Log>,
        log_id: LogId,
        blobs: Blobs,
        tasks: Tasks,
        options: Options,
    ) -> Builder {
        let mut proposer = [0; 16];
        options.rng.fill(&mut proposer);
        let shared = Shared {
            log,
            log_id,
            proposer,
            sequence: AtomicU64::new(0),
            applied: watch::Sender::new(0),
            status: watch::Sender::new(Status::Opening),
        };
        Builder {
            shared: Arc::new(shared),
            parts: BTreeMap::new(),
            twice: None,
            blobs,
            tasks,
            options,
        }
    }

    /// Takes a snapshot and yields its position when it is durable and the log is trimmed behind the kept ones.
    ///
    /// # Errors
    /// [`ControlError::Closed`], or why the snapshot could not be kept.
    pub async fn snapshot_now(&self) -> Result<u64, ControlError> {
        let (request, answer) = oneshot::channel();
        self.requests
            .send(request)
            .await
            .map_err(|_| ControlError::Closed)?;
        answer.await.map_err(|_| ControlError::Closed)?
    }

    /// One behind the position of the newest command applied on this node.
    #[must_use]
    pub fn applied(&self) -> u64 {
        *self.shared.applied.borrow()
    }

    /// What [`Control::applied`] says, as it moves.
    #[must_use]
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.shared.applied.subscribe()
    }

    /// How it is, as it changes: for readiness checks.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.status.subscribe()
    }
}

impl Builder {
    /// Adds a state machine under `tag`. The number is in every command and snapshot: never give it to another
    /// machine. A number that is used twice makes [`Builder::open`] fail.
    pub fn part<M: Machine>(&mut self, tag: u16) -> Part<M> {
        let part = Part::new(tag, Arc::clone(&self.shared));
        if self.parts.insert(tag, part.erased()).is_some() {
            self.twice.get_or_insert(tag);
        }
        part
    }

    /// Loads the newest whole snapshot, replays the log behind it and starts to follow it. All parts are at the
    /// log's tail when it returns.
    ///
    /// # Errors
    /// [`ControlError::DuplicatePart`]; [`ControlError::Corrupt`] when the state cannot be restored, also when the
    /// log or a snapshot has a part that was not added; [`ControlError::Log`], also when the log is missing and is
    /// not to be created; [`ControlError::Blob`].
    pub async fn open(self) -> Result<Control, ControlError> {
        if let Some(tag) = self.twice {
            return Err(ControlError::DuplicatePart(tag));
        }
        if self.options.create {
            create(&*self.shared.log, self.shared.log_id).await?;
        }
        let mut applier = self.assemble();
        applier.open().await?;
        tracing::debug!(log = ?applier.shared.log_id, applied = applier.next, "control plane open");
        let shared = Arc::clone(&applier.shared);
        shared.status.send_replace(Status::Running);
        let (requests, receiver) = mpsc::channel(SNAPSHOT_REQUESTS_MAX);
        applier.tasks.clone().spawn(applier.run(receiver));
        Ok(Control { shared, requests })
    }

    /// The applier, at the very start.
    pub(crate) fn assemble(self) -> Applier {
        let store = Store::new(self.blobs, self.shared.log_id);
        Applier {
            shared: self.shared,
            parts: self.parts,
            store,
            tasks: self.tasks,
            options: self.options,
            next: 0,
            since: (0, 0),
            writing: Arc::new(Mutex::new(())),
        }
    }
}

/// Creates the log of a control plane, if it is missing.
///
/// # Errors
/// The log engine's.
pub async fn create(log: &dyn Log, log_id: LogId) -> Result<(), LogError> {
    let forever = LogOptions {
        retention: Duration::MAX,
    };
    // A full disk refuses a creation before it looks whether it is one.
    if log.tail(log_id).is_ok() {
        return Ok(());
    }
    match log.create(log_id, forever).await {
        Ok(()) | Err(LogError::Exists(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Removes a control plane that nobody has open any more: its log, then its snapshots. It may be repeated.
///
/// # Errors
/// [`ControlError::Log`] and [`ControlError::Blob`].
pub async fn delete(log: &dyn Log, log_id: LogId, blobs: Blobs) -> Result<(), ControlError> {
    match log.delete(log_id).await {
        Ok(()) | Err(LogError::NotFound(_)) => {}
        Err(error) => return Err(error.into()),
    }
    Store::new(blobs, log_id).clear().await
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("parts", &self.parts.keys())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Control({:?}, at {})",
            *self.shared.status.borrow(),
            self.applied()
        )
    }
}
