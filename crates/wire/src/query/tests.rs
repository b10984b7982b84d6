//! Forms as SDKs write them, answers as they read them, and forms against themselves.

use std::fmt::Write;

use bytes::Bytes;
use millrace_api::{Fields, Kind, Shape, TimestampFormat, Value, cloudwatch, sts};
use proptest::prelude::*;

use super::*;
use crate::limits::{DEPTH_MAX, FORM_NODES_MAX};
use crate::testing::{EVERYTHING, RECORD, get, value_of};
use crate::{Codec, percent, timestamp, validate};

fn read(shape: &'static Shape, form: &str) -> Value {
    decode(shape, &Bytes::copy_from_slice(form.as_bytes())).unwrap()
}

fn refusal(shape: &'static Shape, form: &str) -> String {
    let error = decode(shape, &Bytes::copy_from_slice(form.as_bytes())).unwrap_err();
    assert_eq!(code(&error), ("MalformedInput", 400));
    error.message
}

/// What the SDK for Java 2.33 sends for one datum, signature aside.
const PUT: &str = "Action=PutMetricData&Version=2010-08-01&Namespace=app%2Fone&MetricData.member.1.MetricName=Success\
    &MetricData.member.1.Dimensions.member.1.Name=Operation&MetricData.member.1.Dimensions.member.1.Value=a+b\
    &MetricData.member.1.Timestamp=2026-11-22T23%3A56%3A01.5Z&MetricData.member.1.StatisticValues.SampleCount=2\
    &MetricData.member.1.StatisticValues.Sum=3.0&MetricData.member.1.StatisticValues.Minimum=1\
    &MetricData.member.1.StatisticValues.Maximum=2E0&MetricData.member.1.Unit=Count";

#[test]
fn a_put_metric_data_of_an_sdk() {
    use millrace_api::cloudwatch::{PutMetricDataInput, StandardUnit};
    let input: PutMetricDataInput = Codec::QueryXml
        .request(
            &cloudwatch::shapes::PUT_METRIC_DATA_INPUT,
            &Bytes::from_static(PUT.as_bytes()),
        )
        .unwrap();
    assert_eq!(input.namespace, "app/one");
    let data = input.metric_data.unwrap();
    let [datum] = &data[..] else { panic!() };
    let dimensions = datum.dimensions.as_ref().unwrap();
    assert_eq!(
        (&*dimensions[0].name, &*dimensions[0].value),
        ("Operation", "a b")
    );
    assert_eq!(datum.timestamp.unwrap().0, 1_795_391_761_500);
    let set = datum.statistic_values.as_ref().unwrap();
    assert_eq!(
        (set.sample_count, set.sum, set.minimum, set.maximum),
        (2.0, 3.0, 1.0, 2.0)
    );
    assert_eq!((datum.unit, datum.value), (Some(StandardUnit::Count), None));
}

#[test]
fn lists_and_maps_in_every_form() {
    let texts = |form: &str| match get(&EVERYTHING, &read(&EVERYTHING, form), "Texts") {
        Some(Value::List(items)) => items.clone(),
        other => panic!("{other:?}"),
    };
    let list = |items: &[&str]| -> Vec<Value> {
        items
            .iter()
            .map(|text| Value::String((*text).to_owned()))
            .collect()
    };
    assert_eq!(
        texts("Texts.member.10=c&Texts.member.2=b&Texts.member.1=a"),
        list(&["a", "b", "c"])
    );
    assert_eq!(texts("Texts.1=a&Texts.2="), list(&["a", ""]), "flattened");
    assert_eq!(texts("Texts="), list(&[]), "an empty list as SDKs write it");
    assert_eq!(texts("Texts"), list(&[]));
    assert_eq!(
        texts("Texts.member.1=first&Texts.member.1=second"),
        list(&["first"])
    );
    let map = |form: &str| {
        let value = read(&EVERYTHING, form);
        match get(&EVERYTHING, &value, "Map") {
            Some(Value::Map(entries)) => entries.clone(),
            other => panic!("{other:?}"),
        }
    };
    let entry = |key: &str, value: &str| (key.to_owned(), Value::String(value.to_owned()));
    assert_eq!(
        map("Map.entry.1.key=k.1&Map.entry.1.value=v&Map.entry.2.key=x&Map.entry.2.value="),
        [entry("k.1", "v"), entry("x", "")]
    );
    assert_eq!(map("Map.1.key=k&Map.1.value=v"), [entry("k", "v")]);
    assert_eq!(map("Map="), []);
}

#[test]
fn strangers_are_passed_over() {
    let value = read(
        &EVERYTHING,
        "Action=X&Version=1&Records.member.1.PartitionKey=k&Records.member.1.Nope.member.x=1&&=&.=1&..a=2&Long=7",
    );
    assert_eq!(get(&EVERYTHING, &value, "Long"), Some(&Value::Integer(7)));
    let Some(Value::List(records)) = get(&EVERYTHING, &value, "Records") else {
        panic!()
    };
    assert_eq!(
        get(&RECORD, &records[0], "PartitionKey"),
        Some(&Value::String("k".to_owned()))
    );
    assert_eq!(read(&EVERYTHING, ""), Value::Struct(Fields::absent(13)));
}

#[test]
fn what_does_not_fit_is_refused() {
    assert_eq!(
        refusal(&EVERYTHING, "Long=x"),
        "'x' can not be converted to an Long"
    );
    assert_eq!(
        refusal(&EVERYTHING, "Long.member.1=1"),
        "Start of structure or map found where not expected."
    );
    assert_eq!(refusal(&EVERYTHING, "Texts=a"), "Expected list or null");
    assert_eq!(refusal(&EVERYTHING, "Map=a"), "Expected map or null");
    assert_eq!(refusal(&EVERYTHING, "Nested=a"), "Expected null");
    assert!(refusal(&EVERYTHING, "Texts.member.x=1").contains("'x' is no index"));
    assert!(refusal(&EVERYTHING, "Texts.member.-1=1").contains("no index"));
    assert!(refusal(&EVERYTHING, "Map.entry.1.value=v").contains("no key"));
    assert!(refusal(&EVERYTHING, "Either.Left=a&Either.Right=1").contains("Exactly one"));
    assert!(refusal(&EVERYTHING, "Time=yesterday").contains("milliseconds since epoch"));
    let error = decode(&EVERYTHING, &Bytes::from_static(b"Text=\xff")).unwrap_err();
    assert_eq!(error.message, "The form is not UTF-8");
}

#[test]
fn depth_and_count_are_bounded() {
    let deep = format!("Nested{}=", ".Nested".repeat(DEPTH_MAX));
    assert!(refusal(&EVERYTHING, &deep).contains("nested deeper"));
    let mut wide = String::new();
    for i in 0..=FORM_NODES_MAX {
        let _ = write!(wide, "{i}&");
    }
    assert!(refusal(&EVERYTHING, &wide).contains("more than"));
    let often = "a&".repeat(FORM_NODES_MAX);
    read(&EVERYTHING, &often);
    assert!(refusal(&EVERYTHING, &format!("{often}a")).contains("more than"));
}

#[test]
fn results_are_what_sdks_read() {
    let value = read(
        &EVERYTHING,
        "Text=a%3Cb%26&Blob=AQID&Double=1&Boolean=true&Time=1&Texts.1=x&Texts.2=y&Map.1.key=k&Map.1.value=v&Nested.Long=-1",
    );
    assert_eq!(
        String::from_utf8(encode(&EVERYTHING, &value)).unwrap(),
        "<Text>a&lt;b&amp;</Text><Blob>AQID</Blob><Double>1.0</Double><Boolean>true</Boolean>\
         <Time>1970-01-01T00:00:01Z</Time><Texts><member>x</member><member>y</member></Texts>\
         <Map><entry><key>k</key><value>v</value></entry></Map><Nested><Long>-1</Long></Nested>"
    );
}

#[test]
fn envelopes() {
    let envelope = |service, codec| Envelope {
        service,
        codec,
        request_id: "r-1",
    };
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let xml = envelope(Some(&sts::SERVICE), Codec::QueryXml);
    assert_eq!(
        text(xml.result(sts::op::GET_CALLER_IDENTITY, b"<Account>1</Account>")),
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
         <GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult>\n  <ResponseMetadata>\n    \
         <RequestId>r-1</RequestId>\n  </ResponseMetadata>\n</GetCallerIdentityResponse>\n"
    );
    let cloudwatch = envelope(Some(&cloudwatch::SERVICE), Codec::QueryXml);
    let silent = text(cloudwatch.result(cloudwatch::op::PUT_METRIC_DATA, b""));
    assert!(!silent.contains("Result>"), "{silent}");
    let error = ApiError::validation("a<b");
    let (status, body) = cloudwatch.error(&error);
    assert_eq!(
        (status, text(body)),
        (
            400,
            "<ErrorResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\">\n  <Error>\n    \
             <Type>Sender</Type>\n    <Code>ValidationError</Code>\n    <Message>a&lt;b</Message>\n  </Error>\n  \
             <RequestId>r-1</RequestId>\n</ErrorResponse>\n"
                .to_owned()
        )
    );
    assert_eq!(error_header(&error), "ValidationError;Sender");
    assert_eq!(error_header(&ApiError::internal("x")), "InternalFailure;Receiver");
    for (op, result) in [
        (sts::op::GET_CALLER_IDENTITY, br#"{"Account":"1"}"#.as_slice()),
        (cloudwatch::op::PUT_METRIC_DATA, b""),
    ] {
        let json = envelope(None, Codec::QueryJson).result(op, result);
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let response = &json[format!("{}Response", op.name)];
        assert_eq!(response["ResponseMetadata"]["RequestId"], "r-1");
        let account = &response["GetCallerIdentityResult"]["Account"];
        assert_eq!(account.as_str(), op.output.map(|_| "1"));
    }
    let (_, json) = envelope(None, Codec::QueryJson).error(&ApiError::client("X", "\"q\""));
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(
        (&json["Error"]["Code"], &json["Error"]["Message"]),
        (&"X".into(), &"\"q\"".into())
    );
}

#[test]
fn parameters_are_decoded() {
    assert_eq!(
        parameter("a=1&Action=Get%43aller+x%2", "Action").as_deref(),
        Some("GetCaller x%2")
    );
    assert_eq!(parameter("Action", "Action").as_deref(), Some(""));
    assert_eq!(parameter("a=%e9%FF", "a").as_deref(), Some("\u{fffd}\u{fffd}"));
    assert_eq!(parameter("", "Action"), None);
}

/// A form as a client writes it.
fn form(path: &str, shape: &Shape, value: &Value, out: &mut String) {
    let text = match (&shape.kind, value) {
        (Kind::Structure { members, .. }, Value::Struct(fields)) => {
            let mut any = path.is_empty();
            for (member, slot) in members.iter().zip(&fields.0) {
                if let Some(value) = slot {
                    let dot = if path.is_empty() { "" } else { "." };
                    form(&format!("{path}{dot}{}", member.wire), member.shape, value, out);
                    any = true;
                }
            }
            if any {
                return;
            }
            String::new()
        }
        (Kind::List { element, .. }, Value::List(items)) if !items.is_empty() => {
            for (i, item) in items.iter().enumerate() {
                form(&format!("{path}.member.{}", i + 1), element, item, out);
            }
            return;
        }
        (
            Kind::Map {
                key, value: shape, ..
            },
            Value::Map(entries),
        ) if !entries.is_empty() => {
            for (i, (name, item)) in entries.iter().enumerate() {
                let entry = format!("{path}.entry.{}", i + 1);
                form(&format!("{entry}.key"), key, &Value::String(name.clone()), out);
                form(&format!("{entry}.value"), shape, item, out);
            }
            return;
        }
        (_, Value::List(_) | Value::Map(_)) => String::new(),
        (_, Value::String(text)) => text.clone(),
        (_, Value::Blob(bytes)) => base64_simd::STANDARD.encode_to_string(bytes),
        (_, Value::Integer(number)) => number.to_string(),
        (_, Value::Double(number)) => format!("{number:?}"),
        (_, Value::Boolean(value)) => value.to_string(),
        (Kind::Timestamp(TimestampFormat::Iso8601), Value::Timestamp(t)) => timestamp::iso8601(*t),
        (_, Value::Timestamp(t)) => timestamp::epoch_seconds(*t),
        other => panic!("{other:?}"),
    };
    let _ = write!(out, "{path}=");
    out.extend(percent::encode(&text));
    out.push('&');
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_a_client_writes_is_read(value in value_of(&EVERYTHING, 1)) {
        let mut text = String::new();
        form("", &EVERYTHING, &value, &mut text);
        prop_assert_eq!(read(&EVERYTHING, &text), value);
    }

    #[test]
    fn elements_are_closed_and_texts_are_escaped(value in value_of(&EVERYTHING, 1)) {
        let xml = String::from_utf8(encode(&EVERYTHING, &value)).unwrap();
        let mut open: Vec<&str> = Vec::new();
        for piece in xml.split('<').skip(1) {
            let (tag, _) = piece.split_once('>').unwrap();
            match tag.strip_prefix('/') {
                Some(name) => prop_assert_eq!(open.pop(), Some(name)),
                None => open.push(tag),
            }
        }
        prop_assert!(open.is_empty());
        prop_assert!(xml.chars().all(|c| c >= ' ' || c == '\n' || c == '\t'));
    }

    #[test]
    fn any_form_is_read_without_a_panic(form in "[A-Za-z0-9.=&%+]{0,200}") {
        for shape in [&EVERYTHING, &cloudwatch::shapes::GET_METRIC_DATA_INPUT] {
            if let Ok(value) = decode(shape, &Bytes::from(form.clone())) {
                let _ = validate(shape, &value);
                let _ = encode(shape, &value);
            }
        }
    }

    #[test]
    fn mutated_forms_are_read_without_a_panic(at in any::<prop::sample::Index>(), with in "[.=&1x]{0,3}") {
        let mut form = PUT.to_owned();
        let at = at.index(form.len());
        form.replace_range(at..=at, &with);
        let _ = decode(&cloudwatch::shapes::PUT_METRIC_DATA_INPUT, &Bytes::from(form));
    }
}
