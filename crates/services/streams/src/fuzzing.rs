//! Ways in for fuzz targets; no part of the service's interface.

use base64_simd::STANDARD;
use bytes::Bytes;
use millrace_wire::{Body, Codec};

use crate::iterator;
use crate::record;
use crate::shard::base64;
use crate::shard::request::{Data, Put, Shape};
use crate::tagged::{self, TAG};

/// Any bytes as a shard iterator, and as the message of one that is authentic: what lies behind the authentication
/// has to hold too.
pub fn iterator_token(bytes: &[u8]) {
    let key = iterator::key(&[0; 32]);
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert_eq!(iterator::read(&key, text), None, "made without the key");
    }
    let mut signed = [&[0; TAG], bytes].concat();
    tagged::sign(&key, &mut signed);
    let text = STANDARD.encode_to_string(signed);
    if let Some((position, issued)) = iterator::read(&key, &text) {
        assert_eq!(iterator::write(&key, &position, issued), text);
    }
}

/// Any bytes as the body of PutRecord and PutRecords, in JSON and in CBOR, read by the scanners and by the tables: what
/// a scanner takes, the tables take too, and as the same.
pub fn put_records(bytes: &[u8]) {
    let body = Bytes::copy_from_slice(bytes);
    for shape in [Shape::One, Shape::Many] {
        for codec in [Codec::Json11, Codec::Cbor11] {
            let decoded = Put::decode(shape, codec, &body).ok();
            // Whole, and in pieces of a size that the bytes themselves say.
            for size in [usize::MAX, 1 + usize::from(bytes.last().copied().unwrap_or(0))] {
                let mut arrived = Body::default();
                body.chunks(size)
                    .for_each(|piece| arrived.push(body.slice_ref(piece)));
                let Ok(read) = Put::read(shape, codec, &arrived) else {
                    continue;
                };
                assert_eq!(plain(read), decoded, "{shape:?} in {codec:?} by {size}");
            }
        }
    }
    let _ = record::read_sealed(&body);
    let _ = record::read(body);
}

/// The put with its data decoded, as appending does it; `None` where that fails.
fn plain(mut put: Put<'_>) -> Option<Put<'_>> {
    for entry in &mut put.records {
        if let Data::Base64(text, length) = &entry.data {
            let mut bytes = Vec::new();
            let done = base64::decode(text, &mut bytes);
            assert_eq!(
                done.then_some(&bytes),
                STANDARD.decode_to_vec(text.as_ref()).ok().as_ref(),
                "as another library does it"
            );
            done.then_some(())?;
            assert_eq!(bytes.len(), *length, "the length told before decoding");
            entry.data = Data::Raw(bytes.into());
        }
    }
    Some(put)
}
