//! Every bound of the log engines, with its unit.

/// Most bytes of records in one batch; a batch is one atomic write, so it also bounds a write-ahead segment.
pub const BATCH_BYTES_MAX: usize = 16 << 20;
/// Most records in one batch.
pub const BATCH_RECORDS_MAX: usize = 64 << 10;
/// Most bytes one read returns, whatever its limits say; only a single larger record exceeds it.
pub const READ_BYTES_MAX: usize = 16 << 20;
/// Most records one read returns.
pub const READ_RECORDS_MAX: usize = 64 << 10;
