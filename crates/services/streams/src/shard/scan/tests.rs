//! The scanner against the tables' decoder.

use bytes::Bytes;
use millrace_api::kinesis as api;
use millrace_api::{Shaped, Typed};
use millrace_wire::{Body, Codec};
use proptest::prelude::*;

use super::{ENTRIES_MAX, put};
use crate::shard::request::{Data, Put, Shape};

/// The put with its data decoded, so that both ways of reading can be compared; `None` where base64 is invalid.
fn plain(mut put: Put<'_>) -> Option<Put<'_>> {
    for entry in &mut put.records {
        if let Data::Base64(text, length) = &entry.data {
            let bytes = base64_simd::STANDARD.decode_to_vec(text.as_ref()).ok()?;
            assert_eq!(bytes.len(), *length);
            entry.data = Data::Raw(bytes.into());
        }
    }
    Some(put)
}

/// Both ways of reading agree wherever the scanner does not give up. Says whether it did not.
fn agree_in(codec: Codec, shape: Shape, body: &[u8]) -> bool {
    let whole = Bytes::copy_from_slice(body);
    let decoded = Put::decode(shape, codec, &whole).ok();
    let one = Body::from(whole.clone());
    let scanned = put(shape, codec, &one).map(plain);
    for size in [1, 2, 3, 7, 61] {
        let mut pieces = Body::default();
        whole
            .chunks(size)
            .for_each(|piece| pieces.push(whole.slice_ref(piece)));
        assert_eq!(
            put(shape, codec, &pieces).map(plain),
            scanned,
            "in pieces of {size}"
        );
    }
    let Some(scanned) = scanned else { return false };
    assert_eq!(scanned, decoded, "{}", body.escape_ascii());
    true
}

/// The same for a JSON body, and for the CBOR body that says the same.
fn agree(shape: Shape, json: &[u8]) -> (bool, bool) {
    let table = match shape {
        Shape::One => api::PutRecordInput::SHAPE,
        Shape::Many => api::PutRecordsInput::SHAPE,
    };
    let in_json = agree_in(Codec::Json11, shape, json);
    let value = Codec::Json11.decode(table, &Bytes::copy_from_slice(json));
    let in_cbor = value.is_ok_and(|value| {
        let body = Codec::Cbor11.encode(table, &value);
        agree_in(Codec::Cbor11, shape, &body)
    });
    (in_json, in_cbor)
}

#[test]
fn plain_bodies_are_scanned() {
    for body in [
        r#"{"StreamName":"s","Data":"aGk=","PartitionKey":"k"}"#,
        r#" { "Data" : "" , "PartitionKey":"käse", "ExplicitHashKey":"0","StreamName":"a.b-c_D9"} "#,
        r#"{"StreamARN":"arn:aws:kinesis:eu-west-1:012345678901:stream/s.1","Data":"","PartitionKey":"k"}"#,
        r#"{"StreamARN":"arn:aws-cn:kinesis::012345678901:stream/s","StreamName":"t","Data":"","PartitionKey":"k"}"#,
    ] {
        assert_eq!(agree(Shape::One, body.as_bytes()), (true, true), "{body}");
    }
    let many = r#"{"Records": [{"Data": "aGk=", "PartitionKey": "a"}, {"PartitionKey": "b", "Data": "//8="}],
        "StreamName": "s"}"#;
    assert_eq!(agree(Shape::Many, many.as_bytes()), (true, true));
}

#[test]
fn the_most_records_are_scanned_and_no_more() {
    let body = |records: usize| {
        let records = vec![r#"{"Data":"aGk=","PartitionKey":"a"}"#; records].join(",");
        format!(r#"{{"StreamName":"s","Records":[{records}]}}"#)
    };
    assert_eq!(agree(Shape::Many, body(ENTRIES_MAX).as_bytes()), (true, true));
    assert_eq!(
        agree(Shape::Many, body(ENTRIES_MAX + 1).as_bytes()),
        (false, false)
    );
}

#[test]
fn cbor_of_definite_and_of_indefinite_lengths_is_scanned() {
    let definite = b"\xa2\x6aStreamName\x61s\x67Records\x81\xa2\x64Data\x42hi\x6cPartitionKey\x61k";
    let indefinite =
        b"\xbf\x6aStreamName\x61s\x67Records\x9f\xbf\x64Data\x58\x02hi\x6cPartitionKey\x61k\xff\xff\xff";
    for body in [definite.as_slice(), indefinite.as_slice()] {
        assert!(agree_in(Codec::Cbor11, Shape::Many, body));
        for end in 0..body.len() {
            assert!(!agree_in(Codec::Cbor11, Shape::Many, &body[..end]), "{end}");
        }
    }
    // Data in chunks, and Data as base64 text, are the tables' business.
    for data in [b"\x5f\x41h\x41i\xff".as_slice(), b"\x64aGk=".as_slice()] {
        let body = [
            b"\xa3\x6aStreamName\x61s\x6cPartitionKey\x61k\x64Data".as_slice(),
            data,
        ]
        .concat();
        let body = Bytes::from(body);
        assert_eq!(put(Shape::One, Codec::Cbor11, &body.clone().into()), None);
        let decoded = Put::decode(Shape::One, Codec::Cbor11, &body).unwrap();
        assert_eq!(decoded.records[0].data, Data::Raw(Bytes::from_static(b"hi")));
    }
}

#[test]
fn odd_bodies_are_left_to_the_decoder() {
    for body in [
        "",
        "{}",
        "{",
        r#"{"StreamName":"s","Records":[]}"#,
        r#"{"StreamName":"s","Records":[{"Data":"aGk=","PartitionKey":"a\n"}]}"#,
        r#"{"StreamName":"s","Records":[{"Data":"aGk=","PartitionKey":""}]}"#,
        r#"{"StreamName":"s","Records":[{"Data":"aGk","PartitionKey":"a"}]}"#,
        r#"{"StreamName":"s","Records":[{"Data":"aGk=","PartitionKey":"a","Data":""}]}"#,
        r#"{"StreamName":"s","Records":[{"Data":"aGk=","PartitionKey":"a","New":1}]}"#,
        r#"{"StreamName":"s","Records":[{"PartitionKey":"a"}]}"#,
        r#"{"StreamName":"s","Records":[{"Data":"aGk=","PartitionKey":"a","ExplicitHashKey":"01"}]}"#,
        r#"{"StreamName":"s!","Records":[{"Data":"aGk=","PartitionKey":"a"}]}"#,
        r#"{"StreamName":"s","Records":[{"Data":"aGk=","PartitionKey":"a"}]} x"#,
        r#"{"StreamName":"s","Records":[{"Data":"aGk=","PartitionKey":null}]}"#,
        r#"{"StreamName":"s","Records":[{"Data":"aGk=","PartitionKey":"a"}],"Records":[]}"#,
        r#"{"Records":[{"Data":"aGk=","PartitionKey":"a"}]}"#,
        r#"{"StreamARN":"arn:aws:kinesis:r:12345678901:stream/s","Records":[{"Data":"","PartitionKey":"a"}]}"#,
        r#"{"StreamARN":"arn:aws:kinesis:r:123456789012:stream/","Records":[{"Data":"","PartitionKey":"a"}]}"#,
    ] {
        let bytes = Bytes::copy_from_slice(body.as_bytes()).into();
        assert_eq!(put(Shape::Many, Codec::Json11, &bytes), None, "{body}");
    }
}

proptest! {
    #[test]
    fn the_scanner_and_the_decoder_agree(
        keys in prop::collection::vec("[a-zé\"\\\\]{0,5}|[a-z]{250,260}", 1..4),
        data in prop::collection::vec("[A-Za-z0-9+/]{0,8}=?=?|[ -~]{0,5}", 1..4),
        name in "[a-z.!]{0,4}",
        hash in prop::option::of("[0-9]{0,41}"),
    ) {
        let records: Vec<String> = keys.iter().zip(&data).map(|(key, data)| {
            let hash = hash.as_ref().map_or(String::new(), |h| format!(r#","ExplicitHashKey":"{h}""#));
            format!(r#"{{"PartitionKey":"{key}","Data":"{data}"{hash}}}"#)
        }).collect();
        let many = format!(r#"{{"StreamName":"{name}","Records":[{}]}}"#, records.join(","));
        agree(Shape::Many, many.as_bytes());
        let one = format!(r#"{{"StreamName":"{name}",{}"#, records[0].trim_start_matches('{'));
        agree(Shape::One, one.as_bytes());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for codec in [Codec::Json11, Codec::Cbor11] {
            agree_in(codec, Shape::One, &bytes);
            agree_in(codec, Shape::Many, &bytes);
        }
    }

    #[test]
    fn no_damage_passes_unseen(at in 0..200usize, byte: u8, cut in 0..200usize, codec in prop_oneof![
        Just(Codec::Json11), Just(Codec::Cbor11)
    ]) {
        let entry = |key: &str, data: &'static [u8]| api::PutRecordsRequestEntry {
            data: Bytes::from_static(data),
            explicit_hash_key: Some("17".to_owned()),
            partition_key: Some(key.to_owned()),
        };
        let input = api::PutRecordsInput {
            records: vec![entry("k\u{e9}y", b"some data"), entry("x", b"")],
            stream_name: Some("stream".to_owned()),
            stream_arn: None,
            stream_id: None,
            dry_run: None,
        };
        let mut body = codec.encode(api::PutRecordsInput::SHAPE, &input.into_value());
        prop_assert!(agree_in(codec, Shape::Many, &body));
        if let Some(slot) = body.get_mut(at) {
            *slot = byte;
        }
        agree_in(codec, Shape::Many, &body);
        body.truncate(cut);
        agree_in(codec, Shape::Many, &body);
    }
}
