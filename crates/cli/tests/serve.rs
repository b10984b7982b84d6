//! `millrace serve` and `millrace config`.

mod common;

use common::{Served, millrace, stderr, stdout};

#[test]
fn a_server_stops_when_it_is_told_and_keeps_its_records() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["TERM", "INT"] {
        let server = Served::start(dir.path());
        if name == "TERM" {
            server.json(&["create", "s"]);
            server.json(&["put", "s", "kept"]);
        }
        server.signal(name);
        assert!(server.wait().success(), "SIG{name} is a clean end");
    }
    let server = Served::start(dir.path());
    assert_eq!(server.tail(&["s", "--from", "trim-horizon"])[0]["text"], "kept");
}

#[test]
fn a_killed_server_keeps_what_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let server = Served::start(dir.path());
    server.json(&["create", "s"]);
    server.json(&["put", "s", "acknowledged"]);
    server.kill();
    let server = Served::start(dir.path());
    assert_eq!(
        server.tail(&["s", "--from", "trim-horizon"])[0]["text"],
        "acknowledged"
    );
}

#[test]
fn a_port_that_is_taken_is_explained() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let output = millrace()
        .args(["serve", "--listen", &address, "--data-dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(&address), "{}", stderr(&output));
}

#[test]
fn strangers_are_not_invited_with_well_known_credentials() {
    let output = millrace()
        .args(["serve", "--listen", "0.0.0.0:0", "--data-dir", ":memory:"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("credentials"), "{}", stderr(&output));
}

#[test]
fn a_self_signed_server_is_trusted_through_the_file_it_names() {
    let dir = tempfile::tempdir().unwrap();
    let server = Served::start_with(dir.path(), &["--set", "tls.self_signed=true"]);
    assert!(
        server.endpoint.starts_with("https://127.0.0.1:"),
        "{}",
        server.endpoint
    );
    let (_, authority) = server.banner.split_once("AWS_CA_BUNDLE=").unwrap();
    let authority = authority.lines().next().unwrap();
    assert_eq!(
        server.json(&["create", "s", "--ca", authority])["status"],
        "ACTIVE"
    );
    server.signal("HUP");
    assert_eq!(server.json(&["list", "--ca", authority])[0]["name"], "s");
    let stranger = server.streams(&["list"]);
    assert!(!stranger.status.success());
}

#[test]
fn the_configuration_has_its_layers() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("millrace.toml");
    std::fs::write(&file, "[server]\nlisten = \"127.0.0.1:1111\"\ndrain_secs = 7\n").unwrap();
    let config = |more: &[&str]| {
        let mut command = millrace();
        command
            .arg("config")
            .arg("--config")
            .arg(&file)
            .env("MILLRACE_DATA_DIR", "/from/env")
            .args(more);
        command.output().unwrap()
    };
    let output = config(&["--listen", "127.0.0.1:2222"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    for line in [
        "listen = \"127.0.0.1:2222\"",
        "data_dir = \"/from/env\"",
        "drain_secs = 7",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    let wrong = config(&["--set", "server.lisen=x"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(
        stderr(&wrong).contains("did you mean 'server.listen'"),
        "{}",
        stderr(&wrong)
    );
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = millrace().args(["completions", shell]).output().unwrap();
        assert!(
            output.status.success() && stdout(&output).contains("no-follow"),
            "{shell}"
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = millrace()
        .args(["completions", "bash"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}
