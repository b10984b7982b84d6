//! The bytes: what is written reads back, anything else is refused, and old versions stay readable for ever.

use std::path::PathBuf;

use bytes::Bytes;
use millrace_base::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

use super::fuzz::{append, fill, fuzz_recovery, sample};
use super::manifest::format::{Edit, FileMeta, LogMeta, decode_frame, encode_frame};
use super::sealed::{FooterCache, Writer};
use super::state::Cached;
use super::wal::{Builder, Entry, HEADER_BYTES, Header, Records, decode_body};
use super::{OpenError, recovery};
use crate::batch::Budget;
use crate::contract::ALL;
use crate::disk::sim::SimDisk;
use crate::limits::IN_PLACE_BYTES_MIN;
use crate::{Batch, LogId};

fn records() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(vec(any::<u8>(), 0..300), 1..20)
}

proptest! {
    #[test]
    fn a_batch_reads_back(
        key: u64, seq: u64, appends in vec((any::<u64>(), any::<u64>(), records(), 0..150_000usize), 0..6)
    ) {
        let mut builder = Builder::new(key);
        builder.begin();
        builder.create(LogId(9), 77);
        let mut expected = vec![Entry::Create { log: LogId(9), retention_ms: 77 }];
        for (log, first, mut records, large) in appends {
            let len = records[0].len() + large;
            records[0].resize(len, 1);
            let batch = Batch::of(&records);
            prop_assert_eq!(batch.in_place.is_some(), batch.bytes.len() >= IN_PLACE_BYTES_MIN);
            builder.append(LogId(log), first, Timestamp(5), &batch);
            let batch = Records { bytes: batch.bytes, ends: batch.ends };
            expected.push(Entry::Append { log: LogId(log), first, time: Timestamp(5), batch });
        }
        builder.trim(LogId(9), 3);
        builder.seal(LogId(9), 4);
        builder.delete(LogId(9));
        expected.extend([
            Entry::Trim { log: LogId(9), before: 3 },
            Entry::Seal { log: LogId(9), end: 4 },
            Entry::Delete { log: LogId(9) },
        ]);
        let stored = builder.finish(Header { batch_seq: seq, epoch: 3, ..Header::default() }).concat();
        prop_assert_eq!(stored.len() % 4096, 0);
        let header = Header::decode(key, &stored).unwrap();
        prop_assert_eq!((header.batch_seq, header.epoch), (seq, 3));
        prop_assert!(Header::decode(key ^ 1, &stored).is_none());
        let body = Bytes::copy_from_slice(&stored[HEADER_BYTES..HEADER_BYTES + header.body_bytes()]);
        prop_assert!(header.owns(key, &body));
        prop_assert_eq!(decode_body(&body, header.entries).unwrap(), expected);
    }

    #[test]
    fn one_changed_bit_is_noticed(at in 0..120usize, bit in 0..8u32) {
        let mut builder = Builder::new(7);
        builder.begin();
        builder.append(LogId(1), 0, Timestamp(5), &Batch::of(&["some record"]));
        let mut stored = builder.finish(Header::default()).concat();
        let len = Header::decode(7, &stored).unwrap().body_bytes();
        let at = at % (HEADER_BYTES + len);
        stored[at] ^= 1 << bit;
        let sound = Header::decode(7, &stored)
            .is_some_and(|header| header.owns(7, &stored[HEADER_BYTES..HEADER_BYTES + len]));
        prop_assert!(!sound);
    }

    #[test]
    fn a_frame_reads_back(key: u64, seq: u64, n: u64, sealed: bool) {
        let meta = LogMeta { retention_ms: n, start: 1, end: n, last_time: Timestamp(n), sealed };
        let edits = [
            Edit::Epoch(n),
            Edit::WalTrim { seq: n, epoch: 2 },
            Edit::Log(LogId(n), meta),
            Edit::LogDeleted(LogId(n)),
            Edit::FileAdded(n, FileMeta { class: 3, len: n }),
            Edit::FileRemoved(n),
        ];
        let frame = encode_frame(key, seq, &edits);
        prop_assert_eq!(decode_frame(key, seq, &frame), Some((edits.to_vec(), frame.len())));
        prop_assert_eq!(decode_frame(key, seq.wrapping_add(1), &frame), None);
        prop_assert_eq!(decode_frame(key, seq, &frame[..frame.len() - 1]), None);
    }

    #[test]
    fn a_sealed_file_reads_back(
        logs in vec(vec((records(), any::<bool>()), 1..5), 1..4), large in 0..200_000usize, limit in 1..5000usize
    ) {
        let disk = SimDisk::new(1, false);
        let mut pace = |_| {};
        let mut writer = Writer::create(&disk, 7, 1, &mut pace).unwrap();
        let mut expected = Vec::new();
        for (id, runs) in logs.into_iter().enumerate() {
            let (mut first, mut time, mut all) = (0, 0, Vec::new());
            for (mut records, slow) in runs {
                let len = records[0].len() + large;
                records[0].resize(len, 1);
                time += u64::from(slow);
                let batch = Batch::of(&records);
                let cached = Cached { first, time: Timestamp(time), bytes: batch.bytes, ends: batch.ends, in_place: batch.in_place };
                writer.records(LogId(id as u64), &cached, 0).unwrap();
                first = cached.end();
                all.extend(records.into_iter().map(|record| (time, record)));
            }
            writer.end_log(LogId(id as u64)).unwrap();
            expected.push(all);
        }
        writer.finish().unwrap();
        let file = FooterCache::new(0).get(&disk, 7, 1).unwrap();
        for (id, records) in expected.iter().enumerate() {
            let (log, mut at) = (LogId(id as u64), 0);
            while at < records.len() {
                let limits = crate::ReadLimits { bytes: limit, ..ALL };
                let entries = file.records(log, 0, at as u64, &mut Budget::new(limits)).unwrap();
                prop_assert!(!entries.is_empty());
                for entry in entries {
                    prop_assert_eq!(entry.offset, at as u64);
                    prop_assert!((entry.time.0, &entry.bytes[..]) == (records[at].0, &records[at].1[..]));
                    at += 1;
                }
            }
            let last = records[records.len() - 1].0;
            let first = records.iter().position(|(time, _)| *time >= last).unwrap();
            prop_assert_eq!(file.offset_at(log, 0, Timestamp(last)).unwrap(), Some(first as u64));
            prop_assert_eq!(file.offset_at(log, 0, Timestamp(last + 1)).unwrap(), None);
        }
    }

    #[test]
    fn no_damage_makes_recovery_panic(bytes in vec(any::<u8>(), 0..400)) {
        fuzz_recovery(&bytes);
    }

    #[test]
    fn no_single_flip_makes_recovery_panic(choice: u8, at: u16, bit in 0..8u8) {
        let [low, high] = at.to_le_bytes();
        fuzz_recovery(&[choice | 1, low, high, 1 << bit]);
    }
}

fn testdata(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name)
}

/// The store of [`sample`] and some large batches, without the zeros that fill up its segments.
fn written_now() -> std::collections::BTreeMap<String, Vec<u8>> {
    let disk = SimDisk::new(1, false);
    let core = recovery::open(&sample(&disk)).unwrap();
    fill(&core);
    // Written from where they lie, in both kinds of files.
    let large = "large".repeat(IN_PLACE_BYTES_MIN / 5);
    append(&core, 1, &["five", &large]);
    core.seal_now(&mut |_| {});
    append(&core, 1, &["six", &large, "seven"]);
    drop(core);
    let mut files = disk.files();
    for (_, bytes) in files.iter_mut().filter(|(name, _)| name.starts_with("wal")) {
        let used = bytes
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        bytes.truncate(used);
    }
    files
}

#[test]
fn version_2_is_written_as_it_always_was() {
    let files = written_now();
    if std::env::var_os("MILLRACE_BLESS").is_some() {
        std::fs::create_dir_all(testdata("v2")).unwrap();
        for (name, bytes) in &files {
            std::fs::write(testdata("v2").join(name), bytes).unwrap();
        }
    }
    let known = std::fs::read_dir(testdata("v2")).unwrap();
    assert_eq!(known.count(), files.len(), "{:?}", files.keys());
    for (name, bytes) in files {
        let known = std::fs::read(testdata("v2").join(&name)).unwrap();
        assert!(
            known == bytes,
            "{name} is written differently: that needs a new format version"
        );
    }
}

#[test]
fn old_versions_are_still_readable() {
    // The first sealed files did not end with a whole block.
    for (name, records) in [("v1", 4), ("v1-unpadded", 4), ("v2", 9)] {
        read_back(&testdata(name), records);
    }
}

fn read_back(golden: &std::path::Path, records: usize) {
    let disk = SimDisk::new(1, false);
    for file in std::fs::read_dir(golden).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let mut bytes = std::fs::read(golden.join(&name)).unwrap();
        if name.starts_with("wal") {
            // The zeros behind the last batch are not kept.
            bytes.resize(bytes.len().next_multiple_of(64 << 10), 0);
        }
        disk.put(&name, bytes);
    }
    let core = recovery::open(&sample(&disk)).unwrap();
    let read = |log, from| {
        let chunk = core.shared.read(LogId(log), from, ALL).unwrap();
        chunk
            .entries
            .iter()
            .map(|e| (e.time.0, String::from_utf8(e.bytes.to_vec()).unwrap()))
            .collect::<Vec<_>>()
    };
    let at = |text: &str| (1_700_000_000_000, text.to_owned());
    assert_eq!(read(1, 0), [at("one"), at(""), at("three")]);
    let mut rest = Vec::new();
    while rest.len() < records - 3 {
        // One file at a time.
        rest.extend(read(1, 3 + rest.len() as u64));
    }
    let large = "large".repeat(IN_PLACE_BYTES_MIN / 5);
    let expected = ["four", "five", &large, "six", &large, "seven"].map(at);
    assert!(rest == expected[..records - 3]);
    assert_eq!(read(2, 1), [at(""), at("three")]);
    let tail = core.shared.cell(LogId(2)).unwrap().lock().tail;
    assert!(tail.sealed && tail.start == 1 && tail.end == 3);
}

#[test]
fn damage_to_acknowledged_bytes_is_refused_and_named() {
    let cases: [(&str, usize, &str); 3] = [
        // A batch that later ones know to be durable.
        ("wal-00000001", (20 << 10) + 70, "unreadable"),
        ("seg-0000000000000001", 4096 - 50, "footer"),
        ("MANIFEST", 40, "checksum"),
    ];
    for (name, at, expected) in cases {
        let disk = SimDisk::new(1, false);
        let options = sample(&disk);
        let core = recovery::open(&options).unwrap();
        fill(&core);
        drop(core);
        disk.damage(name, |bytes| bytes[at] ^= 1);
        let error = recovery::open(&options).map(drop).unwrap_err();
        assert!(
            matches!(&error, OpenError::Damaged { file, .. } if file == name),
            "{error}"
        );
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_newer_version_is_refused() {
    let disk = SimDisk::new(1, false);
    let options = sample(&disk);
    drop(recovery::open(&options).unwrap());
    disk.damage("MANIFEST", |bytes| {
        bytes[8] = 3;
        let crc = super::codec::keyed_crc(0, &[&bytes[..12], &bytes[16..32]]);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    });
    assert!(matches!(
        recovery::open(&options),
        Err(OpenError::Version { found: 3, .. })
    ));
}
