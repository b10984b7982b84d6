//! Ways in for fuzz targets; no part of the service's interface.

use bytes::Bytes;
use millrace_wire::Codec;

use crate::iterator;
use crate::record;
use crate::shard::request::{Put, Shape};

/// Any bytes as a shard iterator.
pub fn iterator_token(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = iterator::read(&iterator::key(&[0; 32]), text);
    }
}

/// Any bytes as the body of PutRecords, read by the scanner and by the tables: where both accept it they must agree.
pub fn put_records(bytes: &[u8]) {
    let body = Bytes::copy_from_slice(bytes);
    for shape in [Shape::One, Shape::Many] {
        let read = Put::read(shape, Codec::Json11, &body);
        let decoded = Put::decode(shape, Codec::Json11, &body);
        if let (Ok(read), Ok(decoded)) = (read, decoded) {
            assert_eq!(read.records.len(), decoded.records.len());
            assert_eq!(read.stream_name, decoded.stream_name);
        }
    }
    let _ = record::read(&body);
}
