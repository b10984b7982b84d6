//! Every bound of the log engines, with its unit.

/// Most bytes of records in one batch; a batch is one atomic write, so it also bounds a write-ahead segment.
pub const BATCH_BYTES_MAX: usize = 16 << 20;
/// Most records in one batch.
pub const BATCH_RECORDS_MAX: usize = 64 << 10;
/// Most bytes one read returns, whatever its limits say; only a single larger record exceeds it.
pub const READ_BYTES_MAX: usize = 16 << 20;
/// Most records one read returns.
pub const READ_RECORDS_MAX: usize = 64 << 10;
/// Fewest bytes of a batch that is written from where it lies: for less a copy is cheaper than the part of a block that
/// this costs on the disk.
pub const IN_PLACE_BYTES_MIN: usize = 64 << 10;
/// Most bytes of a batch that is kept as it is when it leaves the write-ahead log. It has one checksum, so that a damaged
/// bit costs no more than this.
pub const IN_PLACE_BYTES_MAX: usize = 128 << 10;
