//! Every bound of the service, with its unit.

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
