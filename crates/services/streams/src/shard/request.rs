//! A put, however its body was read.

use std::borrow::Cow;

use bytes::Bytes;
use millrace_api::Shaped;
use millrace_api::kinesis as api;
use millrace_wire::{Body, Codec};

use super::scan;
use crate::error::StreamsError;
use crate::resolve::Named;

/// A PutRecord or PutRecords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Put<'a> {
    pub(crate) stream_name: Option<Cow<'a, str>>,
    pub(crate) stream_arn: Option<Cow<'a, str>>,
    pub(crate) stream_id: Option<Cow<'a, str>>,
    pub(crate) ordering: Option<Cow<'a, str>>,
    pub(crate) dry_run: bool,
    /// In the request's order; one for PutRecord.
    pub(crate) records: Vec<Entry<'a>>,
}

/// One record of a put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) key: Option<Cow<'a, str>>,
    pub(crate) explicit: Option<Cow<'a, str>>,
    pub(crate) data: Data<'a>,
}

/// A record's data as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data<'a> {
    /// Base64 that decodes to so many bytes; whether every character is valid shows when it is decoded.
    Base64(Cow<'a, [u8]>, usize),
    /// The bytes themselves.
    Raw(Bytes),
}

impl Data<'_> {
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Base64(_, length) => *length,
            Self::Raw(bytes) => bytes.len(),
        }
    }
}

/// What says where a record belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// Its hash key.
    Hash(u128),
    /// The partition key that is to be hashed.
    Key(&'a [u8]),
}

/// Which of the two operations a body belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// PutRecord
    One,
    /// PutRecords
    Many,
}

impl<'a> Put<'a> {
    /// Reads a body: by a scanner where that can, else – escapes, unknown members, anything odd or wrong – by the
    /// tables' decoder, whose errors are the service's.
    pub(crate) fn read(shape: Shape, codec: Codec, body: &'a Body) -> Result<Self, StreamsError> {
        match scan::put(shape, codec, body) {
            Some(put) => Ok(put),
            None => Self::decode(shape, codec, body.whole()),
        }
    }

    /// Reads a body by the tables.
    pub(crate) fn decode(shape: Shape, codec: Codec, body: &Bytes) -> Result<Put<'static>, StreamsError> {
        match shape {
            Shape::One => decode::<api::PutRecordInput>(codec, body).map(Put::of_record),
            Shape::Many => decode::<api::PutRecordsInput>(codec, body).map(Put::of_records),
        }
    }

    fn of_record(input: api::PutRecordInput) -> Put<'static> {
        Put {
            stream_name: input.stream_name.map(Cow::Owned),
            stream_arn: input.stream_arn.map(Cow::Owned),
            stream_id: input.stream_id.map(Cow::Owned),
            ordering: input.sequence_number_for_ordering.map(Cow::Owned),
            dry_run: input.dry_run.unwrap_or(false),
            records: vec![Entry {
                key: input.partition_key.map(Cow::Owned),
                explicit: input.explicit_hash_key.map(Cow::Owned),
                data: Data::Raw(input.data),
            }],
        }
    }

    fn of_records(input: api::PutRecordsInput) -> Put<'static> {
        let entry = |entry: api::PutRecordsRequestEntry| Entry {
            key: entry.partition_key.map(Cow::Owned),
            explicit: entry.explicit_hash_key.map(Cow::Owned),
            data: Data::Raw(entry.data),
        };
        Put {
            stream_name: input.stream_name.map(Cow::Owned),
            stream_arn: input.stream_arn.map(Cow::Owned),
            stream_id: input.stream_id.map(Cow::Owned),
            ordering: None,
            dry_run: input.dry_run.unwrap_or(false),
            records: input.records.into_iter().map(entry).collect(),
        }
    }

    /// How the stream is named.
    pub(crate) fn named(&self) -> Named<'_> {
        Named {
            name: self.stream_name.as_deref(),
            arn: self.stream_arn.as_deref(),
            id: self.stream_id.as_deref(),
        }
    }
}

fn decode<T: Shaped>(codec: Codec, body: &Bytes) -> Result<T, StreamsError> {
    Ok(codec.typed(body)?)
}

impl Entry<'_> {
    /// Where the record belongs in the space of hash keys: its explicit hash key, or the MD5 of its partition key as
    /// a big-endian number (API PutRecord).
    pub(crate) fn place(&self) -> Result<Place<'_>, StreamsError> {
        if let Some(text) = &self.explicit {
            return text.parse().map(Place::Hash).map_err(|_| {
                StreamsError::InvalidArgument(format!(
                    "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was \
                     {text}"
                ))
            });
        }
        let key = self.key.as_deref().ok_or_else(|| {
            StreamsError::InvalidArgument(
                "PartitionKey must be given for every record of this stream.".to_owned(),
            )
        })?;
        Ok(Place::Key(key.as_bytes()))
    }

    /// Bytes that count against limits: data and partition key.
    pub(crate) fn bytes(&self) -> usize {
        self.data.len() + self.key.as_deref().map_or(0, str::len)
    }
}
