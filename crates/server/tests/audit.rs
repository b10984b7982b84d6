//! What the audit log says of calls in the query protocol and of packed bodies. That of plain calls is under test in
//! `edge.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::io::Write;

use serde_json::Value;
use support::{Answer, Call, Http1, start};

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
const ASSUME: &[u8] =
    b"Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A000000000000%3Arole%2Freader\
    &RoleSessionName=session";
const PUT: &[u8] = b"Action=PutMetricData&Version=2010-08-01&Namespace=n&MetricData.member.1.MetricName=m\
    &MetricData.member.1.Value=2";
const WHO: &[u8] = b"Action=GetCallerIdentity&Version=2011-06-15";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn form<'a>(service: &'a str, body: &'a [u8]) -> Call<'a> {
    Call {
        service,
        content_type: FORM,
        ..Call::new("", body)
    }
}

async fn packed(client: &mut Http1, call: &Call<'_>) -> Answer {
    let more = format!(
        "content-encoding: gzip\r\ncontent-length: {}\r\n",
        call.body.len()
    );
    client.send(&[&call.head(&more), call.body].concat()).await;
    client.answer().await
}

/// Makes calls of a server of its own; yields what its log says.
async fn entries_of(calls: impl AsyncFnOnce(&mut Http1)) -> Vec<Value> {
    let dir = tempfile::tempdir().unwrap();
    let server = start(&[("storage.data_dir", dir.path().to_str().unwrap())]).await;
    let mut client = Http1::open(server.local_addr()).await;
    calls(&mut client).await;
    server.stop();
    server.join().await;
    let text = std::fs::read_to_string(dir.path().join("audit/audit.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn control_plane_calls_in_forms_leave_entries() {
    let entries = entries_of(async |client| {
        let assumed = client.call(&form("sts", ASSUME)).await;
        assert!(
            assumed.body.contains("not authorized to perform: sts:AssumeRole"),
            "{assumed:?}"
        );
        let wrong = Call {
            secret: "wrong",
            ..form("sts", ASSUME)
        };
        assert_eq!(client.call(&wrong).await.status, 403);
        let body = gzip(ASSUME);
        let answer = packed(client, &form("sts", &body)).await;
        assert!(
            answer.body.contains("not authorized to perform: sts:AssumeRole"),
            "{answer:?}"
        );
    })
    .await;
    let [known, refused, packed] = entries.as_slice() else {
        panic!("{entries:?}");
    };
    for entry in [known, refused, packed] {
        assert_eq!(entry["eventName"], "AssumeRole");
        assert_eq!(entry["eventSource"], "sts.amazonaws.com");
        assert_eq!(entry["readOnly"], false);
        let parameters = &entry["requestParameters"];
        assert_eq!(parameters["RoleArn"], "arn:aws:iam::000000000000:role/reader");
        assert_eq!(parameters["RoleSessionName"], "session");
    }
    for entry in [known, packed] {
        assert_eq!(entry["errorCode"], "AccessDenied");
        assert_eq!(entry["userIdentity"]["arn"], "arn:aws:iam::000000000000:root");
    }
    assert_eq!(refused["errorCode"], "InvalidSignatureException");
    assert_eq!(refused.get("userIdentity"), None);
}

#[tokio::test]
async fn metrics_and_questions_who_one_is_leave_none() {
    let entries = entries_of(async |client| {
        assert_eq!(client.call(&form("monitoring", PUT)).await.status, 200);
        let body = gzip(PUT);
        let answer = packed(client, &form("monitoring", &body)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let wrong = Call {
            secret: "wrong",
            ..form("monitoring", PUT)
        };
        assert_eq!(client.call(&wrong).await.status, 403);
        assert_eq!(client.call(&form("sts", WHO)).await.status, 200);
    })
    .await;
    assert!(entries.is_empty(), "{entries:?}");
}

#[tokio::test]
async fn a_call_that_cannot_be_unpacked_leaves_one() {
    let entries = entries_of(async |client| {
        let create = Call::new("CreateStream", br#"{"StreamName":"s","ShardCount":1}"#);
        let answer = packed(client, &create).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "SerializationException")
        );
    })
    .await;
    let [entry] = entries.as_slice() else {
        panic!("{entries:?}");
    };
    assert_eq!(entry["eventName"], "CreateStream");
    assert_eq!(entry["errorCode"], "SerializationException");
    assert_eq!(entry["userIdentity"]["arn"], "arn:aws:iam::000000000000:root");
    assert_eq!(entry["requestParameters"], Value::Null);
}
