//! The least HTTP/1.1 client that can drive a server: prepared bytes out, one answer in.
//!
//! The generator shares the machine with the server, so it must cost little: requests are signed and laid out once,
//! before the clock starts, and written as they are.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// The head of a POST to `/`.
pub(super) fn head(headers: &[(String, String)], length: usize) -> Vec<u8> {
    let mut head = String::from("POST / HTTP/1.1\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {length}\r\n\r\n"));
    head.into_bytes()
}

/// One keep-alive connection.
pub struct Connection {
    reader: BufReader<TcpStream>,
    body: Vec<u8>,
}

impl Connection {
    /// Connects to a port of the loopback address.
    pub fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self {
            reader: BufReader::with_capacity(256 << 10, stream),
            body: Vec::new(),
        })
    }

    /// The stream itself; whatever was read ahead is gone.
    pub fn into_stream(self) -> TcpStream {
        self.reader.into_inner()
    }

    /// Sends a prepared request and reads the whole answer.
    pub fn call(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        self.reader.get_mut().write_all(request)?;
        let head = self.head()?;
        self.body.clear();
        if head.chunked {
            while self.chunk()? {}
        } else {
            self.body.resize(head.length, 0);
            self.reader.read_exact(&mut self.body)?;
        }
        Ok((head.status, &self.body))
    }

    /// Sends a request whose answer is endless; its body is then read with [`Connection::next_chunk`]. Says whether
    /// the answer is one: a body of known length is no push.
    pub fn subscribe(&mut self, request: &[u8]) -> Result<bool> {
        self.reader.get_mut().write_all(request)?;
        let head = self.head()?;
        Ok(head.status == 200 && head.chunked)
    }

    /// The next chunk of an endless answer; `None` at its end.
    pub fn next_chunk(&mut self) -> Result<Option<&[u8]>> {
        self.body.clear();
        Ok(if self.chunk()? { Some(&self.body) } else { None })
    }

    fn head(&mut self) -> Result<Head> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|s| s.parse().ok())
            .context("no HTTP status")?;
        let mut head = Head {
            status,
            length: 0,
            chunked: false,
        };
        loop {
            line.clear();
            if self.reader.read_line(&mut line)? == 0 {
                bail!("the connection was closed within the head");
            }
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                return Ok(head);
            }
            if let Some(length) = header.strip_prefix("content-length:") {
                head.length = length.trim().parse()?;
            }
            head.chunked |= header.starts_with("transfer-encoding:") && header.contains("chunked");
        }
    }

    fn chunk(&mut self) -> Result<bool> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).context("no chunk length")?;
        let start = self.body.len();
        self.body.resize(start + length, 0);
        self.reader.read_exact(&mut self.body[start..])?;
        line.clear();
        self.reader.read_line(&mut line)?;
        Ok(length > 0)
    }
}

struct Head {
    status: u16,
    length: usize,
    chunked: bool,
}
