//! A call between the edge and a service: who asks, and what is answered.

use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use futures_core::Stream;

/// Who makes a call, and in whose name. Resources live in this account and region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Twelve digits.
    pub account: String,
    /// From the credential scope, such as `us-east-1`.
    pub region: String,
    /// The access key that signed; empty where authentication is off.
    pub access_key: String,
    /// ARN of the identity, such as `arn:aws:iam::000000000000:root`.
    pub principal: String,
    /// The answer's `x-amzn-RequestId`.
    pub request_id: String,
}

/// Frames of an event stream, pushed as they arise; ending the stream ends the answer's body.
pub type Events = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

/// An encoded body in pieces that are made while they are sent: a large one is never whole in memory.
pub struct Pieces {
    /// Bytes of all pieces together.
    pub length: usize,
    /// The pieces in their order. Each should cost little enough to be made between two writes to a socket.
    pub pieces: Box<dyn Iterator<Item = Bytes> + Send>,
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.length)
    }
}

/// What a service answers with HTTP 200.
pub enum Reply {
    /// An encoded body; empty where the operation has no output.
    Body(Bytes),
    /// An encoded body that may be large.
    Pieces(Pieces),
    /// `application/vnd.amazon.eventstream`.
    Events(Events),
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(body) => write!(f, "Body({} bytes)", body.len()),
            Self::Pieces(pieces) => write!(f, "Pieces({pieces:?})"),
            Self::Events(_) => f.write_str("Events"),
        }
    }
}
