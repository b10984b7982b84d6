//! Spans reach a collector: one per call, in the client's trace where there is one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use support::{Call, Http1, PATIENCE, start};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Takes one export and answers it.
async fn export(collector: &TcpListener) -> (String, ExportTraceServiceRequest) {
    let (mut stream, _) = collector.accept().await.unwrap();
    let mut bytes = Vec::new();
    let (head, length) = loop {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.unwrap();
        assert!(read > 0, "the exporter hung up");
        bytes.extend_from_slice(&piece[..read]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8(bytes[..end].to_vec())
            .unwrap()
            .to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.unwrap().parse().unwrap();
        if bytes.len() >= end + 4 + length {
            bytes.drain(..end + 4);
            break (head, length);
        }
    };
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    (head, ExportTraceServiceRequest::decode(&bytes[..length]).unwrap())
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_call_becomes_a_span_of_its_client_s_trace() {
    let collector = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", collector.local_addr().unwrap());
    let server = start(&[("traces.endpoint", &endpoint)]).await;
    let mut client = Http1::open(server.local_addr()).await;
    let call = Call::new("DescribeStreamSummary", br#"{"StreamName":"nothing"}"#);
    let parent = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
    let mut request = call.head(&format!("{parent}content-length: {}\r\n", call.body.len()));
    request.extend_from_slice(call.body);
    client.send(&request).await;
    assert_eq!(client.answer().await.status, 400);
    // What the client decided not to trace is not traced.
    let unsampled = parent.replace("-01\r\n", "-00\r\n");
    let mut request = call.head(&format!("{unsampled}content-length: {}\r\n", call.body.len()));
    request.extend_from_slice(call.body);
    client.send(&request).await;
    client.answer().await;
    server.stop();
    let (head, export) = tokio::time::timeout(PATIENCE, export(&collector)).await.unwrap();
    assert!(head.starts_with("post /v1/traces "), "{head}");
    server.join().await;
    let scopes = export
        .resource_spans
        .iter()
        .flat_map(|resource| &resource.scope_spans);
    let spans: Vec<&Span> = scopes.flat_map(|scope| &scope.spans).collect();
    let [span] = spans.as_slice() else {
        panic!("{} spans", spans.len());
    };
    assert_eq!(span.name, "kinesis/DescribeStreamSummary");
    assert_eq!(hex(&span.trace_id), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(hex(&span.parent_span_id), "b7ad6b7169203331");
    for (key, wanted) in [
        ("rpc.system", "aws-api"),
        ("rpc.method", "DescribeStreamSummary"),
        ("http.response.status_code", "400"),
        ("error.type", "ResourceNotFoundException"),
        ("client.address", "127.0.0.1"),
    ] {
        assert_eq!(attribute(span, key).as_deref(), Some(wanted), "{key}");
    }
    assert!(span.end_time_unix_nano > span.start_time_unix_nano);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_collector_that_is_not_there_holds_nothing_up() {
    let server = start(&[("traces.endpoint", "http://127.0.0.1:1")]).await;
    let mut client = Http1::open(server.local_addr()).await;
    client.send(&Call::new("ListStreams", b"{}").bytes()).await;
    assert_eq!(client.answer().await.status, 200);
    server.stop();
    tokio::time::timeout(PATIENCE, server.join()).await.unwrap();
}
