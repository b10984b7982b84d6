//! What can be tagged and shared: streams, consumers, queues and channels, each by its name and its ARN.

use std::collections::BTreeMap;
use std::sync::Arc;

use millrace_wire::arn::Arn;
use serde::{Deserialize, Serialize};

use super::{AttachedPolicy, ChannelKey, Consumer, QueueKey, Status, StreamKey, StreamsState};
use crate::error::StreamsError;
use crate::queues::QueueError;

/// What may be tagged and have a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// A stream.
    Stream(StreamKey),
    /// A consumer of that name and creation second: what its ARN tells apart.
    Consumer {
        /// Its stream.
        stream: StreamKey,
        /// Its name.
        name: String,
        /// Epoch seconds.
        created_secs: u64,
    },
    /// A queue.
    Queue(QueueKey),
    /// A channel.
    Channel(ChannelKey),
}

/// What every kind of them has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Common<'a> {
    pub(crate) tags: &'a BTreeMap<String, String>,
    pub(crate) policy: &'a AttachedPolicy,
}

/// The same, to be changed.
pub(super) struct CommonMut<'a> {
    pub(super) tags: &'a mut BTreeMap<String, String>,
    pub(super) policy: &'a mut AttachedPolicy,
}

impl Resource {
    /// Its ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        match self {
            Self::Stream(key) => key.arn(),
            Self::Consumer {
                stream,
                name,
                created_secs,
            } => {
                let created = i64::try_from(*created_secs).unwrap_or(i64::MAX);
                Arn::consumer(&stream.region, &stream.account, &stream.name, name, created).to_string()
            }
            Self::Queue(key) => key.arn(),
            Self::Channel(key) => key.arn(),
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn account(&self) -> &str {
        match self {
            Self::Stream(key) | Self::Consumer { stream: key, .. } => &key.account,
            Self::Queue(key) => &key.account,
            Self::Channel(key) => &key.account,
        }
    }
}

impl StreamsState {
    /// Tags and policy of a resource.
    ///
    /// # Errors
    /// That it is not there, each kind in its own words.
    pub(crate) fn common(&self, resource: &Resource) -> Result<Common<'_>, StreamsError> {
        let (tags, policy) = match resource {
            Resource::Stream(key) => {
                let stream = self.stream(key);
                let stream = stream.ok_or_else(|| StreamsError::StreamNotFound(key.clone()))?;
                (&stream.tags, &stream.policy)
            }
            Resource::Consumer {
                stream: key,
                name,
                created_secs,
            } => {
                let stream = self.stream(key);
                let stream = stream.ok_or_else(|| StreamsError::StreamNotFound(key.clone()))?;
                let consumer = stream.consumers.get(name).filter(born(*created_secs));
                let consumer = consumer.ok_or_else(|| no_consumer(key, name))?;
                (&consumer.tags, &consumer.policy)
            }
            Resource::Queue(key) => {
                let queue = self.queue(key);
                let queue = queue.ok_or_else(|| QueueError::NotFound(key.clone()))?;
                (&queue.tags, &queue.policy)
            }
            Resource::Channel(key) => {
                let channel = self.channel(key);
                let channel = channel.ok_or_else(|| StreamsError::ChannelNotFound(key.clone()))?;
                (&channel.settings.tags, &channel.policy)
            }
        };
        Ok(Common { tags, policy })
    }

    /// The same of a resource that must not be on its way out.
    pub(super) fn common_mut(&mut self, resource: &Resource) -> Result<CommonMut<'_>, StreamsError> {
        let (tags, policy) = match resource {
            Resource::Stream(key) => {
                let stream = self.stream_mut(key);
                let stream = stream.ok_or_else(|| StreamsError::StreamNotFound(key.clone()))?;
                if stream.status() == Status::Deleting {
                    return Err(StreamsError::StreamNotActive(key.clone(), Status::Deleting));
                }
                (&mut stream.tags, &mut stream.policy)
            }
            Resource::Consumer {
                stream: key,
                name,
                created_secs,
            } => {
                let stream = self.stream_mut(key);
                let stream = stream.ok_or_else(|| StreamsError::StreamNotFound(key.clone()))?;
                let consumer = stream.consumers.get_mut(name);
                let consumer = consumer.filter(|consumer| born(*created_secs)(&&**consumer));
                let consumer = consumer.ok_or_else(|| no_consumer(key, name))?;
                (&mut consumer.tags, &mut consumer.policy)
            }
            Resource::Queue(key) => {
                let queue = self.queue_mut(key)?;
                if queue.status() == Status::Deleting {
                    return Err(QueueError::NotActive(key.clone(), Status::Deleting).into());
                }
                (&mut queue.tags, &mut queue.policy)
            }
            Resource::Channel(key) => {
                let channel = self.channels.get_mut(key);
                let channel = channel.ok_or_else(|| StreamsError::ChannelNotFound(key.clone()))?;
                let channel = Arc::make_mut(channel);
                (&mut channel.settings.tags, &mut channel.policy)
            }
        };
        Ok(CommonMut { tags, policy })
    }
}

/// Whether a consumer was created in that second.
fn born(secs: u64) -> impl Fn(&&Consumer) -> bool {
    move |consumer| consumer.created.seconds() == secs
}

fn no_consumer(key: &StreamKey, name: &str) -> StreamsError {
    StreamsError::ConsumerNotFound {
        key: key.clone(),
        name: name.to_owned(),
    }
}
