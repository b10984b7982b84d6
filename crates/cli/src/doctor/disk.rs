//! The data directory: can it be written, how fast does it become durable, and will it still be there tomorrow.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use millrace_base::Clock;

use super::{Finding, Subject, human};

/// One write: what a log's smallest commit takes.
const WRITE_BYTES: usize = 4096;
/// Writes go round in a file of this many of them.
const SLOTS: u64 = 256;
/// Faster than any device that keeps its word: the data is only in a cache.
const TOO_FAST: Duration = Duration::from_micros(10);
const SLOW_P50: Duration = Duration::from_millis(10);
const SLOW_P99: Duration = Duration::from_millis(50);
const FREE_WARN: u64 = 5 << 30;
const FREE_FAIL: u64 = 512 << 20;
/// `statfs` names the file system that lives in memory (linux/magic.h).
const TMPFS: i64 = 0x0102_1994;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let dir = subject.data_dir;
    // What `serve` would create is created here as well, so that the very directory is measured, then removed.
    let created = !dir.exists();
    if let Err(error) = std::fs::create_dir_all(dir) {
        let advice = "name a directory that you may write with --data-dir, or correct its permissions";
        return vec![Finding::fail(
            "data-dir",
            format!("{}: {error}", dir.display()),
            advice,
        )];
    }
    findings.push(place(dir));
    match measure(dir, subject.syncs, &*subject.clock) {
        Ok(times) => findings.push(judge(&times)),
        Err(error) => {
            let advice =
                "name a directory on a healthy disk with free space, one that you may write, with --data-dir";
            findings.push(Finding::fail(
                "disk-sync",
                format!("{}: {error}", dir.display()),
                advice,
            ));
        }
    }
    if created {
        // Parents that were created as well stay; they are empty and harmless.
        let _ = std::fs::remove_dir(dir);
    }
    findings
}

/// On what the directory lies, and how much room there is.
fn place(dir: &Path) -> Finding {
    let shown = dir.display();
    let stat = rustix::fs::statvfs(dir).map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize));
    let free = match stat {
        Ok(free) => free,
        Err(error) => {
            return Finding::warn(
                "data-dir",
                format!("{shown}: {error}"),
                "check that its file system is mounted",
            );
        }
    };
    let in_memory = rustix::fs::statfs(dir).is_ok_and(|stat| stat.f_type == TMPFS);
    let found = format!("{shown}, {} free", human(free));
    let finding = if free < FREE_FAIL {
        Finding::fail(
            "data-dir",
            found,
            "free some space: the log needs 512MiB to start",
        )
    } else if in_memory {
        Finding::warn(
            "data-dir",
            format!("{found}, in memory"),
            "it is empty after a restart of the machine: name a directory on a disk with --data-dir",
        )
    } else if free < FREE_WARN {
        Finding::warn(
            "data-dir",
            found,
            "retention needs room: keep at least 5GiB free, or shorten the retention of your streams",
        )
    } else {
        Finding::ok("data-dir", found)
    };
    finding.number("free_bytes", free)
}

/// The time each of `count` small writes takes until it is durable, ascending.
fn measure(dir: &Path, count: u32, clock: &dyn Clock) -> io::Result<Vec<Duration>> {
    let probe = Probe::create(dir)?;
    let block = [0x5a; WRITE_BYTES];
    for slot in 0..SLOTS {
        probe.file.write_all_at(&block, slot * WRITE_BYTES as u64)?;
    }
    probe.file.sync_all()?;
    let mut times = Vec::new();
    for round in 0..u64::from(count.max(1)) {
        let start = clock.monotonic();
        probe
            .file
            .write_all_at(&block, round % SLOTS * WRITE_BYTES as u64)?;
        probe.file.sync_data()?;
        times.push(clock.monotonic().saturating_sub(start));
    }
    times.sort_unstable();
    Ok(times)
}

fn judge(times: &[Duration]) -> Finding {
    let (p50, p99) = (percentile(times, 50), percentile(times, 99));
    let found = format!(
        "{} writes of 4KiB, each durable after {p50:.1?} (p50), {p99:.1?} (p99)",
        times.len()
    );
    let finding = if p50 < TOO_FAST {
        let advice = "this is faster than a disk can be: after a power cut acknowledged records may be missing; use a disk whose flush is real";
        Finding::warn("disk-sync", found, advice)
    } else if p50 > SLOW_P50 || p99 > SLOW_P99 {
        let advice = "every acknowledged record waits this long; a local SSD is 10 to 100 times faster";
        Finding::warn("disk-sync", found, advice)
    } else {
        Finding::ok("disk-sync", found)
    };
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    finding
        .number("syncs", times.len())
        .number("p50_us", micros(p50))
        .number("p99_us", micros(p99))
}

/// The smallest time that `percent` of the ascending `times` do not exceed.
fn percentile(times: &[Duration], percent: usize) -> Duration {
    let rank = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(rank).copied().unwrap_or_default()
}

/// A file that is gone when it is dropped.
struct Probe {
    file: File,
    path: PathBuf,
}

impl Probe {
    fn create(dir: &Path) -> io::Result<Self> {
        let path = dir.join(format!(".millrace-doctor-{}", std::process::id()));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)?;
        Ok(Self { file, path })
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;
    use millrace_base::SystemClock;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let times: Vec<_> = (1..=200).map(Duration::from_micros).collect();
        assert_eq!(percentile(&times, 50), Duration::from_micros(100));
        assert_eq!(percentile(&times, 99), Duration::from_micros(198));
        assert_eq!(percentile(&times[..1], 99), Duration::from_micros(1));
    }

    #[test]
    fn speeds_are_judged() {
        for (micros, verdict) in [
            (1, Verdict::Warn),
            (100, Verdict::Ok),
            (5_000, Verdict::Ok),
            (20_000, Verdict::Warn),
        ] {
            assert_eq!(
                judge(&[Duration::from_micros(micros); 10]).verdict,
                verdict,
                "{micros} µs"
            );
        }
        let mut spiky = vec![Duration::from_micros(100); 90];
        spiky.extend([Duration::from_millis(200); 10]);
        assert_eq!(judge(&spiky).verdict, Verdict::Warn);
    }

    #[test]
    fn a_measurement_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let times = measure(dir.path(), 20, &SystemClock::new()).unwrap();
        assert_eq!(times.len(), 20);
        assert!(times.iter().all(|time| *time > Duration::ZERO));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
