//! Where the server is.

use std::fmt;
use std::str::FromStr;

/// An endpoint to show how one is written.
const EXAMPLE: &str = "http://127.0.0.1:4567";

/// A server's address, from a URL such as `http://127.0.0.1:4567` or `https://host.example.org`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether the connection is over TLS.
    pub tls: bool,
    /// Host name or address, an IPv6 address without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl Endpoint {
    /// What the `Host` header says: the port is left out where it is the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        let default = if self.tls { 443 } else { 80 };
        if self.port == default {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}",
            if self.tls { "https" } else { "http" },
            self.authority()
        )
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("'{text}' is no endpoint: {why}; write it like {EXAMPLE}");
        let uri: http::Uri = text.parse().map_err(|_| wrong("it is no URL"))?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("it must start with http:// or https://")),
        };
        if !matches!(
            uri.path_and_query().map(http::uri::PathAndQuery::as_str),
            None | Some("/" | "")
        ) {
            return Err(wrong("it must have no path"));
        }
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("credentials do not belong into it"));
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        if host.is_empty() {
            return Err(wrong("it names no host"));
        }
        let port = match authority.port() {
            Some(port) => port.as_str().parse().map_err(|_| wrong("its port is none"))?,
            // A port that is no number of a port is left out as if it were not there.
            None if !authority.as_str().ends_with(authority.host()) => return Err(wrong("its port is none")),
            None if tls => 443,
            None => 80,
        };
        Ok(Self { tls, host, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_read_and_print() {
        for (text, tls, host, port, printed) in [
            (EXAMPLE, false, "127.0.0.1", 4567, EXAMPLE),
            (
                "https://kinesis.eu-west-1.amazonaws.com/",
                true,
                "kinesis.eu-west-1.amazonaws.com",
                443,
                "https://kinesis.eu-west-1.amazonaws.com",
            ),
            ("http://[::1]:8080", false, "::1", 8080, "http://[::1]:8080"),
            ("http://localhost:80", false, "localhost", 80, "http://localhost"),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(
                endpoint,
                Endpoint {
                    tls,
                    host: host.to_owned(),
                    port
                }
            );
            assert_eq!(endpoint.to_string(), printed);
        }
    }

    #[test]
    fn what_is_none_is_explained() {
        for text in [
            "",
            "localhost:4567",
            "ftp://x",
            "http://",
            "http://h:99999",
            "http://h/path",
            "http://u:p@h",
            "http://a b",
        ] {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert!(error.contains("write it like"), "{text}: {error}");
        }
    }
}
