//! `millrace admin backup` and `restore`, on the real binary.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at what is not as it should be"
)]

mod common;

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Output;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use common::{Client, Server, millrace, stderr, stdout};
use serde_json::{Value, json};

const PRODUCERS: usize = 3;
const SHARDS: usize = 3;

/// `(shard, sequence number)` of acknowledged records by name.
type Journal = HashMap<String, (String, String)>;

fn backup(data: &Path, target: &Path, more: &[&str]) -> Output {
    let mut command = millrace();
    command.args(["admin", "backup", "--json"]).arg(target).args(more);
    command.arg("--data-dir").arg(data).output().unwrap()
}

fn restore(backup: &Path, data: &Path) -> Output {
    let mut command = millrace();
    command.args(["admin", "restore", "--json"]).arg(backup);
    command.arg("--data-dir").arg(data).output().unwrap()
}

fn verified(data: &Path) -> Value {
    let mut command = millrace();
    command
        .args(["doctor", "--verify", "--json", "--data-dir"])
        .arg(data);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{} {}", stdout(&output), stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn done(output: &Output) -> Value {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Puts records until it is told to stop, and notes what was acknowledged.
fn produce(
    mut client: Client,
    producer: usize,
    next: &AtomicU64,
    journal: &Mutex<Journal>,
    stop: &AtomicBool,
) {
    while !stop.load(Ordering::Relaxed) {
        let first = next.fetch_add(5, Ordering::Relaxed);
        let names: Vec<String> = (first..first + 5).map(|n| format!("{producer}-{n:09}")).collect();
        let records: Vec<Value> = names
            .iter()
            .map(|name| json!({"Data": common::base64(name.as_bytes()), "PartitionKey": name}))
            .collect();
        let answer = client.call("PutRecords", &json!({"StreamName": "load", "Records": records}));
        let mut journal = journal.lock().unwrap();
        for (name, result) in names.into_iter().zip(answer["Records"].as_array().unwrap()) {
            let number = result["SequenceNumber"].as_str().unwrap().to_owned();
            journal.insert(name, (result["ShardId"].as_str().unwrap().to_owned(), number));
        }
    }
}

/// Makes, divides and deletes streams, so that backups fall anywhere between.
fn churn(client: &mut Client, stop: &AtomicBool) {
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let name = format!("churn-{n}");
        client.create_stream(&name, 2);
        let put = json!({"StreamName": name, "PartitionKey": "a", "Data": common::base64(b"x")});
        client.call("PutRecord", &put);
        let split = json!({
            "StreamName": name, "ShardToSplit": "shardId-000000000000",
            "NewStartingHashKey": "85070591730234615865843651857942052864",
        });
        client.call("SplitShard", &split);
        if n % 2 == 0 {
            client.wait_until_active(&name);
        }
        let _ = client.try_call("DeleteStream", &json!({"StreamName": name}));
    }
}

/// Everything in the stream under load, by name; each record once, each producer's in order.
fn read_back(client: &mut Client) -> Journal {
    let mut all = Journal::new();
    for shard in 0..SHARDS {
        let shard = format!("shardId-{shard:012}");
        let mut last: HashMap<String, u64> = HashMap::new();
        for (name, number) in client.read_all("load", &shard) {
            let (producer, count) = name.split_once('-').unwrap();
            let count: u64 = count.parse().unwrap();
            if let Some(before) = last.insert(producer.to_owned(), count) {
                assert!(before < count, "{name} stands after {before}");
            }
            assert!(all.insert(name, (shard.clone(), number)).is_none());
        }
    }
    all
}

#[test]
fn a_backup_under_load_has_everything_acknowledged_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let more = ["--set", "storage.seal=1MiB", "--set", "storage.segment=1MiB"];
    let mut server = Server::start_with(&data, &more);
    let mut client = server.client();
    client.create_stream("load", SHARDS);
    let key = set_up(&server);
    let numbers: Vec<AtomicU64> = (0..PRODUCERS).map(|_| AtomicU64::new(0)).collect();
    let (journal, stop) = (Mutex::new(Journal::new()), AtomicBool::new(false));
    let mut before = Vec::new();
    std::thread::scope(|scope| {
        for (producer, next) in numbers.iter().enumerate() {
            let client = server.client();
            let (journal, stop) = (&journal, &stop);
            scope.spawn(move || produce(client, producer, next, journal, stop));
        }
        scope.spawn(|| churn(&mut server.client(), &stop));
        for round in 0..3 {
            std::thread::sleep(Duration::from_millis(400));
            let acknowledged = journal.lock().unwrap().clone();
            let target = dir.path().join(format!("backup-{round}"));
            let taken = done(&backup(&data, &target, &[]));
            assert_eq!(
                (&taken["online"], &taken["master_keys"]),
                (&json!(true), &json!(true))
            );
            before.push((target, acknowledged));
        }
        stop.store(true, Ordering::Relaxed);
    });
    server.kill();
    let journal = journal.into_inner().unwrap();
    for (round, (target, acknowledged)) in before.iter().enumerate() {
        assert!(acknowledged.len() > 100 * (round + 1), "the load was no load");
        assert_eq!(verified(&target.join("data"))["findings"], json!([]));
        let data = dir.path().join(format!("restored-{round}"));
        done(&restore(target, &data));
        assert!(verified(&data)["checked"]["streams"].as_u64() >= Some(2));
        let mut server = Server::start(&data);
        let there = read_back(&mut server.client());
        for (name, place) in acknowledged {
            assert_eq!(
                there.get(name),
                Some(place),
                "{name} was acknowledged before backup {round}"
            );
        }
        for (name, place) in &there {
            assert_eq!(journal.get(name), Some(place), "{name} came from nowhere");
        }
        still_there(&server, &key);
        // It takes records, and survives a crash like any other.
        let put = json!({"StreamName": "load", "PartitionKey": "a", "Data": common::base64(b"0-999999999")});
        server.client().call("PutRecord", &put);
        server.kill();
        let mut server = Server::start(&data);
        assert_eq!(read_back(&mut server.client()).len(), there.len() + 1);
        server.kill();
    }
}

/// An encrypted stream, a table, and a user, whose access key it yields.
fn set_up(server: &Server) -> Value {
    let mut client = server.client();
    client.create_stream("secret", 1);
    let start = json!({"StreamName": "secret", "EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"});
    client.call("StartStreamEncryption", &start);
    client.wait_until_active("secret");
    let put = json!({"StreamName": "secret", "PartitionKey": "a", "Data": common::base64(b"whisper")});
    assert_eq!(client.call("PutRecord", &put)["EncryptionType"], "KMS");
    let table = json!({
        "TableName": "leases", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    });
    client.dynamodb("CreateTable", &table);
    client.dynamodb(
        "PutItem",
        &json!({"TableName": "leases", "Item": {"k": {"S": "shard"}, "n": {"N": "7"}}}),
    );
    admin(server, &["users", "create", "ada"]);
    admin(server, &["keys", "create", "ada"])
}

fn still_there(server: &Server, key: &Value) {
    let mut client = server.client();
    let read = client.read_all("secret", "shardId-000000000000");
    assert_eq!(read[0].0, "whisper");
    let item = client.dynamodb(
        "GetItem",
        &json!({"TableName": "leases", "Key": {"k": {"S": "shard"}}}),
    );
    assert_eq!(item["Item"]["n"]["N"], "7");
    let keys = admin(server, &["keys", "list", "ada"]);
    assert_eq!(keys[0]["status"], "Active");
    let mut command = millrace();
    command.args(["streams", "list", "--endpoint", server.endpoint()]);
    command.env("AWS_ACCESS_KEY_ID", key["access_key_id"].as_str().unwrap());
    command.env(
        "AWS_SECRET_ACCESS_KEY",
        key["secret_access_key"].as_str().unwrap(),
    );
    let refused = stderr(&command.output().unwrap());
    assert!(
        refused.contains("AccessDenied"),
        "the key is known, and may do nothing: {refused}"
    );
}

fn admin(server: &Server, arguments: &[&str]) -> Value {
    let mut command = millrace();
    command
        .arg("admin")
        .args(arguments)
        .args(["--endpoint", server.endpoint(), "--json"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

#[test]
fn files_are_private_and_one_backup_is_taken_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = Server::start(&data);
    server.client().create_stream("s", 1);
    set_up(&server);
    let socket = data.join("admin.sock");
    assert_eq!(
        std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777,
        0o600
    );
    // Somebody else is at it.
    let mut stream = UnixStream::connect(&socket).unwrap();
    stream.write_all(b"{\"do\":\"backup\"}\n").unwrap();
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).unwrap();
    assert!(line.contains("staged"), "{line}");
    let refused = backup(&data, &dir.path().join("second"), &[]);
    assert!(
        stderr(&refused).contains("another backup is under way"),
        "{}",
        stderr(&refused)
    );
    assert_eq!(refused.status.code(), Some(1));
    assert!(data.join("log/backup").exists());
    // Whoever asked is gone, and with it what was staged.
    drop(stream);
    let (with, without) = (dir.path().join("with"), dir.path().join("without"));
    done(&backup(&data, &with, &[]));
    let taken = done(&backup(&data, &without, &["--without-keys"]));
    assert_eq!(taken["master_keys"], false);
    assert!(!without.join("data/keys").exists());
    assert!(!dir.path().join("second").exists() && !dir.path().join("second.partial").exists());
    private(&with);
    for (target, why) in [
        (&with, "is there already"),
        (&data.join("log/x"), "within the data directory"),
    ] {
        let refused = backup(&data, target, &[]);
        assert!(stderr(&refused).contains(why), "{}", stderr(&refused));
    }
    let sums = std::process::Command::new("sha256sum")
        .args(["--check", "--quiet", "--strict", "SHA256SUMS"])
        .current_dir(&with)
        .output()
        .unwrap();
    assert!(sums.status.success(), "{}", stderr(&sums));
    server.kill();
    damaged_or_in_the_way(dir.path(), &data, &with);
}

/// Every file below is its owner's alone.
fn private(dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            mode,
            if path.is_dir() { 0o700 } else { 0o600 },
            "{}",
            path.display()
        );
        if path.is_dir() {
            private(&path);
        }
    }
}

fn damaged_or_in_the_way(dir: &Path, data: &Path, good: &Path) {
    // Of a server that is stopped, too.
    let stopped = dir.join("stopped");
    assert_eq!(done(&backup(data, &stopped, &[]))["online"], false);
    let refused = restore(&stopped, data);
    assert!(stderr(&refused).contains("is not empty"), "{}", stderr(&refused));
    let nothing = backup(&dir.join("nothing"), &dir.join("x"), &[]);
    assert!(
        stderr(&nothing).contains("holds no data of a server"),
        "{}",
        stderr(&nothing)
    );
    assert!(!dir.join("nothing").exists());
    let segment = std::fs::read_dir(good.join("data/log"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let segment = segment
        .filter(|path| path.to_string_lossy().contains("seg-"))
        .min()
        .unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let fresh = dir.join("fresh");
    let refused = restore(good, &fresh);
    let name = segment.file_name().unwrap().to_string_lossy().into_owned();
    assert!(
        stderr(&refused).contains(&format!("data/log/{name} does not have its checksum")),
        "{}",
        stderr(&refused)
    );
    assert!(!fresh.exists() && !dir.join("fresh.restoring").exists());
    // A server does not start on half a restore.
    std::fs::create_dir_all(fresh.join(".restoring")).unwrap();
    let mut command = millrace();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(&fresh);
    let output = command.output().unwrap();
    assert!(
        stderr(&output).contains("restore that was cut off"),
        "{}",
        stderr(&output)
    );
}
