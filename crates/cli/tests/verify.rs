//! `millrace doctor --verify`, and what a server with damaged files does: damage stays where it is.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at what is not as it should be"
)]

mod common;

use std::path::{Path, PathBuf};

use common::{Server, millrace, stderr, stdout};
use serde_json::{Value, json};

/// Looks through a data directory; says whether it ended with status 0.
fn verify(data: &Path) -> (bool, Value) {
    let mut command = millrace();
    command
        .args(["doctor", "--verify", "--json", "--data-dir"])
        .arg(data);
    let output = command.output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{} {}", stdout(&output), stderr(&output)));
    assert_eq!(output.status.code(), Some(i32::from(report["verdict"] != "ok")));
    (output.status.success(), report)
}

/// Puts a record of that many bytes; yields its sequence number.
fn put(server: &Server, hash_key: &str, byte: u8, len: usize) -> String {
    let input = json!({
        "StreamName": "orders", "PartitionKey": "p", "ExplicitHashKey": hash_key,
        "Data": common::base64(&vec![byte; len]),
    });
    server.client().call("PutRecord", &input)["SequenceNumber"]
        .as_str()
        .unwrap()
        .to_owned()
}

const FIRST: &str = "shardId-000000000000";
const SECOND: &str = "shardId-000000000001";
/// A hash key of the second shard.
const HIGH: &str = "340282366920938463463374607431768211455";

/// The file of that kind that has these bytes, what is in it, and where they are.
fn find(data: &Path, kind: &str, wanted: &[u8]) -> (PathBuf, Vec<u8>, usize) {
    let paths = std::fs::read_dir(data.join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut found = paths
        .filter(|path| path.to_string_lossy().contains(kind))
        .filter_map(|path| {
            let bytes = std::fs::read(&path).unwrap();
            let at = bytes.windows(wanted.len()).position(|window| window == wanted)?;
            Some((path, bytes, at))
        });
    found.next().unwrap()
}

#[test]
fn one_damaged_block_costs_its_own_records_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = Server::start(&data);
    server.client().create_stream("orders", 2);
    let numbers: Vec<String> = (b'a'..=b'h')
        .map(|byte| put(&server, "0", byte, 40_000))
        .collect();
    put(&server, HIGH, b'z', 10);
    // A backup moves everything to sealed files.
    let mut command = millrace();
    command.args(["admin", "backup"]).arg(dir.path().join("backup"));
    assert!(
        command
            .arg("--data-dir")
            .arg(&data)
            .output()
            .unwrap()
            .status
            .success()
    );
    let in_use = {
        let mut command = millrace();
        command
            .args(["doctor", "--verify", "--data-dir"])
            .arg(&data)
            .output()
            .unwrap()
    };
    assert!(stderr(&in_use).contains("a server has"), "{}", stderr(&in_use));
    server.stop();
    assert!(!data.join("admin.sock").exists());
    assert_eq!(verify(&data).1["findings"], json!([]));
    // One record in each block: the fourth is in the middle.
    let (file, mut bytes, at) = find(&data, "/seg-", &[b'd'; 100]);
    bytes[at] ^= 0x10;
    std::fs::write(&file, &bytes).unwrap();
    let (sound, report) = verify(&data);
    assert!(!sound);
    let finding = &report["findings"][0];
    assert_eq!(report["findings"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(
        (&finding["kind"], &finding["severity"]),
        (&json!("block"), &json!("damage"))
    );
    let offset = finding["offset"].as_u64().unwrap();
    assert!((offset..offset + finding["bytes"].as_u64().unwrap()).contains(&(at as u64)));
    let name = file.file_name().unwrap().to_str().unwrap();
    assert_eq!(finding["file"], format!("log/{name}"));
    let lost = &finding["affected"][0];
    assert_eq!(
        (&lost["stream"], &lost["shard"]),
        (&json!("orders"), &json!(FIRST))
    );
    assert_eq!(
        (&lost["records"], &lost["account"]),
        (&json!(1), &json!("000000000000"))
    );
    assert_eq!(lost["first_sequence_number"], *numbers[3]);
    let text = millrace()
        .args(["doctor", "--verify", "--data-dir"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(
        stdout(&text).contains("DAMAGE") && stdout(&text).contains("stream orders, shardId-000000000000")
    );
    served(&data, &numbers);
}

/// The server starts, and everything else goes on.
fn served(data: &Path, numbers: &[String]) {
    let mut server = Server::start(data);
    let mut client = server.client();
    let start = json!({"StreamName": "orders", "ShardId": FIRST, "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = client.call("GetShardIterator", &start)["ShardIterator"].clone();
    let page = client.call("GetRecords", &json!({"ShardIterator": iterator}));
    assert_eq!(
        page["Records"].as_array().unwrap().len(),
        3,
        "what is before the damage"
    );
    let next = json!({"ShardIterator": page["NextShardIterator"]});
    let error = client.try_call("GetRecords", &next).unwrap_err().to_string();
    assert!(
        error.contains("500") && error.contains("InternalFailureException") && error.contains("damaged"),
        "{error}"
    );
    // The error says how to go on.
    let (_, rest) = error.split_once("AFTER_SEQUENCE_NUMBER ").unwrap();
    let last: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let mut client = server.client();
    let behind = json!({
        "StreamName": "orders", "ShardId": FIRST, "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
        "StartingSequenceNumber": last,
    });
    let iterator = client.call("GetShardIterator", &behind)["ShardIterator"].clone();
    let page = client.call("GetRecords", &json!({"ShardIterator": iterator}));
    let read: Vec<&str> = page["Records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["SequenceNumber"].as_str().unwrap())
        .collect();
    assert_eq!(read, numbers[4..]);
    assert_eq!(client.read_all("orders", SECOND).len(), 1);
    // Writes go on, on both.
    put(&server, "0", b'n', 10);
    put(&server, HIGH, b'n', 10);
    assert_eq!(server.client().read_all("orders", SECOND).len(), 2);
    server.kill();
}

#[test]
fn a_damaged_batch_that_was_acknowledged_keeps_the_server_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = Server::start(&data);
    server.client().create_stream("orders", 1);
    let numbers: Vec<String> = (b'a'..=b'h').map(|byte| put(&server, "0", byte, 500)).collect();
    server.kill();
    assert!(verify(&data).0);
    let (wal, mut bytes, at) = find(&data, "/wal-", &[b'd'; 100]);
    bytes[at] ^= 0x10;
    std::fs::write(&wal, &bytes).unwrap();
    let batch = at / 4096 * 4096;
    let started = millrace()
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(&data)
        .output()
        .unwrap();
    let text = stderr(&started);
    assert_eq!(started.status.code(), Some(1));
    for expected in [
        "wal-00000001",
        &format!("at byte {batch}"),
        "Nothing was changed",
        "doctor --verify",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(std::fs::read(&wal).unwrap() == bytes);
    let (sound, report) = verify(&data);
    assert!(!sound);
    let finding = &report["findings"][0];
    assert_eq!(
        (&finding["kind"], &finding["offset"]),
        (&json!("wal-batch"), &json!(batch))
    );
    let lost = &finding["affected"][0];
    assert_eq!((&lost["shard"], &lost["records"]), (&json!(FIRST), &json!(1)));
    let digits = 30;
    let first = lost["first_sequence_number"].as_str().unwrap();
    assert_eq!(first[..digits], numbers[3][..digits]);
    given_up(&data, &numbers);
}

/// A person may give up what is behind the damage.
fn given_up(data: &Path, numbers: &[String]) {
    let repair = |more: &[&str]| {
        let mut command = millrace();
        command.args(["doctor", "--repair", "--data-dir"]).arg(data);
        command.args(more).output().unwrap()
    };
    let asked = repair(&[]);
    assert_eq!(asked.status.code(), Some(1));
    for expected in ["stream orders", "5 records", "add --accept-loss"] {
        assert!(
            stdout(&asked).contains(expected),
            "{expected}: {}",
            stdout(&asked)
        );
    }
    assert!(!verify(data).0, "nothing was changed");
    let done = repair(&["--accept-loss"]);
    assert!(done.status.success(), "{} {}", stdout(&done), stderr(&done));
    assert!(data.join("log/wal-00000001.damaged").exists());
    assert!(verify(data).0);
    assert!(stderr(&repair(&[])).contains("nothing to repair"));
    let mut server = Server::start(data);
    let read = server.client().read_all("orders", FIRST);
    let read: Vec<String> = read.into_iter().map(|(_, number)| number).collect();
    assert_eq!(read, numbers[..3]);
    put(&server, "0", b'n', 10);
    assert_eq!(server.client().read_all("orders", FIRST).len(), 4);
    server.kill();
}

#[test]
fn keys_and_snapshots_are_looked_at_and_a_directory_without_data_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let nothing = millrace()
        .args(["doctor", "--verify", "--data-dir"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(
        stderr(&nothing).contains("holds no data of a server"),
        "{}",
        stderr(&nothing)
    );
    assert!(!data.exists());
    let mut server = Server::start(&data);
    let mut client = server.client();
    client.create_stream("secret", 1);
    let start = json!({"StreamName": "secret", "EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"});
    client.call("StartStreamEncryption", &start);
    client.wait_until_active("secret");
    server.stop();
    let (_, report) = verify(&data);
    assert_eq!(
        (&report["findings"], &report["checked"]["keys"]),
        (&json!([]), &json!(2))
    );
    let keys = std::fs::read_dir(data.join("keys"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let key = keys
        .filter(|path| path.to_string_lossy().contains("/key-"))
        .min()
        .unwrap();
    let text = std::fs::read_to_string(&key).unwrap();
    std::fs::write(&key, text.replace("\"enabled\": true", "\"enabled\": null")).unwrap();
    let kinds = |report: &Value| -> Vec<String> {
        let findings = report["findings"].as_array().unwrap();
        findings
            .iter()
            .map(|finding| finding["kind"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(kinds(&verify(&data).1), ["key", "key-missing"]);
    std::fs::write(&key, text).unwrap();
    let snapshots = data.join("blobs/control/0000000000000000");
    std::fs::create_dir_all(&snapshots).unwrap();
    std::fs::write(snapshots.join("00000000000000000001.snapshot"), "nonsense").unwrap();
    assert_eq!(kinds(&verify(&data).1), ["snapshot"]);
}
