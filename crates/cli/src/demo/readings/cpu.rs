//! The processors: `/proc/stat` and `/proc/loadavg` (proc_stat(5), proc_loadavg(5)).

use super::{Reading, lossy};

/// Clock ticks of all processors together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticks {
    idle: u64,
    total: u64,
}

impl Ticks {
    pub(super) fn parse(stat: &str) -> Option<Self> {
        let row = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        // user nice system idle iowait irq softirq steal; guest time is in user already.
        let ticks: Vec<u64> = row
            .split_whitespace()
            .take(8)
            .map_while(|word| word.parse().ok())
            .collect();
        let idle = ticks
            .get(3)?
            .saturating_add(ticks.get(4).copied().unwrap_or_default());
        Some(Self {
            idle,
            total: ticks.iter().fold(0, |sum, n| u64::saturating_add(sum, *n)),
        })
    }

    pub(super) fn since(&self, before: &Self) -> Option<Reading> {
        let total = self.total.checked_sub(before.total).filter(|ticks| *ticks > 0)?;
        // Counted per processor without a lock, so idle time may seem to run ahead.
        let idle = self.idle.saturating_sub(before.idle).min(total);
        let value = 100.0 * lossy(total - idle) / lossy(total);
        Some(Reading {
            metric: "cpu.busy",
            unit: "%",
            value,
        })
    }
}

pub(super) fn load(loadavg: &str) -> Option<Reading> {
    let value = loadavg.split_whitespace().next()?.parse().ok()?;
    Some(Reading {
        metric: "cpu.load1",
        unit: "",
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_is_what_is_not_idle() {
        let before = Ticks::parse("cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2 3 4\n").unwrap();
        let now = Ticks::parse("cpu  125 0 100 770 105 0 0 0 0 0\n").unwrap();
        assert!((now.since(&before).unwrap().value - 25.0).abs() < 1e-9);
        assert_eq!(now.since(&now), None);
        assert_eq!(before.since(&now), None);
        assert_eq!(Ticks::parse("intr 5"), None);
        assert_eq!(load("0.25 0.1 0.0 1/2 3").unwrap().value.to_string(), "0.25");
        assert_eq!(load(""), None);
    }
}
