//! The bounds of outgoing connections.

use std::time::Duration;

/// Time to reach a server, TLS included.
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// Connections to one endpoint that are kept for the next call.
pub const IDLE_CONNECTIONS_MAX: usize = 16;
