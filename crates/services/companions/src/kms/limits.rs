//! Every bound of the service, and of calls to another one, with its unit.

use std::time::Duration;

/// Keys on a page when nobody says how many (API ListKeys).
pub const KEYS_PAGE: usize = 100;
/// Most keys on a page (API ListKeys).
pub const KEYS_PAGE_MAX: usize = 1_000;
/// Aliases on a page when nobody says how many (API ListAliases).
pub const ALIASES_PAGE: usize = 50;
/// Most aliases on a page (API ListAliases).
pub const ALIASES_PAGE_MAX: usize = 100;
/// Bytes of an encryption context, names and values together (quotas of KMS).
pub const CONTEXT_BYTES_MAX: usize = 8_192;
/// Fewest, usual and most days until a key is deleted (API ScheduleKeyDeletion).
pub const WAIT_DAYS: (i32, i32, i32) = (7, 30, 30);

/// Attempts of one call to another key service, the first included.
pub const ATTEMPTS_MAX: u32 = 3;
/// Time for one attempt, connecting included.
pub const ATTEMPT_TIME_MAX: Duration = Duration::from_secs(3);
/// Time for a call with all its attempts and waits.
pub const CALL_TIME_MAX: Duration = Duration::from_secs(8);
/// Longest wait before the second attempt, doubled with each further one, and longest of all. Waits are random below.
pub const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// Calls to another key service at the same time; more wait.
pub const CALLS_MAX: usize = 32;
/// Bytes of an answer: a ciphertext of 6 KiB in base64, and room.
pub const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Bytes of a ciphertext (API Decrypt).
pub const CIPHERTEXT_BYTES_MAX: usize = 6_144;
