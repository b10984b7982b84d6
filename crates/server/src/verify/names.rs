//! Which log is whose: asked of the control plane, which is replayed from what was read, without touching anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use millrace_base::{SystemRng, Tasks, Timestamp};
use millrace_blob::Blobs;
use millrace_control::{Control, ControlError, Options};
use millrace_log::embedded::verify::Lost;
use millrace_log::{FrozenLog, LogId};
use millrace_streams::StreamsState;
use millrace_streams::sequence::SequenceNumber;
use millrace_streams::state::{Phase, QueuePhase, Shard};

use super::report::{Affected, Owner};
use crate::commands::{CONTROL_LOG, Parts};

/// The log of CloudWatch's metrics.
const METRICS_LOG: LogId = LogId(2 << 56);

/// A log that the control plane knows.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) owner: Owner,
    shard: Option<Shard>,
    /// Whether it has to be there: it is neither being made nor being deleted.
    pub(super) is_due: bool,
}

/// All logs that somebody knows.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: BTreeMap<LogId, Known>,
    /// Streams, where the control plane could be read.
    pub(super) streams: Option<u64>,
    /// Full names of the master keys that are needed, and by what.
    pub(super) masters: BTreeMap<String, String>,
}

impl Names {
    /// What the control plane says as it comes out of its log and its snapshots, which are in `blobs`.
    pub(super) async fn of(log: FrozenLog, blobs: Blobs) -> Result<Self, ControlError> {
        let tasks = Tasks::new();
        let options = Options {
            snapshot_commands: u64::MAX,
            snapshot_bytes: u64::MAX,
            create: false,
            rng: Arc::new(SystemRng),
            ..Options::default()
        };
        let mut builder = Control::builder(Arc::new(log), CONTROL_LOG, blobs, tasks.clone(), options);
        let parts = Parts::of(&mut builder);
        builder.open().await?;
        let mut names = parts.streams.read(Self::in_state);
        if let Some(master) = parts
            .access
            .read(|access| access.key().map(|key| key.master.clone()))
        {
            names.masters.insert(master, "the users' access keys".to_owned());
        }
        tasks.stop();
        Ok(names)
    }

    /// Without a control plane only its own log and that of the metrics are known.
    pub(super) fn none() -> Self {
        let mut names = Self::default();
        names.add(CONTROL_LOG, Owner::ControlPlane, false);
        names.add(METRICS_LOG, Owner::Metrics, false);
        names
    }

    fn in_state(state: &StreamsState) -> Self {
        let mut names = Self::none();
        let mut streams = 0;
        for (key, stream) in state.streams() {
            streams += 1;
            let settled = !matches!(stream.phase, Phase::Creating | Phase::Deleting { .. });
            for shard in stream.shards.values() {
                let owner = Owner::Shard {
                    account: key.account.clone(),
                    region: key.region.clone(),
                    stream: key.name.clone(),
                    shard: shard.index.to_string(),
                };
                let known = Known {
                    owner,
                    shard: Some(*shard),
                    is_due: settled,
                };
                names.known.insert(shard.log_id(), known);
            }
            match &stream.phase {
                Phase::Resharding(reshard) => reshard
                    .logs()
                    .for_each(|(_, log)| names.add(log.id(), Owner::Passing, false)),
                Phase::Deleting { unborn } => unborn
                    .iter()
                    .for_each(|log| names.add(log.id(), Owner::Passing, false)),
                _ => {}
            }
            for entry in stream.encryption.data_keys.values() {
                let needed = format!("records of stream {key}");
                names.masters.insert(entry.key.master.clone(), needed);
            }
        }
        for log in state.doomed() {
            names.add(log.id(), Owner::Passing, false);
        }
        for (key, queue) in state.queues() {
            let owner = Owner::Queue {
                account: key.account.clone(),
                region: key.region.clone(),
                queue: queue.name.clone(),
                stream: queue.stream.name.clone(),
            };
            let settled = matches!(queue.phase, QueuePhase::Active | QueuePhase::Updating);
            names.add(queue.log.id(), owner, settled);
        }
        names.streams = Some(streams);
        names
    }

    fn add(&mut self, log: LogId, owner: Owner, is_due: bool) {
        let known = Known {
            owner,
            shard: None,
            is_due,
        };
        self.known.insert(log, known);
    }

    /// Every known log.
    pub(super) fn all(&self) -> impl Iterator<Item = (&LogId, &Known)> {
        self.known.iter()
    }

    /// Whose a log is.
    pub(super) fn owner(&self, log: LogId) -> Owner {
        let known = self.known.get(&log);
        known.map_or(Owner::Unknown { log: log.0 }, |known| known.owner.clone())
    }

    /// Records in the words of their users.
    pub(super) fn affected(&self, lost: &Lost) -> Affected {
        let shard = self.known.get(&lost.log).and_then(|known| known.shard);
        let number = |offset, time: Option<Timestamp>| {
            shard.map(|shard| SequenceNumber::of(&shard, offset, time.unwrap_or(shard.created)).to_string())
        };
        Affected {
            owner: self.owner(lost.log),
            records: lost.end.saturating_sub(lost.first),
            first_sequence_number: number(lost.first, lost.from),
            last_sequence_number: number(lost.end.saturating_sub(1), lost.until),
            from: lost.from.filter(|time| *time > Timestamp(0)),
            until: lost.until,
        }
    }
}
