//! The bounds of the facade.

use std::time::Duration;

/// Most open handles of buckets; they are made again when they are asked for.
pub const BUCKETS_OPEN_MAX: usize = 1024;

/// How long one request to a remote store may take.
pub const REQUEST_PATIENCE: Duration = Duration::from_secs(60);

/// How long a request to a remote store is repeated before it fails.
pub const RETRY_PATIENCE: Duration = Duration::from_secs(90);

/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 1024;

/// Longest part of a key between two slashes, in bytes; a file name of the usual file systems, with room for the
/// suffix of a file that is being written.
pub const KEY_PART_BYTES_MAX: usize = 200;

/// Most keys one listing returns; a larger folder is an error, not a cut listing.
pub const LISTED_KEYS_MAX: usize = 1_000_000;
