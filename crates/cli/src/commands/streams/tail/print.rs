//! How a record is shown.

use std::io;

use bytes::Bytes;
use millrace_api::kinesis::Record;
use millrace_wire::timestamp::iso8601;
use serde_json::{Map, Value};

use crate::kpl;
use crate::output::Output;

/// How data is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// JSON indented on a terminal and as it is elsewhere, other text as it is, anything else in hex
    Auto,
    /// Text; what is none is marked with �
    Text,
    /// JSON, indented
    Json,
    /// Hexadecimal
    Hex,
    /// Base64
    Base64,
    /// The bytes and nothing but the bytes, one record a line
    Raw,
}

/// Prints records.
pub(super) struct Printer {
    out: Output,
    stream: String,
    format: Format,
    deaggregate: bool,
    printed: u64,
}

/// One record to show: a stored one, or a user record out of it.
struct Shown<'a> {
    shard: &'a str,
    record: &'a Record,
    key: &'a str,
    data: &'a Bytes,
    /// Its place in an aggregated record.
    sub: Option<usize>,
}

impl Printer {
    pub(super) fn new(out: Output, stream: String, format: Format, deaggregate: bool) -> Self {
        Self {
            out,
            stream,
            format,
            deaggregate,
            printed: 0,
        }
    }

    /// Records that were printed; those of an aggregated one count each.
    pub(super) fn printed(&self) -> u64 {
        self.printed
    }

    /// Prints a record, or the user records it was aggregated from.
    pub(super) fn record(&mut self, shard: &str, record: &Record) -> io::Result<()> {
        let users = if self.deaggregate {
            kpl::split(&record.data)
        } else {
            None
        };
        let Some(users) = users else {
            let key = record.partition_key.as_deref().unwrap_or_default();
            return self.show(&Shown {
                shard,
                record,
                key,
                data: &record.data,
                sub: None,
            });
        };
        for (sub, user) in users.iter().enumerate() {
            self.show(&Shown {
                shard,
                record,
                key: &user.partition_key,
                data: &user.data,
                sub: Some(sub),
            })?;
        }
        Ok(())
    }

    fn show(&mut self, shown: &Shown<'_>) -> io::Result<()> {
        self.printed += 1;
        if self.out.json {
            return self.out.json_line(&self.document(shown));
        }
        if self.format == Format::Raw {
            return self.out.raw_line(shown.data);
        }
        let time = shown
            .record
            .approximate_arrival_timestamp
            .map(|time| iso8601(time.0))
            .unwrap_or_default();
        let shard = shown
            .shard
            .strip_prefix("shardId-")
            .map_or(shown.shard, |number| number.trim_start_matches('0'));
        let shard = if shard.is_empty() { "0" } else { shard };
        let head = self
            .out
            .dim(format_args!("{time} {shard} {}", printable(shown.key)));
        self.out.line(format_args!(
            "{head} {}",
            render(self.format, shown.data, self.out.terminal)
        ))
    }

    fn document(&self, shown: &Shown<'_>) -> Value {
        let mut object = Map::new();
        let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
        put("stream", self.stream.as_str().into());
        put("shard", shown.shard.into());
        put("sequence_number", shown.record.sequence_number.as_str().into());
        if let Some(sub) = shown.sub {
            put("sub_sequence_number", sub.into());
        }
        put("partition_key", shown.key.into());
        if let Some(time) = shown.record.approximate_arrival_timestamp {
            put("arrival", iso8601(time.0).into());
        }
        // The bytes are always there; what they mean is there where it is sure.
        put("data", base64(shown.data).into());
        match serde_json::from_slice::<Value>(shown.data) {
            Ok(value) => drop(put("json", value)),
            Err(_) => {
                if let Ok(text) = std::str::from_utf8(shown.data) {
                    put("text", text.into());
                }
            }
        }
        Value::Object(object)
    }
}

fn base64(data: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(data)
}

fn render(format: Format, data: &[u8], terminal: bool) -> String {
    let indented = || {
        let value: Option<Value> = serde_json::from_slice(data).ok();
        value.and_then(|value| serde_json::to_string_pretty(&value).ok())
    };
    match format {
        Format::Auto => {
            let nested = matches!(data.first(), Some(b'{' | b'['));
            match std::str::from_utf8(data) {
                Ok(text) => indented()
                    .filter(|_| terminal && nested)
                    .unwrap_or_else(|| printable(text)),
                Err(_) => hex(data),
            }
        }
        Format::Text | Format::Raw => printable(&String::from_utf8_lossy(data)),
        Format::Json => indented().unwrap_or_else(|| printable(&String::from_utf8_lossy(data))),
        Format::Hex => hex(data),
        Format::Base64 => base64(data),
    }
}

/// Text without what would steer the terminal or break the line.
fn printable(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    text.chars()
        .flat_map(|c| {
            if c.is_control() && c != '\t' {
                c.escape_default().collect()
            } else {
                vec![c]
            }
        })
        .collect()
}

fn hex(data: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(2 + 2 * data.len());
    text.push_str("0x");
    for byte in data {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_shown_as_what_it_is() {
        assert_eq!(render(Format::Auto, b"plain", false), "plain");
        assert_eq!(render(Format::Auto, b"{\"a\": 1}", false), "{\"a\": 1}");
        assert_eq!(render(Format::Auto, b"{\"a\":1}", true), "{\n  \"a\": 1\n}");
        assert_eq!(render(Format::Auto, b"42", true), "42");
        assert_eq!(render(Format::Auto, &[0xff, 0x00], true), "0xff00");
        assert_eq!(render(Format::Base64, b"hi", false), "aGk=");
        assert_eq!(render(Format::Text, &[b'a', 0xff], false), "a\u{fffd}");
    }

    #[test]
    fn a_record_cannot_steer_the_terminal() {
        assert_eq!(printable("a\x1b[31mred\r\nb\tc"), "a\\u{1b}[31mred\\r\\nb\tc");
    }
}
