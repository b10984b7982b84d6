//! Memory: `/proc/meminfo` (proc_meminfo(5)).

use super::{Reading, lossy};

pub(super) fn readings(meminfo: &str) -> Vec<Reading> {
    let kib = |name: &str| {
        let row = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        row.split_whitespace().next()?.parse::<u64>().ok()
    };
    let (Some(total), Some(available)) = (kib("MemTotal:"), kib("MemAvailable:")) else {
        return Vec::new();
    };
    if total == 0 {
        return Vec::new();
    }
    let used = 100.0 * lossy(total.saturating_sub(available)) / lossy(total);
    vec![
        Reading {
            metric: "memory.used",
            unit: "%",
            value: used,
        },
        Reading {
            metric: "memory.available",
            unit: "MiB",
            value: lossy(available) / 1024.0,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_is_what_is_not_available() {
        let readings = readings("MemTotal:       4096 kB\nMemFree: 1 kB\nMemAvailable:   1024 kB\n");
        let values: Vec<_> = readings.iter().map(|r| (r.metric, r.value.to_string())).collect();
        assert_eq!(
            values,
            [
                ("memory.used", "75".to_owned()),
                ("memory.available", "1".to_owned())
            ]
        );
        assert_eq!(super::readings("MemTotal: 0 kB\nMemAvailable: 0 kB"), []);
    }
}
