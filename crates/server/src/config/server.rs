//! `[server]`: where to listen, how long to wait, how much to take.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use millrace_base::ByteSize;

use super::error::ConfigError;
use super::keys::{Key, Kind};
use super::values::{Values, bad};
use crate::limits;

/// The section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Address and port, `host:port`; port 0 takes a free one.
    pub listen: String,
    /// How long a stop waits for calls that are under way.
    pub drain: Duration,
    /// Longest wait for a request's head, and for the first byte of a connection.
    pub header_timeout: Duration,
    /// Longest time a request's body may take.
    pub body_timeout: Duration,
    /// A connection without a call is closed after this time.
    pub idle_timeout: Duration,
    /// Connections at the same time.
    pub connections_max: usize,
    /// Largest request body.
    pub body_max: ByteSize,
    /// Bytes of all request bodies that are held at the same time.
    pub body_memory: ByteSize,
    /// Calls at the same time on one HTTP/2 connection.
    pub h2_streams_max: u32,
}

pub(super) static LISTEN: Key = Key {
    name: "server.listen",
    env: "MILLRACE_LISTEN",
    default: "127.0.0.1:4567",
    kind: Kind::Text,
    doc: "Address and port of the one listener; port 0 takes a free one. An address other than loopback needs \
          configured credentials, or auth.mode = \"none\" spelled out.",
};
static DRAIN: Key = Key {
    name: "server.drain_secs",
    env: "MILLRACE_SERVER_DRAIN_SECS",
    default: "10",
    kind: Kind::Number,
    doc: "Seconds a stop waits for calls that are under way; pushes end at once. What is left then is cut.",
};
static HEADER: Key = Key {
    name: "server.header_secs",
    env: "MILLRACE_SERVER_HEADER_SECS",
    default: "20",
    kind: Kind::Number,
    doc: "Seconds a client may take for a request's head, for a TLS handshake, and for the first byte of a \
          connection.",
};
static BODY: Key = Key {
    name: "server.body_secs",
    env: "MILLRACE_SERVER_BODY_SECS",
    default: "60",
    kind: Kind::Number,
    doc: "Seconds a client may take for a whole request body, and seconds an answer may wait for a client that \
          does not read.",
};
static IDLE: Key = Key {
    name: "server.idle_secs",
    env: "MILLRACE_SERVER_IDLE_SECS",
    default: "300",
    kind: Kind::Number,
    doc: "Seconds after which a connection without a call is closed.",
};
static CONNECTIONS: Key = Key {
    name: "server.connections_max",
    env: "MILLRACE_SERVER_CONNECTIONS_MAX",
    default: "10000",
    kind: Kind::Number,
    doc: "Connections at the same time; more are answered 503 and closed. Fewer where the process may not have as many \
          open files, of which 400 are kept for the log.",
};
static BODY_MAX: Key = Key {
    name: "server.body_max",
    env: "MILLRACE_SERVER_BODY_MAX",
    default: "16MiB",
    kind: Kind::Text,
    doc: "Largest request body; larger ones are answered 413. 10 MiB of records take about 14 MiB as JSON.",
};
static BODY_MEMORY: Key = Key {
    name: "server.body_memory",
    env: "MILLRACE_SERVER_BODY_MEMORY",
    default: "256MiB",
    kind: Kind::Text,
    doc: "Bytes of request bodies held at the same time; further requests wait, and are answered 503 after \
          server.body_secs.",
};
static H2_STREAMS: Key = Key {
    name: "server.h2_streams_max",
    env: "MILLRACE_SERVER_H2_STREAMS_MAX",
    default: "250",
    kind: Kind::Number,
    doc: "Calls at the same time on one HTTP/2 connection.",
};

/// The section's keys.
pub(super) static KEYS: [&Key; 9] = [
    &LISTEN,
    &DRAIN,
    &HEADER,
    &BODY,
    &IDLE,
    &CONNECTIONS,
    &BODY_MAX,
    &BODY_MEMORY,
    &H2_STREAMS,
];

impl ServerConfig {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        let listen = values.get(&LISTEN);
        if listen
            .text
            .rsplit_once(':')
            .is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err())
        {
            let expected = "write an address and a port, such as 127.0.0.1:4567 or [::1]:4567";
            return Err(bad(&LISTEN, &listen.text, &listen.source, expected));
        }
        let body_max: ByteSize = values.parse(&BODY_MAX)?;
        let body_memory: ByteSize = values.parse(&BODY_MEMORY)?;
        if body_max.0 == 0 || body_max > limits::BODY_BYTES_MAX {
            let set = values.get(&BODY_MAX);
            let expected = format!("write a size between 1B and {}", limits::BODY_BYTES_MAX);
            return Err(bad(&BODY_MAX, &set.text, &set.source, expected));
        }
        if body_memory < body_max {
            return Err(ConfigError::Conflict(format!(
                "server.body_memory is {body_memory} and cannot hold one body of server.body_max = {body_max}: raise \
                 server.body_memory to at least {body_max}"
            )));
        }
        Ok(Self {
            listen: listen.text,
            drain: values.seconds(&DRAIN)?,
            header_timeout: values.seconds(&HEADER)?,
            body_timeout: values.seconds(&BODY)?,
            idle_timeout: values.seconds(&IDLE)?,
            connections_max: usize::try_from(values.number(&CONNECTIONS, 1, 1_000_000)?)
                .unwrap_or(usize::MAX),
            body_max,
            body_memory,
            h2_streams_max: u32::try_from(values.number(&H2_STREAMS, 1, 100_000)?).unwrap_or(u32::MAX),
        })
    }

    /// Whether only this machine can reach the listener. A name other than `localhost` counts as not.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        if let Ok(address) = self.listen.parse::<SocketAddr>() {
            return address.ip().is_loopback();
        }
        let host = self.listen.rsplit_once(':').map_or("", |(host, _)| host);
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}
