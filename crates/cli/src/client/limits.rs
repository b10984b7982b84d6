//! The client's bounds.

use std::time::Duration;

/// Largest answer that is read, in bytes: 10 MiB of records in base64, with their fields.
pub(crate) const RESPONSE_BYTES_MAX: usize = 48 << 20;

/// Time until a whole answer is there.
pub(crate) const RESPONSE_TIME_MAX: Duration = Duration::from_secs(60);

/// Time between two frames of an event stream; servers send one every few seconds even when there is nothing new.
pub(crate) const FRAME_TIME_MAX: Duration = Duration::from_secs(30);

/// Attempts of one call, the first included.
pub(crate) const ATTEMPTS_MAX: u32 = 6;

/// Longest wait before the second attempt; it doubles with each further one. The wait is random below it.
pub(crate) const BACKOFF_START: Duration = Duration::from_millis(50);

/// Longest wait before any attempt.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_secs(3);
