//! All files of the simulated disk, and what happens to them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::Rot;
use super::faults::{Call, Dice, Faults, Tally};
use super::inode::{Inode, SECTOR};
use crate::disk::DIRECT_ALIGN;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) dice: Dice,
    pub(super) operations: u64,
    pub(super) crash_at: Option<u64>,
    pub(super) fail_at: Option<(u64, io::ErrorKind)>,
    pub(super) faults: Faults,
    pub(super) full_once: bool,
    pub(super) tally: Tally,
    pub(super) down: bool,
    pub(super) capacity: u64,
    pub(super) through: bool,
    /// Whether a second opening is refused; renewed by a crash, so that a dead engine's lock means nothing.
    pub(super) held: Arc<AtomicBool>,
    pub(super) names: BTreeMap<String, u64>,
    pub(super) durable_names: BTreeMap<String, u64>,
    pub(super) files: BTreeMap<u64, Inode>,
    pub(super) next_inode: u64,
}

fn down() -> io::Error {
    io::Error::other("the machine is down")
}

impl State {
    pub(super) fn new(seed: u64, through: bool) -> Self {
        Self {
            dice: Dice(seed),
            operations: 0,
            crash_at: None,
            fail_at: None,
            faults: Faults::default(),
            full_once: false,
            tally: Tally::default(),
            down: false,
            capacity: u64::MAX,
            through,
            held: Arc::default(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            files: BTreeMap::new(),
            next_inode: 0,
        }
    }

    /// Counts a writing operation. `Err` before it when the machine is down; `Ok(Some(error))` when it is to fail
    /// after it was partly done.
    pub(super) fn begin(&mut self) -> io::Result<Option<io::Error>> {
        if self.down {
            return Err(down());
        }
        self.operations += 1;
        if self.crash_at == Some(self.operations) {
            self.down = true;
            return Ok(Some(io::Error::other("the power failed")));
        }
        match self.fail_at {
            Some((at, io::ErrorKind::StorageFull)) if at == self.operations => {
                self.tally.full += 1;
                Err(io::ErrorKind::StorageFull.into())
            }
            Some((at, kind)) if at == self.operations => Ok(Some(kind.into())),
            _ => Ok(None),
        }
    }

    pub(super) fn used(&self) -> u64 {
        self.names
            .values()
            .filter_map(|inode| self.files.get(inode))
            .map(|file| file.now.len() as u64)
            .sum()
    }

    pub(super) fn lose_power(&mut self) {
        // Each name on its own: what is durable, or what is now.
        let names: BTreeSet<String> = self
            .names
            .keys()
            .chain(self.durable_names.keys())
            .cloned()
            .collect();
        let mut survive = BTreeMap::new();
        for name in names {
            let (now, durable) = (self.names.get(&name), self.durable_names.get(&name));
            let kept = if self.dice.roll(2) == 0 { now } else { durable };
            self.tally.names_lost += u64::from(kept != now);
            if let Some(inode) = kept {
                survive.insert(name, *inode);
            }
        }
        self.durable_names.clone_from(&survive);
        self.names = survive;
        let named: BTreeSet<u64> = self.names.values().copied().collect();
        self.files.retain(|inode, _| named.contains(inode));
        for file in self.files.values_mut() {
            file.lose_power(&mut self.dice, &mut self.tally);
        }
    }

    pub(super) fn write(
        &mut self,
        inode: u64,
        bytes: &[u8],
        position: usize,
        through: bool,
    ) -> io::Result<()> {
        self.tally.writes += 1;
        if let Some(error) = self.begin()? {
            // Cut off anywhere.
            let part = self.dice.index(bytes.len() + 1);
            self.files
                .entry(inode)
                .or_default()
                .write(&bytes[..part], position);
            self.tally.write_errors += u64::from(!self.down);
            return Err(error);
        }
        if std::mem::take(&mut self.full_once) {
            let most = bytes.len().saturating_sub(1);
            self.files
                .entry(inode)
                .or_default()
                .write(&bytes[..most], position);
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut done = 0;
        // As the standard library's `write_all_at` goes on after a short or interrupted call.
        while done < bytes.len() {
            let rest = &bytes[done..];
            let call = self.faults.write(rest.len(), &mut self.dice, &mut self.tally);
            let (moves, error) = match call {
                Call::Moves(moves) => (moves, None),
                Call::Fails(_, error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Call::Fails(moves, error) => (moves, Some(error)),
            };
            let free = self.capacity.saturating_sub(self.used());
            let file = self.files.entry(inode).or_default();
            let grown = (position + done + moves).saturating_sub(file.now.len());
            let lacking = grown.saturating_sub(usize::try_from(free).unwrap_or(usize::MAX));
            let moves = moves - lacking.min(moves);
            file.write(&rest[..moves], position + done);
            if let Some(error) = error {
                return Err(error);
            }
            if through {
                file.flush((position + done) / SECTOR..(position + done + moves).div_ceil(SECTOR));
            }
            if lacking > 0 {
                self.tally.full += 1;
                return Err(io::ErrorKind::StorageFull.into());
            }
            done += moves;
        }
        Ok(())
    }

    /// One system call; the caller goes on where it stopped. In a file of whole blocks it stops at one.
    pub(super) fn read(&mut self, inode: u64, bytes: &mut [u8], at: u64, blocks: bool) -> io::Result<usize> {
        if self.down {
            return Err(down());
        }
        let file = self.files.get(&inode).map_or(&[][..], |file| &file.now);
        let rest = usize::try_from(at)
            .ok()
            .and_then(|at| file.get(at..))
            .unwrap_or(&[]);
        let len = rest.len().min(bytes.len());
        let mut moves = match self.faults.read(len, &mut self.dice, &mut self.tally) {
            Call::Moves(moves) => moves,
            Call::Fails(_, error) => return Err(error),
        };
        if blocks && moves < len {
            moves = moves.next_multiple_of(DIRECT_ALIGN).min(len);
        }
        bytes[..moves].copy_from_slice(&rest[..moves]);
        Ok(moves)
    }

    pub(super) fn sync(&mut self, inode: u64) -> io::Result<()> {
        self.tally.syncs += 1;
        let mut fault = self.begin()?;
        if fault.is_none() {
            fault = self.faults.sync(&mut self.dice);
        }
        let down = self.down;
        let file = self.files.entry(inode).or_default();
        match fault {
            Some(error) => {
                if !down {
                    self.tally.sync_errors += 1;
                    file.fail_sync(&mut self.dice);
                }
                Err(error)
            }
            None => {
                self.tally.synced_after_failure += u64::from(file.failed);
                file.sync();
                Ok(())
            }
        }
    }

    pub(super) fn rot(&mut self, which: impl Fn(&str) -> bool) -> Option<Rot> {
        let names: Vec<(String, u64)> = self
            .names
            .iter()
            .filter(|(name, _)| which(name))
            .map(|(name, inode)| (name.clone(), *inode))
            .collect();
        let (name, inode) = names.get(self.dice.index(names.len()))?.clone();
        let file = self.files.get_mut(&inode)?;
        let used: Vec<usize> = (0..file.now.len().div_ceil(SECTOR))
            .filter(|sector| {
                let end = ((sector + 1) * SECTOR).min(file.now.len());
                file.now[sector * SECTOR..end].iter().any(|byte| *byte != 0)
            })
            .collect();
        let begin = used.get(self.dice.index(used.len()))? * SECTOR;
        let position = begin + self.dice.index(SECTOR.min(file.now.len() - begin));
        let bit = 1u8 << self.dice.roll(8);
        file.now[position] ^= bit;
        if let Some(byte) = file.durable.get_mut(position) {
            *byte ^= bit;
        }
        self.tally.bits_rotten += 1;
        Some(Rot { name, position })
    }
}
