//! One file of the simulated disk: what readers see, what the device has, and what could be between the two.

use std::collections::BTreeMap;
use std::ops::Range;

use super::faults::{Dice, Tally};

/// What a device writes whole or tears.
pub(super) const SECTOR: usize = 512;
/// Overwritten contents that are remembered per sector.
const VERSIONS_MAX: usize = 3;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    pub(super) now: Vec<u8>,
    pub(super) durable: Vec<u8>,
    /// Sectors of `now` that are not durable, with what else was written there since they were: a device that
    /// reorders writes may have stopped at any of these.
    dirty: BTreeMap<usize, Vec<Vec<u8>>>,
    /// Whether a sync of it failed since the machine started.
    pub(super) failed: bool,
}

impl Inode {
    /// A file whose bytes are durable.
    pub(super) fn at_rest(bytes: Vec<u8>) -> Self {
        Self {
            durable: bytes.clone(),
            now: bytes,
            ..Self::default()
        }
    }

    fn sector(&self, sector: usize) -> &[u8] {
        let end = ((sector + 1) * SECTOR).min(self.now.len());
        self.now.get(sector * SECTOR..end).unwrap_or_default()
    }

    /// Puts bytes into the cache.
    pub(super) fn write(&mut self, bytes: &[u8], position: usize) {
        if bytes.is_empty() {
            return;
        }
        let end = position + bytes.len();
        for sector in position / SECTOR..=(end - 1) / SECTOR {
            let before = self
                .dirty
                .contains_key(&sector)
                .then(|| self.sector(sector).to_vec());
            let versions = self.dirty.entry(sector).or_default();
            if versions.len() < VERSIONS_MAX {
                versions.extend(before);
            }
        }
        self.now.resize(self.now.len().max(end), 0);
        self.now[position..end].copy_from_slice(bytes);
    }

    /// Brings sectors to the device.
    pub(super) fn flush(&mut self, sectors: Range<usize>) {
        let dirty: Vec<usize> = self.dirty.range(sectors).map(|(sector, _)| *sector).collect();
        for sector in dirty {
            self.dirty.remove(&sector);
            self.flush_one(sector);
        }
    }

    fn flush_one(&mut self, sector: usize) {
        let end = ((sector + 1) * SECTOR).min(self.now.len());
        if self.durable.len() < end {
            self.durable.resize(end, 0);
        }
        self.durable[sector * SECTOR..end].copy_from_slice(&self.now[sector * SECTOR..end]);
    }

    /// Brings everything to the device, with the length.
    pub(super) fn sync(&mut self) {
        self.flush(0..self.now.len().div_ceil(SECTOR));
        self.durable.truncate(self.now.len());
        self.durable.resize(self.now.len(), 0);
    }

    /// A sync that fails: some sectors reach the device, and the others are forgotten as Linux forgets them. It marks
    /// their pages clean, so that readers go on seeing them and a later sync succeeds without writing them.
    pub(super) fn fail_sync(&mut self, dice: &mut Dice) {
        for sector in std::mem::take(&mut self.dirty).into_keys() {
            if dice.roll(2) == 0 {
                self.flush_one(sector);
            }
        }
        self.failed = true;
    }

    /// The power fails: each unsynced sector is old, new, torn or anything that was written between, each on its own.
    pub(super) fn lose_power(&mut self, dice: &mut Dice, tally: &mut Tally) {
        let (long, short) = (
            self.now.len().max(self.durable.len()),
            self.now.len().min(self.durable.len()),
        );
        let len = match dice.roll(3) {
            0 => self.now.len(),
            1 => self.durable.len(),
            _ => short + dice.index(long - short + 1),
        };
        let mut disk = std::mem::take(&mut self.durable);
        disk.resize(len.max(disk.len()), 0);
        for (sector, versions) in std::mem::take(&mut self.dirty) {
            let begin = sector * SECTOR;
            let end = (begin + SECTOR).min(self.now.len()).min(disk.len());
            let now = self.now.get(begin..end).unwrap_or_default();
            let (kept, from) = match dice.roll(if versions.is_empty() { 3 } else { 4 }) {
                0 => {
                    tally.sectors_lost += 1;
                    (0, now)
                }
                1 => (SECTOR, now),
                2 => {
                    tally.sectors_torn += 1;
                    (dice.index(SECTOR), now)
                }
                _ => {
                    tally.sectors_reordered += 1;
                    (SECTOR, versions[dice.index(versions.len())].as_slice())
                }
            };
            let kept = kept.min(from.len()).min(end.saturating_sub(begin));
            if kept > 0 {
                disk[begin..begin + kept].copy_from_slice(&from[..kept]);
            }
        }
        disk.truncate(len);
        self.now.clone_from(&disk);
        self.durable = disk;
    }
}
