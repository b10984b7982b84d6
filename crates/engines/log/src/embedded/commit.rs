//! Group commit: everything that waits becomes one batch, one write, one round of answers.

use std::io;
use std::sync::atomic::Ordering;

use millrace_base::Timestamp;

use super::core::Shared;
use super::heads::{Effect, Heads, split_freeing};
use super::queue::{Op, Reply};
use super::ring::Ring;
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
}

/// A call whose group is on its way.
enum Answer {
    Unit(Reply<()>, Result<(), LogError>),
    Appended(Reply<Appended>, Result<Appended, LogError>),
    Offset(Reply<Offset>, Result<Offset, LogError>),
}

impl Answer {
    fn send(self) {
        // A caller that stopped waiting misses nothing.
        match self {
            Self::Unit(reply, result) => drop(reply.send(result)),
            Self::Appended(reply, result) => drop(reply.send(result)),
            Self::Offset(reply, result) => drop(reply.send(result)),
        }
    }

    fn fail(self, error: LogError) {
        match self {
            Self::Unit(reply, _) => drop(reply.send(Err(error))),
            Self::Appended(reply, _) => drop(reply.send(Err(error))),
            Self::Offset(reply, _) => drop(reply.send(Err(error))),
        }
    }
}

const FULL: LogError = LogError::Overloaded("the disk is full: free space on it, or shorten retention");
const BEHIND: LogError = LogError::Overloaded("records arrive faster than they can be sealed: retry later");

/// Whether the error only says that there is no space.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

impl Committer {
    /// Commits `group` and answers its calls. An error means that the storage can not be trusted any more; the
    /// group's calls are answered all the same.
    pub(super) fn commit(&mut self, group: Vec<Op>, shared: &Shared) -> Result<(), String> {
        let (group, refused) = if shared.unsealed.load(Ordering::Relaxed) >= shared.tail_cache_bytes {
            split_freeing(group)
        } else {
            (group, Vec::new())
        };
        let refusal = if shared.disk_full.load(Ordering::Relaxed) {
            FULL
        } else {
            BEHIND
        };
        refused.into_iter().for_each(|op| op.fail(refusal.clone()));
        match self.make_room(&group, false) {
            Ok(()) => self.write(group, shared),
            Err(error) if is_full(&error) => {
                let (freeing, refused) = split_freeing(group);
                refused.into_iter().for_each(|op| op.fail(FULL));
                match self.make_room(&freeing, true) {
                    Ok(()) => self.write(freeing, shared),
                    Err(error) => fail_all(freeing, &error),
                }
            }
            Err(error) => fail_all(group, &error),
        }
    }

    fn make_room(&mut self, group: &[Op], freeing: bool) -> io::Result<()> {
        let len = stored_bytes(group.iter().map(Op::stored_bytes).sum());
        self.ring.make_room(len, self.last_seq, freeing)
    }

    fn write(&mut self, group: Vec<Op>, shared: &Shared) -> Result<(), String> {
        if group.is_empty() {
            return Ok(());
        }
        let started = shared.clock.monotonic();
        let now = shared.clock.now();
        self.builder.begin(group.iter().map(Op::stored_bytes).sum());
        let mut effects = Vec::with_capacity(group.len());
        let mut answers = Vec::with_capacity(group.len());
        for op in group {
            let (answer, effect) = self.plan(op, now);
            effects.push(effect);
            answers.push(answer);
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
        let batch = self.builder.finish(shared.key, header);
        shared.counters.wrote(batch.len());
        self.ring.write(batch, shared.fsync)?;
        self.last_seq += 1;
        if shared.fsync {
            self.durable_seq = self.last_seq;
        }
        Ok(())
    }

    fn plan(&mut self, op: Op, now: Timestamp) -> (Answer, Effect) {
        let (heads, out) = (&mut self.heads, &mut self.builder);
        match op {
            Op::Create(id, options, reply) => {
                let (result, effect) = split(heads.create(id, options, out));
                (Answer::Unit(reply, result), effect)
            }
            Op::Append(id, batch, reply) => {
                let (result, effect) = split(heads.append(id, batch, now, out));
                (Answer::Appended(reply, result), effect)
            }
            Op::Trim(id, before, reply) => {
                let (result, effect) = split(heads.trim(id, before, out));
                (Answer::Unit(reply, result), effect)
            }
            Op::Seal(id, reply) => {
                let (result, effect) = split(heads.seal(id, out));
                (Answer::Offset(reply, result), effect)
            }
            Op::Delete(id, reply) => {
                let (result, effect) = split(heads.delete(id, out));
                (Answer::Unit(reply, result), effect)
            }
        }
    }
}

fn split<T>(planned: Result<(T, Effect), LogError>) -> (Result<T, LogError>, Effect) {
    match planned {
        Ok((value, effect)) => (Ok(value), effect),
        Err(error) => (Err(error), Effect::Nothing),
    }
}

/// Without a segment to write to, later attempts may still succeed only if the disk is merely full.
fn fail_all(group: Vec<Op>, error: &io::Error) -> Result<(), String> {
    if is_full(error) {
        group.into_iter().for_each(|op| op.fail(FULL));
        return Ok(());
    }
    let reason = format!("a segment of the write-ahead log cannot be made or opened: {error}");
    group
        .into_iter()
        .for_each(|op| op.fail(LogError::Closed(reason.clone())));
    Err(reason)
}
