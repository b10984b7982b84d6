//! What the operating system grants: files, memory, processors.

use std::fs::read_to_string;

use super::{Finding, human};

/// A connection takes one descriptor, a log a few.
const FILES_WARN: u64 = 4096;
const FILES_FAIL: u64 = 256;
/// The tail cache alone takes 256 MiB when it is full.
const MEMORY_WARN: u64 = 1 << 30;
const MEMORY_FAIL: u64 = 256 << 20;

pub(super) fn check() -> Vec<Finding> {
    vec![files(), memory(), processors()]
}

fn files() -> Finding {
    let limits = read_to_string("/proc/self/limits").unwrap_or_default();
    match soft_limit(&limits, "Max open files") {
        Some(limit) => judge_files(limit),
        None => Finding::warn(
            "open-files",
            "the limit cannot be read",
            "check that 'ulimit -n' says 4096 or more",
        ),
    }
}

fn judge_files(limit: u64) -> Finding {
    let found = format!("{limit} files and connections may be open");
    let advice = "raise it with 'ulimit -n 65536', or LimitNOFILE=65536 in the systemd unit";
    let finding = if limit < FILES_FAIL {
        Finding::fail("open-files", found, advice)
    } else if limit < FILES_WARN {
        Finding::warn("open-files", found, advice)
    } else {
        Finding::ok("open-files", found)
    };
    finding.number("limit", limit)
}

/// The soft limit in the row of that name in `/proc/self/limits`.
fn soft_limit(limits: &str, name: &str) -> Option<u64> {
    let row = limits.lines().find_map(|line| line.strip_prefix(name))?;
    match row.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

fn memory() -> Finding {
    let info = read_to_string("/proc/meminfo").unwrap_or_default();
    let cgroup = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ];
    let cgroup = cgroup
        .iter()
        .find_map(|path| read_to_string(path).ok()?.trim().parse::<u64>().ok());
    match mem_available(&info) {
        Some(available) => judge_memory(available.min(cgroup.unwrap_or(u64::MAX))),
        None => Finding::warn("memory", "it cannot be read", "see that 1GiB is available"),
    }
}

fn judge_memory(bytes: u64) -> Finding {
    let found = format!("{} available", human(bytes));
    let finding = if bytes < MEMORY_FAIL {
        Finding::fail("memory", found, "give the server 256MiB at the least")
    } else if bytes < MEMORY_WARN {
        let advice = "1GiB keeps the newest records in memory; with less, readers wait for the disk";
        Finding::warn("memory", found, advice)
    } else {
        Finding::ok("memory", found)
    };
    finding.number("bytes", bytes)
}

/// `MemAvailable` of `/proc/meminfo`, in bytes.
fn mem_available(info: &str) -> Option<u64> {
    let row = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    row.split_whitespace()
        .next()?
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

fn processors() -> Finding {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    Finding::ok("processors", format!("{count}")).number("count", count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn the_kernel_s_tables_read() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max open files            1024                 1048576              files     \n\
                      Max locked memory         unlimited            unlimited            bytes     \n";
        assert_eq!(soft_limit(limits, "Max open files"), Some(1024));
        assert_eq!(soft_limit(limits, "Max locked memory"), Some(u64::MAX));
        assert_eq!(soft_limit(limits, "Max nothing"), None);
        assert_eq!(
            mem_available("MemTotal: 10 kB\nMemAvailable:    2048 kB\n"),
            Some(2 << 20)
        );
        assert_eq!(mem_available("MemTotal: 10 kB\n"), None);
        assert!(soft_limit(&read_to_string("/proc/self/limits").unwrap(), "Max open files").is_some());
        assert!(mem_available(&read_to_string("/proc/meminfo").unwrap()).is_some());
    }

    #[test]
    fn limits_are_judged() {
        for (limit, verdict) in [(100, Verdict::Fail), (1024, Verdict::Warn), (65_536, Verdict::Ok)] {
            assert_eq!(judge_files(limit).verdict, verdict, "{limit}");
        }
        for (bytes, verdict) in [
            (1 << 20, Verdict::Fail),
            (512 << 20, Verdict::Warn),
            (8 << 30, Verdict::Ok),
        ] {
            assert_eq!(judge_memory(bytes).verdict, verdict, "{bytes}");
        }
    }
}
