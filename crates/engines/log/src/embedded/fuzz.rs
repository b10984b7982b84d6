//! Damage of any kind to any file of a small store: opening and reading it must end, without a panic, in an answer
//! or an error. For the fuzzer, and for a property test that stands in for it.

use std::sync::Arc;

use bytes::Bytes;
use millrace_base::{ByteSize, ManualClock, SeededRng, Timestamp};
use tokio::sync::oneshot;

use super::core::Core;
use super::manifest;
use super::options::{OpenError, Options};
use super::queue::Op;
use super::sealed::format::{Footer, Trailer, block_header, decode_block_runs};
use super::verify::verify;
use super::{recovery, wal};
use crate::disk::sim::{Crash, SimDisk};
use crate::{Batch, LogId, LogOptions, ReadLimits};

const ALL: ReadLimits = ReadLimits {
    bytes: usize::MAX,
    records: usize::MAX,
};

/// A small store that is the same every time: two logs in a sealed file, two batches in the write-ahead log.
pub(super) fn sample(disk: &SimDisk) -> Options {
    let clock = ManualClock::new(Timestamp(1_700_000_000_000));
    let mut options = Options::on_disk(
        Arc::new(disk.clone()),
        Arc::new(clock),
        Arc::new(SeededRng::new(42)),
    );
    options.first_segment_bytes = ByteSize(64 << 10);
    options.segment_bytes = ByteSize(64 << 10);
    options
}

fn run(core: &Core, op: Op) {
    core.shared.queue.push(op);
    let mut group = Vec::new();
    let _ = core.shared.queue.wait(&mut group);
    core.commit(group);
}

/// Appends records in a batch of their own.
#[cfg(test)]
pub(super) fn append(core: &Core, log: u64, records: &[&str]) {
    run(
        core,
        Op::Append(LogId(log), Batch::of(records), oneshot::channel().0),
    );
}

/// Makes the logs of [`sample`].
pub(super) fn fill(core: &Core) {
    let run = |op| run(core, op);
    for log in [1, 2] {
        let retention = std::time::Duration::from_secs(86_400);
        run(Op::Create(
            LogId(log),
            LogOptions { retention },
            oneshot::channel().0,
        ));
        run(Op::Append(
            LogId(log),
            Batch::of(&["one", "", "three"]),
            oneshot::channel().0,
        ));
    }
    run(Op::Seal(LogId(2), oneshot::channel().0));
    core.seal_now(&mut |_| {});
    run(Op::Append(LogId(1), Batch::of(&["four"]), oneshot::channel().0));
    run(Op::Trim(LogId(2), 1, oneshot::channel().0));
}

/// Recovers a store one of whose files has `bytes` in it. Panics only if there is something to fix.
pub fn fuzz_recovery(bytes: &[u8]) {
    parts(bytes);
    let Some(([choice, at_low, at_high], rest)) = bytes.split_first_chunk::<3>() else {
        return;
    };
    let disk = SimDisk::new(1, false);
    let options = sample(&disk);
    let Ok(core) = recovery::open(&options) else {
        return;
    };
    fill(&core);
    drop(core);
    disk.reboot(Crash::Kill);
    let names: Vec<String> = disk.files().into_keys().filter(|name| name != "LOCK").collect();
    let Some(name) = names.get(usize::from(choice >> 1) % names.len().max(1)) else {
        return;
    };
    if choice & 1 == 0 {
        disk.put(name, rest.to_vec());
    } else {
        disk.damage(name, |file| {
            let at = usize::from(u16::from_le_bytes([*at_low, *at_high])) % file.len().max(1);
            file[at..]
                .iter_mut()
                .zip(rest)
                .for_each(|(byte, change)| *byte ^= change);
        });
    }
    let damaged = verify(&disk, &[LogId(1)], &mut |_, _| {}).is_ok_and(|report| report.is_damaged());
    let opened = recovery::open(&options);
    let refused = matches!(
        &opened,
        Err(OpenError::Damaged { .. } | OpenError::Version { .. })
    );
    assert!(damaged || !refused, "a look must find what recovery refuses");
    if let Ok(core) = opened {
        for log in [1, 2].map(LogId) {
            // Errors are answers too.
            let start = core.shared.cell(log).map_or(0, |cell| cell.lock().tail.start);
            let _ = core.shared.read(log, start, ALL);
            let _ = core.shared.offset_at(log, Timestamp(1));
        }
        core.seal_now(&mut |_| {});
    }
}

/// Each decoder alone, with checksums made right: what lies behind them has to hold too.
fn parts(bytes: &[u8]) {
    let shared = Bytes::copy_from_slice(bytes);
    let _ = wal::decode_body(&shared, u32::MAX);
    let _ = wal::Header::decode(0, bytes);
    let _ = manifest::decode(bytes);
    let mut file = manifest::format::encode_header(0).to_vec();
    file.extend_from_slice(&manifest::format::encode_body(0, 0, bytes));
    let _ = manifest::decode(&file);
    let mut block = block_header(0, LogId(1), bytes, None).to_vec();
    block.extend_from_slice(bytes);
    let _ = decode_block_runs(0, LogId(1), &block.into());
    if let Some(trailer) = Trailer::decode(bytes, bytes.len() as u64) {
        let _ = Footer::decode(0, &trailer, bytes);
    }
    let _ = Footer::decode_tables(bytes, u64::MAX);
}
