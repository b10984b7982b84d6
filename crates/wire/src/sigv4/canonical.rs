//! The canonical form of a request and the string that is signed.

use std::fmt::Write as _;

use ring::digest::{SHA256, digest};

use super::ALGORITHM;
use super::request::{Request, decode};

/// The string to sign of a request under a scope.
pub(super) fn string_to_sign(
    request: &Request<'_>,
    signed_headers: &[String],
    payload_hash: &str,
    date_time: &str,
    scope: &str,
) -> String {
    let canonical = canonical_request(request, signed_headers, payload_hash);
    let hash = hex::encode(digest(&SHA256, &canonical));
    format!("{ALGORITHM}\n{date_time}\n{scope}\n{hash}")
}

/// The canonical request, as bytes: header values need not be UTF-8.
pub(super) fn canonical_request(
    request: &Request<'_>,
    signed_headers: &[String],
    payload_hash: &str,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(request.method.as_bytes());
    out.push(b'\n');
    path(request.path, &mut out);
    out.push(b'\n');
    out.extend_from_slice(query(request.query).as_bytes());
    out.push(b'\n');
    for name in signed_headers {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        header(request, name, &mut out);
        out.push(b'\n');
    }
    out.push(b'\n');
    out.extend_from_slice(signed_headers.join(";").as_bytes());
    out.push(b'\n');
    out.extend_from_slice(payload_hash.as_bytes());
    out
}

/// Dot segments and doubled slashes removed, then encoded once more, as every service but S3 has it.
fn path(path: &str, out: &mut Vec<u8>) {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    for segment in &segments {
        out.push(b'/');
        encode(segment.as_bytes(), out);
    }
    let ends_in_folder = path.ends_with(['/']) || path.ends_with("/.") || path.ends_with("/..");
    if segments.is_empty() || ends_in_folder {
        out.push(b'/');
    }
}

/// Decoded, encoded in the one canonical way, sorted; without the signature itself.
fn query(query: &str) -> String {
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let canonical = |text: &str| {
                let mut encoded = Vec::with_capacity(text.len());
                encode(&decode(text), &mut encoded);
                encoded
            };
            (canonical(key), canonical(value))
        })
        .filter(|(key, _)| key != b"X-Amz-Signature")
        .collect();
    pairs.sort();
    let mut out = String::with_capacity(query.len());
    for (i, (key, value)) in pairs.iter().enumerate() {
        let and = if i == 0 { "" } else { "&" };
        let _ = write!(
            out,
            "{and}{}={}",
            String::from_utf8_lossy(key),
            String::from_utf8_lossy(value)
        );
    }
    out
}

/// All values of a header, trimmed, inner runs of spaces folded, joined by commas.
fn header(request: &Request<'_>, name: &str, out: &mut Vec<u8>) {
    let mut values = request
        .headers
        .iter()
        .filter(|(n, _)| *n == name)
        .map(|(_, value)| *value)
        .peekable();
    if values.peek().is_none() {
        if let Some(value) = request.header(name) {
            fold(value, out);
        }
        return;
    }
    for (i, value) in values.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        fold(value, out);
    }
}

fn fold(value: &[u8], out: &mut Vec<u8>) {
    for (i, word) in value
        .split(|b| matches!(b, b' ' | b'\t'))
        .filter(|w| !w.is_empty())
        .enumerate()
    {
        if i > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

/// Percent-encodes everything but the unreserved characters (RFC 3986 2.3).
pub(super) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(*byte);
        } else {
            let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}
