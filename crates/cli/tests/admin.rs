//! `millrace admin`: master keys, users, roles and policies of a server.

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

#[test]
fn a_user_may_what_its_policies_say() {
    let dir = tempfile::tempdir().unwrap();
    let server = Served::start(dir.path());
    let admin = |arguments: &[&str]| {
        let target = ["--endpoint", &server.endpoint, "--json"];
        let done = millrace()
            .arg("admin")
            .args(arguments)
            .args(target)
            .output()
            .unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", stderr(&done));
        stdout(&done)
    };
    let read = |text: String| -> Value { serde_json::from_str(&text).unwrap() };
    admin(&["users", "create", "ana", "--path", "/team/"]);
    let listed = read(admin(&["users", "list"]));
    assert_eq!(listed[0]["arn"], "arn:aws:iam::000000000000:user/team/ana");
    let key = read(admin(&["keys", "create", "ana"]));
    let text = |name: &str| key[name].as_str().unwrap().to_owned();
    let streams = || {
        let call = ["streams", "list", "--json", "--endpoint", &server.endpoint];
        millrace()
            .args(call)
            .env("AWS_ACCESS_KEY_ID", text("access_key_id"))
            .env("AWS_SECRET_ACCESS_KEY", text("secret_access_key"))
            .output()
            .unwrap()
    };
    let refused = stderr(&streams());
    assert!(
        refused.contains("is not authorized to perform: kinesis:ListStreams"),
        "{refused}"
    );
    let file = dir.path().join("policy.json");
    let document =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kinesis:List*","Resource":"*"}}"#;
    std::fs::write(&file, document).unwrap();
    admin(&[
        "policies",
        "put",
        "--user",
        "ana",
        "lists",
        file.to_str().unwrap(),
    ]);
    assert_eq!(
        admin(&["policies", "show", "--user", "ana", "lists"]).trim(),
        document
    );
    assert!(streams().status.success());
    admin(&["keys", "disable", "ana", &text("access_key_id")]);
    assert!(stderr(&streams()).contains("UnrecognizedClientException"));
    let file = dir.path().join("trust.json");
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}}"#;
    std::fs::write(&file, trust).unwrap();
    admin(&["roles", "create", "reader", "--trust", file.to_str().unwrap()]);
    admin(&[
        "policies",
        "attach",
        "--role",
        "reader",
        "arn:aws:iam::aws:policy/AmazonKinesisReadOnlyAccess",
    ]);
    let policies = read(admin(&["policies", "list", "--role", "reader"]));
    assert_eq!(
        policies["attached"][0],
        "arn:aws:iam::aws:policy/AmazonKinesisReadOnlyAccess"
    );
}
