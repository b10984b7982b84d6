//! CBOR against RFC 8949's examples, against what the Java SDK sends, and against itself.

use bytes::Bytes;
use millrace_api::{Shape, Value};
use proptest::prelude::*;

use super::Dialect;
use crate::ApiError;
use crate::limits::{DEPTH_MAX, VALUE_SLOTS_MAX};
use crate::testing::{
    BLOB, BOOLEAN, DOUBLE, EVERYTHING, LONG, RECORD, TEXT, TIME, get, list, member, structure, value_of,
};

fn decode(shape: &'static Shape, body: &Bytes) -> Result<Value, ApiError> {
    super::decode(Dialect::Cbor11, shape, body)
}

fn encode(shape: &Shape, value: &Value) -> Vec<u8> {
    super::encode(Dialect::Cbor11, shape, value)
}

static FLOATS: Shape = list("Floats", &DOUBLE);
static LONGS: Shape = list("Longs", &LONG);
static ONE_BLOB: Shape = structure("OneBlob", &[member("Data", &BLOB)]);

fn bytes(hex: &str) -> Bytes {
    Bytes::from(hex::decode(hex.replace(' ', "")).unwrap())
}

fn read(shape: &'static Shape, hex: &str) -> Value {
    decode(shape, &bytes(hex)).unwrap()
}

fn refusal(shape: &'static Shape, hex: &str) -> String {
    let error = decode(shape, &bytes(hex)).unwrap_err();
    assert_eq!(
        (error.code.as_ref(), error.status),
        ("SerializationException", 400)
    );
    error.message
}

/// RFC 8949, appendix A.
#[test]
fn numbers_of_the_rfc() {
    let longs = [
        ("00", 0),
        ("17", 23),
        ("1818", 24),
        ("1903e8", 1000),
        ("1a000f4240", 1_000_000),
        ("1b000000e8d4a51000", 1_000_000_000_000),
        ("20", -1),
        ("3863", -100),
        ("3903e7", -1000),
        ("1bffffffffffffffff", i64::MAX),
        ("3bffffffffffffffff", i64::MIN),
        ("3b7fffffffffffffff", i64::MIN),
    ];
    for (hex, expected) in longs {
        assert_eq!(
            read(&LONGS, &format!("81{hex}")),
            Value::List(vec![Value::Integer(expected)]),
            "{hex}"
        );
    }
    let doubles = [
        ("f90000", 0.0),
        ("f98000", -0.0),
        ("f93c00", 1.0),
        ("fb3ff199999999999a", 1.1),
        ("f93e00", 1.5),
        ("f97bff", 65504.0),
        ("fa47c35000", 100_000.0),
        ("fa7f7fffff", 3.402_823_466_385_288_6e38),
        ("fb7e37e43c8800759c", 1.0e300),
        ("f90001", 5.960_464_477_539_063e-8),
        ("f90400", 0.000_061_035_156_25),
        ("f9c400", -4.0),
        ("f97c00", f64::INFINITY),
        ("faff800000", f64::NEG_INFINITY),
        ("182a", 42.0),
    ];
    for (hex, expected) in doubles {
        assert_eq!(
            read(&FLOATS, &format!("81{hex}")),
            Value::List(vec![Value::Double(expected)]),
            "{hex}"
        );
    }
    let Value::List(items) = read(&FLOATS, "81f97e00") else {
        panic!()
    };
    assert!(matches!(items[..], [Value::Double(d)] if d.is_nan()));
}

/// The shape of a request as the AWS SDK for Java writes it: indefinite maps, a byte string, tag 1 in milliseconds.
#[test]
fn what_the_java_sdk_sends() {
    let body = bytes(
        "bf 64 54696d65 c1 1b 000001a2056a5b1d 64 426c6f62 43 010203 67 5265636f726473 9f bf 64 44617461 41 ff ff ff ff",
    );
    let value = decode(&EVERYTHING, &body).unwrap();
    assert_eq!(
        get(&EVERYTHING, &value, "Time"),
        Some(&Value::Timestamp(0x01a2_056a_5b1d))
    );
    let Some(Value::Blob(blob)) = get(&EVERYTHING, &value, "Blob") else {
        panic!()
    };
    assert_eq!(blob.as_ref(), [1, 2, 3]);
    let within = body.as_ptr_range();
    assert!(within.contains(&blob.as_ptr()), "a blob is a slice of the body");
    let Some(Value::List(records)) = get(&EVERYTHING, &value, "Records") else {
        panic!()
    };
    assert_eq!(
        get(&RECORD, &records[0], "Data"),
        Some(&Value::Blob(Bytes::from_static(&[0xff])))
    );
}

#[test]
fn what_is_written() {
    let value = read(&EVERYTHING, "a2 64 54657874 63 616263 64 54696d65 c1 1903e8");
    assert_eq!(
        encode(&EVERYTHING, &value),
        bytes("bf 64 54657874 63 616263 64 54696d65 c1 1903e8 ff")
    );
    assert_eq!(
        encode(
            &LONGS,
            &Value::List(vec![Value::Integer(-1), Value::Integer(500)])
        ),
        bytes("9f 20 1901f4 ff")
    );
    assert_eq!(encode(&BOOLEAN, &Value::Boolean(true)), [0xf5]);
    assert_eq!(encode(&DOUBLE, &Value::Double(1.1)), bytes("fb3ff199999999999a"));
    assert_eq!(encode(&TIME, &Value::Timestamp(-1)), bytes("c120"));
    assert_eq!(
        encode(&BLOB, &Value::Blob(Bytes::from(vec![7; 300])))[..3],
        bytes("59012c")
    );
    assert_eq!(encode(&TEXT, &Value::String("é".to_owned())), bytes("62c3a9"));
}

#[test]
fn timestamps_in_every_form() {
    let time = |hex: &str| {
        let value = decode(&EVERYTHING, &bytes(&format!("a1 64 54696d65 {hex}"))).unwrap();
        get(&EVERYTHING, &value, "Time").cloned().unwrap()
    };
    assert_eq!(time("1903e8"), Value::Timestamp(1000), "untagged milliseconds");
    assert_eq!(time("c11903e8"), Value::Timestamp(1000), "tagged milliseconds");
    assert_eq!(
        time("c1fb3ff8000000000000"),
        Value::Timestamp(1500),
        "tagged seconds"
    );
    assert_eq!(
        time("d9d9f7c11903e8"),
        Value::Timestamp(1000),
        "with the self-described tag"
    );
}

/// Smithy RPC v2 CBOR: seconds under tag 1, definite items.
#[test]
fn the_rpc_dialect_counts_seconds() {
    let read = |hex: &str| {
        let body = bytes(&format!("a1 64 54696d65 {hex}"));
        let value = super::decode(Dialect::RpcV2, &EVERYTHING, &body).unwrap();
        get(&EVERYTHING, &value, "Time").cloned().unwrap()
    };
    assert_eq!(read("c1 1a 6553f100"), Value::Timestamp(1_700_000_000_000));
    assert_eq!(read("c1 20"), Value::Timestamp(-1000));
    assert_eq!(
        read("c1 fb 41d954fc4000 20c5"),
        Value::Timestamp(1_700_000_000_002)
    );
    assert_eq!(
        read("c1 1b 7fffffffffffffff"),
        Value::Timestamp(i64::MAX),
        "saturates"
    );
    let value = super::decode(
        Dialect::RpcV2,
        &EVERYTHING,
        &bytes("bf 65 5465787473 9f 6161 ff 64 54696d65 c1 01 ff"),
    );
    assert_eq!(
        super::encode(Dialect::RpcV2, &EVERYTHING, &value.unwrap()),
        bytes("a2 64 54696d65 c1 01 65 5465787473 81 6161")
    );
    assert_eq!(
        super::encode(Dialect::RpcV2, &TIME, &Value::Timestamp(1500)),
        bytes("c1 fb 3ff8000000000000")
    );
    assert_eq!(
        super::encode_texts(Dialect::RpcV2, [("__type", "X")].into_iter()),
        bytes("a1 66 5f5f74797065 61 58")
    );
}

#[test]
fn strings_in_pieces() {
    // A text of "stream" + "ing", and bytes of 0102 + 03 (RFC 8949, appendix A).
    let value = read(
        &EVERYTHING,
        "bf 7f6454657874ff 7f 6673747265616d 63696e67 ff 64 426c6f62 5f 420102 4103 ff ff",
    );
    assert_eq!(
        get(&EVERYTHING, &value, "Text"),
        Some(&Value::String("streaming".to_owned()))
    );
    assert_eq!(
        get(&EVERYTHING, &value, "Blob"),
        Some(&Value::Blob(Bytes::from_static(&[1, 2, 3])))
    );
    refusal(&ONE_BLOB, "a1 64 44617461 5f 6161 ff");
    refusal(&ONE_BLOB, "a1 64 44617461 5f 5f ff ff");
    assert_eq!(
        read(&ONE_BLOB, "a1 64 44617461 64 41514944"),
        read(&ONE_BLOB, "a1 64 44617461 43 010203"),
        "base64 stands for bytes"
    );
}

#[test]
fn strangers_are_skipped_with_everything_in_them() {
    let strange = "9f a1 c1 01 d818 41 00 bf 61 61 9f ff ff f7 e0 f8ff fb0000000000000000 7f 6161 ff ff";
    let value = read(
        &EVERYTHING,
        &format!("bf 61 58 {strange} 64 4c6f6e67 07 64 54657874 f6 ff"),
    );
    assert_eq!(get(&EVERYTHING, &value, "Long"), Some(&Value::Integer(7)));
    assert_eq!(get(&EVERYTHING, &value, "Text"), None);
}

#[test]
fn wrong_types_are_refused() {
    let of = |name: &str, hex: &str| {
        refusal(
            &EVERYTHING,
            &format!("a1 {:02x} {} {hex}", 0x60 + name.len(), hex::encode(name)),
        )
    };
    assert_eq!(
        of("Text", "f5"),
        "class java.lang.Boolean can not be converted to an String"
    );
    assert_eq!(
        of("Text", "4161"),
        "class java.nio.HeapByteBuffer can not be converted to an String"
    );
    assert_eq!(
        of("Long", "6131"),
        "class java.lang.String can not be converted to an Long"
    );
    assert_eq!(of("Blob", "80"), "Start of list found where not expected");
    assert_eq!(
        of("Blob", "63616263"),
        "'abc' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes but found: 3"
    );
    assert_eq!(
        of("Records", "a0"),
        "Start of structure or map found where not expected."
    );
    assert_eq!(of("Map", "01"), "Expected map or null");
    assert_eq!(of("Nested", "01"), "Expected null");
    assert!(
        of("Integer", "f97e00").ends_with("an Integer"),
        "NaN is no integer"
    );
    let error = decode(&EVERYTHING, &bytes("a1 67 5265636f726473 81 f6")).unwrap_err();
    assert!(error.message.contains("'records.1.member'"), "{error}");
}

#[test]
fn malformed_bodies_are_refused() {
    let bodies = [
        "",
        "f6",
        "a1",
        "bf",
        "bf 64 54657874 ff",
        "a0 00",
        "bf ff 00",
        "ff",
        "a1 01 01",
        "a1 ff 01",
        "a1 64 54657874 ff",
        "a1 64 54657874 7b ffffffffffffffff 61",
        "a1 64 54657874 61 ff",
        "1c",
        "a1 64 54657874 fc",
        "bf c1 ff",
        "a1 64 4c6f6e67 1f",
        "a1 61 58 9b ffffffffffffffff",
        "a1 64 4c6f6e67 df",
        "a1 64 4c6f6e67 f0",
    ];
    for hex in bodies {
        refusal(&EVERYTHING, hex);
    }
}

#[test]
fn depth_and_count_are_bounded() {
    let nested = "a1 66 4e6573746564".repeat(DEPTH_MAX + 2) + "a0";
    assert!(refusal(&EVERYTHING, &nested).contains("nested deeper"));
    let strange = format!("a1 61 58 {}", "81".repeat(100_000));
    assert!(refusal(&EVERYTHING, &strange).contains("nested deeper"));
    let tags = format!("a1 61 58 {} 00", "c1".repeat(100_000));
    assert!(
        decode(&EVERYTHING, &bytes(&tags)).is_ok(),
        "tags in a row cost no stack"
    );
    let many = format!(
        "a1 67 5265636f726473 9f {} ff",
        "a0".repeat(VALUE_SLOTS_MAX / 3 + 1)
    );
    assert!(refusal(&EVERYTHING, &many).contains("more than"));
}

/// Whether there is a time, further in, that seconds in a double do not hold.
fn has_large_times(value: &Value) -> bool {
    match value {
        Value::Timestamp(time) => time.unsigned_abs() > 1 << 52,
        Value::Struct(fields) => fields.0.iter().flatten().any(has_large_times),
        Value::List(items) => items.iter().any(has_large_times),
        Value::Map(entries) => entries.iter().any(|(_, value)| has_large_times(value)),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_encoded_is_decoded(value in value_of(&EVERYTHING, 1)) {
        let body = Bytes::from(encode(&EVERYTHING, &value));
        prop_assert_eq!(decode(&EVERYTHING, &body).unwrap(), value);
    }

    #[test]
    fn what_the_rpc_dialect_writes_it_reads(value in value_of(&EVERYTHING, 1)) {
        // A time is a double of seconds there, which is exact for those that clients have.
        let mut value = value;
        if let Value::Struct(fields) = &mut value && let Some(Value::Timestamp(time)) = &mut fields.0[6] {
            *time %= 1 << 42;
        }
        let body = Bytes::from(super::encode(Dialect::RpcV2, &EVERYTHING, &value));
        let back = super::decode(Dialect::RpcV2, &EVERYTHING, &body).unwrap();
        prop_assume!(!has_large_times(&value));
        prop_assert_eq!(back, value);
    }

    #[test]
    fn a_cut_body_is_refused(value in value_of(&EVERYTHING, 1), at in any::<prop::sample::Index>()) {
        let body = Bytes::from(encode(&EVERYTHING, &value));
        prop_assert!(decode(&EVERYTHING, &body.slice(..at.index(body.len()))).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&EVERYTHING, &Bytes::from(tail.clone()));
        let named = [b"\xa1\x67Records\x9f".as_slice(), &tail].concat();
        let _ = decode(&EVERYTHING, &Bytes::from(named));
    }
}
