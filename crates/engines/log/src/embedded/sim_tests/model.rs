//! What the logs must look like, in the simplest form there is.

#![allow(clippy::cast_possible_truncation, reason = "small numbers of a test")]

use std::collections::BTreeMap;
use std::time::Duration;

use millrace_base::Timestamp;
use tokio::sync::oneshot;

use crate::contract::ALL;
use crate::embedded::core::Core;
use crate::embedded::queue::Op;
use crate::{Appended, Batch, Entry, LogError, LogId, LogOptions, ReadLimits};

/// A change.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Create(u64, u64),
    Append(u64, Vec<Vec<u8>>),
    Trim(u64, u64),
    Seal(u64),
    Delete(u64),
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    Unit,
    Appended(Appended),
    End(u64),
}

enum Receiver {
    Unit(oneshot::Receiver<Result<(), LogError>>),
    Appended(oneshot::Receiver<Result<Appended, LogError>>),
    End(oneshot::Receiver<Result<u64, LogError>>),
}

/// A change that was submitted.
pub(super) struct Call {
    pub(super) step: Step,
    receiver: Receiver,
}

impl Call {
    pub(super) fn result(&mut self) -> Result<Done, LogError> {
        match &mut self.receiver {
            Receiver::Unit(r) => r.try_recv().expect("answered").map(|()| Done::Unit),
            Receiver::Appended(r) => r.try_recv().expect("answered").map(Done::Appended),
            Receiver::End(r) => r.try_recv().expect("answered").map(Done::End),
        }
    }
}

impl Step {
    pub(super) fn submit(self, core: &Core) -> Call {
        let (unit, unit_receiver) = oneshot::channel();
        let mut receiver = Receiver::Unit(unit_receiver);
        let op = match &self {
            Self::Create(id, days) => Op::Create(
                LogId(*id),
                LogOptions {
                    retention: Duration::from_secs(86_400 * days),
                },
                unit,
            ),
            Self::Append(id, records) => {
                let (reply, appended) = oneshot::channel();
                receiver = Receiver::Appended(appended);
                Op::Append(LogId(*id), Batch::of(records), reply)
            }
            Self::Trim(id, before) => Op::Trim(LogId(*id), *before, unit),
            Self::Seal(id) => {
                let (reply, end) = oneshot::channel();
                receiver = Receiver::End(end);
                Op::Seal(LogId(*id), reply)
            }
            Self::Delete(id) => Op::Delete(LogId(*id), unit),
        };
        core.shared.queue.push(op);
        Call { step: self, receiver }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ModelLog {
    start: u64,
    sealed: bool,
    /// All records ever; the time is unknown until the append was answered or read.
    records: Vec<(Option<Timestamp>, Vec<u8>)>,
}

impl ModelLog {
    fn end(&self) -> u64 {
        self.records.len() as u64
    }
}

#[derive(Debug, Default)]
pub(super) struct Model {
    logs: BTreeMap<u64, ModelLog>,
    on_its_way: Vec<Step>,
    next_id: u64,
    next_record: u64,
}

impl Model {
    pub(super) fn invent(&mut self, roll: &dyn Fn(u64) -> u64) -> Step {
        let id = self.some_log(roll);
        match roll(20) {
            0 => {
                self.next_id += 1;
                Step::Create(self.next_id, [1, 7, 365][roll(3) as usize])
            }
            1 if roll(3) == 0 => Step::Seal(id),
            2 if roll(3) == 0 => Step::Delete(id),
            3 | 4 => Step::Trim(id, roll(self.logs.get(&id).map_or(0, ModelLog::end) + 2)),
            _ if self.logs.is_empty() => {
                self.next_id += 1;
                Step::Create(self.next_id, 1)
            }
            _ => self.invent_append(roll),
        }
    }

    pub(super) fn invent_append(&mut self, roll: &dyn Fn(u64) -> u64) -> Step {
        let id = self.some_log(roll);
        let records = (0..1 + roll(4)).map(|_| {
            self.next_record += 1;
            // The largest are written from where they lie.
            let size = match roll(120) {
                0 => roll(110_000),
                1..=4 => roll(20_000),
                _ => roll(600),
            };
            let mut record = format!("{id}/{}/", self.next_record).into_bytes();
            record.resize(record.len() + size as usize, (self.next_record % 251) as u8);
            record
        });
        Step::Append(id, records.collect())
    }

    fn some_log(&self, roll: &dyn Fn(u64) -> u64) -> u64 {
        let at = roll(self.logs.len().max(1) as u64) as usize;
        self.logs.keys().nth(at).copied().unwrap_or(0)
    }

    pub(super) fn on_its_way(&mut self, step: Step) {
        self.on_its_way.push(step);
    }

    /// The engine answered: it must have said what the model says.
    pub(super) fn acknowledge(&mut self, step: &Step, result: &Result<Done, LogError>) {
        let time = match result {
            Ok(Done::Appended(appended)) => Some(appended.time),
            _ => None,
        };
        assert_eq!(&apply(&mut self.logs, step, time), result, "{step:?}");
    }

    /// After a restart: acknowledged changes, and of those on their way the first few.
    pub(super) fn settle(&mut self, core: &Core) {
        let mut logs = self.logs.clone();
        let mut steps = std::mem::take(&mut self.on_its_way).into_iter();
        loop {
            if shows(&logs, core) {
                self.logs = logs;
                return;
            }
            let Some(step) = steps.next() else {
                panic!("the engine shows no state that was ever asked for")
            };
            // What would have been refused changes nothing.
            let _ = apply(&mut logs, &step, None);
        }
    }

    /// Before anything is recovered readers see what was acknowledged and not more.
    pub(super) fn shows_only_acknowledged(&self, core: &Core) {
        assert!(
            shows(&self.logs, core),
            "readers see what was not acknowledged, or miss what was"
        );
    }

    /// Every readable record is right, and what is not readable says why.
    pub(super) fn verify(&mut self, core: &Core) {
        assert!(shows(&self.logs, core));
        for (id, log) in &mut self.logs {
            let (mut at, id) = (log.start, LogId(*id));
            while at < log.end() {
                let chunk = core
                    .shared
                    .read(id, at, ALL)
                    .expect("acknowledged records are readable");
                assert!(!chunk.entries.is_empty(), "{id:?} at {at}");
                for entry in &chunk.entries {
                    check(log, entry, at);
                    at += 1;
                }
            }
            assert!(
                core.shared
                    .read(id, log.end(), ALL)
                    .expect("the tail reads")
                    .entries
                    .is_empty()
            );
            if log.start > 0 {
                let before = core.shared.read(id, log.start - 1, ALL);
                assert!(matches!(before, Err(LogError::Trimmed { .. })), "{before:?}");
            }
            let readable = &log.records[log.start as usize..];
            assert!(
                readable.is_sorted_by_key(|(time, _)| *time),
                "times go back in {id:?}"
            );
        }
    }

    /// Reads every record on its own. Those that are damaged must say so, and where; yields their bytes.
    pub(super) fn verify_damaged(&mut self, core: &Core, file: &str) -> usize {
        let one = ReadLimits { records: 1, ..ALL };
        let mut lost = 0;
        for (id, log) in &mut self.logs {
            for offset in log.start..log.end() {
                match core.shared.read(LogId(*id), offset, one) {
                    Ok(chunk) => check(log, &chunk.entries[0], offset),
                    Err(LogError::Damaged { detail, .. }) => {
                        assert!(detail.contains(file), "{detail} does not name {file}");
                        lost += log.records[offset as usize].1.len();
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
        }
        lost
    }

    pub(super) fn read_somewhere(&mut self, core: &Core, dice: u64) {
        let at = (dice % self.logs.len().max(1) as u64) as usize;
        let Some((id, log)) = self.logs.iter_mut().nth(at) else {
            return;
        };
        let from = log.start + (dice >> 8) % (log.end() - log.start + 1);
        let limits = ReadLimits {
            bytes: (dice >> 20) as usize % 4000,
            records: 1 + (dice >> 40) as usize % 20,
        };
        if core.shared.is_poisoned() {
            return;
        }
        let chunk = core.shared.read(LogId(*id), from, limits).expect("readable");
        assert_eq!(chunk.entries.is_empty(), from == log.end());
        for (entry, offset) in chunk.entries.iter().zip(from..) {
            check(log, entry, offset);
        }
        if let Some(entry) = chunk.entries.first() {
            let found = core.shared.offset_at(LogId(*id), entry.time).expect("findable");
            let expected = (log.start..).zip(&log.records[log.start as usize..]);
            let expected = expected
                .into_iter()
                .find(|(_, (time, _))| time.is_some_and(|time| time >= entry.time));
            assert!(
                expected.is_some_and(|(offset, _)| found <= offset),
                "{found} {expected:?}"
            );
            let before = core.shared.read(LogId(*id), found, limits).expect("readable");
            assert!(before.entries[0].time >= entry.time);
        }
    }
}

fn check(log: &mut ModelLog, entry: &Entry, offset: u64) {
    assert_eq!(entry.offset, offset);
    let (time, record) = &mut log.records[offset as usize];
    assert!(&entry.bytes[..] == record.as_slice(), "wrong bytes at {offset}");
    assert_eq!(
        *time.get_or_insert(entry.time),
        entry.time,
        "the time at {offset} has changed"
    );
}

fn shows(logs: &BTreeMap<u64, ModelLog>, core: &Core) -> bool {
    let shown = core.shared.logs.read().expect("unpoisoned");
    shown.len() == logs.len()
        && logs.iter().all(|(id, log)| {
            shown.get(&LogId(*id)).is_some_and(|cell| {
                let tail = cell.lock().tail;
                (tail.start, tail.end, tail.sealed) == (log.start, log.end(), log.sealed)
            })
        })
}

fn apply(logs: &mut BTreeMap<u64, ModelLog>, step: &Step, time: Option<Timestamp>) -> Result<Done, LogError> {
    let (Step::Create(id, _) | Step::Append(id, _) | Step::Trim(id, _) | Step::Seal(id) | Step::Delete(id)) =
        step;
    let missing = LogError::NotFound(LogId(*id));
    match step {
        Step::Create(id, _) if logs.contains_key(id) => return Err(LogError::Exists(LogId(*id))),
        Step::Create(id, _) => {
            logs.insert(*id, ModelLog::default());
        }
        Step::Append(id, records) => {
            let log = logs.get_mut(id).ok_or(missing)?;
            if log.sealed {
                return Err(LogError::Sealed(LogId(*id)));
            }
            let first = log.end();
            log.records
                .extend(records.iter().map(|record| (time, record.clone())));
            return Ok(Done::Appended(Appended {
                first,
                time: time.unwrap_or_default(),
            }));
        }
        Step::Trim(id, before) => {
            let log = logs.get_mut(id).ok_or(missing)?;
            if *before > log.end() {
                return Err(LogError::BeyondTail {
                    offset: *before,
                    end: log.end(),
                });
            }
            log.start = log.start.max(*before);
        }
        Step::Seal(id) => {
            let log = logs.get_mut(id).ok_or(missing)?;
            log.sealed = true;
            return Ok(Done::End(log.end()));
        }
        Step::Delete(id) => {
            logs.remove(id).ok_or(missing)?;
        }
    }
    Ok(Done::Unit)
}
