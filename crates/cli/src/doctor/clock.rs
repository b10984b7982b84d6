//! The clock: signatures carry the time, and a clock that is off by more than five minutes fails every call.

use millrace_base::{Clock, Timestamp};

use millrace_wire::timestamp::iso8601;

use super::Finding;

/// 2025-01-01: no release is older.
const BUILT_AFTER: Timestamp = Timestamp(1_735_689_600_000);
/// Half a century later: a clock that was never set the other way.
const BUILT_BEFORE: Timestamp = Timestamp(3_313_526_400_000);
/// Written by systemd-timesyncd, and by chrony's and ntpd's units through it, once the time was set.
const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";
const SAMPLES: u32 = 20_000;

pub(super) fn check(clock: &dyn Clock) -> Finding {
    let now = clock.now();
    let found = iso8601(i64::try_from(now.0).unwrap_or(i64::MAX));
    if !(BUILT_AFTER..BUILT_BEFORE).contains(&now) {
        let advice = "set the clock, for example with 'timedatectl set-ntp true': every signature is refused otherwise";
        return Finding::fail("clock", found, advice);
    }
    if goes_back(clock) {
        let advice = "the monotonic clock goes back: use another clock source of the virtual machine";
        return Finding::fail("clock", found, advice);
    }
    let kept = std::path::Path::new(SYNCHRONIZED).exists();
    let kept = if kept {
        "kept in step by a time service"
    } else {
        "no time service seen; clients must agree within 5 minutes"
    };
    Finding::ok("clock", format!("{found}, {kept}")).number("epoch_seconds", now.seconds())
}

fn goes_back(clock: &dyn Clock) -> bool {
    let mut last = clock.monotonic();
    (0..SAMPLES).any(|_| {
        let now = clock.monotonic();
        let back = now < last;
        last = now;
        back
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;
    use millrace_base::{ManualClock, SystemClock};

    #[test]
    fn a_clock_that_was_never_set_fails() {
        assert_eq!(check(&ManualClock::new(Timestamp(0))).verdict, Verdict::Fail);
        assert_eq!(
            check(&ManualClock::new(Timestamp(u64::MAX))).verdict,
            Verdict::Fail
        );
        assert_eq!(check(&SystemClock::new()).verdict, Verdict::Ok);
    }
}
