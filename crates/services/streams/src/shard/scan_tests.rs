//! The scanner against the tables' decoder.

use bytes::Bytes;
use millrace_wire::Codec;
use proptest::prelude::*;

use super::request::{Data, Put, Shape};
use super::scan;

/// The put with its data decoded, so that both ways of reading can be compared; `None` where base64 is invalid.
fn plain(put: Put<'_>) -> Option<Vec<(Option<String>, Option<String>, Vec<u8>)>> {
    let record = |entry: super::request::Entry<'_>| {
        let data = match entry.data {
            Data::Raw(bytes) => bytes.to_vec(),
            Data::Base64(text, _) => base64_simd::STANDARD.decode_to_vec(text).ok()?,
        };
        Some((entry.key.map(Into::into), entry.explicit.map(Into::into), data))
    };
    put.records.into_iter().map(record).collect()
}

/// Both ways of reading agree wherever the scanner does not give up.
fn agree(shape: Shape, body: &[u8]) -> bool {
    let bytes = Bytes::copy_from_slice(body);
    let Some(scanned) = scan::put(shape, body) else {
        return false;
    };
    let name = scanned.stream_name.clone().map(|n| n.into_owned());
    match (plain(scanned), Put::decode(shape, Codec::Json11, &bytes)) {
        (Some(scanned), Ok(decoded)) => {
            assert_eq!(name, decoded.stream_name.clone().map(|n| n.into_owned()));
            assert_eq!(Some(scanned), plain(decoded));
        }
        (None, Err(_)) => {}
        (scanned, decoded) => panic!(
            "{scanned:?} but {decoded:?} for {}",
            String::from_utf8_lossy(body)
        ),
    }
    true
}

#[test]
fn plain_bodies_are_scanned() {
    for body in [
        r#"{"StreamName":"s","Data":"aGk=","PartitionKey":"k"}"#,
        r#" { "Data" : "" , "PartitionKey":"käse", "ExplicitHashKey":"0","StreamName":"a.b-c_D9"} "#,
    ] {
        assert!(agree(Shape::One, body.as_bytes()), "{body}");
    }
    let many = r#"{"Records": [{"Data": "aGk=", "PartitionKey": "a"}, {"PartitionKey": "b", "Data": "//8="}],
        "StreamName": "s"}"#;
    assert!(agree(Shape::Many, many.as_bytes()));
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
    ] {
        assert!(scan::put(Shape::Many, body.as_bytes()).is_none(), "{body}");
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
        agree(Shape::One, &bytes);
        agree(Shape::Many, &bytes);
    }
}
