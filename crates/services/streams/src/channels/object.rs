//! The bytes of delivered objects: records one behind the other, compressed as they come.
//!
//! JSON and STRING records end with a line feed each; BYTE_ARRAY records stand as they are. What is not what the
//! channel expects becomes a dead letter: one JSON text per line.

use std::io::Write;

use base64_simd::STANDARD;
use bytes::Bytes;
use flate2::write::GzEncoder;
use millrace_base::Timestamp;
use serde::Serialize;
use zstd::stream::write::Encoder as ZstdEncoder;

use crate::sequence::SequenceNumber;
use crate::state::{Compression, RecordFormat, ShardIndex};

/// Where compressed bytes go.
enum Sink {
    Plain(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(ZstdEncoder<'static, Vec<u8>>),
}

/// An object that is being filled.
pub(crate) struct Object {
    sink: Sink,
    format: RecordFormat,
    compression: Compression,
    /// Bytes before compression.
    raw: usize,
    /// Records in it.
    records: u64,
}

impl Object {
    /// An empty one.
    pub(crate) fn new(format: RecordFormat, compression: Compression) -> std::io::Result<Self> {
        let sink = match compression {
            Compression::None => Sink::Plain(Vec::new()),
            Compression::Gzip => Sink::Gzip(GzEncoder::new(Vec::new(), flate2::Compression::default())),
            Compression::Zstd => Sink::Zstd(ZstdEncoder::new(Vec::new(), zstd::DEFAULT_COMPRESSION_LEVEL)?),
        };
        Ok(Self {
            sink,
            format,
            compression,
            raw: 0,
            records: 0,
        })
    }

    /// Adds a record that [`fault`] found none in.
    pub(crate) fn push(&mut self, data: &[u8]) -> std::io::Result<()> {
        let end: &[u8] = match self.format {
            RecordFormat::Json | RecordFormat::String => b"\n",
            RecordFormat::ByteArray => b"",
        };
        for bytes in [data, end] {
            match &mut self.sink {
                Sink::Plain(out) => out.extend_from_slice(bytes),
                Sink::Gzip(out) => out.write_all(bytes)?,
                Sink::Zstd(out) => out.write_all(bytes)?,
            }
            self.raw = self.raw.saturating_add(bytes.len());
        }
        self.records += 1;
        Ok(())
    }

    /// Bytes before compression.
    pub(crate) const fn raw(&self) -> usize {
        self.raw
    }

    /// Records in it.
    pub(crate) const fn records(&self) -> u64 {
        self.records
    }

    /// The whole object.
    pub(crate) fn finish(self) -> std::io::Result<Bytes> {
        Ok(match self.sink {
            Sink::Plain(out) => out,
            Sink::Gzip(out) => out.finish()?,
            Sink::Zstd(out) => out.finish()?,
        }
        .into())
    }

    /// What the name ends with.
    pub(crate) const fn extension(&self) -> &'static str {
        match (self.format, self.compression) {
            (RecordFormat::Json, Compression::None) => ".json",
            (RecordFormat::Json, Compression::Gzip) => ".json.gz",
            (RecordFormat::Json, Compression::Zstd) => ".json.zst",
            (RecordFormat::String, Compression::None) => ".txt",
            (RecordFormat::String, Compression::Gzip) => ".txt.gz",
            (RecordFormat::String, Compression::Zstd) => ".txt.zst",
            (RecordFormat::ByteArray, Compression::None) => ".bin",
            (RecordFormat::ByteArray, Compression::Gzip) => ".bin.gz",
            (RecordFormat::ByteArray, Compression::Zstd) => ".bin.zst",
        }
    }

    /// Media type.
    pub(crate) const fn content_type(&self) -> &'static str {
        match (self.format, self.compression) {
            (_, Compression::Gzip) => "application/gzip",
            (_, Compression::Zstd) => "application/zstd",
            (RecordFormat::Json, Compression::None) => "application/x-ndjson",
            (RecordFormat::String, Compression::None) => "text/plain; charset=utf-8",
            (RecordFormat::ByteArray, Compression::None) => "application/octet-stream",
        }
    }
}

/// Why a record is not what the channel expects: a code and a sentence.
pub(crate) fn fault(format: RecordFormat, data: &[u8]) -> Option<(&'static str, String)> {
    match format {
        RecordFormat::ByteArray => None,
        RecordFormat::String => {
            let error = std::str::from_utf8(data).err()?;
            Some(("InvalidString", format!("The record is no UTF-8: {error}.")))
        }
        RecordFormat::Json => {
            let error = serde_json::from_slice::<serde::de::IgnoredAny>(data).err()?;
            Some(("InvalidJson", format!("The record is no JSON text: {error}.")))
        }
    }
}

/// A record that could not be delivered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadLetter<'a> {
    /// Code of what is wrong.
    pub(crate) error_code: &'a str,
    /// What is wrong.
    pub(crate) error_message: &'a str,
    /// Of the channel.
    pub(crate) channel_arn: &'a str,
    /// Of the stream.
    pub(crate) stream_arn: &'a str,
    /// Where it came from.
    pub(crate) shard_id: String,
    /// As it was acknowledged.
    pub(crate) sequence_number: String,
    /// Absent where it was put without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) partition_key: Option<String>,
    /// In milliseconds since the Unix epoch.
    pub(crate) arrival_timestamp: u64,
    /// The record's data in base64.
    pub(crate) raw_data: String,
}

/// Where a record came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) channel_arn: &'a str,
    pub(crate) stream_arn: &'a str,
    pub(crate) shard: ShardIndex,
    pub(crate) number: SequenceNumber,
    pub(crate) time: Timestamp,
    pub(crate) key: Option<&'a [u8]>,
}

/// Appends a dead letter and its line feed.
pub(crate) fn dead_letter(
    origin: &Origin<'_>,
    (code, message): (&str, &str),
    data: &[u8],
    out: &mut Vec<u8>,
) -> std::io::Result<()> {
    let letter = DeadLetter {
        error_code: code,
        error_message: message,
        channel_arn: origin.channel_arn,
        stream_arn: origin.stream_arn,
        shard_id: origin.shard.to_string(),
        sequence_number: origin.number.to_string(),
        partition_key: origin.key.map(|key| String::from_utf8_lossy(key).into_owned()),
        arrival_timestamp: origin.time.0,
        raw_data: STANDARD.encode_to_string(data),
    };
    serde_json::to_writer(&mut *out, &letter)?;
    out.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn of(format: RecordFormat, compression: Compression) -> Bytes {
        let mut object = Object::new(format, compression).unwrap();
        object.push(b"{\"a\":1}").unwrap();
        object.push(b"2").unwrap();
        assert_eq!(object.records(), 2);
        object.finish().unwrap()
    }

    #[test]
    fn records_stand_on_lines_and_come_back_from_each_compression() {
        let lines = b"{\"a\":1}\n2\n".as_slice();
        assert_eq!(of(RecordFormat::Json, Compression::None), lines);
        assert_eq!(
            of(RecordFormat::ByteArray, Compression::None),
            b"{\"a\":1}2".as_slice()
        );
        let mut plain = Vec::new();
        let gzip = of(RecordFormat::String, Compression::Gzip);
        flate2::read::GzDecoder::new(gzip.as_ref())
            .read_to_end(&mut plain)
            .unwrap();
        assert_eq!(plain, lines);
        let zstd = of(RecordFormat::Json, Compression::Zstd);
        assert_eq!(zstd::decode_all(zstd.as_ref()).unwrap(), lines);
    }

    #[test]
    fn only_what_is_expected_is_delivered() {
        assert_eq!(fault(RecordFormat::ByteArray, &[0xff]), None);
        assert_eq!(fault(RecordFormat::String, "ä".as_bytes()), None);
        assert_eq!(fault(RecordFormat::String, &[0xff]).unwrap().0, "InvalidString");
        assert_eq!(fault(RecordFormat::Json, b" [1, {\"a\": null}] "), None);
        for bad in [&b""[..], b"{", b"{} {}", b"nope", &[0xff]] {
            assert_eq!(fault(RecordFormat::Json, bad).unwrap().0, "InvalidJson");
        }
    }
}
