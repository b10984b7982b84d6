//! The locks and threads between callers, committer and background.
//!
//! Ordinarily the standard library's. Built with `--cfg shuttle` they belong to a scheduler that lets one thread run at a
//! time and decides at each of them which; `model_tests` tries interleavings by the thousand that way.

#[cfg(not(shuttle))]
pub(super) use {
    millrace_base::tasks::thread as spawn,
    std::sync::{Condvar, Mutex, MutexGuard, RwLock, atomic::AtomicBool},
    std::thread::{JoinHandle, yield_now},
};
#[cfg(shuttle)]
pub(super) use {
    shuttle::sync::{Condvar, Mutex, MutexGuard, RwLock, atomic::AtomicBool},
    shuttle::thread::{JoinHandle, yield_now},
};

use std::sync::PoisonError;
use std::time::Duration;

/// Waits until `waits` does not hold any more, or for that long.
#[cfg(not(shuttle))]
pub(super) fn wait_at_most<'a, T>(
    changed: &Condvar,
    guard: MutexGuard<'a, T>,
    patience: Duration,
    waits: impl FnMut(&mut T) -> bool,
) -> MutexGuard<'a, T> {
    let waited = changed.wait_timeout_while(guard, patience, waits);
    waited.unwrap_or_else(PoisonError::into_inner).0
}

/// The same; time has no length here, so that chance decides whether it runs out.
#[cfg(shuttle)]
pub(super) fn wait_at_most<'a, T>(
    changed: &Condvar,
    guard: MutexGuard<'a, T>,
    patience: Duration,
    waits: impl FnMut(&mut T) -> bool,
) -> MutexGuard<'a, T> {
    use shuttle::rand::Rng as _;
    if patience < Duration::MAX && shuttle::rand::thread_rng().gen_bool(0.5) {
        return guard;
    }
    changed
        .wait_while(guard, waits)
        .unwrap_or_else(PoisonError::into_inner)
}

/// As [`millrace_base::tasks::thread`].
#[cfg(shuttle)]
pub(super) fn spawn<F, T>(name: &str, body: F) -> std::io::Result<JoinHandle<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    shuttle::thread::Builder::new().name(name.to_owned()).spawn(body)
}
