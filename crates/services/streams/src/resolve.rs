//! From what a request names to the stream or consumer it means.

use std::sync::Arc;

use millrace_wire::Caller;
use millrace_wire::arn::Arn;

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
    /// `StreamNotFound`; `InvalidArgument` for names that make no sense; `CrossAccount`.
    pub fn resolve(
        &self,
        caller: &Caller,
        name: Option<&str>,
        arn: Option<&str>,
    ) -> Result<Arc<StreamView>, StreamsError> {
        let key = target(caller, Named { name, arn, id: None })?;
        self.view(&key)
    }

    /// The stream of a key that was resolved before.
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
    /// `StreamNotFound`, `ConsumerNotFound`, `InvalidArgument`, `CrossAccount`.
    pub fn resolve_consumer(
        &self,
        caller: &Caller,
        arn: &str,
    ) -> Result<(Arc<StreamView>, Consumer), StreamsError> {
        let target = consumer_of_arn(caller, arn)?;
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
}

/// The key a request names.
pub(crate) fn target(caller: &Caller, named: Named<'_>) -> Result<StreamKey, StreamsError> {
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

/// The consumer a request names: by its ARN, by the stream's ARN and its name, or by all three if they agree.
pub(crate) fn consumer_target(
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
        return Ok(ConsumerTarget {
            stream: target(caller, stream)?,
            name: name.to_owned(),
            created_secs: None,
        });
    };
    let consumer = consumer_of_arn(caller, arn)?;
    let same_stream = stream.arn.is_none() || target(caller, stream)? == consumer.stream;
    let same_name = name.is_none_or(|name| name == consumer.name);
    if same_stream && same_name {
        return Ok(consumer);
    }
    Err(StreamsError::InvalidArgument(format!(
        "StreamARN and ConsumerName do not belong to ConsumerARN {arn}: give one or the other, or all for the same \
         consumer."
    )))
}

/// The consumer an ARN names.
pub(crate) fn consumer_of_arn(caller: &Caller, text: &str) -> Result<ConsumerTarget, StreamsError> {
    let arn = parse(caller, text)?;
    let Some(parts) = arn.consumer_parts() else {
        return Err(StreamsError::InvalidArgument(format!(
            "{text} is not the ARN of a consumer."
        )));
    };
    Ok(ConsumerTarget {
        stream: StreamKey::new(arn.account.as_str(), &*arn.region, parts.stream),
        name: parts.name.to_owned(),
        created_secs: u64::try_from(parts.created_epoch_secs).ok(),
    })
}

/// The stream or consumer an ARN names.
pub(crate) fn resource(caller: &Caller, arn: &str) -> Result<Resource, StreamsError> {
    if parse(caller, arn)?.consumer_parts().is_none() {
        return Ok(Resource::Stream(target(
            caller,
            Named {
                arn: Some(arn),
                ..Named::default()
            },
        )?));
    }
    let ConsumerTarget {
        stream,
        name,
        created_secs,
    } = consumer_of_arn(caller, arn)?;
    Ok(Resource::Consumer {
        stream,
        name,
        created_secs: created_secs.unwrap_or(0),
    })
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

/// An ARN in the caller's account and region.
pub(crate) fn parse(caller: &Caller, text: &str) -> Result<Arn, StreamsError> {
    let arn = Arn::parse(text)
        .map_err(|_| StreamsError::InvalidArgument(format!("{text} is not an ARN of this service.")))?;
    if arn.account != caller.account {
        return Err(StreamsError::CrossAccount {
            principal: caller.principal.clone(),
            arn: text.to_owned(),
        });
    }
    if arn.region != caller.region {
        return Err(StreamsError::InvalidArgument(format!(
            "{text} lies in region {}, but the request was signed for {}.",
            arn.region, caller.region
        )));
    }
    Ok(arn)
}
