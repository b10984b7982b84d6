//! A cursor over CBOR: heads, strings and skipping (RFC 8949).

use bytes::{Bytes, BytesMut};

use crate::limits::DEPTH_MAX;
use crate::serialization::Fault;

/// A data item's head, tags already taken off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Head {
    Unsigned(u64),
    /// Stands for −1 − n.
    Negative(u64),
    /// Byte string; `None` where chunks follow up to a break.
    Bytes(Option<u64>),
    /// Text, likewise.
    Text(Option<u64>),
    /// So many items, or up to a break.
    List(Option<u64>),
    /// So many pairs, or up to a break.
    Map(Option<u64>),
    Boolean(bool),
    Float(f64),
    /// Null and undefined.
    Null,
    /// A simple value that means nothing here.
    Other,
    Break,
}

/// The rest of a body.
pub(super) struct Reader {
    body: Bytes,
    at: usize,
}

impl Reader {
    pub(super) const fn new(body: Bytes) -> Self {
        Self { body, at: 0 }
    }

    pub(super) fn malformed(&self, what: &str) -> Fault {
        Fault::malformed("The request body", "CBOR", self.at, what)
    }

    /// Nothing may be left.
    pub(super) fn end(&self) -> Result<(), Fault> {
        if self.at == self.body.len() {
            Ok(())
        } else {
            Err(self.malformed("there is more behind its end"))
        }
    }

    /// The next head. Tags before it are passed over: none changes what the shape already says.
    pub(super) fn head(&mut self) -> Result<Head, Fault> {
        let mut tagged = false;
        loop {
            let [initial] = self.array()?;
            let (major, info) = (initial >> 5, initial & 0x1f);
            if major == 6 {
                self.definite(info)?;
                tagged = true;
                continue;
            }
            let head = match major {
                0 => Head::Unsigned(self.definite(info)?),
                1 => Head::Negative(self.definite(info)?),
                2 => Head::Bytes(self.argument(info)?),
                3 => Head::Text(self.argument(info)?),
                4 => Head::List(self.argument(info)?),
                5 => Head::Map(self.argument(info)?),
                _ => self.simple(info)?,
            };
            if tagged && head == Head::Break {
                return Err(self.malformed("a tag stands before a break"));
            }
            return Ok(head);
        }
    }

    fn definite(&mut self, info: u8) -> Result<u64, Fault> {
        self.argument(info)?
            .ok_or_else(|| self.malformed("an integer or tag lacks its value"))
    }

    /// The argument of a head; `None` is indefinite.
    fn argument(&mut self, info: u8) -> Result<Option<u64>, Fault> {
        Ok(Some(match info {
            0..=23 => u64::from(info),
            24 => u64::from(u8::from_be_bytes(self.array()?)),
            25 => u64::from(u16::from_be_bytes(self.array()?)),
            26 => u64::from(u32::from_be_bytes(self.array()?)),
            27 => u64::from_be_bytes(self.array()?),
            31 => return Ok(None),
            _ => return Err(self.malformed("a reserved length stands")),
        }))
    }

    fn simple(&mut self, info: u8) -> Result<Head, Fault> {
        Ok(match info {
            20 => Head::Boolean(false),
            21 => Head::Boolean(true),
            22 | 23 => Head::Null,
            25 => Head::Float(half(u16::from_be_bytes(self.array()?))),
            26 => Head::Float(f32::from_be_bytes(self.array()?).into()),
            27 => Head::Float(f64::from_be_bytes(self.array()?)),
            31 => Head::Break,
            24 => {
                let [_value] = self.array()?;
                Head::Other
            }
            0..=19 => Head::Other,
            _ => return Err(self.malformed("a reserved simple value stands")),
        })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let bytes = self.body.get(self.at..).and_then(<[u8]>::first_chunk::<N>);
        let bytes = *bytes.ok_or_else(|| self.malformed("it ends too early"))?;
        self.at += N;
        Ok(bytes)
    }

    /// A byte string's content: a slice of the body, or a copy where it came in chunks.
    pub(super) fn bytes(&mut self, len: Option<u64>) -> Result<Bytes, Fault> {
        match len {
            Some(len) => self.slice(len),
            None => self.chunks(|head| match head {
                Head::Bytes(Some(len)) => Some(len),
                _ => None,
            }),
        }
    }

    /// A text's content, checked to be UTF-8 as a whole.
    pub(super) fn text(&mut self, len: Option<u64>) -> Result<Text, Fault> {
        let bytes = match len {
            Some(len) => self.slice(len)?,
            None => self.chunks(|head| match head {
                Head::Text(Some(len)) => Some(len),
                _ => None,
            })?,
        };
        match std::str::from_utf8(&bytes) {
            Ok(_) => Ok(Text(bytes)),
            Err(_) => Err(self.malformed("a text is not UTF-8")),
        }
    }

    fn chunks(&mut self, length_of: impl Fn(Head) -> Option<u64>) -> Result<Bytes, Fault> {
        let mut whole = BytesMut::new();
        loop {
            let head = self.head()?;
            if head == Head::Break {
                return Ok(whole.freeze());
            }
            let len = length_of(head).ok_or_else(|| self.malformed("a chunk of another type stands"))?;
            whole.extend_from_slice(&self.slice(len)?);
        }
    }

    fn slice(&mut self, len: u64) -> Result<Bytes, Fault> {
        let end = usize::try_from(len).ok().and_then(|len| self.at.checked_add(len));
        let end = end.filter(|end| *end <= self.body.len());
        let end = end.ok_or_else(|| self.malformed("it ends too early"))?;
        let slice = self.body.slice(self.at..end);
        self.at = end;
        Ok(slice)
    }

    /// Passes over an item whose head was taken, with everything in it.
    pub(super) fn skip(&mut self, head: Head, depth: usize) -> Result<(), Fault> {
        if depth > DEPTH_MAX {
            return Err(Fault::too_deep());
        }
        match head {
            Head::Bytes(Some(len)) | Head::Text(Some(len)) => self.slice(len).map(drop),
            Head::Bytes(None) => self.bytes(None).map(drop),
            Head::Text(None) => self.text(None).map(drop),
            Head::List(len) => self.skip_items(len, 1, depth),
            Head::Map(len) => self.skip_items(len, 2, depth),
            Head::Break => Err(self.malformed("a break stands where an item is expected")),
            _ => Ok(()),
        }
    }

    /// Passes over `len` groups of `group` items, or groups up to a break.
    fn skip_items(&mut self, len: Option<u64>, group: usize, depth: usize) -> Result<(), Fault> {
        let mut count = Count::new(len);
        while let Some(first) = count.next(self)? {
            self.skip(first, depth + 1)?;
            for _ in 1..group {
                let head = self.head()?;
                self.skip(head, depth + 1)?;
            }
        }
        Ok(())
    }
}

/// How many items of a container are still to come.
pub(super) struct Count(Option<u64>);

impl Count {
    pub(super) const fn new(len: Option<u64>) -> Self {
        Self(len)
    }

    /// The head of the next item; `None` at the container's end.
    pub(super) fn next(&mut self, reader: &mut Reader) -> Result<Option<Head>, Fault> {
        match &mut self.0 {
            Some(0) => return Ok(None),
            Some(left) => *left -= 1,
            None => return Ok(Some(reader.head()?).filter(|head| *head != Head::Break)),
        }
        match reader.head()? {
            Head::Break => Err(reader.malformed("a break stands where an item is expected")),
            head => Ok(Some(head)),
        }
    }
}

/// A text still in the body's buffer.
pub(super) struct Text(Bytes);

impl Text {
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// A 16-bit float (RFC 8949, appendix D).
fn half(bits: u16) -> f64 {
    let exponent = i32::from((bits >> 10) & 0x1f);
    let mantissa = f64::from(bits & 0x3ff);
    let magnitude = match exponent {
        0 => mantissa * 2_f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2_f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}
