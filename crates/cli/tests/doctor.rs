//! `millrace doctor`.

mod common;

use common::{millrace, stderr, stdout};
use serde_json::Value;

#[test]
fn a_machine_is_examined() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut command = millrace();
    command
        .args([
            "doctor",
            "--listen",
            "127.0.0.1:0",
            "--syncs",
            "50",
            "--json",
            "--data-dir",
        ])
        .arg(&data);
    let output = command.output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success(), "{report} {}", stderr(&output));
    let find = |check: &str| {
        let findings = report["findings"].as_array().unwrap();
        findings
            .iter()
            .find(|finding| finding["check"] == check)
            .unwrap_or_else(|| panic!("no {check}"))
            .clone()
    };
    let sync = find("disk-sync");
    assert_eq!(sync["numbers"]["syncs"], 50);
    assert!(sync["numbers"]["p50_us"].as_u64() <= sync["numbers"]["p99_us"].as_u64());
    for check in ["data-dir", "clock", "port", "open-files", "memory", "processors"] {
        assert!(find(check)["found"].is_string(), "{check}");
    }
    assert!(!data.exists(), "what was only made to measure is removed");
}

#[test]
fn what_would_not_work_fails_with_advice() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut command = millrace();
    command
        .args([
            "doctor",
            "--listen",
            &taken.local_addr().unwrap().to_string(),
            "--data-dir",
        ])
        .arg(file.path());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    assert!(
        text.contains("is taken") && text.contains("→") && text.contains("--data-dir"),
        "{text}"
    );
}
