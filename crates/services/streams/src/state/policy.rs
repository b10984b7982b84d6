//! Resource policies.

use std::sync::OnceLock;

use millrace_wire::policy::{Kind, Policy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Changed, Outcome, Resource, StreamsState};
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

    /// Whether there is none.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.text.is_none()
    }

    /// As it was put.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// For evaluation. What cannot be read – it could when it was put – denies everything.
    #[must_use]
    pub fn policy(&self) -> Option<&Policy> {
        let parse = |text: &String| {
            Policy::parse(text, Kind::Resource).unwrap_or_else(|error| {
                tracing::error!(%error, "a stored resource policy cannot be read: nobody is let through until it is put again");
                Policy::deny_everything()
            })
        };
        self.parsed.get_or_init(|| self.text.as_ref().map(parse)).as_ref()
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
        let attached = self.common_mut(resource)?.policy;
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
