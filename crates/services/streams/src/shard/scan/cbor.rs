//! The plain form in CBOR (RFC 8949): maps and lists of either length, definite texts and byte strings, no tags.

use std::borrow::Cow;
use std::slice::Iter;

use bytes::Bytes;
use millrace_wire::Body;

use super::{ENTRIES_MAX, EntryParts, PutParts};
use crate::shard::request::{Data, Entry, Put, Shape};

const BYTES: u8 = 2;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;
/// Additional information of an item whose end is a break.
const INDEFINITE: u8 = 31;
const BREAK: u8 = 0xff;

/// Reads a whole body.
pub(super) fn put(shape: Shape, body: &Body) -> Option<Put<'_>> {
    let mut pieces = body.pieces().iter();
    let piece = pieces.next()?;
    let mut scanner = Scanner {
        piece,
        rest: piece,
        next: pieces,
        left: body.len() - piece.len(),
    };
    let mut parts = PutParts::new();
    scanner.map(|scanner, name| match name {
        b"StreamName" => parts.name(scanner.string(TEXT)?),
        b"StreamARN" => parts.arn(scanner.string(TEXT)?),
        b"Records" if shape == Shape::Many && parts.records.is_empty() => {
            parts.records = scanner.entries()?;
            Some(())
        }
        name if shape == Shape::One => scanner.member(name, &mut parts.single),
        _ => None,
    })?;
    if scanner.more_bytes() {
        return None;
    }
    parts.finish(shape)
}

struct Scanner<'a> {
    /// What `rest` is a part of.
    piece: &'a Bytes,
    rest: &'a [u8],
    /// The pieces behind it, none of them empty.
    next: Iter<'a, Bytes>,
    /// Their bytes.
    left: usize,
}

impl<'a> Scanner<'a> {
    /// Goes to the next piece; `None` behind the last.
    fn turn(&mut self) -> Option<()> {
        self.piece = self.next.next()?;
        self.rest = self.piece;
        self.left = self.left.saturating_sub(self.piece.len());
        Some(())
    }

    fn more_bytes(&self) -> bool {
        !self.rest.is_empty() || self.left > 0
    }

    fn byte(&mut self) -> Option<u8> {
        while self.rest.is_empty() {
            self.turn()?;
        }
        let (first, tail) = self.rest.split_first()?;
        self.rest = tail;
        Some(*first)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        if let Some((head, tail)) = self.rest.split_first_chunk::<N>() {
            self.rest = tail;
            return Some(*head);
        }
        let mut head = [0; N];
        for byte in &mut head {
            *byte = self.byte()?;
        }
        Some(head)
    }

    /// The length in the head of an item of this major type; inside, `None` is indefinite.
    fn head(&mut self, major: u8) -> Option<Option<u64>> {
        let [initial] = self.array()?;
        if initial >> 5 != major {
            return None;
        }
        Some(Some(match initial & 0x1f {
            info @ 0..=23 => u64::from(info),
            24 => u64::from(u8::from_be_bytes(self.array()?)),
            25 => u64::from(u16::from_be_bytes(self.array()?)),
            26 => u64::from(u32::from_be_bytes(self.array()?)),
            27 => u64::from_be_bytes(self.array()?),
            INDEFINITE => return Some(None),
            _ => return None,
        }))
    }

    /// Whether another item follows, of `left` or up to a break.
    fn more(&mut self, left: &mut Option<u64>) -> Option<bool> {
        match left {
            Some(0) => Some(false),
            Some(left) => {
                *left -= 1;
                Some(true)
            }
            None => {
                while self.rest.is_empty() {
                    self.turn()?;
                }
                let over = *self.rest.first()? == BREAK;
                if over {
                    self.rest = self.rest.get(1..)?;
                }
                Some(!over)
            }
        }
    }

    /// A text or byte string of definite length.
    fn string(&mut self, major: u8) -> Option<Cow<'a, [u8]>> {
        let length = usize::try_from(self.head(major)??).ok()?;
        if let Some((text, tail)) = self.rest.split_at_checked(length) {
            self.rest = tail;
            return Some(Cow::Borrowed(text));
        }
        // A seam between two pieces: there are few, and what lies across is copied.
        if length > self.rest.len() + self.left {
            return None;
        }
        let mut joined = Vec::with_capacity(length);
        while joined.len() < length {
            if self.rest.is_empty() {
                self.turn()?;
            }
            let (part, tail) = self.rest.split_at(self.rest.len().min(length - joined.len()));
            joined.extend_from_slice(part);
            self.rest = tail;
        }
        Some(Cow::Owned(joined))
    }

    fn map(&mut self, mut member: impl FnMut(&mut Self, &[u8]) -> Option<()>) -> Option<()> {
        let mut left = self.head(MAP)?;
        while self.more(&mut left)? {
            let name = self.string(TEXT)?;
            member(self, &name)?;
        }
        Some(())
    }

    fn member(&mut self, name: &[u8], entry: &mut EntryParts<'a>) -> Option<()> {
        match name {
            b"Data" => {
                let data = match self.string(BYTES)? {
                    Cow::Borrowed(bytes) => self.piece.slice_ref(bytes),
                    Cow::Owned(bytes) => bytes.into(),
                };
                entry.data(Data::Raw(data))
            }
            b"PartitionKey" => entry.key(self.string(TEXT)?),
            b"ExplicitHashKey" => entry.explicit(self.string(TEXT)?),
            _ => None,
        }
    }

    fn entries(&mut self) -> Option<Vec<Entry<'a>>> {
        let mut left = self.head(LIST)?;
        let mut entries = Vec::new();
        while self.more(&mut left)? {
            let mut parts = EntryParts::default();
            self.map(|scanner, name| scanner.member(name, &mut parts))?;
            if entries.len() == ENTRIES_MAX {
                return None;
            }
            entries.push(parts.finish()?);
        }
        Some(entries)
    }
}
