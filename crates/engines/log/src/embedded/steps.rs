//! The engine without threads, for the simulator: what the threads of `threads` do, one step at a time.
//!
//! Whoever holds the [`Steps`] decides when the committer, the maker of segments and the background run. Reads from
//! files happen inside the call that asked for them.

use std::sync::Arc;

use super::core::Core;
use super::queue::Op;
use super::threads::Threads;
use super::{EmbeddedLog, Metrics, OpenError, Options, recovery};

/// The engine's work, step by step.
#[derive(Debug)]
pub struct Steps {
    core: Arc<Core>,
    seal_bytes: u64,
}

/// Calls that will be committed as one.
#[derive(Debug)]
pub struct Calls(Vec<Op>);

impl EmbeddedLog {
    /// Opens the store as [`EmbeddedLog::open`] does, but starts no thread.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_in_steps(options: &Options) -> Result<(Self, Steps), OpenError> {
        let core = Arc::new(recovery::open(options)?);
        let log = Self {
            core: Arc::clone(&core),
            threads: Arc::new(Threads::none()),
            reads_inline: true,
        };
        let seal_bytes = options.seal_bytes.0;
        Ok((log, Steps { core, seal_bytes }))
    }
}

impl Steps {
    /// Whether calls wait to be committed.
    #[must_use]
    pub fn has_calls(&self) -> bool {
        self.core.shared.queue.depth().0 > 0
    }

    /// Takes the next group of calls.
    #[must_use]
    pub fn take(&self) -> Calls {
        let mut group = Vec::new();
        self.core.shared.queue.take(&mut group);
        Calls(group)
    }

    /// Commits a group.
    pub fn commit(&self, calls: Calls) {
        if !calls.0.is_empty() {
            self.core.commit(calls.0);
        }
    }

    /// Whether the committer should give sealing a chance first.
    #[must_use]
    pub fn is_out_of_room(&self) -> bool {
        self.core.is_out_of_room()
    }

    /// Whether the committer should wake the background.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.core.is_behind(self.seal_bytes)
    }

    /// Whether a segment should be made ready. Not while a group is being committed.
    #[must_use]
    pub fn wants_segment(&self) -> bool {
        self.core.wants_segment()
    }

    /// Makes a segment ready if one will be needed. Says whether it did.
    pub fn prepare_segment(&self) -> bool {
        self.core.prepare_segment(&mut |_| {})
    }

    /// Does what is due besides commits; `pace` is told of every piece written. Says whether something was done.
    pub fn background(&self, pace: &mut dyn FnMut(usize)) -> bool {
        self.core.background(pace)
    }

    /// Moves everything to files now, whatever its age.
    pub fn seal_now(&self, pace: &mut dyn FnMut(usize)) -> bool {
        self.core.seal_now(pace)
    }

    /// What [`EmbeddedLog::close`] does at the end.
    pub fn close(&self) {
        self.core.shared.queue.close("it was closed");
        while self.has_calls() {
            self.commit(self.take());
        }
        self.core.sync();
        self.core.unlock();
    }

    /// Whether the storage failed for good.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.core.shared.is_poisoned()
    }

    /// Counts for operators.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.core.metrics()
    }
}
