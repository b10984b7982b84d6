//! Tags.

use std::collections::BTreeMap;

use super::{Changed, Outcome, Resource, StreamsState};
use crate::error::StreamsError;
use crate::limits::Quotas;

impl StreamsState {
    pub(super) fn tag(
        &mut self,
        resource: &Resource,
        tags: BTreeMap<String, String>,
        quotas: Quotas,
    ) -> Outcome {
        let own = self.common_mut(resource)?.tags;
        let new = tags.keys().filter(|key| !own.contains_key(*key)).count();
        if new > 0 && own.len() + new > usize::try_from(quotas.tags).unwrap_or(usize::MAX) {
            let (what, kind) = match resource {
                Resource::Stream(key) => (key.name.clone(), "stream"),
                Resource::Consumer { name, .. } => (name.clone(), "consumer"),
                Resource::Queue(key) => (key.arn(), "queue"),
                Resource::Channel(key) => (key.arn(), "channel"),
            };
            return Err(StreamsError::InvalidArgument(format!(
                "Failed to add tags to {kind} {what} under account {} because a given {kind} cannot have more than {} \
                 tags associated with it.",
                resource.account(),
                quotas.tags
            )));
        }
        own.extend(tags);
        Ok(Changed::Done)
    }

    pub(super) fn untag(&mut self, resource: &Resource, keys: &[String]) -> Outcome {
        let own = self.common_mut(resource)?.tags;
        for key in keys {
            own.remove(key);
        }
        Ok(Changed::Done)
    }
}
