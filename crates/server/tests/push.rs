//! Event streams over HTTP/1.1 and HTTP/2: they start at once, end cleanly when the server drains, and end when their
//! client goes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use millrace_base::Tasks;
use support::{Call, Http1, eventually, metric, start};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// A stream with a consumer; gives the body of a SubscribeToShard back.
async fn subscription(address: SocketAddr) -> String {
    let mut client = Http1::open(address).await;
    let create = Call::new("CreateStream", b"{\"StreamName\":\"s\",\"ShardCount\":1}");
    assert_eq!(client.call(&create).await.status, 200);
    let describe = Call::new("DescribeStreamSummary", b"{\"StreamName\":\"s\"}");
    let mut arn = String::new();
    eventually("the stream is active", async || {
        let answer = client.call(&describe).await;
        let summary: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let summary = &summary["StreamDescriptionSummary"];
        summary["StreamARN"].as_str().unwrap().clone_into(&mut arn);
        summary["StreamStatus"] == "ACTIVE"
    })
    .await;
    let register = format!("{{\"StreamARN\":\"{arn}\",\"ConsumerName\":\"c\"}}");
    let answer = client
        .call(&Call::new("RegisterStreamConsumer", register.as_bytes()))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let describe = Call::new("DescribeStreamConsumer", register.as_bytes());
    let mut consumer = String::new();
    eventually("the consumer is active", async || {
        let answer = client.call(&describe).await;
        let described: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let described = &described["ConsumerDescription"];
        described["ConsumerARN"]
            .as_str()
            .unwrap()
            .clone_into(&mut consumer);
        described["ConsumerStatus"] == "ACTIVE"
    })
    .await;
    format!(
        "{{\"ConsumerARN\":\"{consumer}\",\"ShardId\":\"shardId-000000000000\",\
         \"StartingPosition\":{{\"Type\":\"LATEST\"}}}}"
    )
}

async fn read_until(stream: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !bytes.windows(end.len()).any(|window| window == end) {
        let mut piece = [0; 4096];
        let read = tokio::time::timeout(support::PATIENCE, stream.read(&mut piece))
            .await
            .expect("nothing came");
        let read = read.unwrap();
        assert!(read > 0, "the stream ended: {}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&piece[..read]);
    }
    bytes
}

/// A client whose push has begun, with the bytes of the beginning.
async fn subscribed(address: SocketAddr) -> (Http1<TcpStream>, Vec<u8>) {
    let body = subscription(address).await;
    let mut client = Http1::open(address).await;
    client
        .send(&Call::new("SubscribeToShard", body.as_bytes()).bytes())
        .await;
    let begun = read_until(&mut client.stream, b"initial-response").await;
    (client, begun)
}

#[tokio::test]
async fn http1_pushes_chunks_and_ends_them_when_the_server_stops() {
    let server = start(&[("streams.transition_ms", "0")]).await;
    let address = server.local_addr();
    let (mut client, begun) = subscribed(address).await;
    let head = String::from_utf8_lossy(&begun).to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(
        head.contains("content-type: application/vnd.amazon.eventstream"),
        "{head}"
    );
    assert!(
        head.contains("transfer-encoding: chunked") && head.contains("x-amzn-requestid"),
        "{head}"
    );
    assert!((metric(address, "millrace_event_streams").await - 1.0).abs() < f64::EPSILON);
    server.stop();
    let rest = read_until(&mut client.stream, b"0\r\n\r\n").await;
    assert!(rest.ends_with(b"0\r\n\r\n"));
    tokio::time::timeout(Duration::from_secs(8), server.join())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_push_ends_when_its_client_goes() {
    let server = start(&[("streams.transition_ms", "0")]).await;
    let address = server.local_addr();
    let (client, _) = subscribed(address).await;
    drop(client);
    eventually("the push is gone", async || {
        metric(address, "millrace_event_streams").await < 0.5
    })
    .await;
}

#[tokio::test]
async fn http2_pushes_data_frames_and_ends_them_when_the_server_stops() {
    let server = start(&[("streams.transition_ms", "0")]).await;
    let body = subscription(server.local_addr()).await;
    let stream = TcpStream::connect(server.local_addr()).await.unwrap();
    let (mut client, connection) =
        http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    Tasks::new().spawn(async move {
        // Its end is not of interest here.
        let _ = connection.await;
    });
    let call = Call::new("SubscribeToShard", body.as_bytes());
    let mut request = http::Request::post("http://localhost/");
    for (name, value) in call.headers().into_iter().filter(|(name, _)| name != "host") {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from(body.clone()))).unwrap();
    let response = client.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut events = response.into_body();
    let first = events.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.windows(16).any(|window| window == b"initial-response"));
    server.stop();
    while let Some(frame) = events.frame().await {
        frame.unwrap();
    }
    tokio::time::timeout(Duration::from_secs(8), server.join())
        .await
        .unwrap();
}
