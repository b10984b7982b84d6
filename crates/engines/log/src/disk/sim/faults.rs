//! What goes wrong on the simulated disk, how often, and how often it did.

use std::io;

/// The disk's own dice (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides.max(1)
    }

    pub(super) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.roll(len as u64)).unwrap_or(0)
    }

    fn hits(&mut self, per_million: u32) -> bool {
        per_million > 0 && self.roll(1_000_000) < u64::from(per_million)
    }
}

/// How often operations fail, each in a million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Reads that yield EIO.
    pub read_errors: u32,
    /// System calls that move fewer bytes than asked for, or are interrupted. Not an error: the caller goes on.
    pub short: u32,
    /// Writes that yield EIO after a part.
    pub write_errors: u32,
    /// Writes that find the disk full after a part.
    pub write_full: u32,
    /// Syncs that yield EIO.
    pub sync_errors: u32,
}

/// What the disk did to its user so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Reads that were asked for.
    pub reads: u64,
    /// Writes that were asked for.
    pub writes: u64,
    /// Syncs that were asked for, of files and of names.
    pub syncs: u64,
    /// Reads that failed.
    pub read_errors: u64,
    /// Writes that failed.
    pub write_errors: u64,
    /// Writes that found the disk full.
    pub full: u64,
    /// Syncs that failed.
    pub sync_errors: u64,
    /// Syncs of a file after one of it had failed, in the same life of the machine: each is a mistake of the user if
    /// he takes its success for one.
    pub synced_after_failure: u64,
    /// Calls that moved fewer bytes than asked for.
    pub short: u64,
    /// Calls that were interrupted.
    pub interrupted: u64,
    /// Unsynced sectors that a power failure took.
    pub sectors_lost: u64,
    /// Unsynced sectors that a power failure tore.
    pub sectors_torn: u64,
    /// Unsynced sectors that came back older than they were last written.
    pub sectors_reordered: u64,
    /// Unsynced names that a power failure took or brought back.
    pub names_lost: u64,
    /// Bits that rotted.
    pub bits_rotten: u64,
}

/// How one system call ends.
pub(super) enum Call {
    /// It moves this many bytes.
    Moves(usize),
    /// It fails after it moved this many.
    Fails(usize, io::Error),
}

impl Faults {
    /// One read of `len` bytes.
    pub(super) fn read(&self, len: usize, dice: &mut Dice, tally: &mut Tally) -> Call {
        if dice.hits(self.read_errors) {
            tally.read_errors += 1;
            return Call::Fails(0, io::Error::from_raw_os_error(libc::EIO));
        }
        self.short(len, dice, tally)
    }

    /// One write of `len` bytes.
    pub(super) fn write(&self, len: usize, dice: &mut Dice, tally: &mut Tally) -> Call {
        let part = |dice: &mut Dice| dice.index(len + 1);
        if dice.hits(self.write_errors) {
            tally.write_errors += 1;
            return Call::Fails(part(dice), io::Error::from_raw_os_error(libc::EIO));
        }
        if dice.hits(self.write_full) {
            tally.full += 1;
            let most = len.saturating_sub(1);
            return Call::Fails(part(dice).min(most), io::ErrorKind::StorageFull.into());
        }
        self.short(len, dice, tally)
    }

    /// Whether a sync fails.
    pub(super) fn sync(&self, dice: &mut Dice) -> Option<io::Error> {
        dice.hits(self.sync_errors)
            .then(|| io::Error::from_raw_os_error(libc::EIO))
    }

    fn short(&self, len: usize, dice: &mut Dice, tally: &mut Tally) -> Call {
        if len == 0 || !dice.hits(self.short) {
            return Call::Moves(len);
        }
        if dice.roll(4) == 0 {
            tally.interrupted += 1;
            return Call::Fails(0, io::ErrorKind::Interrupted.into());
        }
        tally.short += 1;
        Call::Moves(1 + dice.index(len))
    }
}
