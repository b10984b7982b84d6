//! The NATS protocol as far as a publisher and a pulling consumer of JetStream need it.
//! (NATS client protocol: INFO, CONNECT, SUB, PUB, MSG, HMSG, PING.)

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// One connection, subscribed to an inbox of its own.
pub struct Connection {
    reader: BufReader<TcpStream>,
    inbox: String,
    line: String,
    payload: Vec<u8>,
}

/// What came.
pub struct Message<'a> {
    /// Headers, where there are any; a status stands in their first line.
    pub headers: &'a [u8],
    /// The payload.
    pub payload: &'a [u8],
}

impl Connection {
    /// Connects to a port of the loopback address; `name` tells inboxes apart.
    pub fn open(port: u16, name: &str) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut connection = Self {
            reader: BufReader::with_capacity(256 << 10, stream),
            inbox: format!("_INBOX.{name}"),
            line: String::new(),
            payload: Vec::new(),
        };
        connection.next_line()?;
        if !connection.line.starts_with("INFO ") {
            bail!("this is no NATS server: {}", connection.line);
        }
        let hello = format!(
            "CONNECT {{\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}}\r\n\
             SUB {} 1\r\nPING\r\n",
            connection.inbox
        );
        connection.send(hello.as_bytes())?;
        loop {
            connection.next_line()?;
            match connection.line.as_str() {
                "PONG" => return Ok(connection),
                line if line.starts_with("-ERR") => bail!("{line}"),
                _ => {}
            }
        }
    }

    /// Writes what was laid out.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.reader.get_mut().write_all(bytes)?)
    }

    /// Appends a publication whose answer comes to the inbox.
    pub fn lay_out(&self, out: &mut Vec<u8>, subject: &str, payload: &[u8]) {
        let head = format!("PUB {subject} {} {}\r\n", self.inbox, payload.len());
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(payload);
        out.extend_from_slice(b"\r\n");
    }

    /// Asks JetStream's API.
    pub fn ask(&mut self, subject: &str, body: &Value) -> Result<Value> {
        let mut out = Vec::new();
        self.lay_out(&mut out, subject, body.to_string().as_bytes());
        self.send(&out)?;
        let answer: Value = {
            let message = self.next()?;
            serde_json::from_slice(message.payload)
                .with_context(|| format!("{subject}: {}", String::from_utf8_lossy(message.headers)))?
        };
        match answer.get("error") {
            Some(error) => bail!("{subject}: {error}"),
            None => Ok(answer),
        }
    }

    /// The next message.
    pub fn next(&mut self) -> Result<Message<'_>> {
        let (headers, total) = loop {
            self.next_line()?;
            let words: Vec<&str> = self.line.split(' ').collect();
            match words.as_slice() {
                ["MSG", .., length] => break (0, length.parse::<usize>()?),
                ["HMSG", .., headers, length] => break (headers.parse::<usize>()?, length.parse()?),
                ["PING"] => self.send(b"PONG\r\n")?,
                [error, ..] if error.starts_with("-ERR") => bail!("{}", self.line),
                _ => {}
            }
        };
        self.payload.resize(total + 2, 0);
        self.reader.read_exact(&mut self.payload)?;
        let (headers, payload) = self.payload[..total].split_at(headers.min(total));
        Ok(Message { headers, payload })
    }

    fn next_line(&mut self) -> Result<()> {
        self.line.clear();
        if self.reader.read_line(&mut self.line)? == 0 {
            bail!("the server closed the connection");
        }
        self.line.truncate(self.line.trim_end().len());
        Ok(())
    }
}
