//! Every changed bit of what has a checksum is found and named; nothing makes a look panic; what is sound is sound.

use std::collections::BTreeMap;
use std::ops::Range;

use proptest::prelude::*;

use super::*;
use crate::contract::ALL;
use crate::disk::sim::{Crash, SimDisk};
use crate::embedded::core::Core;
use crate::embedded::fuzz::{append, fill, sample};
use crate::embedded::manifest::Tables;
use crate::embedded::sealed::format::{Footer, TRAILER_BYTES, Trailer};
use crate::embedded::wal::Header;
use crate::embedded::{OpenError, recovery};
use crate::{Log as _, Offset};

/// The store of the fuzzer, with a second open behind it, as a clean stop leaves it.
fn store() -> SimDisk {
    let disk = SimDisk::new(1, false);
    let core = recovery::open(&sample(&disk)).unwrap();
    fill(&core);
    for text in ["five", "six", "seven"] {
        append(&core, 1, &[text]);
    }
    append(&core, 2 << 1, &["nobody made this log"]);
    drop(core);
    disk.reboot(Crash::Kill);
    disk
}

fn look(disk: &SimDisk) -> Report {
    let mut last = (0, 0);
    let report = verify(disk, &[LogId(1)], &mut |done, total| {
        assert!(done >= last.0 && done <= total);
        last = (done, total);
    })
    .unwrap();
    assert_eq!(last.0, last.1, "the progress ends where all is done");
    report
}

fn kinds(report: &Report) -> Vec<&'static str> {
    report
        .findings
        .iter()
        .map(|finding| finding.kind.as_str())
        .collect()
}

#[test]
fn a_sound_store_is_sound_and_nothing_is_changed() {
    let disk = store();
    let before = disk.files();
    let report = look(&disk);
    assert_eq!(report.findings, []);
    assert!(disk.files() == before);
    assert_eq!((report.checked.blocks, report.checked.batches), (2, 5));
    let tails: Vec<_> = report
        .logs
        .iter()
        .map(|(id, tail)| (id.0, tail.start, tail.end))
        .collect();
    assert_eq!(tails, [(1, 0, 7), (2, 1, 3)]);
    let kept = &report.kept[0];
    let chunk = futures_now(kept.read(LogId(1), 0, ALL)).unwrap();
    let texts: Vec<_> = chunk
        .entries
        .iter()
        .map(|entry| String::from_utf8_lossy(&entry.bytes))
        .collect();
    assert_eq!(texts, ["one", "", "three", "four", "five", "six", "seven"]);
}

/// A future that is ready.
fn futures_now<T>(mut future: crate::Pending<T>) -> Result<T, crate::LogError> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(result) => result,
        std::task::Poll::Pending => panic!("it waits"),
    }
}

/// The bytes that a checksum covers, by file; the last batch of the write-ahead log included.
fn covered(disk: &SimDisk) -> BTreeMap<String, Vec<Range<usize>>> {
    let mut covered: BTreeMap<String, Vec<Range<usize>>> = BTreeMap::new();
    let files = disk.files();
    let (key, tables) = manifest::decode(&files["MANIFEST"]).unwrap();
    for (name, bytes) in &files {
        let ranges = covered.entry(name.clone()).or_default();
        if name == "MANIFEST" {
            ranges.push(0..bytes.len());
        } else if name.starts_with("seg") {
            let trailer = Trailer::decode(&bytes[bytes.len() - TRAILER_BYTES..], bytes.len() as u64).unwrap();
            let at = usize::try_from(trailer.position).unwrap();
            let footer = Footer::decode(key, &trailer, &bytes[at..bytes.len() - TRAILER_BYTES]).unwrap();
            ranges.push(at..bytes.len());
            ranges.extend(footer.blocks.iter().map(|block| {
                let at = usize::try_from(block.position).unwrap();
                at..at + usize::try_from(block.len).unwrap()
            }));
        } else if name.starts_with("wal") {
            for at in (0..bytes.len()).step_by(4096) {
                if let Some(header) = Header::decode(key, &bytes[at..])
                    && header.batch_seq > tables.trimmed.0
                {
                    ranges.push(at..at + 64 + header.body_bytes());
                }
            }
        }
    }
    covered
}

#[test]
fn every_changed_bit_is_found_and_named() {
    let disk = store();
    let mut flips = 0;
    for (name, ranges) in covered(&disk) {
        for at in ranges.into_iter().flatten() {
            let bit = 1u8 << (at % 8);
            disk.damage(&name, |bytes| bytes[at] ^= bit);
            let report = look(&disk);
            let named = report.findings.iter().any(|finding| {
                let from = finding.offset.unwrap_or(0);
                let range = from..from + finding.bytes.unwrap_or(u64::MAX - from);
                finding.file == name && range.contains(&(at as u64))
            });
            assert!(named, "byte {at} of {name}: {:?}", report.findings);
            disk.damage(&name, |bytes| bytes[at] ^= bit);
            flips += 1;
        }
    }
    assert!(flips > 900, "{flips}");
    assert_eq!(look(&disk).findings, []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_damage_makes_a_look_panic_and_what_does_not_open_is_damaged(
        file: prop::sample::Index, at: prop::sample::Index, change in proptest::collection::vec(any::<u8>(), 1..300),
        cut: bool, remove: bool,
    ) {
        let disk = store();
        let names: Vec<String> = disk.files().into_keys().collect();
        let name = &names[file.index(names.len())];
        let mut bytes = disk.files()[name].clone();
        let at = at.index(bytes.len().max(1));
        bytes.iter_mut().skip(at).zip(&change).for_each(|(byte, change)| *byte ^= change);
        if cut {
            bytes.truncate(at);
        }
        if remove && cut {
            use crate::disk::Disk as _;
            disk.unlink(name).unwrap();
        } else {
            disk.put(name, bytes);
        }
        let report = look(&disk);
        match recovery::open(&sample(&disk)) {
            Ok(core) => {
                // What a look calls sound can be read.
                if !report.is_damaged() {
                    for (log, tail) in &report.logs {
                        read_all(&core, *log, tail.start, tail.end);
                    }
                }
            }
            Err(OpenError::Damaged { .. } | OpenError::Version { .. }) => prop_assert!(report.is_damaged()),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}

fn read_all(core: &Core, log: LogId, start: Offset, end: Offset) {
    let mut next = start;
    while next < end {
        let chunk = core.shared.read(log, next, ALL).unwrap();
        next = chunk.entries.last().unwrap().offset + 1;
    }
}

/// A file, what happens to it, the kind of finding, and the records: log, first, end.
type Case<'a> = (&'a str, &'a dyn Fn(&mut Vec<u8>), &'a str, &'a [(u64, u64, u64)]);

#[test]
fn damage_is_told_by_log_and_record() {
    let cases: [Case<'_>; 4] = [
        (
            "seg-0000000000000001",
            &|bytes| bytes[20] ^= 1,
            "block",
            &[(1, 0, 3)],
        ),
        (
            "seg-0000000000000001",
            &|bytes| {
                let at = bytes.len() - 60;
                bytes[at] ^= 1;
            },
            "file-footer",
            &[(1, 0, 3), (2, 1, 3)],
        ),
        // The batch of "five": that of "six" tells what is missing before it.
        (
            "wal-00000001",
            &|bytes| flip(bytes, 2, 100),
            "wal-batch",
            &[(1, 4, 5)],
        ),
        (
            "wal-00000001",
            &|bytes| flip(bytes, 2, 24),
            "wal-batch",
            &[(1, 4, 5)],
        ),
    ];
    for (name, damage, kind, expected) in cases {
        let disk = store();
        let mut bytes = disk.files()[name].clone();
        damage(&mut bytes);
        disk.put(name, bytes);
        let report = look(&disk);
        assert_eq!(kinds(&report), [kind]);
        let lost = &report.findings[0].lost;
        let lost: Vec<_> = lost
            .iter()
            .map(|lost| (lost.log.0, lost.first, lost.end))
            .collect();
        assert_eq!(lost, expected, "{kind}");
    }
}

fn flip(bytes: &mut [u8], batch: usize, at: usize) {
    let begin = nth_batch(bytes, batch);
    bytes[begin + at] ^= 4;
}

/// Where the `n`-th batch behind the MANIFEST's trim point begins, from 0.
fn nth_batch(bytes: &[u8], n: usize) -> usize {
    let (key, Tables { trimmed, .. }) = manifest::decode(&store().files()["MANIFEST"]).unwrap();
    let live = (0..bytes.len())
        .step_by(4096)
        .filter(|at| Header::decode(key, &bytes[*at..]).is_some_and(|header| header.batch_seq > trimmed.0));
    live.collect::<Vec<_>>()[n]
}

/// A store whose batch of "five" is damaged.
fn damaged() -> SimDisk {
    let disk = store();
    disk.damage("wal-00000001", |bytes| flip(bytes, 2, 100));
    disk
}

#[test]
fn a_damaged_batch_can_be_given_up_with_all_behind_it() {
    let disk = damaged();
    let cut_off = look(&disk).cut_off.unwrap();
    let lost: Vec<_> = cut_off
        .records
        .iter()
        .map(|lost| (lost.log.0, lost.first, lost.end))
        .collect();
    assert_eq!(
        (cut_off.batches, lost),
        (2, vec![(1, 4, 7)]),
        "five, six and seven"
    );
    let before = disk.files()["wal-00000001"].clone();
    assert_eq!(cut(&disk, cut_off.batch).unwrap(), ["wal-00000001.damaged"]);
    let report = look(&disk);
    assert_eq!((report.findings, report.cut_off), (vec![], None));
    assert!(disk.files()["wal-00000001.damaged"] == before);
    assert_eq!(cut(&disk, cut_off.batch).unwrap(), [""; 0]);
    let core = recovery::open(&sample(&disk)).unwrap();
    let tail = core.shared.cell(LogId(1)).unwrap().lock().tail;
    assert_eq!((tail.start, tail.end), (0, 4));
    append(&core, 1, &["again five"]);
    drop(core);
    disk.reboot(Crash::Kill);
    assert_eq!(look(&disk).logs[&LogId(1)].end, 5);
}

#[test]
fn a_repair_that_is_cut_off_is_done_again() {
    let cut_off = look(&damaged()).cut_off.unwrap();
    for at in 1..40 {
        for crash in [Crash::Kill, Crash::Power] {
            let disk = damaged();
            let before = disk.files()["wal-00000001"].clone();
            disk.crash_after(Some(at));
            let interrupted = cut(&disk, cut_off.batch).is_err();
            disk.reboot(crash);
            if interrupted {
                cut(&disk, cut_off.batch).unwrap();
            }
            let report = look(&disk);
            assert!(!report.is_damaged(), "{at} {crash:?}: {:?}", report.findings);
            assert_eq!(report.logs[&LogId(1)].end, 4);
            assert!(disk.files()["wal-00000001.damaged"] == before, "{at} {crash:?}");
        }
    }
}

#[test]
fn a_missing_file_and_an_orphan_are_named() {
    use crate::disk::Disk as _;
    let disk = store();
    disk.unlink("seg-0000000000000001").unwrap();
    disk.put("seg-00000000000000ff", vec![0; 100]);
    let report = look(&disk);
    assert_eq!(kinds(&report), ["file-missing", "file-orphan"]);
    assert_eq!(report.findings[0].lost.len(), 2);
    assert!(report.is_damaged());
    disk.unlink("MANIFEST").unwrap();
    assert_eq!(kinds(&look(&disk)), ["manifest"]);
}

#[test]
fn a_tail_that_was_cut_off_is_no_damage() {
    let disk = store();
    let name = "wal-00000001";
    let mut bytes = disk.files()[name].clone();
    let last = nth_batch(&bytes, 4);
    bytes[last + 80] ^= 1;
    disk.put(name, bytes);
    let report = look(&disk);
    assert_eq!(kinds(&report), ["wal-unfinished"]);
    assert!(!report.is_damaged());
    assert_eq!(report.findings[0].offset, Some(last as u64));
    assert_eq!(report.logs[&LogId(1)].end, 6);
    // The next run goes on, and leaves nothing to notice but what it did not write over.
    drop(recovery::open(&sample(&disk)).unwrap());
}

#[test]
fn an_empty_directory_and_a_store_of_many_runs_are_sound() {
    let disk = SimDisk::new(1, false);
    assert_eq!(look(&disk).findings, []);
    for _ in 0..5 {
        let core = recovery::open(&sample(&disk)).unwrap();
        if core.shared.cell(LogId(1)).is_err() {
            fill(&core);
        }
        append(&core, 1, &["more", "records"]);
        core.seal_now(&mut |_| {});
        append(&core, 1, &["unsealed"]);
        while core.background(&mut |_| {}) {}
        drop(core);
        disk.reboot(Crash::Kill);
        assert_eq!(look(&disk).findings, []);
    }
}
