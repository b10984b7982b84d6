//! `millrace admin`: the master keys of a server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use common::{Served, millrace, stderr, stdout};
use serde_json::Value;

/// Calls `millrace admin kms` on a server and reads its JSON.
fn kms(server: &Served, arguments: &[&str]) -> Value {
    let done = called(server, arguments);
    assert!(done.status.success(), "{arguments:?}: {}", stderr(&done));
    serde_json::from_str(&stdout(&done)).unwrap()
}

fn called(server: &Served, arguments: &[&str]) -> std::process::Output {
    let target = ["--endpoint", &server.endpoint, "--json"];
    millrace()
        .args(["admin", "kms"])
        .args(arguments)
        .args(target)
        .output()
        .unwrap()
}

#[test]
fn a_key_lives() {
    let dir = tempfile::tempdir().unwrap();
    let server = Served::start(dir.path());
    assert_eq!(kms(&server, &["list"]), Value::Array(vec![]));
    let made = kms(
        &server,
        &["create", "--description", "for tests", "--alias", "mine"],
    );
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["state"], "Enabled");
    for (arguments, state) in [
        (&["disable", "alias/mine"][..], "Disabled"),
        (&["enable", id], "Enabled"),
        (&["rotate", id], "Enabled"),
        (&["delete", id, "--days", "7"], "PendingDeletion"),
        (&["cancel-deletion", "alias/mine"], "Disabled"),
        (&["enable", made["arn"].as_str().unwrap()], "Enabled"),
    ] {
        assert_eq!(kms(&server, arguments)["state"], state, "{arguments:?}");
    }
    let other = kms(&server, &["create"]);
    kms(
        &server,
        &["alias", "set", "alias/mine", other["id"].as_str().unwrap()],
    );
    kms(&server, &["alias", "set", "second", "alias/mine"]);
    let listed = kms(&server, &["list"]);
    let of = |id: &Value| -> Value {
        let keys = listed.as_array().unwrap();
        keys.iter().find(|key| key["id"] == *id).unwrap()["aliases"].clone()
    };
    assert_eq!(
        of(&other["id"]),
        serde_json::json!(["alias/mine", "alias/second"])
    );
    assert_eq!(of(&made["id"]), serde_json::json!([]));
    kms(&server, &["alias", "remove", "mine"]);
    let missing = called(&server, &["disable", "alias/mine"]);
    assert_eq!(missing.status.code(), Some(4), "{}", stderr(&missing));
}

#[test]
fn bytes_of_ones_own_are_imported_while_the_server_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let material = dir.path().join("material");
    std::fs::write(&material, [7; 32]).unwrap();
    let import = |key: &str| {
        let mut command = millrace();
        command
            .args(["admin", "kms", "import", key, "--material"])
            .arg(&material);
        command.arg("--data-dir").arg(&data).output().unwrap()
    };
    let server = Served::start(&data);
    let made = kms(&server, &["create", "--import"]);
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["state"], "PendingImport");
    let refused = import(id);
    assert!(
        !refused.status.success() && stderr(&refused).contains("open in another process"),
        "{}",
        stderr(&refused)
    );
    server.signal("TERM");
    assert!(server.wait().success());
    let unknown = import("nonsense");
    assert!(
        stderr(&unknown).contains("there is no key 'nonsense'"),
        "{}",
        stderr(&unknown)
    );
    let done = import(id);
    assert!(done.status.success(), "{}", stderr(&done));
    assert!(!import(id).status.success(), "only once");
    std::fs::write(&material, [7; 31]).unwrap();
    assert!(stderr(&import(id)).contains("31 bytes"));
    let server = Served::start(&data);
    assert_eq!(kms(&server, &["list"])[0]["state"], "Enabled");
}
