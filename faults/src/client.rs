//! A blocking, signing client on bare TCP: one call, one answer, never a retry, so that it is known what was answered.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use millrace_base::{Clock, SystemClock, Timestamp};
use millrace_wire::sigv4::{Identity, Signing, sign};
use serde_json::{Value, json};

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a call has no result.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// The server said no.
    Refused {
        /// HTTP's.
        status: u16,
        /// The error's name.
        code: String,
        /// Its sentence.
        message: String,
    },
    /// There was no answer.
    Broken(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused {
                status,
                code,
                message,
            } => write!(f, "{status} {code}: {message}"),
            Self::Broken(reason) => write!(f, "no answer: {reason}"),
        }
    }
}

impl std::error::Error for Trouble {}

impl Trouble {
    /// The error's name; nothing where there was no answer.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused { code, .. } => code,
            Self::Broken(_) => "",
        }
    }

    /// Whether a client may simply try again: what the SDKs retry by themselves.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused { status, code, .. } => {
                *status >= 500
                    || code == "ProvisionedThroughputExceededException"
                    || code == "LimitExceededException"
            }
            Self::Broken(_) => true,
        }
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

/// One connection to a server on the loopback address, opened at the first call and after every failure.
#[derive(Debug)]
pub struct Client {
    port: u16,
    connection: Option<BufReader<TcpStream>>,
    /// What the clock that signs is ahead of this machine's, in milliseconds.
    pub skew_ms: i64,
}

struct Head {
    status: u16,
    length: Option<usize>,
    chunked: bool,
    close: bool,
}

impl Client {
    /// To that port.
    pub fn new(port: u16) -> Self {
        Self {
            port,
            connection: None,
            skew_ms: 0,
        }
    }

    /// Calls an operation with JSON.
    pub fn call(&mut self, operation: &str, input: &Value) -> Result<Value, Trouble> {
        self.send(operation, &input.to_string())
    }

    /// Calls an operation with a body that is JSON already.
    pub fn send(&mut self, operation: &str, body: &str) -> Result<Value, Trouble> {
        let request = self.request(operation, body);
        let (status, answer) = self.exchange(&request)?;
        let value = if answer.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&answer)
                .map_err(|error| Trouble::Broken(format!("an answer that is no JSON: {error}")))?
        };
        if status == 200 {
            return Ok(value);
        }
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let message = Some(text("message"))
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| text("Message"));
        Err(Trouble::Refused {
            status,
            code: text("__type"),
            message,
        })
    }

    /// One of the server's own pages: status and text.
    pub fn page(&mut self, path: &str) -> Result<(u16, String), Trouble> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n\r\n", self.port);
        let (status, body) = self.exchange(request.as_bytes())?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    /// A number of the `/metrics` page.
    pub fn metric(&mut self, name: &str) -> Result<f64, Trouble> {
        let (_, text) = self.page("/metrics")?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        line.ok_or_else(|| Trouble::Broken(format!("/metrics has no {name}")))
    }

    /// Opens the connection, which otherwise happens at the first call.
    pub fn connect(&mut self) -> Result<&mut BufReader<TcpStream>, Trouble> {
        let reader = match self.connection.take() {
            Some(reader) => reader,
            None => {
                let stream = TcpStream::connect(("127.0.0.1", self.port))?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                BufReader::with_capacity(64 << 10, stream)
            }
        };
        Ok(self.connection.insert(reader))
    }

    /// Sends a signed request and leaves its answer to the caller; a status other than 200 is an error.
    pub fn open(mut self, operation: &str, input: &Value) -> Result<BufReader<TcpStream>, Trouble> {
        let request = self.request(operation, &input.to_string());
        let reader = self.connect()?;
        reader.get_mut().write_all(&request)?;
        let head = head(reader)?;
        if head.status != 200 || !head.chunked {
            return Err(Trouble::Broken(format!(
                "{operation} was answered with status {}",
                head.status
            )));
        }
        self.connection
            .take()
            .ok_or_else(|| Trouble::Broken("no connection".to_owned()))
    }

    fn exchange(&mut self, request: &[u8]) -> Result<(u16, Vec<u8>), Trouble> {
        let result = self.try_exchange(request);
        if result.is_err() {
            self.connection = None;
        }
        result
    }

    fn try_exchange(&mut self, request: &[u8]) -> Result<(u16, Vec<u8>), Trouble> {
        let reader = self.connect()?;
        reader.get_mut().write_all(request)?;
        self.answer()
    }

    /// Reads the answer to what was sent by hand.
    pub fn answer(&mut self) -> Result<(u16, Vec<u8>), Trouble> {
        let reader = self.connect()?;
        let head = head(reader)?;
        let mut body = Vec::new();
        if head.chunked {
            while let Some(piece) = chunk(reader)? {
                body.extend_from_slice(&piece);
            }
        } else {
            body.resize(head.length.unwrap_or_default(), 0);
            reader.read_exact(&mut body)?;
        }
        if head.close {
            self.connection = None;
        }
        Ok((head.status, body))
    }

    /// The bytes of a signed request.
    pub fn request(&self, operation: &str, body: &str) -> Vec<u8> {
        let target = format!("Kinesis_20131202.{operation}");
        let host = format!("127.0.0.1:{}", self.port);
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("host", host.as_str()),
            ("x-amz-target", target.as_str()),
        ];
        let signing = Signing {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body: body.as_bytes(),
            region: "us-east-1",
            service: "kinesis",
            now: Timestamp(SystemClock::new().now().0.saturating_add_signed(self.skew_ms)),
        };
        let identity = Identity {
            access_key: "test",
            secret_key: "test",
            token: None,
        };
        let added = sign(&identity, &signing);
        let mut request = String::from("POST / HTTP/1.1\r\n");
        let added = added.iter().map(|(name, value)| (*name, value.as_str()));
        for (name, value) in headers.into_iter().chain(added) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        request.into_bytes()
    }
}

/// What scenarios ask for besides records.
impl Client {
    /// Creates a stream and waits until it is active.
    pub fn create_stream(&mut self, name: &str, shards: u32) -> Result<(), Trouble> {
        self.call("CreateStream", &json!({"StreamName": name, "ShardCount": shards}))?;
        self.until_active(name)
    }

    /// Waits until a stream is active, 20 s at most.
    pub fn until_active(&mut self, name: &str) -> Result<(), Trouble> {
        for _ in 0..4000 {
            let summary = self.call("DescribeStreamSummary", &json!({"StreamName": name}))?;
            if summary["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE" {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(Trouble::Broken(format!("stream {name} does not become active")))
    }

    /// All shards of a stream, as ListShards shows them.
    pub fn shards(&mut self, stream: &str) -> Result<Vec<Value>, Trouble> {
        let mut asked = json!({"StreamName": stream, "MaxResults": 1000});
        let mut all = Vec::new();
        loop {
            let page = self.call("ListShards", &asked)?;
            all.extend(page["Shards"].as_array().cloned().unwrap_or_default());
            match page["NextToken"].as_str() {
                Some(token) => asked = json!({"NextToken": token, "MaxResults": 1000}),
                None => return Ok(all),
            }
        }
    }
}

fn head(reader: &mut BufReader<TcpStream>) -> Result<Head, Trouble> {
    let closed = || Trouble::Broken("the connection was closed".to_owned());
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|word| word.parse().ok())
        .ok_or_else(closed)?;
    let mut head = Head {
        status,
        length: None,
        chunked: false,
        close: false,
    };
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(closed());
        }
        let header = line.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            return Ok(head);
        }
        if let Some(length) = header.strip_prefix("content-length:") {
            head.length = length.trim().parse().ok();
        }
        head.chunked |= header.starts_with("transfer-encoding:") && header.contains("chunked");
        head.close |= header.starts_with("connection:") && header.contains("close");
    }
}

/// The next chunk of a chunked body; `None` at its proper end.
pub fn chunk(reader: &mut BufReader<TcpStream>) -> Result<Option<Vec<u8>>, Trouble> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let length = usize::from_str_radix(line.trim(), 16)
        .map_err(|_| Trouble::Broken("the body ended without its last chunk".to_owned()))?;
    let mut piece = vec![0; length];
    reader.read_exact(&mut piece)?;
    line.clear();
    reader.read_line(&mut line)?;
    Ok((length > 0).then_some(piece))
}
