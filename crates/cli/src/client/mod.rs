//! A small Kinesis client: signed HTTP/1.1 calls over TCP or TLS, retries, and event streams.
//!
//! It speaks to anything that speaks the API: `--endpoint` may as well be AWS itself. Messages are the typed shapes
//! of `millrace-api`, bodies go through the codec of `millrace-wire`, and signatures are made by its SigV4.

mod call;
mod connect;
pub mod credentials;
pub mod endpoint;
mod error;
mod events;
pub mod limits;
mod retry;
mod sign;
mod tls;

pub use call::Client;
pub use credentials::Credentials;
pub use endpoint::Endpoint;
pub use error::CallError;
pub use events::{Events, PushedEvent};
