//! A call between the edge and a service: who asks, and what is answered.

use core::net::IpAddr;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;
use millrace_api::{Operation, Service};
use millrace_base::Timestamp;

use crate::identity::Identity;

/// Who makes a call, and in whose name. Resources live in this account and region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Twelve digits.
    pub account: String,
    /// From the credential scope, such as `us-east-1`.
    pub region: String,
    /// The access key that signed; empty where authentication is off.
    pub access_key: String,
    /// Who it is.
    pub identity: Arc<Identity>,
    /// The service as actions name it, such as `kinesis`.
    pub service: &'static str,
    /// What it asks for, such as `PutRecord`.
    pub operation: &'static str,
    /// How the call came.
    pub source: Source,
    /// When it came.
    pub received: Timestamp,
    /// The answer's `x-amzn-RequestId`.
    pub request_id: String,
}

/// How a call came, for conditions of policies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The client's address, as far as it is known.
    pub address: Option<IpAddr>,
    /// Whether it came over TLS.
    pub secure: bool,
    /// What the client says it is.
    pub user_agent: Option<String>,
}

impl Caller {
    /// The owner of an account, calling from inside: what tests and the server itself act as.
    #[must_use]
    pub fn root(account: &str, region: &str) -> Self {
        Self {
            account: account.to_owned(),
            region: region.to_owned(),
            access_key: String::new(),
            identity: Identity::root(account),
            service: "",
            operation: "",
            source: Source::default(),
            received: Timestamp::default(),
            request_id: String::new(),
        }
    }

    /// The same caller asking for something.
    #[must_use]
    pub fn asking(self, service: &Service, operation: &Operation) -> Self {
        Self {
            service: service.action_prefix(),
            operation: operation.name,
            ..self
        }
    }

    /// The same caller, who came this way.
    #[must_use]
    pub fn coming(self, source: Source) -> Self {
        Self { source, ..self }
    }

    /// ARN of the identity, such as `arn:aws:iam::000000000000:root`.
    #[must_use]
    pub fn principal(&self) -> &str {
        self.identity.arn()
    }
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
