//! The canonical form of a request and the string that is signed.

use std::fmt::Write as _;

use ring::digest::{SHA256, digest};

use super::ALGORITHM;
use super::request::Request;
use crate::percent;

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
        out.extend(percent::encode(segment).flat_map(str::bytes));
    }
    let ends_in_folder = path.ends_with(['/']) || path.ends_with("/.") || path.ends_with("/..");
    if segments.is_empty() || ends_in_folder {
        out.push(b'/');
    }
}

/// Decoded, encoded in the one canonical way, sorted; without the signature itself.
fn query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let canonical = |text: &str| percent::encode(&percent::decode(text)).to_string();
            (canonical(key), canonical(value))
        })
        .filter(|(key, _)| key != "X-Amz-Signature")
        .collect();
    pairs.sort();
    let mut out = String::with_capacity(query.len());
    for (i, (key, value)) in pairs.iter().enumerate() {
        let and = if i == 0 { "" } else { "&" };
        let _ = write!(out, "{and}{key}={value}");
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
