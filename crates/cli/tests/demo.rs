//! `millrace demo`: the tour runs, and everything it wrote comes back both ways.

mod common;

use common::{lines, millrace, stderr, stdout};

#[test]
fn every_reading_comes_back_both_ways() {
    let args = [
        "demo",
        "--listen",
        "127.0.0.1:0",
        "--seconds",
        "4",
        "--every-ms",
        "100",
        "--shards",
        "3",
        "--json",
    ];
    let output = millrace().args(args).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let lines = lines(&output.stdout);
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["state"], &last["complete"]),
        (&"done".into(), &true.into()),
        "{last}"
    );
    let put = last["put"].as_u64().unwrap();
    assert!(put >= 50, "{put} readings in four seconds");
    assert_eq!(last["get_records"]["records"], put);
    assert_eq!(last["subscribe_to_shard"]["records"], put);
    assert!(last["metrics"]["cpu.busy"]["last"].as_f64().unwrap() <= 100.0);
    assert!(last["metrics"]["memory.used"]["last"].as_f64().unwrap() > 0.0);
    assert!(last["metrics"]["memory.used"]["push"]["p50_us"].as_u64().unwrap() > 0);
}

#[test]
fn the_tour_reads_well_in_a_plain_log_and_goes_on_in_the_same_directory() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let mut command = millrace();
        command.args([
            "demo",
            "--listen",
            "127.0.0.1:0",
            "--seconds",
            "3",
            "--every-ms",
            "200",
            "--data-dir",
        ]);
        let output = command.arg(dir.path()).output().unwrap();
        let text = stdout(&output);
        assert!(output.status.success(), "{text}{}", stderr(&output));
        assert!(text.contains("every record came back both ways"), "{text}");
        assert!(text.contains("aws --endpoint-url http://127.0.0.1:"), "{text}");
        assert!(text.contains("cpu.busy") && !text.contains('\x1b'), "{text}");
    }
}
