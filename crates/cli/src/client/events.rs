//! Reading the event stream of SubscribeToShard.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use millrace_api::{Fields, Kind, Operation, Shape, Typed, Value};
use millrace_http::Connection;
use millrace_wire::Codec;
use millrace_wire::event_stream;
use millrace_wire::limits::FRAME_BYTES_MAX;

use super::CallError;
use super::limits::FRAME_TIME_MAX;

/// The frames of one answer, as they arrive.
pub(crate) struct Events {
    operation: &'static Operation,
    request_id: String,
    body: Incoming,
    buffer: BytesMut,
    /// The connection ends with its last handle.
    _connection: Connection,
}

/// What the server pushed.
#[derive(Debug)]
pub(crate) enum PushedEvent<T> {
    /// An event.
    Event(T),
    /// The stream ended as it should; subscribe again to go on.
    End,
}

impl Events {
    pub(super) fn new(
        operation: &'static Operation,
        request_id: String,
        body: Incoming,
        connection: Connection,
    ) -> Self {
        Self {
            operation,
            request_id,
            body,
            buffer: BytesMut::new(),
            _connection: connection,
        }
    }

    /// Waits for the next event. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`CallError::Api`] for an exception in the stream, [`CallError::Timeout`] for a silent one, and
    /// [`CallError::Malformed`] for one that breaks off or has no frames.
    pub(crate) async fn next<T: Typed>(&mut self) -> Result<PushedEvent<T>, CallError> {
        loop {
            while let Some(frame) = self.whole_frame()? {
                if let Some(event) = self.event(&frame)? {
                    return Ok(PushedEvent::Event(event));
                }
            }
            let Ok(frame) = tokio::time::timeout(FRAME_TIME_MAX, self.body.frame()).await else {
                return Err(CallError::Timeout {
                    operation: self.operation.name,
                    seconds: FRAME_TIME_MAX.as_secs(),
                });
            };
            match frame {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => return Err(self.malformed(format!("the stream broke off: {error}"))),
                None if self.buffer.is_empty() => return Ok(PushedEvent::End),
                None => return Err(self.malformed("the stream ended inside of a frame")),
            }
        }
    }

    fn malformed(&self, detail: impl Into<String>) -> CallError {
        CallError::Malformed {
            operation: self.operation.name,
            detail: detail.into(),
        }
    }

    /// Takes the next frame out of the buffer if all of it is there.
    fn whole_frame(&mut self) -> Result<Option<Bytes>, CallError> {
        let Some(length) = self.buffer.first_chunk::<4>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length > FRAME_BYTES_MAX {
            return Err(self.malformed(format!("a frame of {length} bytes")));
        }
        if self.buffer.len() < length {
            return Ok(None);
        }
        Ok(Some(self.buffer.split_to(length).freeze()))
    }

    fn event<T: Typed>(&self, frame: &Bytes) -> Result<Option<T>, CallError> {
        let decoded = event_stream::decode(frame).map_err(|error| self.malformed(error.to_string()))?;
        let Some((message, _)) = decoded else {
            return Err(self.malformed("a frame that is none"));
        };
        if let Some(code) = message.exception_type() {
            return Err(self.exception(code, &message.payload));
        }
        let event_type = message
            .event_type()
            .ok_or_else(|| self.malformed("a frame that is no event"))?;
        if event_type == "initial-response" {
            return Ok(None);
        }
        // An event this client does not know is news for later clients, not an error.
        let Some(shape) = event_shape(self.operation, event_type) else {
            return Ok(None);
        };
        let mut value = Codec::Json11
            .decode(shape, &message.payload)
            .map_err(|error| self.malformed(error.to_string()))?;
        fill_texts(shape, &mut value);
        T::from_value(value)
            .map(Some)
            .map_err(|error| self.malformed(error.to_string()))
    }

    fn exception(&self, code: &str, payload: &[u8]) -> CallError {
        let message = serde_json::from_slice::<serde_json::Value>(payload)
            .ok()
            .and_then(|body| {
                let text = body.get("message").or_else(|| body.get("Message"))?;
                text.as_str().map(str::to_owned)
            });
        CallError::Api {
            operation: self.operation.name,
            code: code.to_owned(),
            message: message.unwrap_or_default(),
            status: 400,
            request_id: self.request_id.clone(),
        }
    }
}

/// Makes required texts that are absent empty. At the end of a shard there is no ContinuationSequenceNumber, although
/// the model requires one.
fn fill_texts(shape: &'static Shape, value: &mut Value) {
    let (Kind::Structure { members, .. }, Value::Struct(Fields(fields))) = (&shape.kind, value) else {
        return;
    };
    for (member, field) in members.iter().zip(fields) {
        if member.required && field.is_none() && matches!(member.shape.kind, Kind::String { .. }) {
            *field = Some(Value::String(String::new()));
        }
    }
}

/// The shape of an event of that type in the operation's answer.
fn event_shape(operation: &'static Operation, event_type: &str) -> Option<&'static Shape> {
    let Kind::Structure { members, .. } = &operation.output?.kind else {
        return None;
    };
    members.iter().find_map(|member| match &member.shape.kind {
        Kind::Structure {
            members,
            event_stream: true,
            ..
        } => members
            .iter()
            .find(|member| member.wire == event_type)
            .map(|member| member.shape),
        _ => None,
    })
}
