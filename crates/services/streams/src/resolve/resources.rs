//! Queues, channels, and whatever else an ARN can name.

use std::sync::Arc;

use millrace_wire::Caller;
use millrace_wire::access::{Tagging, Target};
use millrace_wire::arn::Arn;

use super::{ConsumerTarget, Named, parse};
use crate::error::StreamsError;
use crate::service::Streams;
use crate::state::{Channel, ChannelKey, QueueKey, Resource};

impl Streams {
    /// The stream, consumer, queue or channel that an ARN names.
    pub(crate) fn resource(
        &self,
        caller: &Caller,
        text: &str,
        tagging: Option<Tagging<'_>>,
    ) -> Result<Resource, StreamsError> {
        let arn = parse(caller, text)?;
        let resource = if let Some(key) = queue_key(&arn) {
            Resource::Queue(key)
        } else if let Some(key) = channel_key(&arn) {
            Resource::Channel(key)
        } else if arn.consumer_parts().is_some() {
            let ConsumerTarget {
                stream,
                name,
                created_secs,
            } = self.consumer_of_arn(caller, text, tagging)?;
            return Ok(Resource::Consumer {
                stream,
                name,
                created_secs: created_secs.unwrap_or(0),
            });
        } else {
            let key = self.target_tagging(caller, Named::arn(text), tagging)?;
            return Ok(Resource::Stream(key));
        };
        self.check_resource(caller, &resource, tagging)?;
        Ok(resource)
    }

    /// The queue an ARN names.
    pub(crate) fn queue_target(&self, caller: &Caller, text: &str) -> Result<QueueKey, StreamsError> {
        let key = queue_key(&parse(caller, text)?)
            .ok_or_else(|| StreamsError::InvalidArgument(format!("{text} is not the ARN of a queue.")))?;
        self.check_resource(caller, &Resource::Queue(key.clone()), None)?;
        Ok(key)
    }

    /// The channel an ARN names.
    pub(crate) fn channel_target(&self, caller: &Caller, text: &str) -> Result<ChannelKey, StreamsError> {
        let key = channel_key(&parse(caller, text)?)
            .ok_or_else(|| StreamsError::InvalidArgument(format!("{text} is not the ARN of a channel.")))?;
        self.check_resource(caller, &Resource::Channel(key.clone()), None)?;
        Ok(key)
    }

    /// A channel in any state.
    pub(crate) fn channel(&self, key: &ChannelKey) -> Result<Arc<Channel>, StreamsError> {
        self.0
            .control
            .read(|state| state.channel(key).cloned())
            .ok_or_else(|| StreamsError::ChannelNotFound(key.clone()))
    }

    /// Whether the caller may do this to a queue or channel, be it there or not.
    fn check_resource(
        &self,
        caller: &Caller,
        resource: &Resource,
        tagging: Option<Tagging<'_>>,
    ) -> Result<(), StreamsError> {
        self.0.control.read(|state| {
            let common = state.common(resource).ok();
            caller.authorize(&Target {
                policy: common.and_then(|common| common.policy.policy()),
                tags: common.map(|common| common.tags),
                tagging,
                ..Target::new(resource.account(), &|| resource.arn())
            })
        })?;
        Ok(())
    }
}

/// Whether the caller may make a queue or channel with these tags. What it will be called nobody knows yet, so that a
/// policy has to allow all of them: `queue/*`, of which `any` has the key.
pub(crate) fn check_new(caller: &Caller, any: &Resource, tagging: Tagging<'_>) -> Result<(), StreamsError> {
    caller.authorize(&Target {
        tagging: Some(tagging),
        ..Target::new(&caller.account, &|| any.arn())
    })?;
    Ok(())
}

fn queue_key(arn: &Arn) -> Option<QueueKey> {
    let id = arn.queue_id()?;
    Some(QueueKey::new(arn.account.as_str(), &*arn.region, id))
}

fn channel_key(arn: &Arn) -> Option<ChannelKey> {
    let id = arn.resource.strip_prefix("channel/")?;
    let key = || ChannelKey {
        account: arn.account.clone(),
        region: arn.region.clone(),
        id: id.to_owned(),
    };
    (!id.is_empty() && !id.contains('/')).then(key)
}
