//! The plain form in JSON.

use std::borrow::Cow;
use std::slice::Iter;

use bytes::Bytes;
use millrace_wire::Body;

use super::{ENTRIES_MAX, EntryParts, PutParts};
use crate::shard::request::{Data, Entry, Put, Shape};

/// Reads a whole body.
pub(super) fn put(shape: Shape, body: &Body) -> Option<Put<'_>> {
    let mut scanner = Scanner {
        rest: &[],
        next: body.pieces().iter(),
    };
    let mut parts = PutParts::new();
    scanner.object(|scanner, name| match name {
        b"StreamName" => parts.name(scanner.text()?),
        b"StreamARN" => parts.arn(scanner.text()?),
        b"Records" if shape == Shape::Many && parts.records.is_empty() => {
            parts.records = scanner.entries()?;
            Some(())
        }
        name if shape == Shape::One => scanner.member(name, &mut parts.single),
        _ => None,
    })?;
    scanner.end()?;
    parts.finish(shape)
}

struct Scanner<'a> {
    /// What is left of a piece.
    rest: &'a [u8],
    /// The pieces behind it, none of them empty.
    next: Iter<'a, Bytes>,
}

impl<'a> Scanner<'a> {
    /// Goes to the next piece; `None` behind the last.
    fn turn(&mut self) -> Option<()> {
        self.rest = self.next.next()?;
        Some(())
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let blank = self
                .rest
                .iter()
                .take_while(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t'))
                .count();
            self.rest = self.rest.get(blank..).unwrap_or_default();
            match self.rest.first() {
                Some(first) => return Some(*first),
                None => self.turn()?,
            }
        }
    }

    /// The next byte that is no white space, taken if it is the wanted one.
    fn take(&mut self, wanted: u8) -> Option<()> {
        let found = self.peek()?;
        (found == wanted).then(|| self.rest = self.rest.get(1..).unwrap_or_default())
    }

    /// A string without escapes, quotes taken off. Its bytes may be anything else.
    fn string(&mut self) -> Option<Cow<'a, [u8]>> {
        self.take(b'"')?;
        if let Some(text) = self.up_to_quote()? {
            return Some(Cow::Borrowed(text));
        }
        // A seam between two pieces: there are few, and what lies across is copied.
        let mut joined = self.rest.to_vec();
        loop {
            self.turn()?;
            match self.up_to_quote()? {
                Some(text) => {
                    joined.extend_from_slice(text);
                    return Some(Cow::Owned(joined));
                }
                None => joined.extend_from_slice(self.rest),
            }
        }
    }

    /// What stands before a quote, which is passed over; inside, `None` where the piece has no quote. An escape ends it
    /// all.
    fn up_to_quote(&mut self) -> Option<Option<&'a [u8]>> {
        let Some(end) = memchr::memchr2(b'"', b'\\', self.rest) else {
            return Some(None);
        };
        let (text, tail) = self.rest.split_at_checked(end)?;
        self.rest = tail.strip_prefix(b"\"")?;
        Some(Some(text))
    }

    /// A string without escapes and control characters. Its bytes may not be UTF-8.
    fn text(&mut self) -> Option<Cow<'a, [u8]>> {
        let text = self.string()?;
        (!text.iter().any(|b| *b < 0x20)).then_some(text)
    }

    fn object(&mut self, mut member: impl FnMut(&mut Self, &[u8]) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        loop {
            let name = self.string()?;
            self.take(b':')?;
            member(self, &name)?;
            match self.peek()? {
                b',' => self.take(b',')?,
                _ => return self.take(b'}'),
            }
        }
    }

    fn member(&mut self, name: &[u8], entry: &mut EntryParts<'a>) -> Option<()> {
        match name {
            // Control characters are no base64, and that is found when it is decoded.
            b"Data" => {
                let text = self.string()?;
                let length = base64_simd::STANDARD.decoded_length(&text).ok()?;
                entry.data(Data::Base64(text, length))
            }
            b"PartitionKey" => entry.key(self.text()?),
            b"ExplicitHashKey" => entry.explicit(self.string()?),
            _ => None,
        }
    }

    fn entries(&mut self) -> Option<Vec<Entry<'a>>> {
        self.take(b'[')?;
        let mut entries = Vec::new();
        loop {
            let mut parts = EntryParts::default();
            self.object(|scanner, name| scanner.member(name, &mut parts))?;
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
        self.peek().is_none().then_some(())
    }
}
