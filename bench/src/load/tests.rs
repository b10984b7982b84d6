//! The loops against workloads that answer at once, stall, or end.

use super::*;

struct Fake {
    stall: Duration,
    last: u64,
}

struct Calls<'a>(&'a Fake);

impl Workload for Fake {
    fn open(&self, _: usize) -> Result<Box<dyn Session + '_>> {
        Ok(Box::new(Calls(self)))
    }
}

impl Session for Calls<'_> {
    fn call(&mut self, at: u64) -> Result<u64> {
        if at == 10 {
            std::thread::sleep(self.0.stall);
        }
        Ok(if at < self.0.last { 100 } else { 0 })
    }
}

/// One stall of 200 ms holds up a hundred calls that were due meanwhile: every one of them waited, on average half of
/// it. A generator that counted from when it sent would have seen one slow call of a thousand.
#[test]
fn calls_that_could_not_be_sent_count_as_waiting() {
    let fake = Fake {
        stall: Duration::from_millis(200),
        last: u64::MAX,
    };
    let outcome = offered(&fake, 1, 500.0, Duration::from_secs(1)).unwrap();
    assert!(outcome.calls >= 500, "{outcome:?}");
    assert!(outcome.latency.p90 >= 50.0, "{outcome:?}");
}

#[test]
fn a_closed_loop_ends_with_its_bytes_or_its_source() {
    let fake = Fake {
        stall: Duration::ZERO,
        last: 1000,
    };
    let until = |bytes| Until {
        bytes,
        length: Duration::from_secs(60),
    };
    assert_eq!(closed(&fake, 1, until(5000)).unwrap().calls, 50);
    assert_eq!(closed(&fake, 4, until(u64::MAX)).unwrap().bytes, 100_000);
}

#[test]
fn who_cannot_connect_holds_up_nobody() {
    struct Refused;
    impl Workload for Refused {
        fn open(&self, worker: usize) -> Result<Box<dyn Session + '_>> {
            anyhow::bail!("worker {worker} was refused")
        }
    }
    let until = Until {
        bytes: 1,
        length: Duration::from_secs(1),
    };
    assert!(closed(&Refused, 3, until).is_err());
}

#[test]
fn calls_are_due_evenly() {
    assert_eq!(due(0, 100.0), Duration::ZERO);
    assert_eq!(due(250, 100.0), Duration::from_millis(2500));
}
