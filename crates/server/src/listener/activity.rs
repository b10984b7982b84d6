//! When something last happened on a connection, and what its age means.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use millrace_base::Clock;

/// How long a connection may do nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// From the first byte of a request's head to its last.
    pub(super) header: Duration,
    /// Between two calls.
    pub(super) idle: Duration,
    /// For a client to read what was written.
    pub(super) write: Duration,
}

/// What to do with a connection now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing; look again after this time.
    Wait(Duration),
    /// Its client took too long for a head: end it.
    TooSlow,
    /// Nobody has called for long: end it politely.
    Idle,
}

/// What happens on one connection. Times are milliseconds of the monotonic clock, one added so that 0 is "never".
#[derive(Debug)]
pub(crate) struct Activity {
    clock: Arc<dyn Clock>,
    calls: AtomicU32,
    idle_since: AtomicU64,
    head_since: AtomicU64,
    multiplexed: AtomicBool,
}

impl Activity {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let now = millis(&*clock);
        Self {
            clock,
            calls: AtomicU32::new(0),
            idle_since: AtomicU64::new(now),
            // A connection is opened to send something.
            head_since: AtomicU64::new(now),
            multiplexed: AtomicBool::new(false),
        }
    }

    /// Bytes arrived. Outside of a call they are a head, or HTTP/2's own talk.
    pub(super) fn received(&self) {
        if self.calls.load(Ordering::Relaxed) == 0 && self.head_since.load(Ordering::Relaxed) == 0 {
            self.head_since.store(millis(&*self.clock), Ordering::Relaxed);
        }
    }

    /// A head is complete; the call lasts until the guard goes.
    pub(crate) fn call(self: &Arc<Self>, multiplexed: bool) -> CallGuard {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.head_since.store(0, Ordering::Relaxed);
        if multiplexed {
            self.multiplexed.store(true, Ordering::Relaxed);
        }
        CallGuard(Arc::clone(self))
    }

    pub(super) fn verdict(&self, patience: &Patience) -> Verdict {
        if self.calls.load(Ordering::Relaxed) > 0 {
            return Verdict::Wait(patience.header.min(patience.idle));
        }
        let now = millis(&*self.clock);
        let left = |since: u64, whole: Duration| {
            whole.saturating_sub(Duration::from_millis(now.saturating_sub(since)))
        };
        let idle = left(self.idle_since.load(Ordering::Relaxed), patience.idle);
        let head_since = self.head_since.load(Ordering::Relaxed);
        // HTTP/2 acknowledges and pings between calls: only its silence counts.
        let head = if head_since == 0 || self.multiplexed.load(Ordering::Relaxed) {
            patience.header
        } else {
            left(head_since, patience.header)
        };
        if head.is_zero() {
            Verdict::TooSlow
        } else if idle.is_zero() {
            Verdict::Idle
        } else {
            Verdict::Wait(head.min(idle))
        }
    }
}

/// One call; dropped when its answer is written.
#[derive(Debug)]
pub(crate) struct CallGuard(Arc<Activity>);

impl Drop for CallGuard {
    fn drop(&mut self) {
        self.0.idle_since.store(millis(&*self.0.clock), Ordering::Relaxed);
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

fn millis(clock: &dyn Clock) -> u64 {
    u64::try_from(clock.monotonic().as_millis())
        .unwrap_or(u64::MAX - 1)
        .saturating_add(1)
}

#[cfg(test)]
mod tests {
    use millrace_base::{ManualClock, Timestamp};

    use super::*;

    const PATIENCE: Patience = Patience {
        header: Duration::from_secs(10),
        idle: Duration::from_secs(60),
        write: Duration::from_secs(5),
    };

    fn setup() -> (ManualClock, Arc<Activity>) {
        let clock = ManualClock::new(Timestamp(0));
        let activity = Arc::new(Activity::new(Arc::new(clock.clone())));
        (clock, activity)
    }

    #[test]
    fn a_connection_without_a_first_request_is_too_slow() {
        let (clock, activity) = setup();
        clock.advance(Duration::from_secs(9));
        activity.received();
        assert_eq!(activity.verdict(&PATIENCE), Verdict::Wait(Duration::from_secs(1)));
        clock.advance(Duration::from_secs(1));
        assert_eq!(activity.verdict(&PATIENCE), Verdict::TooSlow);
    }

    #[test]
    fn a_call_may_take_long_and_then_the_idle_time_counts() {
        let (clock, activity) = setup();
        let call = activity.call(false);
        clock.advance(Duration::from_secs(3600));
        activity.received();
        assert!(matches!(activity.verdict(&PATIENCE), Verdict::Wait(_)));
        drop(call);
        clock.advance(Duration::from_secs(59));
        assert_eq!(activity.verdict(&PATIENCE), Verdict::Wait(Duration::from_secs(1)));
        clock.advance(Duration::from_secs(1));
        assert_eq!(activity.verdict(&PATIENCE), Verdict::Idle);
    }

    #[test]
    fn a_dribbled_second_head_is_too_slow_but_http2_talk_is_not() {
        for (multiplexed, expected) in [
            (false, Verdict::TooSlow),
            (true, Verdict::Wait(Duration::from_secs(10))),
        ] {
            let (clock, activity) = setup();
            drop(activity.call(multiplexed));
            for _ in 0..6 {
                activity.received();
                clock.advance(Duration::from_secs(2));
            }
            assert_eq!(activity.verdict(&PATIENCE), expected, "{multiplexed}");
        }
    }
}
