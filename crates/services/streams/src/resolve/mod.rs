//! From what a request names to what it means, for callers that may do to it what they ask for.
//!
//! There is no other way from a request to the key of a stream, consumer, queue or channel, so that no operation can
//! forget to ask. Who may not do it learns nothing: not even whether it is there.

mod consumers;
mod resources;

use std::sync::Arc;

use millrace_wire::Caller;
use millrace_wire::access::{Tagging, Target};
use millrace_wire::arn::Arn;

pub(crate) use consumers::{ConsumerTarget, find_consumer};
pub(crate) use resources::check_new;

use crate::error::StreamsError;
use crate::routing::StreamView;
use crate::service::Streams;
use crate::state::{Stream, StreamKey};

/// The members by which most requests name a stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Named<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) arn: Option<&'a str>,
    pub(crate) id: Option<&'a str>,
}

impl<'a> Named<'a> {
    /// A request that names a stream by its ARN alone.
    pub(crate) fn arn(arn: &'a str) -> Self {
        Self {
            arn: Some(arn),
            ..Self::default()
        }
    }
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
        caller.authorize(&Target {
            policy: view.as_ref().and_then(|view| view.policy.as_ref()),
            tags: view.as_ref().map(|view| &view.tags),
            ..Target::new(&key.account, &|| key.arn())
        })?;
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
        self.check_stream(caller, caller.operation, &key, tagging)?;
        Ok(key)
    }

    /// The stream that a request reads through something else, which takes `action` on the stream.
    pub(crate) fn source(&self, caller: &Caller, action: &str, arn: &str) -> Result<StreamKey, StreamsError> {
        let key = stream_key(caller, Named::arn(arn))?;
        self.check_stream(caller, action, &key, None)?;
        Ok(key)
    }

    /// Whether the caller may do this to a stream, be it there or not.
    pub(crate) fn check_stream(
        &self,
        caller: &Caller,
        action: &str,
        key: &StreamKey,
        tagging: Option<Tagging<'_>>,
    ) -> Result<(), StreamsError> {
        let stream = self.0.control.read(|state| state.stream(key).cloned());
        caller.authorize_as(
            action,
            &Target {
                policy: stream.as_ref().and_then(|stream| stream.policy.policy()),
                tags: stream.as_ref().map(|stream| &stream.tags),
                tagging,
                ..Target::new(&key.account, &|| key.arn())
            },
        )?;
        Ok(())
    }
}

/// Refuses the member that is reserved at AWS ("Not Implemented. Reserved for future use."): who names a stream by it
/// would otherwise be taken for somebody who names another, or none.
pub(crate) fn hold_id(id: Option<&str>) -> Result<(), StreamsError> {
    match id {
        None => Ok(()),
        Some(_) => Err(StreamsError::InvalidArgument(
            "StreamId is not supported by Millrace: name the stream by StreamName or StreamARN.".to_owned(),
        )),
    }
}

/// The key a request names. Nobody was asked yet whether the caller may do anything to it.
pub(crate) fn stream_key(caller: &Caller, named: Named<'_>) -> Result<StreamKey, StreamsError> {
    hold_id(named.id)?;
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
