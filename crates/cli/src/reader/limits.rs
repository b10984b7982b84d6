//! The bounds of the readers.

use std::time::Duration;

/// Deliveries that wait for the one who prints; readers stop when it is full.
pub(super) const DELIVERIES_MAX: usize = 16;

/// Records asked for at a time.
pub(super) const RECORDS_MAX: i32 = 10_000;

/// Time between two looks at a shard that had nothing new. Five a second is what a shard allows.
pub(super) const IDLE_TIME: Duration = Duration::from_millis(250);

/// Time between two attempts while the server cannot be reached.
pub(super) const TROUBLE_TIME: Duration = Duration::from_secs(2);

/// Time between a subscription that ended or was refused and the next one; the server takes one in five seconds
/// from the same consumer while another one lives.
pub(super) const RESUBSCRIBE_TIME: Duration = Duration::from_millis(500);
