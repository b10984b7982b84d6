//! The wall clock goes back: append times do not, in a log, from a log to one that is made later, and across restarts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use millrace_base::{Clock, ManualClock, Timestamp};
use tokio::sync::oneshot;

use super::core::Core;
use super::fuzz::sample;
use super::queue::Op;
use super::recovery;
use crate::disk::sim::{Crash, SimDisk};
use crate::{Batch, LogId, LogOptions};

const BEGIN: u64 = 1_700_000_000_000;
const HOUR: u64 = 3_600_000;

/// A wall clock that is set at will.
#[derive(Clone, Debug)]
struct Set(Arc<AtomicU64>, ManualClock);

impl Clock for Set {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        self.1.monotonic()
    }

    fn sleep(&self, duration: Duration) -> millrace_base::clock::Sleep {
        self.1.sleep(duration)
    }
}

fn append(core: &Core, id: u64) -> Timestamp {
    let (reply, mut answer) = oneshot::channel();
    core.commit(vec![Op::Append(LogId(id), Batch::of(&["x"]), reply)]);
    answer.try_recv().unwrap().unwrap().time
}

fn create(core: &Core, id: u64) {
    let retention = Duration::from_secs(86_400);
    core.commit(vec![Op::Create(
        LogId(id),
        LogOptions { retention },
        oneshot::channel().0,
    )]);
}

#[test]
fn a_log_made_while_the_clock_is_behind_holds_nothing_older_than_its_elders() {
    let disk = SimDisk::new(1, true);
    let clock = Set(Arc::new(AtomicU64::new(BEGIN)), ManualClock::new(Timestamp(0)));
    let mut options = sample(&disk);
    options.clock = Arc::new(clock.clone());
    let core = recovery::open(&options).unwrap();
    create(&core, 1);
    assert_eq!(append(&core, 1), Timestamp(BEGIN));
    clock.0.store(BEGIN - HOUR, Ordering::SeqCst);
    create(&core, 2);
    assert_eq!(
        (append(&core, 1), append(&core, 2)),
        (Timestamp(BEGIN), Timestamp(BEGIN))
    );
    drop(core);
    disk.reboot(Crash::Power);
    let core = recovery::open(&options).unwrap();
    create(&core, 3);
    assert_eq!(append(&core, 3), Timestamp(BEGIN));
    clock.0.store(BEGIN + HOUR, Ordering::SeqCst);
    assert_eq!(append(&core, 3), Timestamp(BEGIN + HOUR));
}
