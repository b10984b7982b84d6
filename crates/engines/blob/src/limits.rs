//! The bounds of the facade.

/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 1024;

/// Longest part of a key between two slashes, in bytes; a file name of the usual file systems, with room for the
/// suffix of a file that is being written.
pub const KEY_PART_BYTES_MAX: usize = 200;

/// Most keys one listing returns; a larger folder is an error, not a cut listing.
pub const LISTED_KEYS_MAX: usize = 1_000_000;
