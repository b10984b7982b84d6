//! The disks: `/proc/diskstats` (proc_diskstats(5)), whole disks only.

use std::time::Duration;

use super::{Reading, kib_per_second};

/// The unit of the table, whatever the disk's own sectors are.
const SECTOR_BYTES: u64 = 512;

/// Sectors of all disks together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sectors {
    read: u64,
    written: u64,
}

impl Sectors {
    pub(super) fn parse(diskstats: &str) -> Option<Self> {
        let mut all: Option<Self> = None;
        for line in diskstats.lines() {
            let mut words = line.split_whitespace().skip(2);
            let Some(name) = words.next() else { continue };
            let counts: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
            // reads, reads merged, sectors read, ms, writes, writes merged, sectors written, …
            let (Some(read), Some(written)) = (counts.get(2), counts.get(6)) else {
                continue;
            };
            if is_whole_disk(name) {
                let sum = all.get_or_insert(Self { read: 0, written: 0 });
                sum.read = sum.read.saturating_add(*read);
                sum.written = sum.written.saturating_add(*written);
            }
        }
        all
    }

    pub(super) fn since(&self, before: &Self, time: Duration) -> [Reading; 2] {
        let rate = |now: u64, before: u64| {
            kib_per_second(now.saturating_sub(before).saturating_mul(SECTOR_BYTES), time)
        };
        [
            Reading {
                metric: "disk.read",
                unit: "KiB/s",
                value: rate(self.read, before.read),
            },
            Reading {
                metric: "disk.write",
                unit: "KiB/s",
                value: rate(self.written, before.written),
            },
        ]
    }
}

/// Partitions, loops and memory disks would count bytes twice or count none of a disk.
fn is_whole_disk(name: &str) -> bool {
    let lettered = ["sd", "vd", "xvd", "hd"];
    if let Some(rest) = lettered.iter().find_map(|prefix| name.strip_prefix(prefix)) {
        return !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_lowercase());
    }
    (name.starts_with("nvme") || name.starts_with("mmcblk")) && !name.contains('p')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_disks_are_summed() {
        let table = "   7  0 loop0 1 0 900 0 0 0 900 0\n 254  0 vda 1 0 10 0 5 0 20 0 0 0 0\n 254  1 vda1 1 0 10 0 5 0 20 0\n\
                     259  0 nvme0n1 9 9 30 9 9 9 40 9\n 259 1 nvme0n1p1 9 9 30 9 9 9 40 9\n";
        let now = Sectors::parse(table).unwrap();
        assert_eq!(
            now,
            Sectors {
                read: 40,
                written: 60
            }
        );
        let rates = now.since(&Sectors { read: 36, written: 0 }, Duration::from_secs(2));
        assert_eq!(rates.map(|r| r.value.to_string()), ["1", "15"]);
        assert_eq!(Sectors::parse("garbage"), None);
    }
}
