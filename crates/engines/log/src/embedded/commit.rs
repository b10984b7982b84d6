//! Group commit: everything that waits becomes one batch, one write, one round of answers.

use std::io;
use std::sync::atomic::Ordering;

use millrace_base::Timestamp;

use super::codec::as_u64;
use super::core::Shared;
use super::heads::{Effect, Heads};
use super::queue::{Op, Reply};
use super::ring::{Kept, Ring};
use super::wal::{Builder, Header, stored_bytes};
use crate::{Appended, LogError, Offset};

/// The writer's side of the engine. One group at a time.
#[derive(Debug)]
pub(super) struct Committer {
    pub(super) heads: Heads,
    pub(super) ring: Ring,
    pub(super) epoch: u64,
    /// The last batch that was written.
    pub(super) last_seq: u64,
    /// The last batch that is known to be on the device.
    pub(super) durable_seq: u64,
    pub(super) builder: Builder,
    /// When the first change since the last cut was made.
    pub(super) oldest_change: Option<Timestamp>,
    /// The newest append time of any log.
    pub(super) newest: Timestamp,
}

/// A call whose group is on its way.
enum Answer {
    Unit(Reply<()>, Result<(), LogError>),
    Appended(Reply<Appended>, Result<Appended, LogError>),
    All(
        Reply<Vec<Result<Appended, LogError>>>,
        Vec<Result<Appended, LogError>>,
    ),
    Offset(Reply<Offset>, Result<Offset, LogError>),
}

impl Answer {
    fn send(self) {
        // A caller that stopped waiting misses nothing.
        match self {
            Self::Unit(reply, result) => drop(reply.send(result)),
            Self::Appended(reply, result) => drop(reply.send(result)),
            Self::All(reply, results) => drop(reply.send(Ok(results))),
            Self::Offset(reply, result) => drop(reply.send(result)),
        }
    }

    fn fail(self, error: LogError) {
        match self {
            Self::Unit(reply, _) => drop(reply.send(Err(error))),
            Self::Appended(reply, _) => drop(reply.send(Err(error))),
            Self::All(reply, _) => drop(reply.send(Err(error))),
            Self::Offset(reply, _) => drop(reply.send(Err(error))),
        }
    }
}

const FULL: LogError = LogError::Overloaded("the disk is full: free space on it, or shorten retention");
const BUSY: LogError = LogError::Overloaded("too many files are open: raise the limit of open files");
const BEHIND: LogError = LogError::Overloaded("records arrive faster than they can be sealed: retry later");

/// Whether the error only says that there is no space.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Whether the error only says that too many files are open.
pub(super) fn is_busy(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

impl Committer {
    /// Commits `group` and answers its calls. An error means that the storage can not be trusted any more; the
    /// group's calls are answered all the same.
    pub(super) fn commit(&mut self, group: Vec<Op>, shared: &Shared) -> Result<(), String> {
        let out_of_room = shared.unsealed.load(Ordering::Relaxed) >= shared.tail_cache_bytes;
        let (group, refused) = if out_of_room {
            split(group, |op| shared.is_urgent(op))
        } else {
            (group, Vec::new())
        };
        let refusal = if shared.disk_full.load(Ordering::Relaxed) {
            FULL
        } else {
            BEHIND
        };
        refused.into_iter().for_each(|op| op.fail(refusal.clone()));
        self.commit_what_fits(group, shared)
    }

    /// On a full disk first what is urgent and then what gives space back uses what every segment keeps for it.
    fn commit_what_fits(&mut self, mut group: Vec<Op>, shared: &Shared) -> Result<(), String> {
        for kept in [Kept::All, Kept::Half, Kept::Nothing] {
            match self.make_room(&group, kept, shared) {
                Ok(()) => {
                    if kept == Kept::All && !group.is_empty() {
                        shared.out_of_space.store(false, Ordering::Relaxed);
                    }
                    return self.write(group, shared);
                }
                Err(error) if is_full(&error) => {
                    let (next, refused) = split(group, |op| match kept {
                        Kept::All => shared.is_urgent(op),
                        Kept::Half => op.frees(),
                        Kept::Nothing => false,
                    });
                    shared.out_of_space.store(true, Ordering::Relaxed);
                    refused.into_iter().for_each(|op| op.fail(FULL));
                    group = next;
                }
                Err(error) => return fail_all(group, &error),
            }
        }
        Ok(())
    }

    fn make_room(&mut self, group: &[Op], kept: Kept, shared: &Shared) -> io::Result<()> {
        let len = stored_bytes(group.iter().map(Op::stored_bytes).sum());
        let unsealed = as_u64(shared.unsealed.load(Ordering::Relaxed));
        self.ring.make_room(len, self.last_seq, (kept, unsealed))
    }

    fn write(&mut self, group: Vec<Op>, shared: &Shared) -> Result<(), String> {
        if group.is_empty() {
            return Ok(());
        }
        let started = shared.clock.monotonic();
        let now = shared.clock.now();
        self.builder.begin();
        // Not only within a log: one that continues another, made while the clock is behind, holds nothing older.
        self.newest = self.newest.max(now);
        let time = self.newest;
        let mut effects = Vec::with_capacity(group.len());
        let mut answers = Vec::with_capacity(group.len());
        for op in group {
            answers.push(self.plan(op, time, &mut effects));
        }
        if !self.builder.is_empty() {
            match self.write_batch(shared) {
                Ok(()) => {}
                Err(error) if is_full(&error) => {
                    self.heads.undo();
                    answers.into_iter().for_each(|answer| answer.fail(FULL));
                    return Ok(());
                }
                Err(error) => {
                    let reason = format!("writing the write-ahead log failed: {error}");
                    answers
                        .into_iter()
                        .for_each(|answer| answer.fail(LogError::Closed(reason.clone())));
                    return Err(reason);
                }
            }
        }
        self.heads.confirm();
        if self.heads.has_changed() {
            self.oldest_change.get_or_insert(now);
        }
        shared.apply(effects);
        shared
            .counters
            .committed(answers.len(), shared.clock.monotonic().saturating_sub(started));
        answers.into_iter().for_each(Answer::send);
        Ok(())
    }

    fn write_batch(&mut self, shared: &Shared) -> io::Result<()> {
        let header = Header {
            epoch: self.epoch,
            segment_gen: self.ring.segment_gen(),
            batch_seq: self.last_seq + 1,
            durable_seq: self.durable_seq,
            ..Header::default()
        };
        let batch = self.builder.finish(header);
        let bytes = batch.iter().map(|piece| piece.len()).sum();
        shared.counters.wrote(bytes);
        self.ring.write(&batch, as_u64(bytes), shared.fsync)?;
        self.last_seq += 1;
        if shared.fsync {
            self.durable_seq = self.last_seq;
        }
        Ok(())
    }

    fn plan(&mut self, op: Op, now: Timestamp, effects: &mut Vec<Effect>) -> Answer {
        let (heads, out) = (&mut self.heads, &mut self.builder);
        match op {
            Op::Create(id, options, reply) => {
                Answer::Unit(reply, noted(heads.create(id, options, out), effects))
            }
            Op::Append(id, batch, reply) => {
                Answer::Appended(reply, noted(heads.append(id, batch, now, out), effects))
            }
            Op::AppendAll(batches, reply) => {
                let results = batches
                    .into_iter()
                    .map(|(id, batch)| noted(heads.append(id, batch, now, out), effects));
                Answer::All(reply, results.collect())
            }
            Op::Trim(id, before, reply) => Answer::Unit(reply, noted(heads.trim(id, before, out), effects)),
            Op::Seal(id, reply) => Answer::Offset(reply, noted(heads.seal(id, out), effects)),
            Op::Delete(id, reply) => Answer::Unit(reply, noted(heads.delete(id, out), effects)),
        }
    }
}

/// What a change comes to, once its effect is noted.
fn noted<T>(planned: Result<(T, Effect), LogError>, effects: &mut Vec<Effect>) -> Result<T, LogError> {
    planned.map(|(value, effect)| {
        effects.push(effect);
        value
    })
}

/// The calls of which that holds, and the others.
fn split(group: Vec<Op>, holds: impl Fn(&Op) -> bool) -> (Vec<Op>, Vec<Op>) {
    group.into_iter().partition(holds)
}

/// Without a segment to write to, later attempts may still succeed only if too many files are open.
fn fail_all(group: Vec<Op>, error: &io::Error) -> Result<(), String> {
    if is_busy(error) {
        group.into_iter().for_each(|op| op.fail(BUSY));
        return Ok(());
    }
    let reason = format!("a segment of the write-ahead log cannot be made or opened: {error}");
    group
        .into_iter()
        .for_each(|op| op.fail(LogError::Closed(reason.clone())));
    Err(reason)
}
