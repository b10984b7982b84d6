//! A disk in memory that keeps what [`Disk`] promises and breaks everything else, decided by a seed.
//!
//! Writes go to a volatile cache of 512-byte sectors. A power failure keeps, drops or tears each unsynced sector
//! on its own, keeps or drops each unsynced name, and leaves unsynced lengths anywhere. It can strike at any
//! operation, in the middle of a write. Writes and syncs can fail; a failed sync forgets what it did not write,
//! as Linux does. The disk can be full.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Access, DIRECT_ALIGN, Disk, DiskFile};

const SECTOR: usize = 512;

/// See the module. Clones share the disk.
#[derive(Clone, Debug)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

/// How the machine ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process ends; the operating system's cache stays.
    Kill,
    /// The power fails.
    Power,
}

#[derive(Debug)]
struct State {
    dice: u64,
    operations: u64,
    crash_at: Option<u64>,
    fail_at: Option<(u64, io::ErrorKind)>,
    down: bool,
    capacity: u64,
    through: bool,
    /// Whether a second opening is refused; renewed by a crash, so that a dead engine's lock means nothing.
    held: Arc<AtomicBool>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    files: HashMap<u64, Inode>,
    next_inode: u64,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors of `now` that are not durable.
    dirty: BTreeSet<usize>,
}

impl SimDisk {
    /// An empty disk; `through` says whether direct files write through.
    #[must_use]
    pub fn new(seed: u64, through: bool) -> Self {
        let state = State {
            dice: seed,
            operations: 0,
            crash_at: None,
            fail_at: None,
            down: false,
            capacity: u64::MAX,
            through,
            held: Arc::default(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            files: HashMap::new(),
            next_inode: 0,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The power fails in the middle of the `after`-th writing operation from now.
    pub fn crash_after(&self, after: Option<u64>) {
        let mut state = self.lock_state();
        state.crash_at = after.map(|after| state.operations + after);
    }

    /// The `after`-th writing operation from now fails: half done, or with `StorageFull` not at all.
    pub fn fail_after(&self, after: Option<u64>, kind: io::ErrorKind) {
        let mut state = self.lock_state();
        state.fail_at = after.map(|after| (state.operations + after, kind));
    }

    /// The disk takes no more than this many bytes.
    pub fn set_capacity(&self, bytes: u64) {
        self.lock_state().capacity = bytes;
    }

    /// Bytes of all files.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.lock_state().used()
    }

    /// Whether the machine went down.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.lock_state().down
    }

    /// Ends the machine if it has not gone down, and starts it again.
    pub fn reboot(&self, crash: Crash) {
        let mut state = self.lock_state();
        if crash == Crash::Power {
            state.lose_power();
        }
        (state.down, state.crash_at, state.fail_at, state.held) = (false, None, None, Arc::default());
    }

    /// The names and bytes of all files, as readers see them.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.lock_state();
        let bytes = |inode| {
            state
                .files
                .get(inode)
                .map_or_else(Vec::new, |file| file.now.clone())
        };
        state
            .names
            .iter()
            .map(|(name, inode)| (name.clone(), bytes(inode)))
            .collect()
    }

    /// Puts a file there, durably.
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        let mut state = self.lock_state();
        state.next_inode += 1;
        let inode = state.next_inode;
        state.files.insert(
            inode,
            Inode {
                durable: bytes.clone(),
                now: bytes,
                dirty: BTreeSet::new(),
            },
        );
        state.names.insert(name.to_owned(), inode);
        state.durable_names.insert(name.to_owned(), inode);
    }

    /// Changes bytes of a file behind everybody's back, durably.
    pub fn damage(&self, name: &str, change: impl FnOnce(&mut [u8])) {
        let mut state = self.lock_state();
        let inode = state.names.get(name).copied();
        if let Some(file) = inode.and_then(|inode| state.files.get_mut(&inode)) {
            change(&mut file.now);
            file.durable.clone_from(&file.now);
        }
    }
}

impl State {
    fn roll(&mut self, sides: u64) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides.max(1)
    }

    /// Counts a writing operation. `Err` before it when the machine is down; `Ok(Some(error))` when it is to fail
    /// after it was half done.
    fn begin(&mut self) -> io::Result<Option<io::Error>> {
        if self.down {
            return Err(io::Error::other("the machine is down"));
        }
        self.operations += 1;
        if self.crash_at == Some(self.operations) {
            self.down = true;
            return Ok(Some(io::Error::other("the power failed")));
        }
        match self.fail_at {
            Some((at, io::ErrorKind::StorageFull)) if at == self.operations => {
                Err(io::ErrorKind::StorageFull.into())
            }
            Some((at, kind)) if at == self.operations => Ok(Some(kind.into())),
            _ => Ok(None),
        }
    }

    fn used(&self) -> u64 {
        self.names
            .values()
            .filter_map(|inode| self.files.get(inode))
            .map(|file| file.now.len() as u64)
            .sum()
    }

    fn lose_power(&mut self) {
        // Each name on its own: what is durable, or what is now.
        let names: BTreeSet<String> = self
            .names
            .keys()
            .chain(self.durable_names.keys())
            .cloned()
            .collect();
        let mut survive = BTreeMap::new();
        for name in names {
            let kept = if self.roll(2) == 0 {
                &self.names
            } else {
                &self.durable_names
            };
            if let Some(inode) = kept.get(&name) {
                survive.insert(name, *inode);
            }
        }
        self.durable_names.clone_from(&survive);
        self.names = survive;
        let mut inodes: Vec<u64> = self.files.keys().copied().collect();
        inodes.sort_unstable();
        for inode in inodes {
            let Some(mut file) = self.files.remove(&inode) else {
                continue;
            };
            if self.names.values().any(|named| *named == inode) {
                self.settle(&mut file);
                self.files.insert(inode, file);
            }
        }
    }

    fn settle(&mut self, file: &mut Inode) {
        let (long, short) = (
            file.now.len().max(file.durable.len()),
            file.now.len().min(file.durable.len()),
        );
        let len = match self.roll(3) {
            0 => file.now.len(),
            1 => file.durable.len(),
            _ => short + usize::try_from(self.roll((long - short + 1) as u64)).unwrap_or(0),
        };
        let mut disk = std::mem::take(&mut file.durable);
        disk.resize(len.max(disk.len()), 0);
        for sector in std::mem::take(&mut file.dirty) {
            let begin = sector * SECTOR;
            let end = (begin + SECTOR).min(file.now.len()).min(disk.len());
            let kept = match self.roll(3) {
                0 => 0,
                1 => SECTOR,
                _ => usize::try_from(self.roll(SECTOR as u64)).unwrap_or(0),
            };
            let upto = (begin + kept).min(end);
            if begin < upto {
                disk[begin..upto].copy_from_slice(&file.now[begin..upto]);
            }
        }
        disk.truncate(len);
        file.now.clone_from(&disk);
        file.durable = disk;
    }

    fn write(&mut self, inode: u64, bytes: &[u8], position: usize, through: bool) -> io::Result<()> {
        let fault = self.begin()?;
        let free = self.capacity.saturating_sub(self.used());
        let file = self.files.entry(inode).or_default();
        let len = file.now.len();
        let grown = (position + bytes.len()).saturating_sub(len);
        let full = grown as u64 > free;
        let take = if full {
            bytes.len() - (grown - usize::try_from(free).unwrap_or(0))
        } else {
            bytes.len()
        };
        let end = position + take;
        file.now.resize(len.max(end), 0);
        file.now[position..end].copy_from_slice(&bytes[..take]);
        if take > 0 {
            file.dirty.extend(position / SECTOR..=(end - 1) / SECTOR);
        }
        match fault {
            Some(error) => Err(error),
            None if full => Err(io::ErrorKind::StorageFull.into()),
            None => {
                if through {
                    file.flush(position / SECTOR..end.div_ceil(SECTOR));
                }
                Ok(())
            }
        }
    }

    fn sync(&mut self, inode: u64) -> io::Result<()> {
        let fault = self.begin()?;
        let down = self.down;
        let file = self.files.entry(inode).or_default();
        match fault {
            // Linux marks the pages clean: a later sync succeeds without writing them.
            Some(error) => {
                if !down {
                    file.dirty.clear();
                }
                Err(error)
            }
            None => {
                let sectors = file.now.len().div_ceil(SECTOR);
                file.flush(0..sectors);
                file.durable.truncate(file.now.len());
                Ok(())
            }
        }
    }
}

impl Inode {
    fn flush(&mut self, sectors: std::ops::Range<usize>) {
        let dirty: Vec<usize> = self.dirty.range(sectors).copied().collect();
        for sector in dirty {
            self.dirty.remove(&sector);
            let end = ((sector + 1) * SECTOR).min(self.now.len());
            if self.durable.len() < end {
                self.durable.resize(end, 0);
            }
            self.durable[sector * SECTOR..end].copy_from_slice(&self.now[sector * SECTOR..end]);
        }
    }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Disk for SimDisk {
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.lock_state();
        if state.down {
            return Err(io::Error::other("the machine is down"));
        }
        let known = state.names.get(name).copied();
        let inode = match (access, known) {
            (Access::Create | Access::CreateDirect, Some(_)) => {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            (Access::Create | Access::CreateDirect, None) => {
                let fault = state.begin()?;
                state.next_inode += 1;
                let inode = state.next_inode;
                state.names.insert(name.to_owned(), inode);
                state.files.insert(inode, Inode::default());
                fault.map_or(Ok(inode), Err)?
            }
            (_, known) => known.ok_or_else(not_found)?,
        };
        let through = access == Access::Direct && state.through;
        Ok(Arc::new(SimFile {
            disk: self.clone(),
            inode,
            through,
            blocks: through || matches!(access, Access::CreateDirect | Access::ReadDirect),
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.lock_state();
        if let Some(error) = state.begin()? {
            return Err(error);
        }
        let inode = state.names.remove(from).ok_or_else(not_found)?;
        state.names.insert(to.to_owned(), inode);
        Ok(())
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        let mut state = self.lock_state();
        if !state.names.contains_key(name) {
            return Err(not_found());
        }
        if let Some(error) = state.begin()? {
            return Err(error);
        }
        state.names.remove(name);
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.lock_state().names.keys().cloned().collect())
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut state = self.lock_state();
        if let Some(error) = state.begin()? {
            return Err(error);
        }
        state.durable_names = state.names.clone();
        Ok(())
    }

    fn lock(&self) -> io::Result<Option<Box<dyn Send + Sync>>> {
        let held = Arc::clone(&self.lock_state().held);
        if held.swap(true, Ordering::SeqCst) {
            return Ok(None);
        }
        Ok(Some(Box::new(Held(held))))
    }

    fn describe(&self) -> String {
        "simulated disk".to_owned()
    }
}

#[derive(Debug)]
struct Held(Arc<AtomicBool>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    inode: u64,
    through: bool,
    /// Takes whole aligned blocks only.
    blocks: bool,
}

impl SimFile {
    fn check(&self, bytes: &[u8], position: usize) -> io::Result<()> {
        let aligned = position.is_multiple_of(DIRECT_ALIGN)
            && bytes.len().is_multiple_of(DIRECT_ALIGN)
            && bytes.as_ptr().align_offset(DIRECT_ALIGN) == 0;
        if self.blocks && !aligned {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(())
    }
}

impl DiskFile for SimFile {
    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        let position = usize::try_from(position).map_err(io::Error::other)?;
        self.check(bytes, position)?;
        self.disk
            .lock_state()
            .write(self.inode, bytes, position, self.through)
    }

    fn read_at(&self, bytes: &mut [u8], position: u64) -> io::Result<usize> {
        self.check(bytes, usize::try_from(position).map_err(io::Error::other)?)?;
        let state = self.disk.lock_state();
        if state.down {
            return Err(io::Error::other("the machine is down"));
        }
        let file = state.files.get(&self.inode).map_or(&[][..], |file| &file.now);
        let rest = usize::try_from(position)
            .ok()
            .and_then(|at| file.get(at..))
            .unwrap_or(&[]);
        let len = rest.len().min(bytes.len());
        bytes[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.lock_state().sync(self.inode)
    }

    fn writes_through(&self) -> bool {
        self.through
    }

    fn len(&self) -> io::Result<u64> {
        let state = self.disk.lock_state();
        Ok(state
            .files
            .get(&self.inode)
            .map_or(0, |file| file.now.len() as u64))
    }
}
