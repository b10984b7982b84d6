//! The least HTTP/2 client that can drive a server (RFC 9113, RFC 7541): clear text, known beforehand, one stream at a
//! time.
//!
//! Heads are written without compression by a dynamic table, and the server is told to keep none either, so a head can
//! be laid out once and only the status has to be found in an answer's.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Result, bail};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Frame types (RFC 9113 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
/// Flags.
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// Settings (RFC 9113 6.5.2).
const HEADER_TABLE_SIZE: u16 = 1;
const ENABLE_PUSH: u16 = 2;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;
/// Windows before anybody says anything else, in bytes.
const WINDOW_BYTES: i64 = 65_535;
/// The largest window, in bytes.
const WINDOW_BYTES_MAX: u32 = (1 << 31) - 1;
/// What the server may send until it is told that it was read, in bytes.
const TELL_AFTER_BYTES: u32 = 1 << 30;
/// The largest frame that is taken, in bytes.
const FRAME_BYTES_MAX: u32 = 256 << 10;

/// The compressed head of a POST to `/` (RFC 7541 6.1, 6.2.2).
pub(super) fn head(headers: &[(String, String)], length: usize) -> Vec<u8> {
    // :method POST, :scheme http, :path / stand in the static table.
    let mut block = vec![0x83, 0x86, 0x84];
    let mut literal = |name: &str, value: &str| {
        block.push(0);
        text(&mut block, name);
        text(&mut block, value);
    };
    if let Some((_, host)) = headers.iter().find(|(name, _)| name == "host") {
        literal(":authority", host);
    }
    headers.iter().for_each(|(name, value)| literal(name, value));
    literal("content-length", &length.to_string());
    block
}

/// A text without Huffman coding (RFC 7541 5.2), its length with a prefix of seven bits.
fn text(block: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    if length < 127 {
        block.push(length as u8);
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push((length % 128) as u8 | 128);
            length /= 128;
        }
        block.push(length as u8);
    }
    block.extend_from_slice(text.as_bytes());
}

/// The status of an answer's head: its first field, by its index in the static table.
fn status(block: &[u8]) -> u16 {
    // A change of the table's size may come before it.
    let first = block.iter().find(|byte| *byte >> 5 != 1);
    match first {
        Some(0x88) => 200,
        Some(0x8c) => 400,
        Some(0x8d) => 404,
        Some(0x8e) => 500,
        // Some other: nothing that a load counts as success.
        _ => 599,
    }
}

/// One connection.
pub struct Connection {
    reader: BufReader<TcpStream>,
    out: Vec<u8>,
    body: Vec<u8>,
    stream: u32,
    /// What may still be sent, on the connection and on the stream.
    windows: (i64, i64),
    window_new: i64,
    frame_max: usize,
    read: u32,
    status: u16,
    ended: bool,
}

impl Connection {
    /// Connects to a port of the loopback address.
    pub fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut connection = Self {
            reader: BufReader::with_capacity(256 << 10, stream),
            out: PREFACE.to_vec(),
            body: Vec::new(),
            stream: u32::MAX, // the first is 1
            windows: (WINDOW_BYTES, 0),
            window_new: WINDOW_BYTES,
            frame_max: 16 << 10,
            read: 0,
            status: 0,
            ended: true,
        };
        let mut settings = Vec::new();
        for (setting, value) in [
            (HEADER_TABLE_SIZE, 0),
            (ENABLE_PUSH, 0),
            (INITIAL_WINDOW_SIZE, WINDOW_BYTES_MAX),
            (MAX_FRAME_SIZE, FRAME_BYTES_MAX),
        ] {
            settings.extend(setting.to_be_bytes());
            settings.extend(u32::to_be_bytes(value));
        }
        connection.frame(SETTINGS, 0, 0, &settings);
        let more = WINDOW_BYTES_MAX - WINDOW_BYTES as u32;
        connection.frame(WINDOW_UPDATE, 0, 0, &more.to_be_bytes());
        connection.flush()?;
        Ok(connection)
    }

    /// Sends a request and reads the whole answer.
    pub fn call(&mut self, head: &[u8], mut body: &[u8]) -> Result<(u16, &[u8])> {
        self.stream = self.stream.wrapping_add(2);
        self.windows.1 = self.window_new;
        self.body.clear();
        (self.status, self.ended) = (0, false);
        self.frame(HEADERS, END_HEADERS, self.stream, head);
        while !body.is_empty() && !self.ended {
            let most = self.windows.0.min(self.windows.1).max(0) as usize;
            let part = body.len().min(self.frame_max).min(most);
            if part == 0 {
                self.flush()?;
                self.take()?;
                continue;
            }
            let (now, later) = body.split_at(part);
            let flags = if later.is_empty() { END_STREAM } else { 0 };
            self.frame(DATA, flags, self.stream, now);
            self.windows.0 -= part as i64;
            self.windows.1 -= part as i64;
            body = later;
        }
        self.flush()?;
        while !self.ended {
            self.take()?;
        }
        Ok((self.status, &self.body))
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = (payload.len() as u32).to_be_bytes();
        self.out.extend_from_slice(&length[1..]);
        self.out.extend_from_slice(&[kind, flags]);
        self.out.extend_from_slice(&stream.to_be_bytes());
        self.out.extend_from_slice(payload);
    }

    fn flush(&mut self) -> Result<()> {
        self.reader.get_mut().write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    /// Reads one frame.
    fn take(&mut self) -> Result<()> {
        let mut head = [0; 9];
        self.reader.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let (kind, flags) = (head[3], head[4]);
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        if length > FRAME_BYTES_MAX {
            bail!("a frame of {length} bytes");
        }
        if kind == DATA {
            let start = self.body.len();
            self.body.resize(start + length as usize, 0);
            self.reader.read_exact(&mut self.body[start..])?;
            self.ended = flags & END_STREAM != 0;
            self.read += length;
            if self.read > TELL_AFTER_BYTES {
                let read = std::mem::take(&mut self.read);
                self.frame(WINDOW_UPDATE, 0, 0, &read.to_be_bytes());
                self.flush()?;
            }
            return Ok(());
        }
        let mut payload = vec![0; length as usize];
        self.reader.read_exact(&mut payload)?;
        match kind {
            HEADERS if self.status == 0 => {
                self.status = status(&payload);
                self.ended = flags & END_STREAM != 0;
            }
            HEADERS => self.ended = true,
            SETTINGS if flags & ACK == 0 => self.settings(&payload)?,
            PING if flags & ACK == 0 => {
                self.frame(PING, ACK, 0, &payload);
                self.flush()?;
            }
            WINDOW_UPDATE => {
                let more = payload.first_chunk().map_or(0, |b| u32::from_be_bytes(*b));
                let window = if stream == 0 {
                    &mut self.windows.0
                } else {
                    &mut self.windows.1
                };
                // One of an earlier stream says nothing about this one.
                if stream == 0 || stream == self.stream {
                    *window += i64::from(more);
                }
            }
            RST_STREAM if stream == self.stream => bail!("the stream was reset: {payload:?}"),
            GOAWAY => bail!("the connection was ended: {}", String::from_utf8_lossy(&payload)),
            _ => {}
        }
        Ok(())
    }

    fn settings(&mut self, payload: &[u8]) -> Result<()> {
        for setting in payload.chunks_exact(6) {
            let name = u16::from_be_bytes([setting[0], setting[1]]);
            let value = u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]);
            match name {
                INITIAL_WINDOW_SIZE => {
                    self.windows.1 += i64::from(value) - self.window_new;
                    self.window_new = i64::from(value);
                }
                MAX_FRAME_SIZE => self.frame_max = value as usize,
                _ => {}
            }
        }
        self.frame(SETTINGS, ACK, 0, &[]);
        self.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_a_prefix_of_seven_bits() {
        let coded = |length: usize| {
            let mut block = Vec::new();
            text(&mut block, &"x".repeat(length));
            block.truncate(block.len() - length);
            block
        };
        assert_eq!(coded(126), [126]);
        assert_eq!(coded(127), [127, 0]);
        // RFC 7541 C.1.2 has 1337 with five bits; with seven it is 127 + 1210.
        assert_eq!(coded(1337), [127, 0xba, 0x09]);
    }

    #[test]
    fn the_status_is_found_behind_a_change_of_the_table() {
        assert_eq!(status(&[0x88, 0x5f]), 200);
        assert_eq!(status(&[0x20, 0x8c]), 400);
        assert_eq!(status(&[0x48, 0x03]), 599);
    }
}
