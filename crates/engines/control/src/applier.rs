//! The one path on which commands are applied: strictly in the order of the log, whoever wrote them.

use std::collections::BTreeMap;
use std::sync::Arc;

use millrace_base::Tasks;
use millrace_log::{Entry, LogError, Offset, ReadLimits};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::command;
use crate::control::{Options, Status};
use crate::limits::{READ_BYTES, READ_COMMANDS, RESTORE_ATTEMPTS};
use crate::part::{AnyPart, Shared};
use crate::snapshot::{Snapshot, Store};
use crate::{Applied, ControlError};

/// Asks for a snapshot; is answered with its position when it is durable.
pub(crate) type SnapshotRequest = oneshot::Sender<Result<u64, ControlError>>;

pub(crate) struct Applier {
    pub(crate) shared: Arc<Shared>,
    pub(crate) parts: BTreeMap<u16, Arc<dyn AnyPart>>,
    pub(crate) store: Store,
    pub(crate) tasks: Tasks,
    pub(crate) options: Options,
    /// The next command to apply.
    pub(crate) next: Offset,
    /// Commands and bytes applied since the newest snapshot.
    pub(crate) since: (u64, u64),
    /// Held while a snapshot is written.
    pub(crate) writing: Arc<Mutex<()>>,
}

/// Tells everyone when the applier ends, however it ends.
struct Ending {
    shared: Arc<Shared>,
    parts: Vec<Arc<dyn AnyPart>>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.shared.status.send_if_modified(|status| {
            let running = *status == Status::Running;
            if running {
                // Reached when a machine panicked: half a command may be applied.
                *status = Status::Failed(ControlError::Corrupt(
                    "applying a command failed; see the log".to_owned(),
                ));
            }
            running
        });
        for part in &self.parts {
            part.abandon();
        }
    }
}

impl Applier {
    /// Brings all parts to the newest whole snapshot, then to the tail of the log.
    pub(crate) async fn open(&mut self) -> Result<(), ControlError> {
        self.restore().await?;
        self.catch_up().await
    }

    /// Follows the log until the tasks are told to stop.
    pub(crate) async fn run(mut self, requests: mpsc::Receiver<SnapshotRequest>) {
        let ending = Ending {
            shared: Arc::clone(&self.shared),
            parts: self.parts.values().cloned().collect(),
        };
        let end = match self.follow(requests).await {
            Ok(()) => Status::Closed,
            Err(error) => {
                tracing::error!(%error, applied = self.next, "control plane stopped");
                Status::Failed(error)
            }
        };
        ending.shared.status.send_replace(end);
    }

    async fn follow(&mut self, mut requests: mpsc::Receiver<SnapshotRequest>) -> Result<(), ControlError> {
        let tasks = self.tasks.clone();
        let mut tail = self.shared.log.watch(self.shared.log_id)?;
        loop {
            self.catch_up().await?;
            self.snapshot_if_due()?;
            tokio::select! {
                biased;
                () = tasks.stopping() => return Ok(()),
                Some(request) = requests.recv() => self.snapshot(request)?,
                changed = tail.changed() => changed.map_err(|_| LogError::NotFound(self.shared.log_id))?,
            }
        }
    }

    /// Applies everything that is in the log.
    pub(crate) async fn catch_up(&mut self) -> Result<(), ControlError> {
        let limits = ReadLimits {
            bytes: READ_BYTES,
            records: READ_COMMANDS,
        };
        loop {
            let chunk = match self.shared.log.read(self.shared.log_id, self.next, limits).await {
                Ok(chunk) => chunk,
                // Another node was so far ahead that it trimmed what this one still had to apply.
                Err(LogError::Trimmed { start, .. }) => {
                    tracing::warn!(
                        applied = self.next,
                        start,
                        "fell behind the control log; continuing from a snapshot"
                    );
                    self.restore().await?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if chunk.entries.is_empty() || self.tasks.is_stopping() {
                return Ok(());
            }
            for entry in &chunk.entries {
                self.apply(entry)?;
            }
            if self.next == chunk.tail.end {
                return Ok(());
            }
        }
    }

    fn apply(&mut self, entry: &Entry) -> Result<(), ControlError> {
        let refused = |why: String| ControlError::Corrupt(format!("the command at {} {why}", entry.offset));
        if entry.offset != self.next {
            return Err(refused(format!("was read where {} was expected", self.next)));
        }
        let record = command::decode(&entry.bytes).map_err(refused)?;
        let Some(part) = self.parts.get(&record.part) else {
            return Err(refused(format!("is for part {}, {}", record.part, self.known())));
        };
        let at = Applied {
            index: entry.offset,
            time: entry.time,
        };
        part.apply(at, &record)
            .map_err(|error| refused(format!("is none that part {} understands: {error}", record.part)))?;
        self.next = entry.offset + 1;
        self.since = (self.since.0 + 1, self.since.1 + entry.bytes.len() as u64);
        self.shared.applied.send_replace(self.next);
        Ok(())
    }

    fn known(&self) -> String {
        let known: Vec<_> = self.parts.keys().collect();
        format!("this program knows parts {known:?}: start the program that wrote it, or a newer one")
    }

    /// Loads the newest whole snapshot that the log continues.
    async fn restore(&mut self) -> Result<(), ControlError> {
        for _ in 0..RESTORE_ATTEMPTS {
            let (snapshot, damaged) = self.store.newest().await?;
            let tail = self.shared.log.tail(self.shared.log_id)?;
            let index = snapshot.as_ref().map_or(0, |snapshot| snapshot.index);
            if index > tail.end {
                return Err(ControlError::Corrupt(format!(
                    "the newest snapshot is of position {index}, but the control log ends at {}: the log lost its \
                     end or is another one; restore both from the same backup",
                    tail.end
                )));
            }
            if index >= tail.start {
                for one in &damaged {
                    tracing::warn!(
                        key = one.key,
                        why = one.why,
                        index,
                        "damaged snapshot set aside; starting from an older position"
                    );
                    self.store.set_aside(one).await?;
                }
                return self.load(&snapshot.unwrap_or_default());
            }
            let start = tail.start;
            if !damaged.is_empty() {
                let list: Vec<_> = damaged
                    .iter()
                    .map(|d| format!("'{}': {}", d.key, d.why))
                    .collect();
                return Err(ControlError::Corrupt(format!(
                    "the newest whole snapshot is of position {index}, but the control log starts at {start}; \
                     damaged are {}; restore one of them from a backup",
                    list.join(", ")
                )));
            }
            // Another node trimmed between the listing and the look at the tail: a newer snapshot must be there.
        }
        Err(ControlError::Corrupt(format!(
            "the control log starts at {} and no snapshot reaches that far; restore the snapshots from a backup",
            self.shared.log.tail(self.shared.log_id)?.start
        )))
    }

    fn load(&mut self, snapshot: &Snapshot) -> Result<(), ControlError> {
        let index = snapshot.index;
        if let Some(tag) = snapshot.parts.keys().find(|tag| !self.parts.contains_key(tag)) {
            return Err(ControlError::Corrupt(format!(
                "the snapshot at {index} has part {tag}, {}",
                self.known()
            )));
        }
        for (tag, part) in &self.parts {
            let json = snapshot.parts.get(tag).map(|json| &**json);
            part.load(index, json).map_err(|error| {
                ControlError::Corrupt(format!(
                    "part {tag} does not understand the snapshot at {index}: {error}"
                ))
            })?;
            part.abandon();
        }
        self.next = index;
        self.since = (0, 0);
        self.shared.applied.send_replace(index);
        Ok(())
    }

    fn snapshot_if_due(&mut self) -> Result<(), ControlError> {
        let due =
            self.since.0 >= self.options.snapshot_commands || self.since.1 >= self.options.snapshot_bytes;
        // One at a time: while the disk is slower than the commands, the next one simply covers more.
        if due && self.writing.try_lock().is_ok() {
            let (request, _) = oneshot::channel();
            self.snapshot(request)?;
        }
        Ok(())
    }

    /// Takes the state between two commands here, so that all parts are at one position; writes it beside.
    fn snapshot(&mut self, request: SnapshotRequest) -> Result<(), ControlError> {
        let index = self.next;
        let mut snapshot = Snapshot {
            index,
            parts: BTreeMap::new(),
        };
        for (tag, part) in &self.parts {
            let json = part
                .save()
                .map_err(|error| ControlError::Corrupt(format!("part {tag} has no JSON form: {error}")))?;
            snapshot.parts.insert(*tag, json);
        }
        let bytes = snapshot.encode()?;
        self.since = (0, 0);
        let slack = self.options.trim_slack;
        let (shared, store, writing) = (
            Arc::clone(&self.shared),
            self.store.clone(),
            Arc::clone(&self.writing),
        );
        self.tasks.spawn(async move {
            let _one_at_a_time = writing.lock().await;
            let kept = async {
                if let Some(before) = store.keep(index, bytes).await? {
                    shared.log.trim(shared.log_id, before.saturating_sub(slack)).await?;
                }
                Ok(index)
            };
            let result = kept.await;
            if let Err(error) = &result {
                // Nothing is lost: the log is trimmed only behind a kept snapshot.
                tracing::warn!(%error, index, "control snapshot failed; it is tried again after more commands");
            }
            let _ = request.send(result);
        });
        Ok(())
    }
}
