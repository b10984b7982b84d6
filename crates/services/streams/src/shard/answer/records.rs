//! The answer of GetRecords, piece by piece: a page of 10 MiB is never written whole, and each piece is still in the
//! CPU's cache when it goes to the socket. The length is known before the first byte is.

use bytes::Bytes;
use millrace_base::Timestamp;
use millrace_wire::Codec;

use super::{cbor, json};
use crate::sequence::Writer;
use crate::shard::read::{Page, Read};

/// Bytes after which a piece ends.
const PIECE_BYTES: usize = 64 << 10;

/// The pieces that are still to be written.
#[derive(Debug)]
pub(super) struct Records {
    codec: Codec,
    /// Each is let go when it is written, and with it the memory it was read into.
    records: std::vec::IntoIter<Read>,
    begun: bool,
    writer: RecordWriter,
    /// What stands before the records; taken by the first piece.
    head: Vec<u8>,
    /// What stands behind them; taken by the last piece.
    tail: Vec<u8>,
}

/// What one record's bytes owe to the record before.
#[derive(Debug, Default)]
pub(super) struct RecordWriter {
    pub(super) numbers: Writer,
    time: Option<Timestamp>,
    time_text: Vec<u8>,
}

impl RecordWriter {
    /// The text of `time`, which most records share with the one before.
    pub(super) fn time(&mut self, time: Timestamp) -> &[u8] {
        if self.time != Some(time) {
            self.time = Some(time);
            self.time_text.clear();
            json::time(time, &mut self.time_text);
        }
        &self.time_text
    }
}

impl Records {
    pub(super) fn new(codec: Codec, page: Page, next: Option<&str>) -> Self {
        let (mut head, mut tail) = (Vec::new(), Vec::new());
        match codec {
            Codec::Cbor11 => {
                cbor::begin(&page, next.is_some(), &mut head);
                cbor::end(&page, next, &mut tail);
            }
            _ => {
                json::begin(&mut head);
                json::end(&page, next, &mut tail);
            }
        }
        Self {
            codec,
            records: page.records.into_iter(),
            begun: false,
            writer: RecordWriter::default(),
            head,
            tail,
        }
    }

    /// Bytes of all pieces, before the first is written.
    pub(super) fn length(&self) -> usize {
        let records = self.records.as_slice();
        let lengths: usize = records.iter().map(|read| self.record_len(read)).sum();
        let commas = match self.codec {
            Codec::Cbor11 => 0,
            _ => records.len().saturating_sub(1),
        };
        self.head.len() + lengths + commas + self.tail.len()
    }

    fn record_len(&self, read: &Read) -> usize {
        match self.codec {
            Codec::Cbor11 => cbor::record_len(read),
            _ => json::record_len(read),
        }
    }

    /// All of it, which has that length.
    pub(super) fn whole(mut self, length: usize) -> Bytes {
        let mut out = Vec::with_capacity(length);
        self.write(self.records.len(), &mut out);
        out.into()
    }

    /// Writes the next `count` records, and what stands around them.
    fn write(&mut self, count: usize, out: &mut Vec<u8>) {
        out.append(&mut self.head);
        for read in self.records.by_ref().take(count) {
            match self.codec {
                Codec::Cbor11 => cbor::record(&read, &mut self.writer, out),
                _ => {
                    if self.begun {
                        out.push(b',');
                    }
                    json::record(&read, &mut self.writer, out);
                }
            }
            self.begun = true;
        }
        if self.records.len() == 0 {
            out.append(&mut self.tail);
        }
    }
}

impl Iterator for Records {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.tail.is_empty() {
            return None;
        }
        let mut length = self.head.len() + self.tail.len();
        let mut count = 0;
        for read in self.records.as_slice() {
            length += 1 + self.record_len(read);
            count += 1;
            if length >= PIECE_BYTES {
                break;
            }
        }
        let mut out = Vec::with_capacity(length);
        self.write(count, &mut out);
        Some(out.into())
    }
}
