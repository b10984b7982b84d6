//! What the edge says before and besides the services: odd requests, refused signatures, CORS, STS, admin pages.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use millrace_base::Timestamp;
use support::{Answer, Call, Http1, JSON, start};

async fn ask(client: &mut Http1, head: &str, body: &str) -> Answer {
    let request = format!(
        "{head}\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    client.send(request.as_bytes()).await;
    client.answer().await
}

#[tokio::test]
async fn odd_requests_are_answered_like_aws_s_front_end() {
    let server = start(&[]).await;
    let mut client = Http1::open(server.local_addr()).await;
    let target = "x-amz-target: Kinesis_20131202.ListStreams";
    let none = ask(
        &mut client,
        "POST / HTTP/1.1\r\ncontent-type: application/x-amz-json-1.1",
        "{}",
    )
    .await;
    assert_eq!(none.status, 403);
    assert!(
        none.body
            .contains("<Message>Unable to determine service/operation name to be authorized</Message>")
    );
    assert_eq!(none.header("x-amzn-requestid").map(str::len), Some(36));
    let browser = ask(&mut client, "GET / HTTP/1.1", "").await;
    assert_eq!(browser.status, 403);
    let text = ask(
        &mut client,
        &format!("POST / HTTP/1.1\r\ncontent-type: text/plain\r\n{target}"),
        "{}",
    )
    .await;
    assert_eq!(
        (text.status, text.body.as_str()),
        (404, "<UnknownOperationException/>\n")
    );
    for (body, status, code) in [
        ("{}", 404, "UnknownOperationException"),
        ("{", 400, "SerializationException"),
    ] {
        let head = format!("POST / HTTP/1.1\r\ncontent-type: application/json\r\n{target}");
        let plain = ask(&mut client, &head, body).await;
        let expected =
            format!(r#"{{"Output":{{"__type":"com.amazon.coral.service#{code}"}},"Version":"1.0"}}"#);
        assert_eq!((plain.status, plain.body), (status, expected));
        assert_eq!(
            plain.headers.iter().find(|(n, _)| n == "content-type").unwrap().1,
            "application/json"
        );
    }
    let head =
        format!("POST /any/path HTTP/1.1\r\ncontent-type: {JSON}\r\nx-amz-target: Kinesis_20131202.Nope");
    let unknown = ask(&mut client, &head, "{}").await;
    assert_eq!(
        (unknown.status, unknown.body.as_str()),
        (400, r#"{"__type":"UnknownOperationException"}"#)
    );
    let head = format!(
        "POST / HTTP/1.1\r\ncontent-type: {JSON}\r\nx-amz-target: Firehose_20150804.ListDeliveryStreams"
    );
    let unbuilt = ask(&mut client, &head, "{}").await;
    assert_eq!(unbuilt.code(), "UnknownOperationException");
    assert!(
        unbuilt.body.contains("firehose is not part of this version"),
        "{}",
        unbuilt.body
    );
}

async fn refused(client: &mut Http1, call: &Call<'_>) -> (u16, String, String) {
    let answer = client.call(call).await;
    let code = answer.code();
    assert_eq!(answer.header("x-amzn-errortype"), Some(code.as_str()));
    (answer.status, code, answer.body)
}

#[tokio::test]
async fn every_refusal_has_its_code() {
    let server = start(&[]).await;
    let mut client = Http1::open(server.local_addr()).await;
    let good = Call::new("ListStreams", b"{}");
    let shifted = |ms: i64| Timestamp(good.at.0.saturating_add_signed(ms));
    for (call, code, words) in [
        (
            Call {
                key: "nobody",
                ..good.clone()
            },
            "UnrecognizedClientException",
            "security token",
        ),
        (
            Call {
                token: Some("t"),
                ..good.clone()
            },
            "UnrecognizedClientException",
            "security token",
        ),
        (
            Call {
                secret: "x",
                ..good.clone()
            },
            "InvalidSignatureException",
            "does not match",
        ),
        (
            Call {
                at: shifted(-3_600_000),
                ..good.clone()
            },
            "InvalidSignatureException",
            "Signature expired",
        ),
        (
            Call {
                at: shifted(3_600_000),
                ..good.clone()
            },
            "InvalidSignatureException",
            "not yet current",
        ),
    ] {
        let (status, found, body) = refused(&mut client, &call).await;
        assert_eq!((status, found.as_str()), (400, code), "{body}");
        assert!(body.contains(words), "{body}");
    }
    let plain =
        format!("POST / HTTP/1.1\r\ncontent-type: {JSON}\r\nx-amz-target: Kinesis_20131202.ListStreams");
    let missing = ask(&mut client, &plain, "{}").await;
    assert_eq!(missing.code(), "MissingAuthenticationTokenException");
    let incomplete = ask(
        &mut client,
        &format!("{plain}\r\nauthorization: AWS4-HMAC-SHA256 SignedHeaders=host"),
        "{}",
    )
    .await;
    assert_eq!(incomplete.code(), "IncompleteSignatureException");
    assert!(
        incomplete
            .body
            .contains("Authorization header requires 'Credential' parameter."),
        "{incomplete:?}"
    );
    let both = plain.replace("POST /", "POST /?X-Amz-Algorithm=AWS4-HMAC-SHA256");
    let both = ask(
        &mut client,
        &format!("{both}\r\nauthorization: AWS4-HMAC-SHA256 x"),
        "{}",
    )
    .await;
    assert_eq!(both.code(), "InvalidSignatureException");
    assert!(both.body.contains("Found both 'X-Amz-Algorithm'"), "{both:?}");
    let metric = support::metric(server.local_addr(), "millrace_auth_failures_total").await;
    assert!(metric >= 8.0, "{metric}");
}

#[tokio::test]
async fn a_body_that_does_not_parse_is_told_before_its_signature() {
    let server = start(&[]).await;
    let mut client = Http1::open(server.local_addr()).await;
    let plain =
        format!("POST / HTTP/1.1\r\ncontent-type: {JSON}\r\nx-amz-target: Kinesis_20131202.ListStreams");
    for body in ["{not json", "", "[", "\u{fffd}"] {
        let answer = ask(&mut client, &plain, body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "SerializationException"),
            "{body}"
        );
    }
    // Types are looked at behind the signature.
    let answer = ask(&mut client, &plain, "{\"Limit\":\"x\"}").await;
    assert_eq!(answer.code(), "MissingAuthenticationTokenException");
    let answer = client.call(&Call::new("ListStreams", b"{\"Limit\":\"x\"}")).await;
    assert_eq!(answer.code(), "SerializationException");
    let answer = client.call(&Call::new("ListStreams", b"{\"Limit\":0}")).await;
    assert_eq!(answer.code(), "ValidationException");
}

#[tokio::test]
async fn accounts_and_regions_do_not_see_each_other() {
    let keys = "AKA:sa:111111111111,AKB:sb:222222222222,AKT:st:111111111111:token";
    let server = start(&[("credentials", keys)]).await;
    let mut client = Http1::open(server.local_addr()).await;
    let a = Call {
        key: "AKA",
        secret: "sa",
        ..Call::new("CreateStream", b"{\"StreamName\":\"s\",\"ShardCount\":1}")
    };
    assert_eq!(client.call(&a).await.status, 200);
    let list = Call {
        op: "ListStreams",
        body: b"{}",
        ..a.clone()
    };
    for (call, sees) in [
        (list.clone(), true),
        (
            Call {
                key: "AKT",
                secret: "st",
                token: Some("token"),
                ..list.clone()
            },
            true,
        ),
        (
            Call {
                region: "eu-west-1",
                ..list.clone()
            },
            false,
        ),
        (
            Call {
                key: "AKB",
                secret: "sb",
                ..list.clone()
            },
            false,
        ),
    ] {
        let answer = client.call(&call).await;
        assert_eq!(
            (answer.status, answer.body.contains("\"s\"")),
            (200, sees),
            "{answer:?}"
        );
    }
    let local = refused(&mut client, &Call::new("ListStreams", b"{}")).await;
    assert_eq!(local.1, "UnrecognizedClientException");
    let no_token = refused(
        &mut client,
        &Call {
            key: "AKT",
            secret: "st",
            ..list
        },
    )
    .await;
    assert_eq!(no_token.1, "UnrecognizedClientException");
}

#[tokio::test]
async fn without_authentication_everybody_is_let_in() {
    let server = start(&[("auth.mode", "none")]).await;
    let mut client = Http1::open(server.local_addr()).await;
    let plain =
        format!("POST / HTTP/1.1\r\ncontent-type: {JSON}\r\nx-amz-target: Kinesis_20131202.ListStreams");
    assert_eq!(ask(&mut client, &plain, "{}").await.status, 200);
    assert_eq!(
        client
            .call(&Call {
                secret: "wrong",
                ..Call::new("ListStreams", b"{}")
            })
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn sts_says_who_calls() {
    let server = start(&[]).await;
    let mut client = Http1::open(server.local_addr()).await;
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    let body = b"Action=GetCallerIdentity&Version=2011-06-15";
    let call = Call {
        service: "sts",
        content_type: form,
        ..Call::new("", body)
    };
    let answer = client.call(&call).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/xml")),
        "{answer:?}"
    );
    assert!(
        answer.body.contains("<Arn>arn:aws:iam::000000000000:root</Arn>"),
        "{}",
        answer.body
    );
    assert!(
        answer.body.contains("<Account>000000000000</Account>"),
        "{}",
        answer.body
    );
    let id = answer.header("x-amzn-requestid").unwrap().to_owned();
    assert!(answer.body.contains(&id), "{}", answer.body);
    let answer = client
        .call(&Call {
            secret: "x",
            ..call.clone()
        })
        .await;
    assert_eq!(
        (answer.status, answer.header("x-amzn-errortype")),
        (403, Some("SignatureDoesNotMatch"))
    );
    assert!(
        answer.body.contains("<Code>SignatureDoesNotMatch</Code>"),
        "{}",
        answer.body
    );
    let answer = client
        .call(&Call {
            body: b"Action=Nope&Version=2011-06-15",
            ..call
        })
        .await;
    assert_eq!(
        (answer.status, answer.header("x-amzn-errortype")),
        (400, Some("InvalidAction"))
    );
}

#[tokio::test]
async fn browsers_may_call() {
    let server = start(&[]).await;
    let mut client = Http1::open(server.local_addr()).await;
    let asks = "OPTIONS / HTTP/1.1\r\norigin: https://a.example\r\naccess-control-request-method: POST\r\n\
                access-control-request-headers: x-amz-target,authorization";
    let answer = ask(&mut client, asks, "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(
        answer.header("access-control-allow-headers"),
        Some("x-amz-target,authorization")
    );
    assert_eq!(answer.header("access-control-allow-methods"), Some("POST"));
    assert_eq!(answer.header("access-control-max-age"), Some("172800"));
    let answer = ask(&mut client, "POST / HTTP/1.1\r\norigin: https://a.example", "").await;
    assert!(
        answer
            .header("access-control-expose-headers")
            .unwrap()
            .contains("x-amzn-RequestId")
    );
}

#[tokio::test]
async fn pages_for_operators_need_no_signature() {
    let server = start(&[]).await;
    let mut client = Http1::open(server.local_addr()).await;
    client.call(&Call::new("ListStreams", b"{}")).await;
    assert_eq!(client.get("/healthz").await.body, "ok\n");
    assert_eq!(client.get("/readyz").await.body, "ready\n");
    let metrics = client.get("/metrics").await;
    assert_eq!(
        metrics.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    for line in [
        "millrace_connections 1",
        "millrace_requests_total{service=\"kinesis\",operation=\"ListStreams\",code=\"OK\"} 1",
        "millrace_request_body_bytes_total 2",
        "# TYPE millrace_request_duration_seconds histogram",
        "# TYPE process_resident_memory_bytes gauge",
        "# TYPE millrace_streams_incoming_bytes_total counter",
    ] {
        assert!(
            metrics.body.lines().any(|l| l == line),
            "{line}\n{}",
            metrics.body
        );
    }
    let mut families: Vec<_> = metrics.body.lines().filter(|l| l.starts_with("# TYPE")).collect();
    let count = families.len();
    families.sort_unstable();
    families.dedup();
    assert_eq!(families.len(), count);
}

#[tokio::test]
async fn control_plane_calls_leave_audit_entries_and_records_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(&[("storage.data_dir", dir.path().to_str().unwrap())]).await;
    let mut client = Http1::open(server.local_addr()).await;
    let create = br#"{"StreamName":"audited","ShardCount":1}"#;
    let put = br#"{"StreamName":"audited","Data":"c2VjcmV0","PartitionKey":"k"}"#;
    let wrong = Call {
        secret: "wrong",
        ..Call::new("DeleteStream", br#"{"StreamName":"audited"}"#)
    };
    for call in [
        Call::new("CreateStream", create),
        Call::new("PutRecord", put),
        wrong,
    ] {
        client.send(&call.bytes()).await;
        client.answer().await;
    }
    server.stop();
    server.join().await;
    let text = std::fs::read_to_string(dir.path().join("audit/audit.jsonl")).unwrap();
    let entries: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [created, refused] = entries.as_slice() else {
        panic!("{text}");
    };
    assert_eq!(created["eventName"], "CreateStream");
    assert_eq!(created["requestParameters"]["StreamName"], "audited");
    assert_eq!(created["sourceIPAddress"], "127.0.0.1");
    assert_eq!(created["userIdentity"]["arn"], "arn:aws:iam::000000000000:root");
    assert_eq!(refused["eventName"], "DeleteStream");
    assert_eq!(refused["errorCode"], "InvalidSignatureException");
    assert_eq!(refused.get("userIdentity"), None);
}
