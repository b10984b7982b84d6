//! What a batch must look like, and how records are picked from one.

use crate::limits::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, READ_BYTES_MAX, READ_RECORDS_MAX};
use crate::{Batch, LogError, ReadLimits};

/// Refuses a batch that no engine takes: no record, too many, or ends that do not describe its bytes.
pub(crate) fn check(batch: &Batch) -> Result<(), LogError> {
    if batch.is_empty() {
        return Err(LogError::BadBatch("it has no record"));
    }
    if batch.bytes.len() > BATCH_BYTES_MAX {
        return Err(LogError::BadBatch(
            "it is larger than 16 MiB: append its records in several batches",
        ));
    }
    if batch.ends.len() > BATCH_RECORDS_MAX {
        return Err(LogError::BadBatch(
            "it has more than 65536 records: append them in several batches",
        ));
    }
    if !ends_fit(&batch.ends, batch.bytes.len()) {
        return Err(LogError::BadBatch(
            "its record ends do not ascend to the length of its bytes",
        ));
    }
    Ok(())
}

/// Whether `ends` ascends and stops exactly at `len`.
pub(crate) fn ends_fit(ends: &[u32], len: usize) -> bool {
    ends.is_sorted() && ends.last().is_some_and(|end| usize::try_from(*end) == Ok(len))
}

/// What is left of a read's limits while it collects records.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes: usize,
    records: usize,
    first: bool,
}

impl Budget {
    pub(crate) fn new(limits: ReadLimits) -> Self {
        Self {
            bytes: limits.bytes.min(READ_BYTES_MAX),
            records: limits.records.clamp(1, READ_RECORDS_MAX),
            first: true,
        }
    }

    /// Everything fits.
    pub(crate) fn unbounded() -> Self {
        Self {
            bytes: usize::MAX,
            records: usize::MAX,
            first: true,
        }
    }

    /// Takes one record of `len` bytes if it still fits; the first always does.
    pub(crate) fn take(&mut self, len: usize) -> bool {
        if self.records == 0 || (len > self.bytes && !self.first) {
            self.records = 0;
            return false;
        }
        self.first = false;
        self.records -= 1;
        self.bytes = self.bytes.saturating_sub(len);
        true
    }

    /// Whether another record may still fit.
    pub(crate) fn open(&self) -> bool {
        self.first || (self.records > 0 && self.bytes > 0)
    }
}
