//! The bounds of `put`.

/// Records in one request (Kinesis API reference, PutRecords).
pub(super) const BATCH_RECORDS_MAX: usize = 500;

/// Bytes of data and keys in one request; what every server of this API takes.
pub(super) const BATCH_BYTES_MAX: usize = 5 << 20;

/// Longest record that is read, in bytes; whether the stream takes it, the server decides.
pub(super) const RECORD_BYTES_MAX: usize = 10 << 20;

/// Records that were read and wait to be sent. The larger it is, the more keys a batch finds.
pub(super) const WINDOW_RECORDS_MAX: usize = 4096;

/// Bytes of records that were read and wait to be sent.
pub(super) const WINDOW_BYTES_MAX: usize = 32 << 20;

/// Records between the reader's thread and the sender.
pub(super) const READ_AHEAD_MAX: usize = 256;

/// Failures that are reported one by one.
pub(super) const FAILURES_SHOWN_MAX: usize = 20;
