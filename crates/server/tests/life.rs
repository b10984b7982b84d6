//! Start, stop and start again: drain, durability, and starts that fail.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::time::Duration;

use millrace_base::{Clock, SystemClock};
use millrace_server::{Server, StartError};
use support::{Call, Http1, config, eventually, start};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_stop_answers_what_is_under_way_and_takes_nothing_new() {
    let server = start(&[]).await;
    let address = server.local_addr();
    let call = Call::new("ListStreams", b"{}");
    let mut busy = Http1::open(address).await;
    busy.send(&call.head("content-length: 2\r\n")).await;
    busy.send(b"{").await;
    let mut idle = Http1::open(address).await;
    assert_eq!(idle.get("/readyz").await.status, 200);
    eventually("the call is under way", async || {
        support::metric(address, "millrace_connections").await >= 3.0
    })
    .await;
    server.stop();
    idle.ended().await;
    eventually("nothing new is taken", async || {
        TcpStream::connect(address).await.is_err()
    })
    .await;
    assert!(
        tokio::time::timeout(Duration::from_millis(50), server.join())
            .await
            .is_err()
    );
    busy.send(b"}").await;
    let answer = busy.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    tokio::time::timeout(support::PATIENCE, server.join())
        .await
        .unwrap();
    busy.ended().await;
}

#[tokio::test]
async fn a_call_that_never_ends_is_cut_after_the_drain() {
    let server = start(&[("server.drain_secs", "1")]).await;
    let mut stuck = Http1::open(server.local_addr()).await;
    stuck
        .send(&Call::new("ListStreams", b"{}").head("content-length: 2\r\n"))
        .await;
    stuck.send(b"{").await;
    eventually("the call is under way", async || {
        support::metric(server.local_addr(), "millrace_connections").await >= 2.0
    })
    .await;
    let clock = SystemClock::new();
    server.stop();
    tokio::time::timeout(support::PATIENCE, server.join())
        .await
        .unwrap();
    assert!(clock.monotonic() >= Duration::from_millis(900));
    stuck.ended().await;
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("made/on/demand");
    let settings = [("storage.data_dir", data.to_str().unwrap())];
    let server = start(&settings).await;
    let mut client = Http1::open(server.local_addr()).await;
    let create = Call::new("CreateStream", b"{\"StreamName\":\"kept\",\"ShardCount\":2}");
    assert_eq!(client.call(&create).await.status, 200);
    server.stop();
    server.join().await;
    let server = start(&settings).await;
    let mut client = Http1::open(server.local_addr()).await;
    let answer = client.call(&Call::new("ListStreams", b"{}")).await;
    assert!(answer.body.contains("\"kept\""), "{answer:?}");
    let metrics = client.get("/metrics").await.body;
    assert!(metrics.contains("# TYPE millrace_log_commit_duration_seconds histogram"));

    let error = Server::start(config(&settings)).await.unwrap_err();
    assert!(matches!(error, StartError::Open(_)), "{error}");
    assert!(error.to_string().contains("in use by another process"), "{error}");
    assert_eq!(client.get("/readyz").await.status, 200);
    server.stop();
    server.join().await;
}

#[tokio::test]
async fn a_start_that_fails_says_what_to_do() {
    let server = start(&[]).await;
    let taken = server.local_addr().to_string();
    let error = Server::start(config(&[("server.listen", &taken)]))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("Choose another address with server.listen"),
        "{error}"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Server::start(config(&[("storage.data_dir", file.path().to_str().unwrap())]))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("storage.data_dir"), "{error}");
    let settings = [("tls.cert", "/nowhere/cert.pem"), ("tls.key", "/nowhere/key.pem")];
    let error = Server::start(config(&settings)).await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/cert.pem"), "{error}");
    let mut open = config(&[]);
    "0.0.0.0:0".clone_into(&mut open.server.listen);
    let error = Server::start(open).await.unwrap_err();
    assert!(matches!(error, StartError::Config(_)), "{error}");
}

#[tokio::test]
async fn a_dropped_server_stops() {
    let server = start(&[]).await;
    let address = server.local_addr();
    drop(server);
    eventually("the port is free", async || {
        TcpStream::connect(address).await.is_err()
    })
    .await;
}
