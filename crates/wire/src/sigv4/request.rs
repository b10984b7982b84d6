//! A request as the verifier sees it.

use crate::percent;

/// The parts of an HTTP request that a signature covers.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method, such as `POST`.
    pub method: &'a str,
    /// The path as it was sent, still encoded.
    pub path: &'a str,
    /// The query as it was sent, without `?`; empty without one.
    pub query: &'a str,
    /// Headers with lower-case names, in the order they came; in HTTP/2 with `:authority`.
    pub headers: &'a [(&'a str, &'a [u8])],
}

impl<'a> Request<'a> {
    /// The first header of that lower-case name. `host` and `:authority` stand for each other: HTTP/2 has the one,
    /// HTTP/1.1 the other, and clients sign either name.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        let first = |name: &str| self.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
        first(name).or_else(|| match name {
            "host" => first(":authority"),
            ":authority" => first("host"),
            _ => None,
        })
    }

    /// The first header of that name as text.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.header(name)
            .and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The first query parameter of that name, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (*percent::decode(key) == *name.as_bytes())
                .then(|| String::from_utf8_lossy(&percent::decode(value)).into_owned())
        })
    }

    /// How many query parameters have that name, decoded.
    pub(super) fn parameters(&self, name: &str) -> usize {
        let keys = self
            .query
            .split('&')
            .map(|pair| pair.split('=').next().unwrap_or_default());
        keys.filter(|key| *percent::decode(key) == *name.as_bytes())
            .count()
    }
}
