//! HTTP/1.1: answers, pipelining, bodies of all kinds, and clients that are slow, gone or too many.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::time::Duration;

use millrace_base::{Clock, SystemClock};
use support::{Call, Http1, JSON, eventually, healthy, metric, start};
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn an_answer_has_the_headers_aws_sends() {
    let server = start(&[]).await;
    let mut client = Http1::open(server.local_addr()).await;
    let answer = client.call(&Call::new("ListStreams", b"{}")).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some(JSON)),
        "{answer:?}"
    );
    assert_eq!(answer.header("x-amzn-requestid").unwrap().len(), 36);
    assert_eq!(answer.header("x-amz-id-2").unwrap().len(), 96);
    assert!(answer.header("date").unwrap().ends_with("GMT"));
    assert!(answer.header("access-control-allow-origin").is_none());
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["StreamNames"], serde_json::json!([]));

    let error = client
        .call(&Call::new("DescribeStream", b"{\"StreamName\":\"none\"}"))
        .await;
    assert_eq!(
        (error.status, error.code().as_str()),
        (400, "ResourceNotFoundException")
    );
    assert_eq!(
        error.header("x-amzn-errortype"),
        Some("ResourceNotFoundException")
    );

    let cbor = Call {
        content_type: "application/x-amz-cbor-1.1",
        body: b"\xbf\xff",
        ..Call::new("ListStreams", b"")
    };
    client.send(&cbor.bytes()).await;
    // The body is no UTF-8 text, which `Answer` wants; the head says enough.
    let mut raw = [0; 2048];
    let read = tokio::io::AsyncReadExt::read(&mut client.stream, &mut raw)
        .await
        .unwrap();
    let head = String::from_utf8_lossy(&raw[..read]).to_ascii_lowercase();
    assert!(
        head.starts_with("http/1.1 200") && head.contains("content-type: application/x-amz-cbor-1.1"),
        "{head}"
    );
}

#[tokio::test]
async fn operations_without_output_answer_an_empty_body() {
    let server = start(&[]).await;
    let mut client = Http1::open(server.local_addr()).await;
    let answer = client
        .call(&Call::new(
            "CreateStream",
            b"{\"StreamName\":\"s\",\"ShardCount\":1}",
        ))
        .await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_eq!(answer.header("content-length"), Some("0"));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = start(&[]).await;
    let mut client = Http1::open(server.local_addr()).await;
    let mut bytes = Call::new("DescribeLimits", b"{}").bytes();
    bytes.extend(Call::new("Nothing", b"{}").bytes());
    bytes.extend(Call::new("ListStreams", b"{}").bytes());
    client.send(&bytes).await;
    assert!(client.answer().await.body.contains("ShardLimit"));
    assert_eq!(client.answer().await.code(), "UnknownOperationException");
    assert!(client.answer().await.body.contains("StreamNames"));
}

#[tokio::test]
async fn chunked_bodies_are_read_and_verified() {
    let server = start(&[]).await;
    let mut client = Http1::open(server.local_addr()).await;
    let call = Call::new("CreateStream", b"{\"StreamName\":\"s\",\"ShardCount\":1}");
    for (chunks, status) in [
        (vec![&call.body[..5], &call.body[5..]], 200),
        (vec![&call.body[1..]], 400),
    ] {
        let mut bytes = call.head("transfer-encoding: chunked\r\n");
        for chunk in chunks {
            bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        client.send(&bytes).await;
        assert_eq!(client.answer().await.status, status);
    }
}

#[tokio::test]
async fn a_client_may_ask_before_it_sends_its_body() {
    let server = start(&[]).await;
    let mut client = Http1::open(server.local_addr()).await;
    let call = Call::new("ListStreams", b"{}");
    client
        .send(&call.head("content-length: 2\r\nexpect: 100-continue\r\n"))
        .await;
    assert_eq!(client.answer().await.status, 100);
    client.send(call.body).await;
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn oversized_bodies_are_refused() {
    let server = start(&[("server.body_max", "1KiB")]).await;
    let call = Call::new("ListStreams", b"{}");
    // Whoever sends a little too much can go on with the connection.
    let mut client = Http1::open(server.local_addr()).await;
    let chunked = format!("401\r\n{}\r\n0\r\n\r\n", "x".repeat(1025));
    let large = "x".repeat(9 << 20);
    for (extra, body) in [
        ("content-length: 1025\r\n", "x".repeat(1025)),
        ("content-length: 9437184\r\n", large),
        ("transfer-encoding: chunked\r\n", chunked),
    ] {
        client.send(&call.head(extra)).await;
        client.send(body.as_bytes()).await;
        let answer = client.answer().await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (413, "RequestEntityTooLargeException")
        );
        assert_eq!(client.call(&call).await.status, 200);
    }
    // Whoever announces far too much is told at once.
    client.send(&call.head("content-length: 99999999999\r\n")).await;
    assert_eq!(client.answer().await.status, 413);
    client.ended().await;
    let body = format!("{{{}}}", " ".repeat(1022));
    let mut client = Http1::open(server.local_addr()).await;
    assert_eq!(
        client
            .call(&Call::new("ListStreams", body.as_bytes()))
            .await
            .status,
        200
    );
    assert!(metric(server.local_addr(), "millrace_request_bodies_refused_total").await >= 4.0);
}

#[tokio::test]
async fn a_large_body_is_put_together_and_hashed() {
    let server = start(&[]).await;
    let mut client = Http1::open(server.local_addr()).await;
    let body = format!("{{{}\"Limit\":7}}", " ".repeat(9 << 20));
    assert_eq!(
        client
            .call(&Call::new("ListStreams", body.as_bytes()))
            .await
            .status,
        200
    );
    let mut tampered = Call::new("ListStreams", body.as_bytes()).bytes();
    let last = tampered.len() - 2;
    tampered[last] = b'8';
    client.send(&tampered).await;
    assert_eq!(client.answer().await.code(), "InvalidSignatureException");
}

#[tokio::test]
async fn bodies_wait_for_memory_until_others_let_it_go() {
    let memory = [
        ("server.body_max", "64KiB"),
        ("server.body_memory", "64KiB"),
        ("server.body_secs", "1"),
    ];
    let server = start(&memory).await;
    let call = Call::new("ListStreams", b"{}");
    let mut holder = Http1::open(server.local_addr()).await;
    holder.send(&call.head("content-length: 65536\r\n")).await;
    holder.send(b"{").await;
    let clock = SystemClock::new();
    let answers = async {
        // The holder may still be on its way at first.
        while clock.monotonic() < Duration::from_millis(500) {
            let mut client = Http1::open(server.local_addr()).await;
            if tokio::time::timeout(Duration::from_millis(100), client.call(&call))
                .await
                .is_err()
            {
                return true;
            }
        }
        false
    };
    assert!(answers.await, "nobody had to wait");
    assert_eq!(
        Http1::open(server.local_addr()).await.call(&call).await.status,
        200
    );
    assert_eq!(holder.answer().await.status, 408);
}

#[tokio::test]
async fn a_slow_head_is_cut_and_a_slow_body_is_told() {
    let server = start(&[("server.header_secs", "1"), ("server.body_secs", "1")]).await;
    let clock = SystemClock::new();
    let mut silent = Http1::open(server.local_addr()).await;
    let mut slow = Http1::open(server.local_addr()).await;
    slow.send(b"POST / HTTP/1.1\r\n").await;
    let mut second = Http1::open(server.local_addr()).await;
    assert_eq!(second.get("/healthz").await.status, 200);
    second.send(b"POST /").await;
    let mut body = Http1::open(server.local_addr()).await;
    body.send(&Call::new("ListStreams", b"{}").head("content-length: 2\r\n"))
        .await;
    body.send(b"{").await;
    silent.ended().await;
    slow.ended().await;
    second.ended().await;
    let answer = body.answer().await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (408, "RequestTimeoutException")
    );
    body.ended().await;
    assert!(clock.monotonic() > Duration::from_millis(900));
    eventually("both are counted", async || {
        metric(server.local_addr(), "millrace_connections_slow_total").await >= 3.0
    })
    .await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let server = start(&[("server.idle_secs", "1"), ("server.header_secs", "1")]).await;
    let mut idle = Http1::open(server.local_addr()).await;
    assert_eq!(idle.get("/healthz").await.status, 200);
    let mut busy = Http1::open(server.local_addr()).await;
    let clock = SystemClock::new();
    for _ in 0..8 {
        assert_eq!(busy.get("/healthz").await.status, 200);
        clock.sleep(Duration::from_millis(250)).await;
    }
    idle.ended().await;
}

#[tokio::test]
async fn clients_that_go_away_leave_nothing_behind() {
    let server = start(&[]).await;
    let call = Call::new("ListStreams", b"{}");
    for unfinished in [
        b"POST / HT".to_vec(),
        call.head("content-length: 100\r\n"),
        Vec::new(),
    ] {
        let mut client = Http1::open(server.local_addr()).await;
        client.send(&unfinished).await;
        client.stream.shutdown().await.unwrap();
        client.ended().await;
    }
    let mut gone = Http1::open(server.local_addr()).await;
    gone.send(&call.head("transfer-encoding: chunked\r\n")).await;
    gone.send(b"5\r\n{").await;
    drop(gone);
    eventually("all connections are gone", async || {
        metric(server.local_addr(), "millrace_connections").await <= 1.0
    })
    .await;
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    let server = start(&[]).await;
    let large = format!(
        "GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n",
        "y".repeat(200 << 10)
    );
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(200));
    let lengths = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx".to_owned();
    for (bytes, statuses) in [
        ("\0\u{1}\u{2}garbage\r\n\r\n".to_owned(), vec![400]),
        (large, vec![400, 431]),
        (many, vec![400, 431]),
        (lengths, vec![400]),
        (
            "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_owned(),
            vec![400, 403],
        ),
    ] {
        let mut client = Http1::open(server.local_addr()).await;
        // The server may hang up before all is written.
        let _ = client.stream.write_all(bytes.as_bytes()).await;
        if let Some(answer) = client.try_answer().await {
            assert!(statuses.contains(&answer.status), "{answer:?}");
        }
        client.ended().await;
    }
    healthy(server.local_addr()).await;
}

#[tokio::test]
async fn connections_beyond_the_bound_are_turned_away() {
    let server = start(&[("server.connections_max", "2")]).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut client = Http1::open(server.local_addr()).await;
        assert_eq!(client.get("/healthz").await.status, 200);
        kept.push(client);
    }
    let mut third = Http1::open(server.local_addr()).await;
    let answer = third.answer().await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "ServiceUnavailable")
    );
    third.ended().await;
    kept.pop();
    eventually("there is room again", async || {
        let mut client = Http1::open(server.local_addr()).await;
        // The write may meet the server's goodbye.
        let _ = client
            .stream
            .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            .await;
        client
            .try_answer()
            .await
            .is_some_and(|answer| answer.status == 200)
    })
    .await;
}
