//! Encrypted streams and their keys over the port: made, switched off, kept over a restart.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::net::SocketAddr;
use std::path::Path;

use millrace_server::Server;
use serde_json::{Value, json};
use support::{Call, Http1, PATIENCE, eventually, start};

/// Calls and yields the answer; an error by its code.
async fn call(address: SocketAddr, service: &str, op: &str, body: Value) -> Result<Value, String> {
    let body = body.to_string();
    let call = Call {
        service,
        ..Call::new(op, body.as_bytes())
    };
    let answer = Http1::open(address).await.call(&call).await;
    if answer.status != 200 {
        return Err(answer.code());
    }
    Ok(serde_json::from_str(&answer.body).unwrap_or_default())
}

async fn kinesis(address: SocketAddr, op: &str, body: Value) -> Result<Value, String> {
    call(address, "kinesis", op, body).await
}

async fn kms(address: SocketAddr, op: &str, body: Value) -> Value {
    call(address, "kms", op, body)
        .await
        .unwrap_or_else(|error| panic!("{op}: {error}"))
}

async fn active(address: SocketAddr, encryption: &str) {
    eventually("the stream is as it should be", async || {
        let summary = kinesis(address, "DescribeStreamSummary", json!({"StreamName": "s"}))
            .await
            .unwrap();
        let summary = &summary["StreamDescriptionSummary"];
        summary["StreamStatus"] == "ACTIVE" && summary["EncryptionType"] == encryption
    })
    .await;
}

async fn put(address: SocketAddr) -> Result<Value, String> {
    let body = json!({"StreamName": "s", "Data": "c2VjcmV0", "PartitionKey": "p"});
    kinesis(address, "PutRecord", body).await
}

async fn read(address: SocketAddr) -> Result<Value, String> {
    let body =
        json!({"StreamName": "s", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = kinesis(address, "GetShardIterator", body).await?;
    kinesis(
        address,
        "GetRecords",
        json!({"ShardIterator": iterator["ShardIterator"]}),
    )
    .await
}

/// A stream that is not encrypted yet.
async fn stream(address: SocketAddr) {
    let create = json!({"StreamName": "s", "ShardCount": 1});
    kinesis(address, "CreateStream", create).await.unwrap();
    active(address, "NONE").await;
}

/// A stream that is encrypted with `key`, with one record.
async fn encrypted(address: SocketAddr, key: &str) {
    stream(address).await;
    let start = json!({"StreamName": "s", "EncryptionType": "KMS", "KeyId": key});
    kinesis(address, "StartStreamEncryption", start).await.unwrap();
    active(address, "KMS").await;
    assert_eq!(put(address).await.unwrap()["EncryptionType"], "KMS");
}

/// Whether some file below a directory has these bytes.
fn is_anywhere(dir: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_anywhere(&path, bytes);
        }
        let content = std::fs::read(&path).unwrap();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}

async fn stopped(server: Server) {
    server.stop();
    tokio::time::timeout(PATIENCE, server.join()).await.unwrap();
}

#[tokio::test]
async fn keys_have_a_directory_of_their_own_and_outlive_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let (data, keys) = (dir.path().join("data"), dir.path().join("keys"));
    let settings = [
        ("storage.data_dir", data.to_str().unwrap()),
        ("keys.dir", keys.to_str().unwrap()),
    ];
    let server = start(&settings).await;
    let made = kms(server.local_addr(), "CreateKey", json!({})).await;
    let key = made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    encrypted(server.local_addr(), &key).await;
    stopped(server).await;
    assert!(!data.join("keys").exists());
    assert!(!is_anywhere(&data, b"secret"), "the record is nowhere in plain");

    let server = start(&settings).await;
    let address = server.local_addr();
    let records = read(address).await.unwrap();
    assert_eq!(records["Records"][0]["Data"], "c2VjcmV0");
    assert_eq!(records["Records"][0]["EncryptionType"], "KMS");
    kms(address, "DisableKey", json!({"KeyId": key})).await;
    // What was unwrapped before may be used for a second.
    eventually("a key that is switched off stops its stream", async || {
        read(address).await == Err("KMSDisabledException".to_owned())
    })
    .await;
    assert_eq!(put(address).await, Err("KMSDisabledException".to_owned()));
    kms(address, "EnableKey", json!({"KeyId": key})).await;
    eventually("switched on it goes on", async || read(address).await.is_ok()).await;
    stopped(server).await;
}

#[tokio::test]
async fn keys_may_be_in_another_key_service() {
    // A server is a key service, too.
    let there = start(&[]).await;
    let made = kms(there.local_addr(), "CreateKey", json!({})).await;
    let key = made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    let endpoint = format!("http://{}", there.local_addr());
    let settings = |secret| {
        [
            ("keys.kms_endpoint", endpoint.as_str()),
            ("keys.kms_access_key", "test"),
            ("keys.kms_secret_key", secret),
            ("keys.kms_default_key", key.as_str()),
            ("keys.kms_cache_secs", "1"),
        ]
    };
    let server = start(&settings("test")).await;
    let address = server.local_addr();
    encrypted(address, "alias/aws/kinesis").await;
    assert_eq!(read(address).await.unwrap()["Records"][0]["Data"], "c2VjcmV0");
    kms(there.local_addr(), "DisableKey", json!({"KeyId": key})).await;
    eventually(
        "a key that is switched off there stops the stream here",
        async || read(address).await == Err("KMSDisabledException".to_owned()),
    )
    .await;
    kms(there.local_addr(), "EnableKey", json!({"KeyId": key})).await;
    eventually("switched on it goes on", async || read(address).await.is_ok()).await;
    let refused = call(address, "kms", "ListKeys", json!({})).await;
    assert_eq!(refused, Err("UnsupportedOperationException".to_owned()));
    stopped(server).await;

    let stranger = start(&settings("wrong")).await;
    let address = stranger.local_addr();
    stream(address).await;
    let body = json!({"StreamName": "s", "EncryptionType": "KMS", "KeyId": key});
    let refused = kinesis(address, "StartStreamEncryption", body).await;
    assert_eq!(refused, Err("KMSAccessDeniedException".to_owned()));
    stopped(stranger).await;
    stopped(there).await;
}
