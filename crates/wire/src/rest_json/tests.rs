//! Requests and answers of a small service with the bindings Lambda and Kinesis Video use.

use bytes::Bytes;
use millrace_api::{Fields, Kind, Location, Member, Operation, Protocol, Service, Shape, Value};
use proptest::prelude::*;

use super::*;
use crate::ApiError;
use crate::testing::{
    BLOB, BOOLEAN, INTEGER, LONG, MAP, RECORD, TEXT, TEXTS, TIME, at, get, member, structure,
};

static INVOKE: Shape = structure(
    "InvocationRequest",
    &[
        Member {
            required: true,
            ..at(Location::Uri, "FunctionName", "FunctionName", &TEXT)
        },
        at(Location::Query, "Qualifier", "Qualifier", &TEXT),
        at(Location::Header, "LogType", "X-Amz-Log-Type", &TEXT),
        Member {
            payload: true,
            ..member("Payload", &BLOB)
        },
    ],
);
static INVOKED: Shape = structure(
    "InvocationResponse",
    &[
        at(Location::Status, "StatusCode", "", &INTEGER),
        at(Location::Header, "FunctionError", "X-Amz-Function-Error", &TEXT),
        Member {
            payload: true,
            ..member("Payload", &BLOB)
        },
    ],
);
static LIST: Shape = structure(
    "ListRequest",
    &[
        at(Location::Query, "MaxItems", "MaxItems", &INTEGER),
        at(Location::Query, "Names", "name", &TEXTS),
        at(Location::Query, "Verbose", "verbose", &BOOLEAN),
        at(Location::Query, "After", "after", &TIME),
        at(Location::Query, "Rest", "", &MAP),
        at(Location::Headers, "Meta", "x-meta-", &MAP),
        at(Location::Header, "Words", "x-words", &TEXTS),
        at(Location::Uri, "Version", "Version", &LONG),
    ],
);
static UPDATE: Shape = structure(
    "UpdateRequest",
    &[
        at(Location::Uri, "Arn", "Arn", &TEXT),
        Member {
            wire: "tags",
            ..member("Tags", &MAP)
        },
        member("Count", &INTEGER),
    ],
);
static UPDATED: Shape = structure(
    "UpdateResponse",
    &[
        member("Count", &INTEGER),
        at(Location::Headers, "Meta", "x-meta-", &MAP),
        at(Location::Header, "When", "Last-Modified", &TIME),
        at(Location::Header, "Words", "x-words", &TEXTS),
    ],
);
static MEDIA: Shape = structure(
    "GetMediaOutput",
    &[
        at(Location::Header, "ContentType", "Content-Type", &TEXT),
        Member {
            payload: true,
            ..member(
                "Payload",
                &Shape {
                    name: "Payload",
                    kind: Kind::Blob {
                        min: None,
                        max: None,
                        streaming: true,
                    },
                },
            )
        },
    ],
);
static STRUCTURED: Shape = structure(
    "Structured",
    &[Member {
        payload: true,
        ..member("Record", &RECORD)
    }],
);

const fn operation(
    name: &'static str,
    method: &'static str,
    uri: &'static str,
    status: u16,
    shapes: (Option<&'static Shape>, Option<&'static Shape>),
) -> Operation {
    Operation {
        name,
        method,
        uri,
        status,
        input: shapes.0,
        output: shapes.1,
        errors: &[],
    }
}

static SERVICE: Service = Service {
    id: "test",
    version: "2015-03-31",
    signing_name: "test",
    protocol: Protocol::RestJson,
    target_prefix: "",
    xml_namespace: "",
    operations: &[
        operation("Delete", "DELETE", "/functions/{FunctionName}", 204, (None, None)),
        operation("Greedy", "GET", "/files/{Path+}", 200, (None, None)),
        operation(
            "Invoke",
            "POST",
            "/functions/{FunctionName}/invocations",
            200,
            (Some(&INVOKE), Some(&INVOKED)),
        ),
        operation("List", "GET", "/functions/{Version}", 200, (Some(&LIST), None)),
        operation("ListAll", "GET", "/functions/all", 200, (Some(&LIST), None)),
        operation("Media", "POST", "/getMedia", 200, (None, Some(&MEDIA))),
        operation(
            "Structured",
            "POST",
            "/structured",
            200,
            (Some(&STRUCTURED), Some(&STRUCTURED)),
        ),
        operation(
            "Update",
            "PUT",
            "/tags/{Arn}/",
            202,
            (Some(&UPDATE), Some(&UPDATED)),
        ),
    ],
};

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn texts(items: &[&str]) -> Value {
    Value::List(items.iter().map(|t| text(t)).collect())
}

fn map(entries: &[(&str, &str)]) -> Value {
    Value::Map(entries.iter().map(|(k, v)| ((*k).to_owned(), text(v))).collect())
}

fn bind(
    method: &str,
    path: &str,
    query: &str,
    headers: &[(&str, &str)],
    body: &'static [u8],
) -> Result<(&'static Shape, Value), ApiError> {
    let (operation, labels) = route(&SERVICE, method, path).unwrap();
    let shape = operation.input.unwrap();
    let request = Request {
        query,
        headers,
        body: &Bytes::from_static(body),
    };
    decode(shape, &labels, &request).map(|value| (shape, value))
}

#[test]
fn operations_are_found() {
    let name = |method: &str, path: &str| route(&SERVICE, method, path).map(|(op, _)| op.name);
    assert_eq!(name("POST", "/functions/f/invocations"), Some("Invoke"));
    assert_eq!(name("POST", "/functions/f/invocations/"), Some("Invoke"));
    assert_eq!(
        name("GET", "/functions/all"),
        Some("ListAll"),
        "a literal goes before a label"
    );
    assert_eq!(name("GET", "/functions/7"), Some("List"));
    assert_eq!(name("DELETE", "/functions/7"), Some("Delete"));
    assert_eq!(name("PUT", "/tags/x"), Some("Update"));
    for (method, path) in [
        ("GET", "/functions//invocations"),
        ("PATCH", "/functions/7"),
        ("GET", "/"),
        ("GET", "/functions/7/x"),
        ("GET", "/functions/%zz"),
    ] {
        assert_eq!(name(method, path), None, "{method} {path}");
    }
    let (_, labels) = route(&SERVICE, "GET", "/files/a/b%20c").unwrap();
    assert_eq!(labels, [("Path", "a/b c".to_owned())]);
    let (_, labels) = route(&SERVICE, "PUT", "/tags/arn%3Aaws%3Ax%2Fy").unwrap();
    assert_eq!(labels, [("Arn", "arn:aws:x/y".to_owned())]);
}

#[test]
fn path_query_header_and_payload_are_bound() {
    let headers = [("x-amz-log-type", "Tail")];
    let (shape, value) = bind(
        "POST",
        "/functions/f%C3%A9/invocations",
        "Qualifier=a%2Bb+c&x=1",
        &headers,
        b"\x00raw",
    )
    .unwrap();
    assert_eq!(get(shape, &value, "FunctionName"), Some(&text("fé")));
    assert_eq!(get(shape, &value, "Qualifier"), Some(&text("a+b c")));
    assert_eq!(get(shape, &value, "LogType"), Some(&text("Tail")));
    assert_eq!(
        get(shape, &value, "Payload"),
        Some(&Value::Blob(Bytes::from_static(b"\x00raw")))
    );
    let (shape, value) = bind("POST", "/functions/f/invocations", "", &[], b"").unwrap();
    assert_eq!(get(shape, &value, "Payload"), None);
    assert_eq!(get(shape, &value, "Qualifier"), None);
}

#[test]
fn lists_maps_numbers_and_times_are_bound() {
    let query = "MaxItems=5&name=a&name=b&verbose=TRUE&after=2026-11-22T20:07:06.989Z&other=1&flag";
    let headers = [
        ("X-Meta-A", "1"),
        ("x-meta-", "none"),
        ("x-words", "a, b"),
        ("X-Words", "c"),
        ("x", "y"),
    ];
    let (shape, value) = bind("GET", "/functions/7", query, &headers, b"").unwrap();
    assert_eq!(get(shape, &value, "MaxItems"), Some(&Value::Integer(5)));
    assert_eq!(get(shape, &value, "Names"), Some(&texts(&["a", "b"])));
    assert_eq!(get(shape, &value, "Verbose"), Some(&Value::Boolean(true)));
    assert_eq!(
        get(shape, &value, "After"),
        Some(&Value::Timestamp(1_795_378_026_989))
    );
    assert_eq!(
        get(shape, &value, "Rest"),
        Some(&map(&[("other", "1"), ("flag", "")]))
    );
    assert_eq!(get(shape, &value, "Meta"), Some(&map(&[("A", "1")])));
    assert_eq!(get(shape, &value, "Words"), Some(&texts(&["a", "b", "c"])));
    assert_eq!(get(shape, &value, "Version"), Some(&Value::Integer(7)));
    for query in ["MaxItems=x", "verbose=maybe", "after=yesterday", "a=%f", "a=%ff"] {
        assert_eq!(
            bind("GET", "/functions/7", query, &[], b"").unwrap_err().code,
            "SerializationException",
            "{query}"
        );
    }
    let error = bind("GET", "/functions/x", "", &[], b"").unwrap_err();
    assert_eq!(error.message, "'x' can not be converted to an Long");
}

#[test]
fn a_json_body_is_bound_beside_the_path() {
    let (shape, value) = bind(
        "PUT",
        "/tags/a",
        "",
        &[],
        br#"{"tags":{"k":"v"},"Count":2,"Arn":"not this"}"#,
    )
    .unwrap();
    assert_eq!(get(shape, &value, "Arn"), Some(&text("a")));
    assert_eq!(get(shape, &value, "Tags"), Some(&map(&[("k", "v")])));
    assert_eq!(get(shape, &value, "Count"), Some(&Value::Integer(2)));
    let (shape, value) = bind("PUT", "/tags/a", "", &[], b"").unwrap();
    assert_eq!(get(shape, &value, "Count"), None, "no body is no members");
    assert_eq!(
        bind("PUT", "/tags/a", "", &[], b"{").unwrap_err().code,
        "SerializationException"
    );
    let (shape, value) = bind("POST", "/structured", "", &[], br#"{"PartitionKey":"k"}"#).unwrap();
    assert_eq!(
        get(&RECORD, get(shape, &value, "Record").unwrap(), "PartitionKey"),
        Some(&text("k"))
    );
}

fn answer(name: &str, slots: Vec<Option<Value>>) -> Response {
    respond(SERVICE.operation(name).unwrap(), &Value::Struct(Fields(slots)))
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response
        .headers
        .iter()
        .find(|(n, _)| n == name)
        .map(|(_, v)| v.as_str())
}

#[test]
fn answers_are_rendered() {
    let payload = Value::Blob(Bytes::from_static(b"out"));
    let response = answer(
        "Invoke",
        vec![Some(Value::Integer(202)), Some(text("Unhandled")), Some(payload)],
    );
    assert_eq!(
        (response.status, response.body.as_ref()),
        (202, b"out".as_slice())
    );
    assert_eq!(header(&response, "x-amz-function-error"), Some("Unhandled"));
    assert_eq!(
        header(&response, "content-type"),
        Some("application/octet-stream")
    );

    let meta = map(&[("A", "1\r\nSet-Cookie: x")]);
    let words = texts(&["a", "b"]);
    let time = Value::Timestamp(784_111_777_000);
    let response = answer(
        "Update",
        vec![Some(Value::Integer(1)), Some(meta), Some(time), Some(words)],
    );
    assert_eq!(
        (response.status, response.body.as_ref()),
        (202, br#"{"Count":1}"#.as_slice())
    );
    assert_eq!(
        header(&response, "x-meta-a"),
        Some("1  Set-Cookie: x"),
        "a value cannot end its header"
    );
    assert_eq!(
        header(&response, "last-modified"),
        Some("Sun, 06 Nov 1994 08:49:37 GMT")
    );
    assert_eq!(header(&response, "x-words"), Some("a, b"));
    assert_eq!(header(&response, "content-type"), Some("application/json"));

    let response = answer("Update", vec![None; 4]);
    assert_eq!(response.body.as_ref(), b"{}");
    let response = answer("Media", vec![Some(text("video/x-matroska")), None]);
    assert_eq!(
        response.headers,
        [("content-type".to_owned(), "video/x-matroska".to_owned())]
    );
    assert!(response.body.is_empty(), "the service streams the payload");
    let response = answer("Delete", vec![]);
    assert_eq!(
        response,
        Response {
            status: 204,
            headers: vec![],
            body: Bytes::new()
        }
    );
    let record = Value::Struct(Fields(vec![None, Some(text("k"))]));
    assert_eq!(
        answer("Structured", vec![Some(record)]).body.as_ref(),
        br#"{"PartitionKey":"k"}"#
    );
}

#[test]
fn errors_are_named_in_a_header() {
    let response = error(&ApiError::client("ns#ResourceNotFoundException", "no \"x\"").with_status(404));
    assert_eq!(response.status, 404);
    assert_eq!(
        header(&response, "x-amzn-errortype"),
        Some("ResourceNotFoundException")
    );
    assert_eq!(response.body.as_ref(), br#"{"Message":"no \"x\""}"#);
}

#[test]
fn a_request_is_validated() {
    let (operation, labels) = route(&SERVICE, "POST", "/functions/f/invocations").unwrap();
    let unlabelled = Request {
        query: "",
        headers: &[],
        body: &Bytes::new(),
    };
    let error = request::<Nothing>(operation, &Vec::new(), &unlabelled).unwrap_err();
    assert_eq!(error.code, "ValidationException");
    assert!(error.message.contains("Value null at 'functionName'"), "{error}");
    assert!(request::<Nothing>(operation, &labels, &unlabelled).is_ok());
}

/// A type that takes any value.
#[derive(Debug)]
struct Nothing;

impl millrace_api::Typed for Nothing {
    fn from_value(_: Value) -> Result<Self, millrace_api::value::Mismatch> {
        Ok(Self)
    }

    fn into_value(self) -> Value {
        Value::Boolean(true)
    }
}

proptest! {
    #[test]
    fn arbitrary_requests_never_panic(path in ".{0,40}", query in ".{0,40}", name in ".{0,12}", value in ".{0,12}") {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let Some((operation, labels)) = route(&SERVICE, method, &format!("/functions/{path}")) else { continue };
            let headers = [(name.as_str(), value.as_str()), ("x-meta-é", "1")];
            let request = Request { query: &query, headers: &headers, body: &Bytes::new() };
            if let Some(shape) = operation.input {
                let _ = decode(shape, &labels, &request);
            }
        }
    }
}
