//! Every bound of this crate, in one place. The body itself is bounded before it gets here, by the server.

use std::time::Duration;

/// Deepest nesting of a decoded body, in lists, maps and structures. DynamoDB's 32 levels take three each.
pub const DEPTH_MAX: usize = 128;

/// Most values one body may decode to, absent members included. It bounds the memory a small body can ask for:
/// a slot takes 40 bytes, so that a body of `[{},{},…` costs 40 MiB at the very most.
pub const VALUE_SLOTS_MAX: usize = 1 << 20;

/// Most segments of parameter names in one form: each is a node of some 100 bytes. A megabyte of the shortest
/// parameters has less.
pub const FORM_NODES_MAX: usize = 1 << 18;

/// Longest part of a caller's own text that an error message repeats, in bytes.
pub const ECHO_BYTES_MAX: usize = 4 * 1024;

/// Longest list or map that a validation message repeats, in bytes.
pub const ECHO_COLLECTION_BYTES_MAX: usize = 16 * 1024;

/// Most constraint failures one `ValidationException` lists; AWS stops there as well.
pub const VALIDATION_ERRORS_MAX: usize = 10;

/// Longest text beyond its own length constraint that is still held against its pattern, in characters. A longer
/// one is refused for its length alone.
pub const PATTERN_TEXT_CHARS_MAX: usize = 8 * 1024;

/// Most steps a pattern may take over one text; beyond, the text counts as not matching.
pub const PATTERN_STEPS_MAX: usize = 64 << 20;

/// Longest frame of an event stream, in bytes: 16 MiB of payload and the headers (Amazon event stream format).
pub const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024 + 128 * 1024 + 16;

/// Longest block of headers in a frame, in bytes (Amazon event stream format).
pub const FRAME_HEADERS_BYTES_MAX: usize = 128 * 1024;

/// Longest ARN, in bytes; the longest ARN constraint of the models.
pub const ARN_BYTES_MAX: usize = 2048;

/// Most headers one signature may list.
pub const SIGNED_HEADERS_MAX: usize = 128;

/// Most derived signing keys that are remembered; one is some 300 bytes.
pub const SIGNING_KEYS_MAX: usize = 1024;

/// How far a client's clock may be off, either way (AWS General Reference, "Signature Version 4").
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(15 * 60);

/// Longest life of a query-form signature, in seconds: seven days (AWS General Reference).
pub const QUERY_EXPIRES_S_MAX: u64 = 7 * 24 * 3600;
