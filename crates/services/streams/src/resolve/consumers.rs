//! Consumers: by their ARN, or by their stream and their name.

use std::collections::BTreeMap;
use std::sync::Arc;

use millrace_wire::Caller;
use millrace_wire::access::{Tagging, Target};

use super::{Named, parse, stream_key};
use crate::error::StreamsError;
use crate::routing::StreamView;
use crate::service::Streams;
use crate::state::{Consumer, Resource, StreamKey};

/// Which consumer a request means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConsumerTarget {
    pub(crate) stream: StreamKey,
    pub(crate) name: String,
    /// From its ARN, where one was given.
    pub(crate) created_secs: Option<u64>,
}

impl Streams {
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

    /// The consumer an ARN names.
    pub(super) fn consumer_of_arn(
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
        caller.authorize(&Target {
            policy: consumer.and_then(|consumer| consumer.policy.policy()),
            tags: consumer.map(|consumer| &consumer.tags),
            tagging,
            ..Target::new(&target.stream.account, &|| target.arn(created_secs))
        })?;
        Ok(())
    }
}

impl ConsumerTarget {
    /// The consumer's ARN; one that is not there has no creation second, so that only a pattern matches it.
    fn arn(&self, created_secs: Option<u64>) -> String {
        Resource::Consumer {
            stream: self.stream.clone(),
            name: self.name.clone(),
            created_secs: created_secs.or(self.created_secs).unwrap_or(0),
        }
        .arn()
    }
}

/// The consumer that is meant, if it is there.
pub(crate) fn find_consumer<'a>(
    consumers: &'a BTreeMap<String, Consumer>,
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
