//! Tags of streams and consumers.

use std::collections::BTreeMap;

use super::{Changed, Outcome, Resource, Status, StreamsState};
use crate::error::StreamsError;
use crate::limits::Quotas;

impl StreamsState {
    pub(super) fn tag(
        &mut self,
        resource: &Resource,
        tags: BTreeMap<String, String>,
        quotas: Quotas,
    ) -> Outcome {
        let own = self.tags_mut(resource)?;
        let new = tags.keys().filter(|key| !own.contains_key(*key)).count();
        if new > 0 && own.len() + new > usize::try_from(quotas.tags).unwrap_or(usize::MAX) {
            let key = resource.stream();
            return Err(StreamsError::InvalidArgument(format!(
                "Failed to add tags to stream {} under account {} because a given stream cannot have more than {} \
                 tags associated with it.",
                key.name, key.account, quotas.tags
            )));
        }
        own.extend(tags);
        Ok(Changed::Done)
    }

    pub(super) fn untag(&mut self, resource: &Resource, keys: &[String]) -> Outcome {
        let own = self.tags_mut(resource)?;
        for key in keys {
            own.remove(key);
        }
        Ok(Changed::Done)
    }

    /// The tags of a resource, which must not be on its way out.
    fn tags_mut(&mut self, resource: &Resource) -> Result<&mut BTreeMap<String, String>, StreamsError> {
        let key = resource.stream();
        let stream = self
            .stream_mut(key)
            .ok_or_else(|| StreamsError::StreamNotFound(key.clone()))?;
        match resource {
            Resource::Stream(_) if stream.status() == Status::Deleting => {
                Err(StreamsError::StreamNotActive(key.clone(), Status::Deleting))
            }
            Resource::Stream(_) => Ok(&mut stream.tags),
            Resource::Consumer {
                name, created_secs, ..
            } => stream
                .consumers
                .get_mut(name)
                .filter(|consumer| consumer.created.seconds() == *created_secs)
                .map(|consumer| &mut consumer.tags)
                .ok_or_else(|| StreamsError::ConsumerNotFound {
                    key: key.clone(),
                    name: name.clone(),
                }),
        }
    }
}
