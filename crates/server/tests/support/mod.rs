//! A server on a free port, signed requests, and a client that is as raw as a test needs it.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

use std::net::SocketAddr;
use std::time::Duration;

use millrace_base::{Clock, SystemClock, Timestamp};
use millrace_server::{Config, Server};
use millrace_wire::sigv4::{Identity, Signing, sign};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

pub const JSON: &str = "application/x-amz-json-1.1";
/// Longest a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The configuration of a test: in memory, on a free port.
pub fn config(overrides: &[(&str, &str)]) -> Config {
    let base = [("server.listen", "127.0.0.1:0"), ("storage.data_dir", ":memory:")];
    let all: Vec<_> = base
        .iter()
        .chain(overrides)
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    Config::load(None, &|_| None, &all).unwrap()
}

/// A running server.
pub async fn start(overrides: &[(&str, &str)]) -> Server {
    Server::start(config(overrides)).await.unwrap()
}

/// What is signed, and how.
#[derive(Clone)]
pub struct Call<'a> {
    pub op: &'a str,
    pub body: &'a [u8],
    pub key: &'a str,
    pub secret: &'a str,
    pub token: Option<&'a str>,
    pub region: &'a str,
    pub service: &'a str,
    pub content_type: &'a str,
    pub host: &'a str,
    pub at: Timestamp,
}

impl<'a> Call<'a> {
    /// A good call of Data Streams.
    pub fn new(op: &'a str, body: &'a [u8]) -> Self {
        Self {
            op,
            body,
            key: "test",
            secret: "test",
            token: None,
            region: "us-east-1",
            service: "kinesis",
            content_type: JSON,
            host: "host",
            at: SystemClock::new().now(),
        }
    }

    /// Every header, lower case, without those of the body's length.
    pub fn headers(&self) -> Vec<(String, String)> {
        let prefix = if self.service == "kms" {
            "TrentService"
        } else {
            "Kinesis_20131202"
        };
        let target = format!("{prefix}.{}", self.op);
        let mut headers = vec![(self.host, "localhost"), ("content-type", self.content_type)];
        if matches!(self.service, "kinesis" | "kms") {
            headers.push(("x-amz-target", target.as_str()));
        }
        let identity = Identity {
            access_key: self.key,
            secret_key: self.secret,
            token: self.token,
        };
        let signing = Signing {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body: self.body,
            region: self.region,
            service: self.service,
            now: self.at,
        };
        let added = sign(&identity, &signing);
        let given = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        given
            .chain(added.into_iter().map(|(name, value)| (name.to_owned(), value)))
            .collect()
    }

    /// The head of an HTTP/1.1 request with these extra lines, and the blank line.
    pub fn head(&self, extra: &str) -> Vec<u8> {
        let mut head = String::from("POST / HTTP/1.1\r\n");
        for (name, value) in self.headers() {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(extra);
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// A whole HTTP/1.1 request.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head(&format!("content-length: {}\r\n", self.body.len()));
        bytes.extend_from_slice(self.body);
        bytes
    }
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// The error's code, from a JSON body.
    pub fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        body["__type"].as_str().unwrap().to_owned()
    }
}

/// One HTTP/1.1 connection.
pub struct Http1<S = TcpStream> {
    pub stream: S,
    unread: Vec<u8>,
}

impl Http1 {
    pub async fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Http1<S> {
    pub fn over(stream: S) -> Self {
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub async fn call(&mut self, call: &Call<'_>) -> Answer {
        self.send(&call.bytes()).await;
        self.answer().await
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes())
            .await;
        self.answer().await
    }

    /// The next answer; it must have a length.
    pub async fn answer(&mut self) -> Answer {
        self.try_answer()
            .await
            .expect("the connection ended before an answer")
    }

    /// The next answer; `None` when the connection ends before it.
    pub async fn try_answer(&mut self) -> Option<Answer> {
        let end = loop {
            if let Some(end) = self.unread.windows(4).position(|w| w == b"\r\n\r\n") {
                break end;
            }
            self.more().await?;
        };
        let head = String::from_utf8(self.unread.drain(..end + 4).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<_> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers
            .iter()
            .find(|(n, _)| n == "content-length")
            .map_or(0, |(_, v)| v.parse().unwrap());
        if status == 100 {
            return Some(Answer {
                status,
                headers,
                body: String::new(),
            });
        }
        while self.unread.len() < length {
            self.more().await?;
        }
        let body: Vec<u8> = self.unread.drain(..length).collect();
        // CBOR is none; what tests look for in it is.
        let body = String::from_utf8_lossy(&body).into_owned();
        Some(Answer {
            status,
            headers,
            body,
        })
    }

    async fn more(&mut self) -> Option<()> {
        let mut bytes = [0; 4096];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut bytes))
            .await
            .expect("nothing came");
        match read {
            Ok(n) if n > 0 => {
                self.unread.extend_from_slice(&bytes[..n]);
                Some(())
            }
            _ => None,
        }
    }

    /// Waits until the server ends the connection.
    pub async fn ended(&mut self) {
        while self.more().await.is_some() {}
    }
}

/// The server answers a new connection.
pub async fn healthy(address: SocketAddr) {
    assert_eq!(Http1::open(address).await.get("/healthz").await.status, 200);
}

/// One value of `/metrics`.
pub async fn metric(address: SocketAddr, name: &str) -> f64 {
    let answer = Http1::open(address).await.get("/metrics").await;
    let line = answer
        .body
        .lines()
        .find(|line| line.starts_with(&format!("{name} ")));
    line.unwrap_or_else(|| panic!("no {name} in\n{}", answer.body))
        .rsplit(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

/// Waits until `check` holds.
pub async fn eventually(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let clock = SystemClock::new();
    while !check().await {
        assert!(clock.monotonic() < PATIENCE, "never: {what}");
        clock.sleep(Duration::from_millis(10)).await;
    }
}
