//! From what a request names to the stream or consumer it means, for callers that may do to it what they ask for.
//!
//! There is no other way from a request to a key, so that no operation can forget to ask.

use std::sync::Arc;

use millrace_wire::Caller;
use millrace_wire::arn::Arn;

use crate::access::{self, Guarded, Tagging};
use crate::error::StreamsError;
use crate::routing::StreamView;
use crate::service::Streams;
use crate::state::{Channel, ChannelKey, Consumer, Resource, Stream, StreamKey};

/// The members by which most requests name a stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Named<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) arn: Option<&'a str>,
    pub(crate) id: Option<&'a str>,
}

/// Which consumer a request means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConsumerTarget {
    pub(crate) stream: StreamKey,
    pub(crate) name: String,
    /// From its ARN, where one was given.
    pub(crate) created_secs: Option<u64>,
}

impl Streams {
    /// The stream that data is written to or read from: by name, by ARN, or by both if they agree. A stream that is
    /// CREATING or DELETING takes no data and is not found.
    ///
    /// # Errors
    /// `InvalidArgument` for names that make no sense; `AccessDenied`, whether or not there is such a stream;
    /// `StreamNotFound`.
    pub(crate) fn resolve(&self, caller: &Caller, named: Named<'_>) -> Result<Arc<StreamView>, StreamsError> {
        self.enter(caller, &stream_key(caller, named)?)
    }

    /// The same for a key that an iterator carries.
    pub(crate) fn enter(&self, caller: &Caller, key: &StreamKey) -> Result<Arc<StreamView>, StreamsError> {
        let view = self
            .0
            .control
            .read(|state| state.stream(key).map(|stream| stream.view(key)));
        let resource = Guarded {
            key,
            arn: &|| key.arn(),
            policy: view.as_ref().and_then(|view| view.policy.as_ref()),
            tags: view.as_ref().map(|view| &view.tags),
        };
        access::check(caller, &resource, None)?;
        view.filter(|view| view.has_data())
            .ok_or_else(|| StreamsError::StreamNotFound(key.clone()))
    }

    /// The stream of a key whose caller was let in before.
    ///
    /// # Errors
    /// `StreamNotFound` also for a stream that is CREATING or DELETING.
    pub fn view(&self, key: &StreamKey) -> Result<Arc<StreamView>, StreamsError> {
        self.0
            .control
            .read(|state| state.stream(key).map(|stream| stream.view(key)))
            .filter(|view| view.has_data())
            .ok_or_else(|| StreamsError::StreamNotFound(key.clone()))
    }

    /// The consumer of an ARN and its stream. The consumer is not necessarily ACTIVE.
    ///
    /// # Errors
    /// As of [`Streams::resolve`], and `ConsumerNotFound`.
    pub(crate) fn resolve_consumer(
        &self,
        caller: &Caller,
        arn: &str,
    ) -> Result<(Arc<StreamView>, Consumer), StreamsError> {
        let target = self.consumer_of_arn(caller, arn, None)?;
        let view = self.view(&target.stream)?;
        let consumer = find_consumer(&view.consumers, &target)?.clone();
        Ok((view, consumer))
    }

    /// The channel an ARN names.
    pub(crate) fn channel_target(&self, caller: &Caller, text: &str) -> Result<ChannelKey, StreamsError> {
        let arn = parse(caller, text)?;
        let id = arn
            .resource
            .strip_prefix("channel/")
            .filter(|id| !id.contains('/'));
        let id =
            id.ok_or_else(|| StreamsError::InvalidArgument(format!("{text} is not the ARN of a channel.")))?;
        Ok(ChannelKey {
            account: arn.account.clone(),
            region: arn.region.clone(),
            id: id.to_owned(),
        })
    }

    /// The channel an ARN names, if it names one and not something else.
    pub(crate) fn channel_named(
        &self,
        caller: &Caller,
        text: &str,
    ) -> Result<Option<ChannelKey>, StreamsError> {
        if parse(caller, text)?.resource.starts_with("channel/") {
            return self.channel_target(caller, text).map(Some);
        }
        Ok(None)
    }

    /// A channel in any state.
    pub(crate) fn channel(&self, key: &ChannelKey) -> Result<Arc<Channel>, StreamsError> {
        self.0
            .control
            .read(|state| state.channel(key).cloned())
            .ok_or_else(|| StreamsError::ChannelNotFound(key.clone()))
    }

    /// A stream in any state, for the control plane.
    pub(crate) fn stream(&self, key: &StreamKey) -> Result<Arc<Stream>, StreamsError> {
        self.0
            .control
            .read(|state| state.stream(key).cloned())
            .ok_or_else(|| StreamsError::StreamNotFound(key.clone()))
    }

    /// The key a request of the control plane names, for a caller that may do this to it.
    pub(crate) fn target(&self, caller: &Caller, named: Named<'_>) -> Result<StreamKey, StreamsError> {
        self.target_tagging(caller, named, None)
    }

    /// The same for a request that brings tags.
    pub(crate) fn target_tagging(
        &self,
        caller: &Caller,
        named: Named<'_>,
        tagging: Option<Tagging<'_>>,
    ) -> Result<StreamKey, StreamsError> {
        let key = stream_key(caller, named)?;
        self.check_stream(caller, &key, tagging)?;
        Ok(key)
    }

    /// Whether the caller may do this to a stream, be it there or not.
    pub(crate) fn check_stream(
        &self,
        caller: &Caller,
        key: &StreamKey,
        tagging: Option<Tagging<'_>>,
    ) -> Result<(), StreamsError> {
        let stream = self.0.control.read(|state| state.stream(key).cloned());
        let policy = stream.as_ref().and_then(|stream| stream.policy.policy());
        let resource = Guarded {
            key,
            arn: &|| key.arn(),
            policy,
            tags: stream.as_ref().map(|stream| &stream.tags),
        };
        access::check(caller, &resource, tagging)
    }

    /// The consumer a request names: by its ARN, by the stream's ARN and its name, or by all three if they agree.
    pub(crate) fn consumer_target(
        &self,
        caller: &Caller,
        stream: Named<'_>,
        name: Option<&str>,
        arn: Option<&str>,
    ) -> Result<ConsumerTarget, StreamsError> {
        let Some(arn) = arn else {
            let (Some(_), Some(name)) = (stream.arn, name) else {
                return Err(StreamsError::InvalidArgument(
                    "Either ConsumerARN, or both StreamARN and ConsumerName, must be provided.".to_owned(),
                ));
            };
            let target = ConsumerTarget {
                stream: stream_key(caller, stream)?,
                name: name.to_owned(),
                created_secs: None,
            };
            self.check_consumer(caller, &target, None)?;
            return Ok(target);
        };
        let consumer = self.consumer_of_arn(caller, arn, None)?;
        let same_stream = stream.arn.is_none() || stream_key(caller, stream)? == consumer.stream;
        let same_name = name.is_none_or(|name| name == consumer.name);
        if same_stream && same_name {
            return Ok(consumer);
        }
        Err(StreamsError::InvalidArgument(format!(
            "StreamARN and ConsumerName do not belong to ConsumerARN {arn}: give one or the other, or all for the \
             same consumer."
        )))
    }

    /// The stream or consumer an ARN names.
    pub(crate) fn resource(
        &self,
        caller: &Caller,
        arn: &str,
        tagging: Option<Tagging<'_>>,
    ) -> Result<Resource, StreamsError> {
        if parse(caller, arn)?.consumer_parts().is_none() {
            let named = Named {
                arn: Some(arn),
                ..Named::default()
            };
            return Ok(Resource::Stream(self.target_tagging(caller, named, tagging)?));
        }
        let ConsumerTarget {
            stream,
            name,
            created_secs,
        } = self.consumer_of_arn(caller, arn, tagging)?;
        Ok(Resource::Consumer {
            stream,
            name,
            created_secs: created_secs.unwrap_or(0),
        })
    }

    /// The consumer an ARN names.
    fn consumer_of_arn(
        &self,
        caller: &Caller,
        text: &str,
        tagging: Option<Tagging<'_>>,
    ) -> Result<ConsumerTarget, StreamsError> {
        let arn = parse(caller, text)?;
        let Some(parts) = arn.consumer_parts() else {
            return Err(StreamsError::InvalidArgument(format!(
                "{text} is not the ARN of a consumer."
            )));
        };
        let target = ConsumerTarget {
            stream: StreamKey::new(arn.account.as_str(), &*arn.region, parts.stream),
            name: parts.name.to_owned(),
            created_secs: u64::try_from(parts.created_epoch_secs).ok(),
        };
        self.check_consumer(caller, &target, tagging)?;
        Ok(target)
    }

    fn check_consumer(
        &self,
        caller: &Caller,
        target: &ConsumerTarget,
        tagging: Option<Tagging<'_>>,
    ) -> Result<(), StreamsError> {
        let stream = self.0.control.read(|state| state.stream(&target.stream).cloned());
        let consumer = stream
            .as_ref()
            .and_then(|stream| find_consumer(&stream.consumers, target).ok());
        let created_secs = consumer.map(|consumer| consumer.created.seconds());
        let resource = Guarded {
            key: &target.stream,
            arn: &|| target.arn(created_secs),
            policy: consumer.and_then(|consumer| consumer.policy.policy()),
            tags: consumer.map(|consumer| &consumer.tags),
        };
        access::check(caller, &resource, tagging)
    }
}

impl ConsumerTarget {
    /// The consumer's ARN; one that is not there has no creation second, so that only a pattern matches it.
    fn arn(&self, created_secs: Option<u64>) -> String {
        let secs = created_secs.or(self.created_secs).unwrap_or(0);
        let StreamKey {
            account,
            region,
            name,
        } = &self.stream;
        Arn::consumer(region, account, name, &self.name, i64::try_from(secs).unwrap_or(i64::MAX)).to_string()
    }
}

/// The key a request names.
fn stream_key(caller: &Caller, named: Named<'_>) -> Result<StreamKey, StreamsError> {
    if named.id.is_some() {
        return Err(StreamsError::InvalidArgument(
            "StreamId is not supported by Millrace: name the stream by StreamName or StreamARN.".to_owned(),
        ));
    }
    let Some(text) = named.arn else {
        let name = named.name.ok_or_else(|| {
            StreamsError::InvalidArgument("Either StreamName or StreamARN must be provided.".to_owned())
        })?;
        return Ok(StreamKey::new(&*caller.account, &*caller.region, name));
    };
    let arn = parse(caller, text)?;
    let key = match arn.stream_name() {
        Some(name) if arn.consumer_parts().is_none() => {
            StreamKey::new(arn.account.as_str(), &*arn.region, name)
        }
        _ => {
            return Err(StreamsError::InvalidArgument(format!(
                "{text} is not the ARN of a stream."
            )));
        }
    };
    match named.name {
        Some(name) if name != key.name => Err(StreamsError::InvalidArgument(format!(
            "StreamName {name} and StreamARN {text} name different streams: give one of them, or both for the same."
        ))),
        _ => Ok(key),
    }
}

/// The consumer that is meant, if it is there.
pub(crate) fn find_consumer<'a>(
    consumers: &'a std::collections::BTreeMap<String, Consumer>,
    target: &ConsumerTarget,
) -> Result<&'a Consumer, StreamsError> {
    consumers
        .get(&target.name)
        .filter(|consumer| {
            target
                .created_secs
                .is_none_or(|secs| consumer.created.seconds() == secs)
        })
        .ok_or_else(|| StreamsError::ConsumerNotFound {
            key: target.stream.clone(),
            name: target.name.clone(),
        })
}

/// An ARN in the caller's region; of which account, access control looks at.
pub(crate) fn parse(caller: &Caller, text: &str) -> Result<Arn, StreamsError> {
    let arn = Arn::parse(text)
        .ok()
        .filter(|arn| arn.service == "kinesis")
        .ok_or_else(|| StreamsError::InvalidArgument(format!("{text} is not an ARN of this service.")))?;
    if arn.region != caller.region {
        return Err(StreamsError::InvalidArgument(format!(
            "{text} lies in region {}, but the request was signed for {}.",
            arn.region, caller.region
        )));
    }
    Ok(arn)
}
