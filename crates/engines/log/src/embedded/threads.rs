//! The threads of an open engine: one commits, one makes segments ready, one does everything else.

use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use millrace_base::ByteSize;

use super::core::Core;
use super::sync::{Condvar, JoinHandle, Mutex, spawn, wait_at_most};

/// How often the background looks whether something is due.
const TICK: Duration = Duration::from_secs(2);
/// How long appends wait for sealing to catch up before they are refused.
const ROOM_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
struct Signals {
    rung: bool,
    stopped: bool,
}

/// Wakes the background, and whoever waits for it.
#[derive(Debug, Default)]
struct Bell {
    signals: Mutex<Signals>,
    changed: Condvar,
}

impl Bell {
    fn ring(&self) {
        let mut signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut signals.rung, true) {
            self.changed.notify_all();
        }
    }

    fn stop(&self) {
        self.signals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .stopped = true;
        self.changed.notify_all();
    }

    /// Waits for a ring at most `patience`; false when stopped.
    fn wait(&self, patience: Duration) -> bool {
        let signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        let mut signals = wait_at_most(&self.changed, signals, patience, |s| !s.rung && !s.stopped);
        signals.rung = false;
        !signals.stopped
    }

    fn is_stopped(&self) -> bool {
        self.signals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .stopped
    }

    /// Lets `time` pass unless stopped before.
    fn pause(&self, time: Duration) {
        let signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        drop(wait_at_most(&self.changed, signals, time, |s| !s.stopped));
    }
}

/// The running threads.
#[derive(Debug)]
pub(super) struct Threads {
    bells: Arc<Bells>,
    handles: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Bells {
    background: Bell,
    segments: Bell,
}

impl Threads {
    /// None yet.
    pub(super) fn none() -> Self {
        Self {
            bells: Arc::default(),
            handles: Mutex::default(),
        }
    }

    pub(super) fn start(core: &Arc<Core>, seal_bytes: ByteSize, pace_bytes: ByteSize) -> io::Result<Self> {
        let threads = Self::none();
        let started = threads
            .run(core, "log-commit", move |core, bells| {
                commit_loop(core, bells, seal_bytes.0);
            })
            .and_then(|()| threads.run(core, "log-segments", segment_loop))
            .and_then(|()| {
                threads.run(core, "log-background", move |core, bells| {
                    background_loop(core, &bells.background, pace_bytes.0);
                })
            });
        if started.is_err() {
            threads.stop(core);
        }
        started.map(|()| threads)
    }

    fn run(
        &self,
        core: &Arc<Core>,
        name: &str,
        body: impl FnOnce(&Core, &Bells) + Send + 'static,
    ) -> io::Result<()> {
        let (core, bells) = (Arc::clone(core), Arc::clone(&self.bells));
        let handle = spawn(name, move || body(&core, &bells))?;
        self.handles
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(handle);
        Ok(())
    }

    /// Tells all to end once everything queued is committed.
    pub(super) fn stop(&self, core: &Core) {
        core.shared.queue.close("it was closed");
        self.bells.background.stop();
        self.bells.segments.stop();
    }

    /// Waits for all. Blocks.
    pub(super) fn join(&self) {
        let handles = std::mem::take(&mut *self.handles.lock().unwrap_or_else(PoisonError::into_inner));
        for handle in handles {
            if handle.join().is_err() {
                tracing::error!("a thread of the log engine panicked");
            }
        }
    }
}

fn commit_loop(core: &Core, bells: &Bells, seal_bytes: u64) {
    let mut group = Vec::new();
    while core.shared.queue.wait(&mut group) {
        wait_for_room(core, &bells.background);
        if !group.is_empty() {
            core.commit(std::mem::take(&mut group));
        }
        if core.is_behind(seal_bytes) {
            bells.background.ring();
        }
        if core.wants_segment() {
            bells.segments.ring();
        }
    }
}

/// Its own thread, because sealing takes seconds and the committer would otherwise have to make small segments.
fn segment_loop(core: &Core, bells: &Bells) {
    while bells.segments.wait(Duration::MAX) {
        if !core.prepare_segment(&mut |_| {}) && core.wants_segment() {
            // It failed; the committer rings again with every group.
            bells.segments.pause(TICK);
        }
    }
}

/// Gives sealing a chance to catch up; without it the group's appends are refused at once.
fn wait_for_room(core: &Core, bell: &Bell) {
    let begin = core.shared.clock.monotonic();
    while core.is_out_of_room() && core.shared.clock.monotonic().saturating_sub(begin) < ROOM_PATIENCE {
        bell.ring();
        bell.pause(Duration::from_millis(5));
        if bell.is_stopped() {
            return;
        }
    }
}

fn background_loop(core: &Core, bell: &Bell, pace_bytes: u64) {
    let clock = &core.shared.clock;
    let mut seen = (clock.monotonic(), core.shared.counters.wal_bytes());
    loop {
        let running = bell.wait(TICK);
        if !running {
            return;
        }
        // Twice what comes in, so that sealing always gains on it, and otherwise gently.
        let now = (clock.monotonic(), core.shared.counters.wal_bytes());
        let passed = now.0.saturating_sub(seen.0).as_millis().max(1);
        let incoming = u128::from(now.1.saturating_sub(seen.1)) * 1000 / passed;
        let pace = u64::try_from(incoming.saturating_mul(2))
            .unwrap_or(u64::MAX)
            .max(pace_bytes)
            .max(1);
        seen = now;
        while core.background(&mut |bytes| {
            let micros = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(1_000_000) / pace;
            if !core.is_pressed() {
                bell.pause(Duration::from_micros(micros));
            }
        }) {
            if bell.is_stopped() {
                return;
            }
        }
    }
}
