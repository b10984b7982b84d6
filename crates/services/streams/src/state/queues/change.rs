//! Queues come, change and go.

use std::collections::BTreeMap;

use millrace_base::Timestamp;
use millrace_control::Applied;

use super::{Attributes, Position, Queue, QueueCommand, QueueKey, QueuePhase, Settled, Start};
use crate::error::StreamsError;
use crate::limits::Quotas;
use crate::queues::QueueError;
use crate::state::{AttachedPolicy, Changed, Mode, Outcome, Status, StreamKey, StreamUid, StreamsState};

/// What CreateQueue asks for.
struct Wanted {
    name: String,
    stream: StreamKey,
    uid: StreamUid,
    position: Position,
    effective: Timestamp,
    start: Start,
    attributes: Attributes,
    tags: BTreeMap<String, String>,
}

impl StreamsState {
    pub(in crate::state) fn apply_queue(&mut self, at: Applied, command: QueueCommand) -> Outcome {
        match command {
            QueueCommand::Create {
                key,
                name,
                stream,
                uid,
                position,
                effective,
                start,
                attributes,
                tags,
                quotas,
            } => {
                let wanted = Wanted {
                    name,
                    stream,
                    uid,
                    position,
                    effective,
                    start,
                    attributes,
                    tags,
                };
                self.create_queue(at, key, wanted, quotas)
            }
            QueueCommand::Update {
                key,
                visibility_secs,
                dead_letters,
            } => {
                let queue = self.queue_mut(&key)?;
                if queue.status() != Status::Active {
                    return Err(QueueError::NotActive(key, queue.status()).into());
                }
                let attributes = &mut queue.attributes;
                attributes.visibility_secs = visibility_secs.unwrap_or(attributes.visibility_secs);
                attributes.dead_letters = dead_letters.unwrap_or(attributes.dead_letters);
                queue.phase = QueuePhase::Updating;
                Ok(Changed::Queue(Box::new(queue.clone())))
            }
            QueueCommand::Delete { key, quotas } => self.delete_queue(&key, quotas),
            QueueCommand::Settled { key, step } => {
                self.settle_queue(&key, step);
                Ok(Changed::Done)
            }
        }
    }

    pub(in crate::state) fn queue_mut(&mut self, key: &QueueKey) -> Result<&mut Queue, StreamsError> {
        self.queues
            .get_mut(key)
            .ok_or_else(|| QueueError::NotFound(key.clone()).into())
    }

    fn create_queue(&mut self, at: Applied, key: QueueKey, wanted: Wanted, quotas: Quotas) -> Outcome {
        if self
            .queues_of(&key.account, &key.region, "")
            .any(|(_, queue)| queue.name == wanted.name)
            || self.queues.contains_key(&key)
        {
            return Err(QueueError::Exists {
                account: key.account,
                name: wanted.name,
            }
            .into());
        }
        let stream = self
            .stream(&wanted.stream)
            .filter(|stream| stream.uid == wanted.uid)
            .ok_or_else(|| StreamsError::StreamNotFound(wanted.stream.clone()))?;
        if stream.status() != Status::Active {
            return Err(StreamsError::StreamNotActive(wanted.stream, stream.status()));
        }
        if stream.mode != Mode::OnDemand {
            return Err(QueueError::Provisioned(wanted.stream).into());
        }
        let (consumers, stream_created) = (stream.consumers.len(), stream.created);
        let registered = consumers + self.queue_count(&wanted.stream);
        let max = self.registered_max(at, &wanted.stream, quotas);
        if u32::try_from(registered).unwrap_or(u32::MAX) >= max {
            return Err(StreamsError::LimitExceeded(format!(
                "Stream {} under account {} has {registered} registered consumers and queues; {max} is the limit for \
                 both together.",
                wanted.stream.name, wanted.stream.account
            )));
        }
        self.hold_moving(&key, quotas)?;
        let queue = Queue {
            name: wanted.name,
            log: self.take_logs(1),
            stream: wanted.stream,
            stream_uid: wanted.uid,
            stream_created,
            created: at.time,
            phase: QueuePhase::Creating(wanted.start),
            position: wanted.position,
            effective: wanted.effective,
            attributes: wanted.attributes,
            tags: wanted.tags,
            policy: AttachedPolicy::default(),
        };
        self.queues.insert(key, queue.clone());
        Ok(Changed::Queue(Box::new(queue)))
    }

    fn delete_queue(&mut self, key: &QueueKey, quotas: Quotas) -> Outcome {
        // Deleting twice is no mistake of anybody: the second call asks for what is under way.
        match self.queue_mut(key)?.phase {
            QueuePhase::Deleting => return Ok(Changed::Done),
            QueuePhase::Creating(_) => {}
            QueuePhase::Active | QueuePhase::Updating => self.hold_moving(key, quotas)?,
        }
        self.queue_mut(key)?.phase = QueuePhase::Deleting;
        Ok(Changed::Done)
    }

    /// Quotas for queues: so many may be CREATING or DELETING at once.
    fn hold_moving(&self, key: &QueueKey, quotas: Quotas) -> Result<(), StreamsError> {
        let moving = self
            .queues_of(&key.account, &key.region, "")
            .filter(|(_, queue)| matches!(queue.status(), Status::Creating | Status::Deleting))
            .count();
        if u32::try_from(moving).unwrap_or(u32::MAX) < quotas.queues_moving {
            return Ok(());
        }
        Err(StreamsError::LimitExceeded(format!(
            "Account {} has {moving} queues in state CREATING or DELETING in {}; at most {} can be at the same time: \
             try again when they are done.",
            key.account, key.region, quotas.queues_moving
        )))
    }

    fn settle_queue(&mut self, key: &QueueKey, step: Settled) {
        let Some(queue) = self.queues.get_mut(key) else {
            return;
        };
        match (step, &queue.phase) {
            (Settled::Created, QueuePhase::Creating(_)) | (Settled::Updated, QueuePhase::Updating) => {
                queue.phase = QueuePhase::Active;
            }
            (Settled::Deleted, QueuePhase::Deleting) => {
                self.queues.remove(key);
            }
            // Another node was quicker.
            _ => {}
        }
    }
}
