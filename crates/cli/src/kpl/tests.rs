//! De-aggregation held against hand-made bytes and another implementation.

use super::*;

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn bytes_field(number: u64, bytes: &[u8], out: &mut Vec<u8>) {
    varint(number << 3 | 2, out);
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn user(key: u64, hash: Option<u64>, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    varint(1 << 3, &mut out);
    varint(key, &mut out);
    if let Some(hash) = hash {
        varint(2 << 3, &mut out);
        varint(hash, &mut out);
    }
    bytes_field(3, data, &mut out);
    out
}

fn whole(message: &[u8]) -> Bytes {
    [&MAGIC[..], message, &Md5::digest(message)].concat().into()
}

fn sample() -> Vec<u8> {
    let mut message = Vec::new();
    bytes_field(3, &user(1, None, b"first"), &mut message);
    bytes_field(1, b"key a", &mut message);
    bytes_field(1, "schl\u{fc}ssel".as_bytes(), &mut message);
    bytes_field(2, b"42", &mut message);
    let mut tagged = user(0, Some(0), b"");
    bytes_field(4, b"\x0a\x01k", &mut tagged);
    bytes_field(3, &tagged, &mut message);
    message
}

#[test]
fn user_records_come_out_in_order_with_their_own_keys() {
    let records = split(&whole(&sample())).unwrap();
    let expected = [
        UserRecord {
            partition_key: "schl\u{fc}ssel".to_owned(),
            explicit_hash_key: None,
            data: "first".into(),
        },
        UserRecord {
            partition_key: "key a".to_owned(),
            explicit_hash_key: Some("42".to_owned()),
            data: Bytes::new(),
        },
    ];
    assert_eq!(records, expected);
}

/// Made by another implementation: aws-kinesis-agg 1.2.3 (Python), keys `k1`, `k2`, `k1`, data `one`, `two`, `three`.
#[test]
fn bytes_of_another_implementation_read() {
    let hex = concat!(
        "f3899ac2",
        "0a026b31",
        "0a026b32",
        "1a0708001a036f6e65",
        "1a0708011a0374776f",
        "1a0908001a057468726565",
        "9e4ff04ae696ab3c9de6d3a18e9bb116",
    );
    let bytes: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
        .collect();
    let records = split(&bytes.into()).unwrap();
    let got: Vec<_> = records
        .iter()
        .map(|r| (r.partition_key.as_str(), &r.data[..]))
        .collect();
    assert_eq!(got, [("k1", &b"one"[..]), ("k2", b"two"), ("k1", b"three")]);
}

#[test]
fn everything_else_is_a_plain_record() {
    let good = whole(&sample());
    for cut in 0..good.len() {
        assert_eq!(split(&good.slice(..cut)), None, "cut at {cut}");
    }
    for at in 0..good.len() {
        let mut bytes = good.to_vec();
        bytes[at] ^= 1;
        assert_eq!(split(&bytes.into()), None, "changed at {at}");
    }
    let mut no_such_key = Vec::new();
    bytes_field(3, &user(0, None, b"x"), &mut no_such_key);
    let mut no_data = Vec::new();
    bytes_field(1, b"k", &mut no_data);
    bytes_field(3, &[0x08, 0], &mut no_data);
    for message in [&b""[..], &no_such_key, &no_data, b"\xff"] {
        assert_eq!(split(&whole(message)), None, "{message:?}");
    }
    assert_eq!(split(&Bytes::from_static(b"plain text")), None);
}
