//! Clients that can drive a server at little cost of their own: prepared bytes out, one answer in.

pub mod http1;
mod http2;
pub mod kafka;
mod kafka_batch;
pub mod nats;

use anyhow::Result;

use crate::load::Http;

/// A request laid out and signed before the clock starts.
pub struct Request {
    /// The head as HTTP/1.1 writes it or HTTP/2 compresses it, then the body.
    pub bytes: Vec<u8>,
    /// Where the body begins.
    pub body: usize,
}

impl Request {
    /// A POST to `/`, with these headers and body.
    pub fn new(http: Http, headers: &[(String, String)], body: &[u8]) -> Self {
        let mut bytes = match http {
            Http::One => http1::head(headers, body.len()),
            Http::Two => http2::head(headers, body.len()),
        };
        let at = bytes.len();
        bytes.extend_from_slice(body);
        Self { bytes, body: at }
    }
}

/// One connection of either version.
pub enum Client {
    /// HTTP/1.1.
    One(http1::Connection),
    /// HTTP/2, one request at a time.
    Two(http2::Connection),
}

impl Client {
    /// Connects to a port of the loopback address.
    pub fn open(port: u16, http: Http) -> Result<Self> {
        Ok(match http {
            Http::One => Self::One(http1::Connection::open(port)?),
            Http::Two => Self::Two(http2::Connection::open(port)?),
        })
    }

    /// Sends a request and reads the whole answer: status and body.
    pub fn call(&mut self, request: &Request) -> Result<(u16, &[u8])> {
        match self {
            Self::One(connection) => connection.call(&request.bytes),
            Self::Two(connection) => {
                let (head, body) = request.bytes.split_at(request.body);
                connection.call(head, body)
            }
        }
    }
}
