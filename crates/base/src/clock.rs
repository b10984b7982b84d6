//! Wall time, monotonic time and sleeping, behind one trait.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Whole seconds since the Unix epoch.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// This time moved forward, saturating.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// This time moved back, saturating at the epoch.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// Time passed since `earlier`; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A boxed sleep.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The only source of time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Wall-clock time. It may jump in either direction; never use it to measure a duration.
    fn now(&self) -> Timestamp;

    /// Time since an arbitrary start, never going back.
    fn monotonic(&self) -> Duration;

    /// Completes when `duration` has passed on this clock.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(millis(since))
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A clock that stands still until a test moves it.
#[derive(Clone, Debug)]
pub struct ManualClock {
    shared: Arc<ManualShared>,
}

#[derive(Debug)]
struct ManualShared {
    start: Timestamp,
    passed: Mutex<Duration>,
    /// By how much the wall time was set back.
    back: Mutex<Duration>,
    moved: Notify,
}

impl ManualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self {
            shared: Arc::new(ManualShared {
                start,
                passed: Mutex::default(),
                back: Mutex::default(),
                moved: Notify::new(),
            }),
        }
    }

    /// Moves wall and monotonic time forward and wakes the sleepers that are due.
    pub fn advance(&self, duration: Duration) {
        *self.shared.passed.lock().unwrap_or_else(PoisonError::into_inner) += duration;
        self.shared.moved.notify_waiters();
    }

    /// Sets wall time back, as whoever corrects a clock does; monotonic time and sleepers do not notice.
    pub fn set_back(&self, duration: Duration) {
        *self.shared.back.lock().unwrap_or_else(PoisonError::into_inner) += duration;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let back = *self.shared.back.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.start.plus(self.monotonic()).minus(back)
    }

    fn monotonic(&self) -> Duration {
        *self.shared.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let clock = self.clone();
        let due = self.monotonic() + duration;
        Box::pin(async move {
            loop {
                let moved = clock.shared.moved.notified();
                tokio::pin!(moved);
                // Registered before the check, so that an advance between check and wait is not missed.
                moved.as_mut().enable();
                if clock.monotonic() >= due {
                    return;
                }
                moved.await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_saturate() {
        assert_eq!(Timestamp(5).minus(Duration::from_secs(1)), Timestamp(0));
        assert_eq!(
            Timestamp(u64::MAX).plus(Duration::from_secs(1)),
            Timestamp(u64::MAX)
        );
        assert_eq!(Timestamp(1500).since(Timestamp(2000)), Duration::ZERO);
        assert_eq!(Timestamp(1500).seconds(), 1);
    }

    #[tokio::test]
    async fn a_manual_clock_wakes_its_sleepers() {
        let clock = ManualClock::new(Timestamp(1_000));
        let sleep = clock.sleep(Duration::from_secs(10));
        clock.advance(Duration::from_secs(10));
        sleep.await;
        assert_eq!(clock.now(), Timestamp(11_000));
    }
}
