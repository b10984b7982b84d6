//! `millrace streams …` against a real server.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at what is not as it should be"
)]

mod common;

use std::collections::BTreeMap;
use std::io::Read;
use std::process::Stdio;

use common::{Process, Served, millrace, stderr, stdout};
use serde_json::Value;

fn texts(records: &[Value]) -> Vec<&str> {
    records
        .iter()
        .map(|record| record["text"].as_str().unwrap())
        .collect()
}

#[test]
fn a_stream_lives() {
    let dir = tempfile::tempdir().unwrap();
    let server = Served::start(dir.path());
    let created = server.json(&[
        "create", "orders", "--shards", "2", "--tag", "team=a", "--tag", "empty=",
    ]);
    assert_eq!(created["status"], "ACTIVE");
    assert_eq!(server.json(&["list"])[0]["name"], "orders");
    assert_eq!(server.json(&["list", "--prefix", "x"]), Value::Array(vec![]));
    let described = server.json(&["describe", "orders"]);
    assert_eq!(described["open_shards"], 2);
    assert_eq!(described["retention_hours"], 24);
    assert_eq!(
        described["arn"],
        "arn:aws:kinesis:us-east-1:000000000000:stream/orders"
    );

    assert_eq!(server.json(&["tags", "list", "orders"])["team"], "a");
    let tags = server.json(&["tags", "set", "orders", "team=b", "x=y=z"]);
    assert_eq!(
        (&tags["team"], &tags["x"], &tags["empty"]),
        (&"b".into(), &"y=z".into(), &"".into())
    );
    assert_eq!(
        server
            .json(&["tags", "remove", "orders", "team", "empty"])
            .as_object()
            .unwrap()
            .len(),
        1
    );

    assert_eq!(server.json(&["retention", "orders", "48"])["retention_hours"], 48);
    assert_eq!(server.json(&["retention", "orders", "30"])["retention_hours"], 30);
    assert_eq!(server.json(&["retention", "orders"])["retention_hours"], 30);

    let consumer = server.json(&["consumers", "register", "orders", "billing"]);
    assert_eq!(consumer["status"], "ACTIVE");
    assert_eq!(
        server.json(&["consumers", "list", "orders"])[0]["name"],
        "billing"
    );
    assert_eq!(
        server.json(&["consumers", "describe", "orders", "billing"])["arn"],
        consumer["arn"]
    );
    let kept = server.streams(&["delete", "orders"]);
    assert_eq!(
        kept.status.code(),
        Some(1),
        "a stream with consumers stays without --force"
    );
    assert_eq!(server.json(&["delete", "orders", "--force"])["status"], "DELETED");
    assert_eq!(server.json(&["list"]), Value::Array(vec![]));
}

#[test]
fn records_come_back_as_they_were_put() {
    let dir = tempfile::tempdir().unwrap();
    let server = Served::start(dir.path());
    server.json(&["create", "s"]);
    let put = server.json(&["put", "s", "first", "zweiter \u{1F600}", "--key", "k"]);
    assert_eq!((&put["sent"], &put["failed"]), (&2.into(), &0.into()));
    assert_eq!(put["records"][1]["shard"], "shardId-000000000000");

    let lines: String = (0..3000).map(|n| format!("line {n}\n")).collect();
    let output = server.streams_with_input(
        &["put", "s", "--key", "k", "--any-order", "--json"],
        lines.as_bytes(),
    );
    assert!(output.status.success(), "{}", stderr(&output));
    let blob = dir.path().join("blob");
    std::fs::write(&blob, [0xff, 0x00, b'\n', 0xfe]).unwrap();
    server.json(&[
        "put",
        "s",
        "--blob",
        blob.to_str().unwrap(),
        "--explicit-hash-key",
        "0",
    ]);

    let records = server.tail(&["s", "--from", "trim-horizon"]);
    let mut expected = vec!["first".to_owned(), "zweiter \u{1F600}".to_owned()];
    expected.extend((0..3000).map(|n| format!("line {n}")));
    assert_eq!(texts(&records[..3002]), expected);
    assert_eq!(records[3002]["data"], "/wAK/g==");
    assert_eq!(records.len(), 3003);
    assert_eq!(records[0]["partition_key"], "k");

    let second = put["records"][1]["sequence_number"].as_str().unwrap();
    let at = |option: &str| server.tail(&["s", "--shard", "shardId-000000000000", option, second, "-n", "1"]);
    assert_eq!(texts(&at("--at-sequence")), ["zweiter \u{1F600}"]);
    assert_eq!(texts(&at("--after-sequence")), ["line 0"]);
    assert_eq!(server.tail(&["s", "--from", "1h"]).len(), 3003);
    assert_eq!(
        server.tail(&["s"]).len(),
        0,
        "from the latest on there is nothing yet"
    );
    assert_eq!(
        server
            .tail(&["s", "--from", "trim-horizon", "--consumer", "fan-out"])
            .len(),
        3003
    );
    assert_eq!(
        server.json(&["consumers", "list", "s"]),
        Value::Array(vec![]),
        "a temporary consumer goes away"
    );

    let plain = server.streams(&["tail", "s", "--from", "trim-horizon", "--no-follow", "-n", "1"]);
    assert!(stdout(&plain).ends_with(" 0 k first\n"), "{}", stdout(&plain));
    let raw = server.streams(&[
        "tail",
        "s",
        "--from",
        "trim-horizon",
        "--no-follow",
        "--format",
        "raw",
        "-n",
        "2",
    ]);
    assert_eq!(stdout(&raw), "first\nzweiter \u{1F600}\n");
}

#[test]
fn keys_keep_their_order_across_splits_and_merges() {
    let dir = tempfile::tempdir().unwrap();
    let server = Served::start(dir.path());
    server.json(&["create", "s"]);
    let objects = |round: usize| -> String {
        (0..400)
            .map(|n| {
                format!(
                    "{{\"user\":{{\"id\":\"u{}\"}},\"n\":{}}}\n",
                    n % 7,
                    round * 400 + n
                )
            })
            .collect()
    };
    let put = |round: usize| {
        let args = ["put", "s", "--ndjson", "--key-field", "user.id", "--json"];
        let output = server.streams_with_input(&args, objects(round).as_bytes());
        assert!(output.status.success(), "{}", stderr(&output));
    };
    put(0);
    let children = server.json(&["split", "s", "shardId-000000000000"]);
    assert_eq!(children.as_array().unwrap().len(), 2);
    put(1);
    let merged = server.json(&["merge", "s", "shardId-000000000001", "shardId-000000000002"]);
    assert_eq!(merged[0]["id"], "shardId-000000000003");
    put(2);
    assert_eq!(server.json(&["scale", "s", "2"])["open_shards"], 2);
    put(3);
    assert_eq!(
        server.json(&["shards", "s", "--open"]).as_array().unwrap().len(),
        2
    );

    for fan_out in [&[][..], &["--consumer", "c"]] {
        let records = server.tail(&[&["s", "--from", "trim-horizon"], fan_out].concat());
        assert_eq!(records.len(), 1600);
        let mut last: BTreeMap<&str, u64> = BTreeMap::new();
        for record in &records {
            let (key, n) = (
                record["partition_key"].as_str().unwrap(),
                record["json"]["n"].as_u64().unwrap(),
            );
            assert_eq!(record["json"]["user"]["id"], key);
            assert!(last.insert(key, n).is_none_or(|before| before < n), "{key}: {n}");
        }
    }
}

#[test]
fn what_is_not_taken_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let server = Served::start(dir.path());
    server.json(&["create", "s"]);
    // A line that is no JSON, one without the key, and one that is larger than the stream takes.
    let large = "x".repeat(1_100_000);
    let input = format!(
        "{{\"k\":1,\"n\":0}}\nno json\n{{\"n\":1}}\n{{\"k\":2,\"v\":\"{large}\"}}\n{{\"k\":2,\"n\":2}}\n"
    );
    let output = server.streams_with_input(
        &["put", "s", "--ndjson", "--key-field", "k", "--json"],
        input.as_bytes(),
    );
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["sent"], &report["failed"]),
        (&2.into(), &3.into()),
        "{report}"
    );
    let failed: Vec<_> = report["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["record"].as_str().unwrap())
        .collect();
    assert!(
        failed.contains(&"line 2") && failed.contains(&"line 3") && failed.contains(&"line 4"),
        "{failed:?}"
    );
    assert_eq!(server.tail(&["s", "--from", "trim-horizon"]).len(), 2);
}

#[test]
fn a_producer_library_s_records_are_taken_apart() {
    // k1:one, k2:two, k1:three as aws-kinesis-agg 1.2.3 writes them.
    let bytes = [
        &[0xf3, 0x89, 0x9a, 0xc2][..],
        b"\x0a\x02k1\x0a\x02k2\x1a\x07\x08\x00\x1a\x03one\x1a\x07\x08\x01\x1a\x03two\x1a\x09\x08\x00\x1a\x05three",
        &[0x9e, 0x4f, 0xf0, 0x4a, 0xe6, 0x96, 0xab, 0x3c, 0x9d, 0xe6, 0xd3, 0xa1, 0x8e, 0x9b, 0xb1, 0x16],
    ]
    .concat();
    let dir = tempfile::tempdir().unwrap();
    let blob = dir.path().join("aggregated");
    std::fs::write(&blob, bytes).unwrap();
    let server = Served::start(&dir.path().join("data"));
    server.json(&["create", "s"]);
    server.json(&["put", "s", "--blob", blob.to_str().unwrap(), "--key", "a"]);
    let records = server.tail(&["s", "--from", "trim-horizon"]);
    assert_eq!(texts(&records), ["one", "two", "three"]);
    let keys: Vec<_> = records
        .iter()
        .map(|r| r["partition_key"].as_str().unwrap())
        .collect();
    assert_eq!(keys, ["k1", "k2", "k1"]);
    assert_eq!(records[2]["sub_sequence_number"], 2);
    assert_eq!(
        server
            .tail(&["s", "--from", "trim-horizon", "--no-deaggregate"])
            .len(),
        1
    );
}

#[test]
fn a_tail_follows_until_it_is_interrupted() {
    let dir = tempfile::tempdir().unwrap();
    let server = Served::start(dir.path());
    server.json(&["create", "s"]);
    let mut command = millrace();
    command.args([
        "streams",
        "tail",
        "s",
        "--from",
        "trim-horizon",
        "--json",
        "--endpoint",
        &server.endpoint,
    ]);
    let mut tail = Process(command.stdout(Stdio::piped()).spawn().unwrap());
    server.json(&["put", "s", "one"]);
    let mut out = tail.0.stdout.take().unwrap();
    let mut first = [0; 1];
    out.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"{");
    common::signal(tail.0.id(), "INT");
    assert!(tail.0.wait().unwrap().success(), "ctrl-C ends a tail cleanly");
}

#[test]
fn the_exit_status_says_what_went_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let server = Served::start(dir.path());
    let missing = server.streams(&["describe", "nothing"]);
    assert_eq!(missing.status.code(), Some(4));
    assert!(
        stderr(&missing).contains("Stream nothing under account 000000000000 not found."),
        "{}",
        stderr(&missing)
    );
    assert_eq!(server.streams(&["create", "bad name"]).status.code(), Some(1));
    assert_eq!(server.streams(&["split", "s"]).status.code(), Some(2));

    let nobody = millrace()
        .args(["streams", "list", "--endpoint", "http://127.0.0.1:1"])
        .output()
        .unwrap();
    assert_eq!(nobody.status.code(), Some(5));
    assert!(
        stderr(&nobody).contains("is the server running?"),
        "{}",
        stderr(&nobody)
    );

    let stranger = millrace()
        .args(["streams", "list", "--endpoint", &server.endpoint])
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "wrong")
        .output()
        .unwrap();
    assert_eq!(stranger.status.code(), Some(1));
    assert!(
        stderr(&stranger).contains("InvalidSignatureException"),
        "{}",
        stderr(&stranger)
    );
}

#[test]
fn regions_do_not_see_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let server = Served::start(dir.path());
    server.json(&["create", "s", "--region", "eu-west-1"]);
    assert_eq!(server.json(&["list"]), Value::Array(vec![]));
    assert_eq!(server.json(&["list", "--region", "eu-west-1"])[0]["name"], "s");
}
