//! What the edge counts: each metric defined once, with its unit and help, printed for Prometheus.

mod engine;
mod process;
mod requests;

use std::time::Duration;

pub(crate) use engine::write_log;
pub(crate) use process::write_process;
pub(crate) use requests::Requests;

/// A number of microseconds as seconds.
fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

millrace_base::metrics! {
    /// The counters and gauges of the edge.
    pub(crate) struct Counters {
        /// Connections that are open.
        connections: Gauge = "millrace_connections",
        /// Connections that were accepted.
        connections_total: Counter = "millrace_connections_accepted_total",
        /// Connections that were turned away because server.connections_max was reached.
        connections_refused: Counter = "millrace_connections_refused_total",
        /// Connections that ended with an error: a handshake, a protocol mistake, a client that went away.
        connections_failed: Counter = "millrace_connections_failed_total",
        /// Connections that were closed because a request's head took longer than server.header_secs.
        connections_slow: Counter = "millrace_connections_slow_total",
        /// Bytes of request bodies that arrived whole.
        request_body_bytes: Counter = "millrace_request_body_bytes_total",
        /// Bytes of answer bodies handed to connections, pushes included.
        answer_body_bytes: Counter = "millrace_answer_body_bytes_total",
        /// Request bodies that were too large, too slow, cut off, or found no memory.
        bodies_refused: Counter = "millrace_request_bodies_refused_total",
        /// Calls that were refused because of their signature or credentials.
        auth_failures: Counter = "millrace_auth_failures_total",
        /// Answers that are being pushed as event streams.
        pushes: Gauge = "millrace_event_streams",
    }
}

/// All metrics of the edge.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) counters: Counters,
    pub(crate) requests: Requests,
}

impl Metrics {
    /// Appends all of them in Prometheus' text format.
    pub(crate) fn write(&self, out: &mut String) {
        self.counters.write_prometheus(out);
        self.requests.write(out);
    }

    /// Counts one call and how long its answer took.
    pub(crate) fn answered(&self, operation: Option<requests::Named>, code: &str, took: Duration) {
        self.requests.count(operation, code, took);
    }
}
