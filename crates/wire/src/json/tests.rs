//! JSON against AWS's recorded answers, against itself, and against serde_json.

use millrace_api::{Kind, TimestampFormat, Value};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::limits::{DEPTH_MAX, VALUE_SLOTS_MAX};
use crate::testing::{EITHER, EMPTY, EVERYTHING, RECORD, get, value_of};

fn everything(body: &str) -> Value {
    decode(&EVERYTHING, body.as_bytes()).unwrap()
}

fn one(body: &str, name: &str) -> Option<Value> {
    get(&EVERYTHING, &everything(body), name).cloned()
}

fn refusal(body: &str) -> String {
    let error = decode(&EVERYTHING, body.as_bytes()).unwrap_err();
    assert_eq!(
        (error.code.as_ref(), error.status),
        ("SerializationException", 400)
    );
    error.message
}

const BIG_NUMBER: &str =
    "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to";

#[test]
fn wrong_types_are_refused_in_aws_s_words() {
    let (list, map) = (
        "Start of list found where not expected",
        "Start of structure or map found where not expected.",
    );
    let big = |target: &str| format!("{BIG_NUMBER} {target}");
    let cases = [
        ("Boolean", "23", big("an Boolean")),
        (
            "Boolean",
            r#""23""#,
            "'23' can not be converted to an Boolean".to_owned(),
        ),
        (
            "Text",
            "true",
            "class java.lang.Boolean can not be converted to an String".to_owned(),
        ),
        ("Text", "34.56", big("an String")),
        (
            "Integer",
            r#""23""#,
            "class java.lang.String can not be converted to an Integer".to_owned(),
        ),
        (
            "Integer",
            "true",
            "class java.lang.Boolean can not be converted to an Integer".to_owned(),
        ),
        (
            "Long",
            r#""23""#,
            "class java.lang.String can not be converted to an Long".to_owned(),
        ),
        (
            "Double",
            r#""23""#,
            "class java.lang.String can not be converted to an Double".to_owned(),
        ),
        (
            "Blob",
            "true",
            "class java.lang.Boolean can not be converted to a Blob".to_owned(),
        ),
        ("Blob", "-2147483648", big("a Blob")),
        (
            "Time",
            r#""23""#,
            "class java.lang.String can not be converted to milliseconds since epoch".to_owned(),
        ),
        (
            "Time",
            "false",
            "class java.lang.Boolean can not be converted to milliseconds since epoch".to_owned(),
        ),
        ("Records", "23", "Expected list or null".to_owned()),
        ("Records", r#""23""#, "Expected list or null".to_owned()),
        ("Records", "[true]", "Expected null".to_owned()),
        ("Records", "[[]]", list.to_owned()),
        ("Map", "true", "Expected map or null".to_owned()),
        ("Map", "[]", list.to_owned()),
        ("Nested", "34.56", "Expected null".to_owned()),
        ("Nested", "[]", list.to_owned()),
    ];
    for (name, json, expected) in cases {
        assert_eq!(
            refusal(&format!(r#"{{"{name}":{json}}}"#)),
            expected,
            "{name} {json}"
        );
    }
    for name in ["Boolean", "Text", "Integer", "Long", "Double", "Blob", "Time"] {
        assert_eq!(refusal(&format!(r#"{{"{name}":[]}}"#)), list, "{name}");
        assert_eq!(refusal(&format!(r#"{{"{name}":{{}}}}"#)), map, "{name}");
    }
    assert_eq!(refusal(r#"{"Records":{}}"#), map);
    assert_eq!(refusal("[]"), list);
    assert_eq!(refusal("23"), "Expected null");
}

#[test]
fn numbers_are_floored_and_clamped() {
    let integer = |json: &str, name: &str| one(&format!(r#"{{"{name}":{json}}}"#), name).unwrap();
    assert_eq!(integer("34.56", "Integer"), Value::Integer(34));
    assert_eq!(integer("-34.56", "Integer"), Value::Integer(-35));
    assert_eq!(integer("2147483648", "Integer"), Value::Integer(2_147_483_647));
    assert_eq!(integer("-3e300", "Integer"), Value::Integer(-2_147_483_648));
    assert_eq!(integer("9223372036854775807", "Long"), Value::Integer(i64::MAX));
    assert_eq!(
        integer("99999999999999999999999999", "Long"),
        Value::Integer(i64::MAX)
    );
    assert_eq!(integer("1E2", "Long"), Value::Integer(100));
    assert_eq!(integer("-0", "Long"), Value::Integer(0));
    assert_eq!(integer("12", "Double"), Value::Double(12.0));
    assert_eq!(integer("0.5", "Boolean"), Value::Boolean(true));
    assert_eq!(integer(r#""Infinity""#, "Double"), Value::Double(f64::INFINITY));
}

#[test]
fn timestamps_are_seconds_with_a_fraction() {
    let time = |json: &str| one(&format!(r#"{{"Time":{json}}}"#), "Time").unwrap();
    assert_eq!(time("1795378026.989"), Value::Timestamp(1_795_378_026_989));
    assert_eq!(time("1.551924009774E9"), Value::Timestamp(1_551_924_009_774));
    assert_eq!(time("0"), Value::Timestamp(0));
    let iso = one(r#"{"Iso":"2026-11-22T20:07:06.989Z"}"#, "Iso");
    assert_eq!(iso, Some(Value::Timestamp(1_795_378_026_989)));
    assert_eq!(
        encode(&crate::testing::TIME, &Value::Timestamp(1_795_378_026_989)),
        b"1795378026.989"
    );
    assert_eq!(
        encode(&crate::testing::TIME, &Value::Timestamp(1_795_378_026_000)),
        b"1795378026"
    );
}

#[test]
fn nulls_and_strangers_are_passed_over() {
    let body =
        r#" { "X" : [1, {"y": "\u00e9", "z": [null, true, false, -1.5e-3]}], "Text": null, "Long" : 7 } "#;
    let value = everything(body);
    assert_eq!(get(&EVERYTHING, &value, "Text"), None);
    assert_eq!(get(&EVERYTHING, &value, "Long"), Some(&Value::Integer(7)));
    assert_eq!(one(r#"{"Long":1,"Long":2}"#, "Long"), Some(Value::Integer(2)));
    assert_eq!(one(r#"{"Long":1,"Long":null}"#, "Long"), None);
    let map = one(r#"{"Map":{"a":"1","b":null,"a":"2"}}"#, "Map");
    assert_eq!(
        map,
        Some(Value::Map(vec![("a".to_owned(), Value::String("2".to_owned()))]))
    );
    assert_eq!(
        one(r#"{"te\u0078t":"no","\u0054ext":"yes"}"#, "Text"),
        Some(Value::String("yes".to_owned()))
    );
}

#[test]
fn a_null_in_a_list_is_named_by_its_path() {
    let error = decode(&EVERYTHING, br#"{"Nested":{"Records":[{},null]}}"#).unwrap_err();
    assert_eq!(error.code, "ValidationException");
    assert_eq!(
        error.message,
        "1 validation error detected: Value null at 'nested.records.2.member' failed to satisfy constraint: \
         Member must not be null"
    );
}

#[test]
fn escapes_are_read() {
    let text = one(r#"{"Text":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é"}"#, "Text").unwrap();
    assert_eq!(text, Value::String("\"\\/\u{8}\u{c}\n\r\té😀é".to_owned()));
    for bad in [
        r"\ud83d",
        r"\ud83dx",
        r"\ud83d\u0041",
        r"\ude00",
        r"\u12g4",
        r"\u12",
        r"\x",
        "\n",
        "\u{1}",
    ] {
        let message = refusal(&format!(r#"{{"Text":"{bad}"}}"#));
        assert!(
            message.starts_with("The request body is not valid JSON"),
            "{bad}: {message}"
        );
    }
    assert!(
        decode(&EVERYTHING, b"{\"Text\":\"\xff\"}")
            .unwrap_err()
            .message
            .contains("not UTF-8")
    );
}

#[test]
fn what_is_no_json_is_refused() {
    for body in [
        "",
        " ",
        "{",
        "{}{}",
        "{} x",
        "nul",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "[1,]",
        "hello",
        "null",
    ] {
        assert!(!refusal(body).is_empty(), "{body}");
    }
    for number in ["01", "1.", ".5", "-", "1e", "+1", "0x1", "--1", "1.e2"] {
        refusal(&format!(r#"{{"Long":{number}}}"#));
        refusal(&format!(r#"{{"Stranger":{number}}}"#));
    }
}

#[test]
fn a_union_has_exactly_one_member() {
    assert!(decode(&EITHER, br#"{"Left":"x","Right":null,"Other":1}"#).is_ok());
    assert_eq!(decode(&EITHER, b"{}").unwrap_err().code, "SerializationException");
    assert_eq!(
        decode(&EITHER, br#"{"Left":"x","Right":1}"#).unwrap_err().code,
        "SerializationException"
    );
}

#[test]
fn depth_and_count_are_bounded() {
    let nested = |levels: usize| format!("{}1{}", r#"{"Nested":"#.repeat(levels), "}".repeat(levels));
    assert!(refusal(&nested(DEPTH_MAX + 1)).contains("nested deeper"));
    let strange = format!(r#"{{"X":{}{}}}"#, "[".repeat(5_000_000), "]".repeat(5_000_000));
    assert!(refusal(&strange).contains("nested deeper"));
    let many = format!(r#"{{"Records":[{}{{}}]}}"#, "{},".repeat(VALUE_SLOTS_MAX / 3 + 1));
    assert!(refusal(&many).contains("more than"));
}

#[test]
fn an_absent_member_is_not_written() {
    let value = decode(&RECORD, br#"{"PartitionKey":"k"}"#).unwrap();
    assert_eq!(encode(&RECORD, &value), br#"{"PartitionKey":"k"}"#);
}

/// The same value as serde_json sees it, built without this crate's encoder.
fn oracle(shape: &Shape, value: &Value) -> serde_json::Value {
    match (&shape.kind, value) {
        (Kind::Structure { members, .. }, Value::Struct(fields)) => {
            let set = members
                .iter()
                .zip(&fields.0)
                .filter_map(|(m, v)| Some((m, v.as_ref()?)));
            set.map(|(m, v)| (m.wire.to_owned(), oracle(m.shape, v)))
                .collect()
        }
        (Kind::List { element, .. }, Value::List(items)) => {
            items.iter().map(|v| oracle(element, v)).collect()
        }
        (Kind::Map { value, .. }, Value::Map(entries)) => entries
            .iter()
            .map(|(k, v)| (k.clone(), oracle(value, v)))
            .collect(),
        (_, Value::String(text)) => json!(text),
        (_, Value::Blob(bytes)) => json!(base64_simd::STANDARD.encode_to_string(bytes)),
        (_, Value::Integer(n)) => json!(n),
        (_, Value::Double(d)) if d.is_infinite() => json!(if *d > 0.0 { "Infinity" } else { "-Infinity" }),
        // Through serde_json's own reader, which by default is off by a bit in the last place.
        (_, Value::Double(d)) => serde_json::from_str(&format!("{d:?}")).unwrap(),
        (_, Value::Boolean(b)) => json!(b),
        (Kind::Timestamp(TimestampFormat::Iso8601), Value::Timestamp(t)) => {
            json!(crate::timestamp::iso8601(*t))
        }
        (_, Value::Timestamp(t)) => serde_json::from_str(&crate::timestamp::epoch_seconds(*t)).unwrap(),
        _ => panic!("{value:?} is no {shape:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_encoded_is_decoded_and_is_what_serde_reads(value in value_of(&EVERYTHING, 1)) {
        let bytes = encode(&EVERYTHING, &value);
        prop_assert_eq!(&decode(&EVERYTHING, &bytes).unwrap(), &value);
        let read: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(read, oracle(&EVERYTHING, &value));
    }

    #[test]
    fn what_serde_writes_is_decoded(value in value_of(&RECORD, 1)) {
        let pretty = serde_json::to_vec_pretty(&oracle(&RECORD, &value)).unwrap();
        prop_assert_eq!(decode(&RECORD, &pretty).unwrap(), value);
    }

    /// A mutilated body is JSON to us exactly when it is to serde_json.
    #[test]
    fn grammar_agrees_with_serde(
        value in value_of(&EVERYTHING, 1),
        at in any::<prop::sample::Index>(),
        with in proptest::sample::select(br#"{}[],:"\0123456789.eE+-nulltrufas "#.to_vec()),
        cut in any::<bool>(),
    ) {
        let mut bytes = encode(&EVERYTHING, &value);
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at); } else { bytes[at] = with; }
        let theirs = serde_json::from_slice::<serde_json::Value>(&bytes);
        let ours = decode(&EMPTY, &bytes).is_ok();
        if theirs.as_ref().is_err_and(|e| e.to_string().contains("out of range")) {
            return Ok(());
        }
        prop_assert_eq!(ours, theirs.is_ok_and(|v| v.is_object()), "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&EVERYTHING, &bytes);
        let wrapped = [b"{\"Records\":[".as_slice(), &bytes].concat();
        let _ = decode(&EVERYTHING, &wrapped);
    }
}
