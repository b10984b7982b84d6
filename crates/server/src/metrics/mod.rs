//! What the edge counts: each metric defined once, with its unit and help, printed for Prometheus.

mod engine;
mod process;
mod requests;

use std::time::Duration;

use millrace_base::metrics::{Counter, Definition, Gauge};

pub(crate) use engine::write_log;
pub(crate) use process::write_process;
pub(crate) use requests::Requests;

/// A number of microseconds as seconds.
fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// All metrics of the edge.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) connections: Gauge,
    pub(crate) connections_total: Counter,
    pub(crate) connections_refused: Counter,
    pub(crate) connections_failed: Counter,
    pub(crate) connections_slow: Counter,
    pub(crate) request_body_bytes: Counter,
    pub(crate) answer_body_bytes: Counter,
    pub(crate) bodies_refused: Counter,
    pub(crate) auth_failures: Counter,
    pub(crate) pushes: Gauge,
    pub(crate) requests: Requests,
}

const CONNECTIONS: Definition = Definition::gauge("millrace_connections", "Connections that are open.");
const CONNECTIONS_TOTAL: Definition = Definition::counter(
    "millrace_connections_accepted_total",
    "Connections that were accepted.",
);
const CONNECTIONS_REFUSED: Definition = Definition::counter(
    "millrace_connections_refused_total",
    "Connections that were turned away because server.connections_max was reached.",
);
const CONNECTIONS_FAILED: Definition = Definition::counter(
    "millrace_connections_failed_total",
    "Connections that ended with an error: a handshake, a protocol mistake, a client that went away.",
);
const CONNECTIONS_SLOW: Definition = Definition::counter(
    "millrace_connections_slow_total",
    "Connections that were closed because a request's head took longer than server.header_secs.",
);
const REQUEST_BODY_BYTES: Definition = Definition::counter(
    "millrace_request_body_bytes_total",
    "Bytes of request bodies that arrived whole.",
);
const ANSWER_BODY_BYTES: Definition = Definition::counter(
    "millrace_answer_body_bytes_total",
    "Bytes of answer bodies handed to connections, pushes included.",
);
const BODIES_REFUSED: Definition = Definition::counter(
    "millrace_request_bodies_refused_total",
    "Request bodies that were too large, too slow, cut off, or found no memory.",
);
const AUTH_FAILURES: Definition = Definition::counter(
    "millrace_auth_failures_total",
    "Calls that were refused because of their signature or credentials.",
);
const PUSHES: Definition = Definition::gauge(
    "millrace_event_streams",
    "Answers that are being pushed as event streams.",
);

impl Metrics {
    /// Appends all of them in Prometheus' text format.
    pub(crate) fn write(&self, out: &mut String) {
        for (definition, value) in [
            (CONNECTIONS, self.connections.get()),
            (CONNECTIONS_TOTAL, self.connections_total.get()),
            (CONNECTIONS_REFUSED, self.connections_refused.get()),
            (CONNECTIONS_FAILED, self.connections_failed.get()),
            (CONNECTIONS_SLOW, self.connections_slow.get()),
            (REQUEST_BODY_BYTES, self.request_body_bytes.get()),
            (ANSWER_BODY_BYTES, self.answer_body_bytes.get()),
            (BODIES_REFUSED, self.bodies_refused.get()),
            (AUTH_FAILURES, self.auth_failures.get()),
            (PUSHES, self.pushes.get()),
        ] {
            definition.write(out, value);
        }
        self.requests.write(out);
    }

    /// Counts one call and how long its answer took.
    pub(crate) fn answered(&self, operation: Option<requests::Named>, code: &str, took: Duration) {
        self.requests.count(operation, code, took);
    }
}
