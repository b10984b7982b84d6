//! The network: `/proc/net/dev` (proc_net(5)), all interfaces but the loopback one.

use std::time::Duration;

use super::{Reading, kib_per_second};

/// Bytes of all interfaces together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Octets {
    received: u64,
    sent: u64,
}

impl Octets {
    pub(super) fn parse(dev: &str) -> Option<Self> {
        let mut all: Option<Self> = None;
        for line in dev.lines() {
            let Some((name, counts)) = line.split_once(':') else {
                continue;
            };
            let counts: Vec<u64> = counts
                .split_whitespace()
                .map_while(|word| word.parse().ok())
                .collect();
            // bytes, packets, errs, drop, fifo, frame, compressed, multicast received; then the same sent.
            let (Some(received), Some(sent)) = (counts.first(), counts.get(8)) else {
                continue;
            };
            if name.trim() != "lo" {
                let sum = all.get_or_insert(Self { received: 0, sent: 0 });
                sum.received = sum.received.saturating_add(*received);
                sum.sent = sum.sent.saturating_add(*sent);
            }
        }
        all
    }

    pub(super) fn since(&self, before: &Self, time: Duration) -> [Reading; 2] {
        let rate = |now: u64, before: u64| kib_per_second(now.saturating_sub(before), time);
        [
            Reading {
                metric: "network.received",
                unit: "KiB/s",
                value: rate(self.received, before.received),
            },
            Reading {
                metric: "network.sent",
                unit: "KiB/s",
                value: rate(self.sent, before.sent),
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_summed_without_the_loopback() {
        let table = "Inter-|   Receive |  Transmit\n face |bytes packets|bytes\n    lo: 9 9 9 9 9 9 9 9 9 9\n\
                     eth0: 2048 1 0 0 0 0 0 0 1024 1 0 0 0 0 0 0\n  eth1:1024 1 0 0 0 0 0 0 0 1 0 0 0 0 0 0\n";
        let now = Octets::parse(table).unwrap();
        assert_eq!(
            now,
            Octets {
                received: 3072,
                sent: 1024
            }
        );
        let rates = now.since(
            &Octets {
                received: 1024,
                sent: 0,
            },
            Duration::from_secs(1),
        );
        assert_eq!(rates.map(|r| r.value.to_string()), ["2", "1"]);
        assert_eq!(Octets::parse(""), None);
    }
}
