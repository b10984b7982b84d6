//! Reads PutRecord and PutRecords in JSON straight off the body's bytes.
//!
//! It knows the plain form that every SDK writes and gives up on everything else – escapes, unknown or doubled members,
//! odd types, violated constraints – by yielding `None`; the tables' decoder then has the last word. Whatever it does
//! accept, the decoder would have accepted with the same outcome: the tests hold the two against each other.

use std::borrow::Cow;

use super::request::{Data, Entry, Put, Shape};

/// Most entries of a PutRecords (API model).
const ENTRIES_MAX: usize = 500;
/// Most characters of a partition key (API model).
const KEY_CHARS_MAX: usize = 256;
/// Most bytes of data (API model).
const DATA_BYTES_MAX: usize = 10_485_760;
/// Most characters of a stream's name (API model).
const NAME_CHARS_MAX: usize = 128;

/// Reads a whole body.
pub(crate) fn put(shape: Shape, body: &[u8]) -> Option<Put<'_>> {
    let mut scanner = Scanner { rest: body };
    let mut put = Put {
        stream_name: None,
        stream_arn: None,
        stream_id: None,
        ordering: None,
        dry_run: false,
        records: Vec::new(),
    };
    let mut single = EntryParts::default();
    scanner.object(|scanner, name| match name {
        b"StreamName" if put.stream_name.is_none() => {
            let text = scanner.string()?;
            let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
            if text.is_empty() || text.len() > NAME_CHARS_MAX || !text.iter().all(plain) {
                return None;
            }
            put.stream_name = Some(Cow::Borrowed(std::str::from_utf8(text).ok()?));
            Some(())
        }
        b"Records" if shape == Shape::Many && put.records.is_empty() => {
            put.records = scanner.entries()?;
            Some(())
        }
        name if shape == Shape::One => single.member(scanner, name),
        _ => None,
    })?;
    scanner.end()?;
    if shape == Shape::One {
        put.records.push(single.finish()?);
    }
    // A name is needed in the plain form; the ARN's pattern is left to the decoder.
    (put.stream_name.is_some() && !put.records.is_empty()).then_some(put)
}

#[derive(Default)]
struct EntryParts<'a> {
    key: Option<Cow<'a, str>>,
    explicit: Option<Cow<'a, str>>,
    data: Option<Data<'a>>,
}

impl<'a> EntryParts<'a> {
    fn member(&mut self, scanner: &mut Scanner<'a>, name: &[u8]) -> Option<()> {
        match name {
            b"Data" if self.data.is_none() => {
                let text = scanner.string()?;
                let length = base64_simd::STANDARD.decoded_length(text).ok()?;
                if length > DATA_BYTES_MAX {
                    return None;
                }
                self.data = Some(Data::Base64(text, length));
            }
            b"PartitionKey" if self.key.is_none() => {
                let text = std::str::from_utf8(scanner.string()?).ok()?;
                // Bytes bound characters from above, so that counting is seldom needed.
                if text.is_empty() || (text.len() > KEY_CHARS_MAX && text.chars().count() > KEY_CHARS_MAX) {
                    return None;
                }
                self.key = Some(Cow::Borrowed(text));
            }
            b"ExplicitHashKey" if self.explicit.is_none() => {
                let text = scanner.string()?;
                let number =
                    matches!(text, b"0") || (!text.starts_with(b"0") && (1..=39).contains(&text.len()));
                if !number || !text.iter().all(u8::is_ascii_digit) {
                    return None;
                }
                self.explicit = Some(Cow::Borrowed(std::str::from_utf8(text).ok()?));
            }
            _ => return None,
        }
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

struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    fn space(&mut self) {
        let blank = self
            .rest
            .iter()
            .take_while(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t'))
            .count();
        self.rest = self.rest.get(blank..).unwrap_or_default();
    }

    /// The next byte that is no white space, taken if it is the wanted one.
    fn take(&mut self, wanted: u8) -> Option<()> {
        self.space();
        let (first, tail) = self.rest.split_first()?;
        (*first == wanted).then(|| self.rest = tail)
    }

    fn peek(&mut self) -> Option<u8> {
        self.space();
        self.rest.first().copied()
    }

    /// A string without escapes and control characters, quotes taken off. Its bytes may not be UTF-8.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let end = memchr::memchr2(b'"', b'\\', self.rest)?;
        let (text, tail) = self.rest.split_at_checked(end)?;
        if tail.first() != Some(&b'"') || text.iter().any(|b| *b < 0x20) {
            return None;
        }
        self.rest = tail.get(1..)?;
        Some(text)
    }

    fn object(&mut self, mut member: impl FnMut(&mut Self, &'a [u8]) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        if self.peek()? == b'}' {
            return self.take(b'}');
        }
        loop {
            let name = self.string()?;
            self.take(b':')?;
            member(self, name)?;
            match self.peek()? {
                b',' => self.take(b',')?,
                _ => return self.take(b'}'),
            }
        }
    }

    fn entries(&mut self) -> Option<Vec<Entry<'a>>> {
        self.take(b'[')?;
        let mut entries = Vec::new();
        loop {
            let mut parts = EntryParts::default();
            self.object(|scanner, name| parts.member(scanner, name))?;
            if entries.len() == ENTRIES_MAX {
                return None;
            }
            entries.push(parts.finish()?);
            match self.peek()? {
                b',' => self.take(b',')?,
                _ => {
                    self.take(b']')?;
                    return Some(entries);
                }
            }
        }
    }

    fn end(&mut self) -> Option<()> {
        self.space();
        self.rest.is_empty().then_some(())
    }
}
