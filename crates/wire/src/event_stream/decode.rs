//! Reading frames: what tests and the command line's own readers use.

use bytes::Bytes;

use super::{EVENT_TYPE, EXCEPTION_TYPE, MESSAGE_TYPE};
use crate::limits::{FRAME_BYTES_MAX, FRAME_HEADERS_BYTES_MAX};

/// Length of the prelude and of both checksums, the least a frame can have.
const FRAME_BYTES_MIN: usize = 16;
const PRELUDE_BYTES: usize = 12;

/// A frame taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Headers in their order on the wire.
    pub headers: Vec<Header>,
    /// The payload, a slice of the buffer.
    pub payload: Bytes,
}

/// One header.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Its name, such as `:event-type`.
    pub name: String,
    /// Its value.
    pub value: HeaderValue,
}

/// A header's value, by the format's type numbers 0 to 9.
#[derive(Clone, Debug, PartialEq)]
pub enum HeaderValue {
    /// Types 0 and 1.
    Bool(bool),
    /// Types 2 to 5: 8, 16, 32 and 64 bits.
    Integer(i64),
    /// Type 6.
    Bytes(Bytes),
    /// Type 7.
    String(String),
    /// Type 8: milliseconds since the Unix epoch.
    Timestamp(i64),
    /// Type 9.
    Uuid([u8; 16]),
}

/// Why a frame is none. The stream cannot be resumed behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A length that no frame has.
    #[error("the frame's lengths are impossible or beyond the bound")]
    Length,
    /// A checksum does not fit.
    #[error("a checksum of the frame does not match")]
    Checksum,
    /// The headers do not parse.
    #[error("the frame's headers are malformed")]
    Headers,
}

impl Message {
    /// The value of a string header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|h| h.name == name)
            .and_then(|h| match &h.value {
                HeaderValue::String(text) => Some(text.as_str()),
                _ => None,
            })
    }

    /// The event's type, where this is an event.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        self.header(MESSAGE_TYPE)
            .filter(|t| *t == "event")
            .and_then(|_| self.header(EVENT_TYPE))
    }

    /// The exception's type, where this is an exception.
    #[must_use]
    pub fn exception_type(&self) -> Option<&str> {
        self.header(MESSAGE_TYPE)
            .filter(|t| *t == "exception")
            .and_then(|_| self.header(EXCEPTION_TYPE))
    }
}

/// Reads the frame at the front of `buffer` and says how many bytes it took; `None` when more bytes are needed.
///
/// # Errors
/// [`FrameError`] as soon as the front cannot become a frame.
pub fn decode(buffer: &Bytes) -> Result<Option<(Message, usize)>, FrameError> {
    let Some(prelude) = buffer.get(..PRELUDE_BYTES) else {
        return Ok(None);
    };
    let mut cursor = Cursor(prelude);
    let (total, headers_len) = (cursor.length()?, cursor.length()?);
    let checksum = u32::from_be_bytes(cursor.array()?);
    if prelude.get(..8).map(crc32fast::hash) != Some(checksum) {
        return Err(FrameError::Checksum);
    }
    let possible = (FRAME_BYTES_MIN..=FRAME_BYTES_MAX).contains(&total)
        && headers_len <= FRAME_HEADERS_BYTES_MAX
        && headers_len <= total - FRAME_BYTES_MIN;
    if !possible {
        return Err(FrameError::Length);
    }
    let Some(frame) = buffer.get(..total) else {
        return Ok(None);
    };
    let (body, tail) = frame.split_at_checked(total - 4).ok_or(FrameError::Length)?;
    if u32::from_be_bytes(Cursor(tail).array()?) != crc32fast::hash(body) {
        return Err(FrameError::Checksum);
    }
    let payload_at = PRELUDE_BYTES + headers_len;
    let headers = headers(body.get(PRELUDE_BYTES..payload_at).ok_or(FrameError::Length)?)?;
    Ok(Some((
        Message {
            headers,
            payload: buffer.slice(payload_at..total - 4),
        },
        total,
    )))
}

fn headers(block: &[u8]) -> Result<Vec<Header>, FrameError> {
    let mut cursor = Cursor(block);
    let mut headers = Vec::new();
    while !cursor.0.is_empty() {
        let [name_len] = cursor.array()?;
        let name = cursor.text(usize::from(name_len))?;
        let value = cursor.value()?;
        headers.push(Header { name, value });
    }
    Ok(headers)
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], FrameError> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(FrameError::Headers)?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        self.take(N)?.try_into().map_err(|_| FrameError::Headers)
    }

    fn length(&mut self) -> Result<usize, FrameError> {
        usize::try_from(u32::from_be_bytes(self.array()?)).map_err(|_| FrameError::Length)
    }

    fn text(&mut self, len: usize) -> Result<String, FrameError> {
        String::from_utf8(self.take(len)?.to_vec()).map_err(|_| FrameError::Headers)
    }

    fn value(&mut self) -> Result<HeaderValue, FrameError> {
        let [kind] = self.array()?;
        Ok(match kind {
            0 => HeaderValue::Bool(true),
            1 => HeaderValue::Bool(false),
            2 => HeaderValue::Integer(i8::from_be_bytes(self.array()?).into()),
            3 => HeaderValue::Integer(i16::from_be_bytes(self.array()?).into()),
            4 => HeaderValue::Integer(i32::from_be_bytes(self.array()?).into()),
            5 => HeaderValue::Integer(i64::from_be_bytes(self.array()?)),
            6 => {
                let len = u16::from_be_bytes(self.array()?);
                HeaderValue::Bytes(Bytes::copy_from_slice(self.take(usize::from(len))?))
            }
            7 => {
                let len = u16::from_be_bytes(self.array()?);
                HeaderValue::String(self.text(usize::from(len))?)
            }
            8 => HeaderValue::Timestamp(i64::from_be_bytes(self.array()?)),
            9 => HeaderValue::Uuid(self.array()?),
            _ => return Err(FrameError::Headers),
        })
    }
}
