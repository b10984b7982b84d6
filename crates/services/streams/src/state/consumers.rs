//! Consumers with enhanced fan-out are registered and deregistered.

use std::collections::BTreeMap;

use millrace_base::Timestamp;
use millrace_control::Applied;

use super::{AttachedPolicy, Changed, Consumer, Outcome, Status, StreamKey, StreamUid, StreamsState};
use crate::error::StreamsError;
use crate::limits::Quotas;

impl StreamsState {
    pub(super) fn register_consumer(
        &mut self,
        at: Applied,
        key: &StreamKey,
        name: String,
        tags: BTreeMap<String, String>,
        quotas: Quotas,
    ) -> Outcome {
        let (max, queues) = (self.registered_max(at, key, quotas), self.queue_count(key));
        let stream = self.active_mut(key)?;
        if stream.consumers.contains_key(&name) {
            return Err(StreamsError::ConsumerExists {
                key: key.clone(),
                name,
            });
        }
        let count = |status: Option<Status>| {
            let consumers = stream
                .consumers
                .values()
                .filter(|c| status.is_none_or(|status| c.status == status));
            u32::try_from(consumers.count()).unwrap_or(u32::MAX)
        };
        // Queues count as registered consumers (API RegisterStreamConsumer).
        let registered = count(None).saturating_add(u32::try_from(queues).unwrap_or(u32::MAX));
        if registered >= max {
            return Err(StreamsError::LimitExceeded(format!(
                "Stream {} under account {} has {registered} registered consumers and queues; {max} is the limit for \
                 both together.",
                key.name, key.account
            )));
        }
        if count(Some(Status::Creating)) >= quotas.consumers_creating {
            return Err(StreamsError::LimitExceeded(format!(
                "Stream {} under account {} has {} consumers in state CREATING; at most that many can be registered \
                 at the same time.",
                key.name, key.account, quotas.consumers_creating
            )));
        }
        let consumer = Consumer {
            name: name.clone(),
            created: at.time,
            status: Status::Creating,
            tags,
            policy: AttachedPolicy::default(),
        };
        stream.consumers.insert(name, consumer.clone());
        Ok(Changed::Registered(consumer))
    }

    pub(super) fn deregister_consumer(
        &mut self,
        key: &StreamKey,
        name: &str,
        created_secs: Option<u64>,
    ) -> Outcome {
        let stream = self
            .stream_mut(key)
            .ok_or_else(|| StreamsError::StreamNotFound(key.clone()))?;
        let consumer = stream
            .consumers
            .get_mut(name)
            .filter(|consumer| created_secs.is_none_or(|secs| consumer.created.seconds() == secs))
            .ok_or_else(|| StreamsError::ConsumerNotFound {
                key: key.clone(),
                name: name.to_owned(),
            })?;
        consumer.status = Status::Deleting;
        Ok(Changed::Done)
    }

    pub(super) fn consumer_settled(
        &mut self,
        key: &StreamKey,
        uid: StreamUid,
        name: &str,
        created: Timestamp,
    ) -> Outcome {
        let Some(stream) = self.stream_mut(key).filter(|stream| stream.uid == uid) else {
            return Ok(Changed::Done);
        };
        let Some(consumer) = stream
            .consumers
            .get_mut(name)
            .filter(|consumer| consumer.created == created)
        else {
            return Ok(Changed::Done);
        };
        match consumer.status {
            Status::Creating => consumer.status = Status::Active,
            Status::Deleting => {
                stream.consumers.remove(name);
            }
            Status::Active | Status::Updating => {}
        }
        Ok(Changed::Done)
    }
}
