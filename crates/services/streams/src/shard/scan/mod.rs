//! Reads PutRecord and PutRecords straight off the body's bytes, in JSON and in CBOR.
//!
//! A scanner knows the plain form that every SDK writes and gives up on everything else – escapes, unknown or doubled
//! members, odd types, violated constraints – by yielding `None`; the tables' decoder then has the last word. Whatever
//! a scanner does accept, the decoder would have accepted with the same outcome: tests and a fuzz target hold the two
//! against each other. The one thing left open is base64, which shows when it is decoded.

mod cbor;
mod json;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use millrace_wire::{Body, Codec};

use super::request::{Data, Entry, Put, Shape};

/// Most entries of a PutRecords (API model).
const ENTRIES_MAX: usize = 500;
/// Most characters of a partition key (API model).
const KEY_CHARS_MAX: usize = 256;
/// Most bytes of data (API model).
const DATA_BYTES_MAX: usize = 10_485_760;
/// Most characters of a stream's name (API model).
const NAME_CHARS_MAX: usize = 128;
/// Most characters of a stream's ARN (API model).
const ARN_CHARS_MAX: usize = 2048;

/// Reads a whole body; `None` leaves it to the tables.
pub(crate) fn put(shape: Shape, codec: Codec, body: &Body) -> Option<Put<'_>> {
    match codec {
        Codec::Cbor11 => cbor::put(shape, body),
        Codec::Json10 | Codec::Json11 => json::put(shape, body),
        _ => None,
    }
}

/// A put as far as it was read.
struct PutParts<'a> {
    name: Option<Cow<'a, str>>,
    arn: Option<Cow<'a, str>>,
    records: Vec<Entry<'a>>,
    single: EntryParts<'a>,
}

impl<'a> PutParts<'a> {
    fn new() -> Self {
        Self {
            name: None,
            arn: None,
            records: Vec::new(),
            single: EntryParts::default(),
        }
    }

    fn name(&mut self, text: Cow<'a, [u8]>) -> Option<()> {
        let plain = !text.is_empty() && text.len() <= NAME_CHARS_MAX && text.iter().all(is_name);
        set(&mut self.name, plain.then_some(text)?)
    }

    /// A plain stream ARN; the model's pattern admits more.
    fn arn(&mut self, text: Cow<'a, [u8]>) -> Option<()> {
        let mut parts = text.strip_prefix(b"arn:aws")?.splitn(5, |b| *b == b':');
        let (partition, service, region, account) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let name = parts.next()?.strip_prefix(b"stream/")?;
        let plain = service == b"kinesis"
            && (account.len() == 12 && account.iter().all(u8::is_ascii_digit))
            && !name.is_empty()
            && [partition, region, name].into_iter().flatten().all(is_name);
        let plain = plain && text.len() <= ARN_CHARS_MAX;
        set(&mut self.arn, plain.then_some(text)?)
    }

    fn finish(mut self, shape: Shape) -> Option<Put<'a>> {
        if shape == Shape::One {
            self.records.push(self.single.finish()?);
        }
        // A put that names no stream is left to the tables.
        let whole = (self.name.is_some() || self.arn.is_some()) && !self.records.is_empty();
        whole.then_some(Put {
            stream_name: self.name,
            stream_arn: self.arn,
            stream_id: None,
            ordering: None,
            dry_run: false,
            records: self.records,
        })
    }
}

/// A record as far as it was read.
#[derive(Default)]
struct EntryParts<'a> {
    key: Option<Cow<'a, str>>,
    explicit: Option<Cow<'a, str>>,
    data: Option<Data<'a>>,
}

impl<'a> EntryParts<'a> {
    fn key(&mut self, text: Cow<'a, [u8]>) -> Option<()> {
        // Bytes bound characters from above, so that counting is seldom needed.
        let fits = text.len() <= KEY_CHARS_MAX
            || std::str::from_utf8(&text).is_ok_and(|text| text.chars().count() <= KEY_CHARS_MAX);
        set(&mut self.key, (fits && !text.is_empty()).then_some(text)?)
    }

    fn explicit(&mut self, text: Cow<'a, [u8]>) -> Option<()> {
        let digits = (1..=39).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
        let plain = digits && (*text == *b"0" || !text.starts_with(b"0"));
        set(&mut self.explicit, plain.then_some(text)?)
    }

    fn data(&mut self, data: Data<'a>) -> Option<()> {
        if self.data.is_some() || data.len() > DATA_BYTES_MAX {
            return None;
        }
        self.data = Some(data);
        Some(())
    }

    fn finish(self) -> Option<Entry<'a>> {
        Some(Entry {
            key: self.key,
            explicit: self.explicit,
            data: self.data?,
        })
    }
}

/// A character of a stream's name; those of partitions and regions are among them.
fn is_name(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

/// Sets a member that was not set yet.
fn set<'a>(slot: &mut Option<Cow<'a, str>>, text: Cow<'a, [u8]>) -> Option<()> {
    if slot.is_some() {
        return None;
    }
    *slot = Some(match text {
        Cow::Borrowed(text) => Cow::Borrowed(std::str::from_utf8(text).ok()?),
        Cow::Owned(text) => Cow::Owned(String::from_utf8(text).ok()?),
    });
    Some(())
}
