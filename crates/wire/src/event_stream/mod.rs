//! `application/vnd.amazon.eventstream`: frames of headers and a payload, each with two checksums.
//!
//! ```text
//! total length u32 | headers length u32 | CRC-32 of these 8 bytes u32
//! headers: { name length u8 | name | type u8 | value } …    (a string, type 7: length u16 | bytes)
//! payload
//! CRC-32 of everything before u32                           (all integers big-endian)
//! ```
//! A stream opens with an `initial-response` event, which boto3 insists on, then carries events, and may end with
//! an exception. [`frame`] makes a frame in one buffer and [`decode`] reads one; neither keeps state.

mod decode;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use decode::{FrameError, Header, HeaderValue, Message, decode};

/// The `Content-Type` of a response whose body is such frames.
pub const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// Header names and values of the messages themselves.
const MESSAGE_TYPE: &str = ":message-type";
const EVENT_TYPE: &str = ":event-type";
const EXCEPTION_TYPE: &str = ":exception-type";
const CONTENT_TYPE_HEADER: &str = ":content-type";

/// Type byte of a string header.
const STRING: u8 = 7;

/// The first frame of every stream; `payload` is the encoded response without its stream member, such as `{}`.
#[must_use]
pub fn initial_response(content_type: &str, payload: &[u8]) -> Bytes {
    event("initial-response", content_type, payload)
}

/// An event of that type, the name of a member of the event stream.
#[must_use]
pub fn event(event_type: &str, content_type: &str, payload: &[u8]) -> Bytes {
    frame(
        &[
            (EVENT_TYPE, event_type),
            (CONTENT_TYPE_HEADER, content_type),
            (MESSAGE_TYPE, "event"),
        ],
        payload,
    )
}

/// A modelled exception, after which the stream ends; `payload` is the encoded error, `{"message":…}`.
#[must_use]
pub fn exception(exception_type: &str, content_type: &str, payload: &[u8]) -> Bytes {
    frame(
        &[
            (EXCEPTION_TYPE, exception_type),
            (CONTENT_TYPE_HEADER, content_type),
            (MESSAGE_TYPE, "exception"),
        ],
        payload,
    )
}

/// One frame with string headers.
///
/// Names are cut at 255 and values at 65 535 bytes, the most the format holds. The caller keeps the payload
/// within 16 MiB, as every decoder demands ([`FRAME_BYTES_MAX`](crate::limits::FRAME_BYTES_MAX)).
#[must_use]
pub fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let headers_len: usize = headers
        .iter()
        .map(|(name, value)| 4 + cut_name(name).len() + cut_value(value).len())
        .sum();
    let total = 12 + headers_len + payload.len() + 4;
    let mut out = Vec::with_capacity(total);
    out.extend_from_slice(&length(total).to_be_bytes());
    out.extend_from_slice(&length(headers_len).to_be_bytes());
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    for (name, value) in headers {
        let (name, value) = (cut_name(name), cut_value(value));
        out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(name.as_bytes());
        out.push(STRING);
        out.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(value.as_bytes());
    }
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    Bytes::from(out)
}

/// A length as the format writes it. A payload beyond 4 GiB cannot be framed; it yields a frame that every
/// decoder refuses rather than one that lies.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn cut_name(name: &str) -> &str {
    cut(name, usize::from(u8::MAX))
}

fn cut_value(value: &str) -> &str {
    cut(value, usize::from(u16::MAX))
}

/// The longest prefix of at most `max` bytes that ends between characters.
fn cut(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or(text)
}
