//! Resource policies of streams and consumers.

use std::sync::OnceLock;

use millrace_wire::policy::{Kind, Policy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Changed, Outcome, Resource, Status, StreamsState};
use crate::error::StreamsError;

/// The policy of a resource, if it has one: kept as the text that was put, read when it is first asked for.
#[derive(Clone, Debug, Default)]
pub struct AttachedPolicy {
    text: Option<String>,
    parsed: OnceLock<Option<Policy>>,
}

impl AttachedPolicy {
    /// A policy with this text, or none.
    #[must_use]
    pub fn new(text: Option<String>) -> Self {
        Self {
            text,
            parsed: OnceLock::new(),
        }
    }

    /// As it was put.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// For evaluation.
    #[must_use]
    pub fn policy(&self) -> Option<&Policy> {
        let parse = || Policy::parse(self.text.as_deref()?, Kind::Resource).ok();
        self.parsed.get_or_init(parse).as_ref()
    }
}

impl PartialEq for AttachedPolicy {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for AttachedPolicy {}

impl Serialize for AttachedPolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AttachedPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::new)
    }
}

impl StreamsState {
    pub(super) fn set_policy(&mut self, resource: &Resource, policy: Option<String>) -> Outcome {
        let key = resource.stream();
        let stream = self
            .stream_mut(key)
            .ok_or_else(|| StreamsError::StreamNotFound(key.clone()))?;
        let attached = match resource {
            Resource::Stream(_) if stream.status() == Status::Deleting => {
                return Err(StreamsError::StreamNotActive(key.clone(), Status::Deleting));
            }
            Resource::Stream(_) => &mut stream.policy,
            Resource::Consumer {
                name, created_secs, ..
            } => stream
                .consumers
                .get_mut(name)
                .filter(|consumer| consumer.created.seconds() == *created_secs)
                .map(|consumer| &mut consumer.policy)
                .ok_or_else(|| StreamsError::ConsumerNotFound {
                    key: key.clone(),
                    name: name.clone(),
                })?,
        };
        if policy.is_none() && attached.text().is_none() {
            return Err(StreamsError::ResourceNotFound(format!(
                "No resource policy found for the resource {}.",
                resource.arn()
            )));
        }
        *attached = AttachedPolicy::new(policy);
        Ok(Changed::Done)
    }
}
