//! CloudWatch over the port: three protocols and a compressed one, and what Data Streams emits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::io::Write;

use millrace_base::{Clock, SystemClock};
use millrace_server::Server;
use millrace_wire::sigv4::{Identity, Signing, sign};
use millrace_wire::timestamp;
use support::{Answer, Call, Http1, config, eventually, start};

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
const JSON: &str = "application/x-amz-json-1.0";
const RPC: &str = "/service/GraniteServiceVersion20100801/operation";

/// A signed POST with these headers.
async fn post(server: &Server, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    post_as(server, "test", (path, headers), body).await
}

async fn post_as(
    server: &Server,
    secret: &str,
    (path, headers): (&str, &[(&str, &str)]),
    body: &[u8],
) -> Answer {
    let mut signed = vec![("host", "localhost")];
    signed.extend_from_slice(headers);
    let identity = Identity {
        access_key: "test",
        secret_key: secret,
        token: None,
    };
    let signing = Signing {
        method: "POST",
        path,
        query: "",
        headers: &signed,
        body,
        region: "us-east-1",
        service: "monitoring",
        now: SystemClock::new().now(),
    };
    let added = sign(&identity, &signing);
    let mut request = format!("POST {path} HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in signed {
        request += &format!("{name}: {value}\r\n");
    }
    for (name, value) in added {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    let mut client = Http1::open(server.local_addr()).await;
    client.send(&[request.as_bytes(), body].concat()).await;
    client.answer().await
}

async fn json(server: &Server, op: &str, body: &str) -> Answer {
    let target = format!("GraniteServiceVersion20100801.{op}");
    let headers = [("content-type", JSON), ("x-amz-target", target.as_str())];
    post(server, "/", &headers, body.as_bytes()).await
}

async fn form(server: &Server, body: &str) -> Answer {
    post(server, "/", &[("content-type", FORM)], body.as_bytes()).await
}

async fn cbor(server: &Server, op: &str, body: &[u8], more: &[(&str, &str)]) -> Answer {
    let mut headers = vec![
        ("content-type", "application/cbor"),
        ("smithy-protocol", "rpc-v2-cbor"),
    ];
    headers.extend_from_slice(more);
    post(server, &format!("{RPC}/{op}"), &headers, body).await
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// `{"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 2}]}` as an SDK writes it.
const CBOR: &[u8] = b"\xa2\x69Namespace\x61n\x6aMetricData\x81\xa2\x6aMetricName\x61m\x65Value\x02";
const PUT: &str = "Action=PutMetricData&Version=2010-08-01&Namespace=n&MetricData.member.1.MetricName=m&MetricData.member.1.Value=2";

/// Sum of a metric in the last hour, asked for in a form.
async fn sum(server: &Server, namespace: &str, name: &str, dimension: &str) -> Option<f64> {
    let now = i64::try_from(SystemClock::new().now().0).unwrap();
    let time = |offset: i64| timestamp::iso8601(now + offset).replace(':', "%3A");
    let body = format!(
        "Action=GetMetricStatistics&Version=2010-08-01&Namespace={namespace}&MetricName={name}&Period=3600\
         &Statistics.member.1=Sum&StartTime={}&EndTime={}{dimension}",
        time(-3_600_000),
        time(3_600_000)
    );
    let answer = form(server, &body).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/xml")),
        "{answer:?}"
    );
    let sums = answer.body.split("<Sum>").skip(1);
    let values = sums.map(|rest| rest.split('<').next().unwrap().parse::<f64>().unwrap());
    values.reduce(|a, b| a + b)
}

#[tokio::test]
async fn every_protocol_and_compression() {
    let server = start(&[]).await;
    let put = json(
        &server,
        "PutMetricData",
        r#"{"Namespace":"n","MetricData":[{"MetricName":"m","Value":2}]}"#,
    );
    let put = put.await;
    assert_eq!((put.status, put.body.as_str()), (200, ""), "{put:?}");
    let put = form(&server, PUT).await;
    assert_eq!(put.status, 200);
    assert!(
        put.body
            .starts_with("<PutMetricDataResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\">")
    );
    let put = cbor(&server, "PutMetricData", CBOR, &[]).await;
    assert_eq!((put.status, put.body.as_str()), (200, ""), "{put:?}");
    assert_eq!(put.header("smithy-protocol"), Some("rpc-v2-cbor"));
    assert_eq!(put.header("content-type"), None);
    assert_eq!(sum(&server, "n", "m", "").await, Some(6.0));
    let packed = cbor(
        &server,
        "PutMetricData",
        &gzip(CBOR),
        &[("content-encoding", "gzip")],
    )
    .await;
    assert_eq!(packed.status, 200, "{packed:?}");
    let headers = [("content-type", FORM), ("content-encoding", "GZIP")];
    let packed = post(&server, "/", &headers, &gzip(PUT.as_bytes())).await;
    assert_eq!(packed.status, 200, "{packed:?}");
    assert_eq!(sum(&server, "n", "m", "").await, Some(10.0));
    let listed = json(&server, "ListMetrics", "{}").await;
    assert_eq!(
        listed.body,
        r#"{"Metrics":[{"Namespace":"n","MetricName":"m","Dimensions":[]}]}"#
    );
    let listed = cbor(&server, "ListMetrics", b"\xa0", &[]).await;
    assert_eq!(listed.header("content-type"), Some("application/cbor"));
    assert!(listed.body.contains("MetricName"), "{listed:?}");
}

#[tokio::test]
async fn errors_in_every_protocol() {
    let server = start(&[]).await;
    let body = r#"{"Namespace":"AWS/x","MetricData":[{"MetricName":"m","Value":2}]}"#;
    let answer = json(&server, "PutMetricData", body).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.code(), "InvalidParameterValueException");
    assert_eq!(
        answer.header("x-amzn-query-error"),
        Some("InvalidParameterValue;Sender")
    );
    let answer = form(&server, &PUT.replace("Namespace=n", "Namespace=AWS/x")).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.contains("<Code>InvalidParameterValue</Code>"),
        "{}",
        answer.body
    );
    assert!(
        answer
            .body
            .contains("<Message>The value AWS/ for parameter Namespace is invalid.</Message>")
    );
    let answer = cbor(&server, "PutMetricData", b"\xa0", &[]).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.header("smithy-protocol"), Some("rpc-v2-cbor"));
    assert_eq!(
        answer.header("x-amzn-query-error"),
        Some("MissingParameter;Sender")
    );
    assert!(
        answer.body.contains("MissingRequiredParameterException"),
        "{answer:?}"
    );
    let answer = cbor(&server, "Nope", b"\xa0", &[]).await;
    assert_eq!(
        (answer.status, answer.header("x-amzn-errortype")),
        (400, Some("UnknownOperationException"))
    );
    let answer = form(&server, "Action=PutMetricAlarm&Version=2010-08-01").await;
    assert!(
        answer.body.contains("<Code>InvalidAction</Code>"),
        "{}",
        answer.body
    );
}

/// Parameters in the URI, as old clients have them, and an answer in JSON, which forms can ask for.
#[tokio::test]
async fn a_get_with_everything_in_the_uri() {
    let server = start(&[]).await;
    form(&server, PUT).await;
    let query = "Action=ListMetrics&Namespace=n&Version=2010-08-01";
    let headers = [("host", "localhost"), ("accept", "application/json")];
    let identity = Identity {
        access_key: "test",
        secret_key: "test",
        token: None,
    };
    let signing = Signing {
        method: "GET",
        path: "/",
        query,
        headers: &headers,
        body: b"",
        region: "us-east-1",
        service: "monitoring",
        now: SystemClock::new().now(),
    };
    let added = sign(&identity, &signing);
    let given = headers.map(|(name, value)| (name, value.to_owned()));
    let mut request = format!("GET /?{query} HTTP/1.1\r\n");
    for (name, value) in given.into_iter().chain(added) {
        request += &format!("{name}: {value}\r\n");
    }
    let mut client = Http1::open(server.local_addr()).await;
    client.send(format!("{request}\r\n").as_bytes()).await;
    let answer = client.answer().await;
    let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let metrics = &json["ListMetricsResponse"]["ListMetricsResult"]["Metrics"];
    assert_eq!(metrics[0]["MetricName"], "m", "{answer:?}");
}

#[tokio::test]
async fn only_who_signed_is_unpacked() {
    let server = start(&[]).await;
    let packed = [("content-encoding", "gzip")];
    let broken = cbor(&server, "PutMetricData", b"no gzip", &packed).await;
    assert_eq!(
        (broken.status, broken.header("x-amzn-errortype")),
        (400, Some("SerializationException"))
    );
    let bomb = gzip(&vec![b'x'; 9 << 20]);
    let large = cbor(&server, "PutMetricData", &bomb, &packed).await;
    assert_eq!(large.status, 413, "{large:?}");
    for headers in [
        [("content-type", FORM), ("content-encoding", "gzip")].as_slice(),
        &[
            ("content-type", JSON),
            ("x-amz-target", "GraniteServiceVersion20100801.ListMetrics"),
            packed[0],
        ],
    ] {
        let refused = post_as(&server, "wrong", ("/", headers), &bomb).await;
        let code = refused.header("x-amzn-errortype").unwrap();
        assert!(
            ["SignatureDoesNotMatch", "InvalidSignatureException"].contains(&code),
            "{refused:?}"
        );
        assert!([400, 403].contains(&refused.status), "{refused:?}");
    }
}

#[tokio::test]
async fn data_streams_emits_and_a_restart_forgets_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let settings = [
        ("storage.data_dir", dir.path().to_str().unwrap()),
        ("cloudwatch.sample_secs", "1"),
    ];
    let server = Server::start(config(&settings)).await.unwrap();
    let mut client = Http1::open(server.local_addr()).await;
    let create = br#"{"StreamName":"s","ShardCount":1}"#;
    assert_eq!(client.call(&Call::new("CreateStream", create)).await.status, 200);
    let record = br#"{"StreamName":"s","Data":"YWJj","PartitionKey":"k"}"#;
    eventually("a record is put", async || {
        client.call(&Call::new("PutRecord", record)).await.status == 200
    })
    .await;
    let of_stream = "&Dimensions.member.1.Name=StreamName&Dimensions.member.1.Value=s";
    eventually("metrics of the stream", async || {
        sum(&server, "AWS/Kinesis", "IncomingBytes", of_stream).await == Some(4.0)
    })
    .await;
    // Counted, but perhaps not sampled yet when the server stops.
    assert_eq!(client.call(&Call::new("PutRecord", record)).await.status, 200);
    form(&server, PUT).await;
    server.stop();
    server.join().await;
    let server = Server::start(config(&settings)).await.unwrap();
    assert_eq!(
        sum(&server, "AWS/Kinesis", "IncomingBytes", of_stream).await,
        Some(8.0)
    );
    assert_eq!(sum(&server, "n", "m", "").await, Some(2.0));
    server.stop();
    server.join().await;
}
