//! Live readings of this machine, from `/proc`: processor, memory, disks and network.

mod cpu;
mod disk;
mod memory;
mod network;

use std::fs::read_to_string;
use std::time::Duration;

/// One value that was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    /// What was read.
    pub metric: &'static str,
    /// In which unit.
    pub unit: &'static str,
    /// The value.
    pub value: f64,
}

/// Reads the machine again and again; rates are over the time between two looks.
#[derive(Debug, Default)]
pub(crate) struct Sampler {
    cpu: Option<cpu::Ticks>,
    disk: Option<disk::Sectors>,
    network: Option<network::Octets>,
}

impl Sampler {
    /// What can be read `since` the last look. The first look has no rates; a table that is missing has no values.
    pub(crate) fn sample(&mut self, since: Duration) -> Vec<Reading> {
        let file = |path: &str| read_to_string(path).unwrap_or_default();
        let mut readings = Vec::new();
        let ticks = cpu::Ticks::parse(&file("/proc/stat"));
        if let (Some(before), Some(now)) = (&self.cpu, &ticks) {
            readings.extend(now.since(before));
        }
        readings.extend(cpu::load(&file("/proc/loadavg")));
        readings.extend(memory::readings(&file("/proc/meminfo")));
        let sectors = disk::Sectors::parse(&file("/proc/diskstats"));
        if let (Some(before), Some(now)) = (&self.disk, &sectors) {
            readings.extend(now.since(before, since));
        }
        let octets = network::Octets::parse(&file("/proc/net/dev"));
        if let (Some(before), Some(now)) = (&self.network, &octets) {
            readings.extend(now.since(before, since));
        }
        (self.cpu, self.disk, self.network) = (ticks, sectors, octets);
        readings
    }
}

/// Bytes in `time` as KiB a second.
fn kib_per_second(bytes: u64, time: Duration) -> f64 {
    let seconds = time.as_secs_f64();
    if seconds > 0.0 {
        lossy(bytes) / 1024.0 / seconds
    } else {
        0.0
    }
}

/// A count as a floating-point number; beyond 2^53 it is rounded, which no reading minds.
#[expect(clippy::cast_precision_loss, reason = "readings are shown with three digits")]
fn lossy(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_base::{Clock, SystemClock};

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_can_be_read() {
        let mut sampler = Sampler::default();
        sampler.sample(Duration::ZERO);
        // The kernel counts processor time in ticks; one must pass.
        let clock = SystemClock::new();
        while clock.monotonic() < Duration::from_millis(200) {
            std::hint::spin_loop();
        }
        let readings = sampler.sample(Duration::from_secs(1));
        for metric in ["cpu.busy", "cpu.load1", "memory.used", "memory.available"] {
            let reading = readings.iter().find(|r| r.metric == metric);
            assert!(
                reading.is_some_and(|r| r.value.is_finite() && r.value >= 0.0),
                "{metric}: {reading:?}"
            );
        }
    }

    #[test]
    fn rates_are_over_the_time_that_passed() {
        assert!((kib_per_second(4096, Duration::from_secs(2)) - 2.0).abs() < 1e-9);
        assert!(kib_per_second(1, Duration::ZERO).abs() < 1e-9);
    }
}
