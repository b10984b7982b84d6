//! A log that stands still: records that were read from somewhere else, such as a store that nobody has open. What
//! follows a log can be run on it without the store, and without changing anything.

use std::future::ready;

use millrace_base::Timestamp;
use tokio::sync::watch;

use crate::batch::Budget;
use crate::{
    Append, Batch, Chunk, Entry, Log, LogError, LogId, LogOptions, Offset, Pending, ReadLimits, Stats, Tail,
    Watch,
};

/// One log that nothing can be added to.
#[derive(Debug)]
pub struct FrozenLog {
    id: LogId,
    tail: watch::Sender<Tail>,
    /// Ascending by offset; what is missing between them cannot be read.
    entries: Vec<Entry>,
}

impl FrozenLog {
    /// A log of these bounds with these records, ascending by offset. Records outside of the bounds do not count.
    #[must_use]
    pub fn new(id: LogId, tail: Tail, mut entries: Vec<Entry>) -> Self {
        entries.retain(|entry| (tail.start..tail.end).contains(&entry.offset));
        Self {
            id,
            tail: watch::Sender::new(tail),
            entries,
        }
    }

    /// The log as it was before the first record that is missing behind `from`.
    #[must_use]
    pub fn until_first_gap(self, from: Offset) -> Self {
        let tail = *self.tail.borrow();
        let from = from.clamp(tail.start, tail.end);
        let at = self.entries.partition_point(|entry| entry.offset < from);
        let dense = self.entries.iter().skip(at).zip(from..);
        let end = from
            + dense
                .take_while(|(entry, offset)| entry.offset == *offset)
                .count() as u64;
        Self::new(self.id, Tail { end, ..tail }, self.entries)
    }

    fn hold(&self, id: LogId) -> Result<Tail, LogError> {
        if id == self.id {
            Ok(*self.tail.borrow())
        } else {
            Err(LogError::NotFound(id))
        }
    }

    fn look(&self, id: LogId, from: Offset, limits: ReadLimits) -> Result<Chunk, LogError> {
        let tail = self.hold(id)?;
        if from < tail.start {
            return Err(LogError::Trimmed {
                offset: from,
                start: tail.start,
            });
        }
        if from > tail.end {
            return Err(LogError::BeyondTail {
                offset: from,
                end: tail.end,
            });
        }
        let at = self.entries.partition_point(|entry| entry.offset < from);
        let mut budget = Budget::new(limits);
        let wanted = self.entries.iter().skip(at).zip(from..);
        let entries: Vec<Entry> = wanted
            .take_while(|(entry, offset)| entry.offset == *offset && budget.take(entry.bytes.len()))
            .map(|(entry, _)| entry.clone())
            .collect();
        if entries.is_empty() && from < tail.end {
            return Err(LogError::Damaged {
                id,
                range: None,
                detail: format!("offset {from} could not be read"),
            });
        }
        Ok(Chunk { entries, tail })
    }

    fn refuse<T: Send + 'static>() -> Pending<T> {
        Box::pin(ready(Err(LogError::Closed(
            "the log is only looked at".to_owned(),
        ))))
    }
}

impl Log for FrozenLog {
    fn create(&self, _: LogId, _: LogOptions) -> Pending<()> {
        Self::refuse()
    }

    fn append(&self, _: LogId, _: Batch) -> Append {
        Self::refuse()
    }

    fn read(&self, id: LogId, from: Offset, limits: ReadLimits) -> Pending<Chunk> {
        Box::pin(ready(self.look(id, from, limits)))
    }

    fn tail(&self, id: LogId) -> Result<Tail, LogError> {
        self.hold(id)
    }

    fn watch(&self, id: LogId) -> Result<Watch, LogError> {
        self.hold(id).map(|_| self.tail.subscribe())
    }

    fn offset_at(&self, id: LogId, time: Timestamp) -> Pending<Offset> {
        let found = self.hold(id).map(|tail| {
            let at = self.entries.partition_point(|entry| entry.time < time);
            self.entries.get(at).map_or(tail.end, |entry| entry.offset)
        });
        Box::pin(ready(found))
    }

    fn trim(&self, _: LogId, _: Offset) -> Pending<()> {
        Self::refuse()
    }

    fn seal(&self, _: LogId) -> Pending<Offset> {
        Self::refuse()
    }

    fn delete(&self, _: LogId) -> Pending<()> {
        Self::refuse()
    }

    fn stats(&self, id: LogId) -> Result<Stats, LogError> {
        let tail = self.hold(id)?;
        Ok(Stats {
            records: tail.end - tail.start,
            bytes: self.entries.iter().map(|entry| entry.bytes.len() as u64).sum(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(offsets: &[u64]) -> FrozenLog {
        let entry = |offset: &u64| Entry {
            offset: *offset,
            time: Timestamp(offset * 10),
            bytes: vec![0; 10].into(),
        };
        let tail = Tail {
            start: 3,
            end: 9,
            last_time: Timestamp(80),
            sealed: false,
        };
        FrozenLog::new(LogId(7), tail, offsets.iter().map(entry).collect())
    }

    #[tokio::test]
    async fn what_is_there_is_read_and_what_is_missing_is_damaged() {
        let log = sample(&[1, 3, 4, 6, 7, 8, 9]);
        let read = |from, records| {
            let limits = ReadLimits { bytes: 1000, records };
            let chunk = log.read(LogId(7), from, limits);
            async move {
                chunk
                    .await
                    .map(|chunk| chunk.entries.iter().map(|entry| entry.offset).collect::<Vec<_>>())
            }
        };
        assert_eq!(read(3, 100).await.unwrap(), [3, 4]);
        assert!(matches!(read(5, 100).await, Err(LogError::Damaged { .. })));
        assert_eq!(read(6, 2).await.unwrap(), [6, 7]);
        assert_eq!(read(9, 100).await.unwrap(), [0u64; 0]);
        assert!(matches!(
            read(2, 1).await,
            Err(LogError::Trimmed { start: 3, .. })
        ));
        assert!(matches!(
            read(10, 1).await,
            Err(LogError::BeyondTail { end: 9, .. })
        ));
        assert_eq!(log.offset_at(LogId(7), Timestamp(61)).await.unwrap(), 7);
        assert!(log.append(LogId(7), Batch::of(&["x"])).await.is_err());
        assert!(matches!(log.tail(LogId(8)), Err(LogError::NotFound(_))));
    }

    #[test]
    fn a_log_can_be_cut_before_what_is_missing() {
        for (offsets, from, end) in [
            (&[3, 4, 6][..], 0, 5),
            (&[4], 3, 3),
            (&[4], 4, 5),
            (&[3, 4, 5, 6, 7, 8], 3, 9),
            (&[3], 100, 9),
        ] {
            let log = sample(offsets).until_first_gap(from);
            assert_eq!(log.tail(LogId(7)).unwrap().end, end);
        }
    }
}
