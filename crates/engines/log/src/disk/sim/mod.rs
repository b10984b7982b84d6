//! A disk in memory that keeps what [`Disk`] promises and breaks everything else, decided by a seed.
//!
//! Writes go to a volatile cache of 512-byte sectors. A power failure keeps, drops, tears or turns back each unsynced
//! sector on its own, keeps or drops each unsynced name, and leaves unsynced lengths anywhere. It can strike at any
//! operation, in the middle of a write. Reads, writes and syncs can fail; a failed sync forgets what it did not write,
//! as Linux does. System calls can be short or interrupted, the disk can be full, and bits can rot.
//!
//! `inode` is one file, `state` all of them, `faults` what goes wrong.

mod faults;
mod inode;
mod state;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

pub use faults::{Faults, Tally};
use inode::Inode;
use state::State;

use super::read::read_whole;
use super::{Access, DIRECT_ALIGN, Disk, DiskFile};

/// See the module. Clones share the disk.
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
    hook: Arc<OnceLock<Hook>>,
}

/// Told of every operation after it was done, with its bytes. The disk is free meanwhile: time may pass, and others
/// may use it.
pub type Hook = Box<dyn Fn(Operation, usize) + Send + Sync>;

/// What somebody did with the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A read.
    Read,
    /// A write.
    Write,
    /// A sync of a file.
    Sync,
    /// A change of names, or a sync of them.
    Names,
}

/// How the machine ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process ends; the operating system's cache stays.
    Kill,
    /// The power fails.
    Power,
}

/// A bit that rotted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rot {
    /// In which file.
    pub name: String,
    /// In which byte.
    pub position: usize,
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimDisk")
    }
}

impl SimDisk {
    /// An empty disk; `through` says whether direct files write through.
    #[must_use]
    pub fn new(seed: u64, through: bool) -> Self {
        Self {
            state: Arc::new(Mutex::new(State::new(seed, through))),
            hook: Arc::default(),
        }
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `hook` told of every operation from now on. The first one stays.
    pub fn on_operation(&self, hook: Hook) {
        let _ = self.hook.set(hook);
    }

    fn done(&self, operation: Operation, bytes: usize) {
        if let Some(hook) = self.hook.get() {
            hook(operation, bytes);
        }
    }

    /// The machine goes down in the middle of the `after`-th writing operation from now.
    pub fn crash_after(&self, after: Option<u64>) {
        let mut state = self.lock_state();
        state.crash_at = after.map(|after| state.operations + after);
    }

    /// The machine goes down now.
    pub fn crash_now(&self) {
        self.lock_state().down = true;
    }

    /// The `after`-th writing operation from now fails: partly done, or with `StorageFull` not at all.
    pub fn fail_after(&self, after: Option<u64>, kind: io::ErrorKind) {
        let mut state = self.lock_state();
        state.fail_at = after.map(|after| (state.operations + after, kind));
    }

    /// The next write finds the disk full when all but its last byte are written.
    pub fn fail_writes_full_once(&self) {
        self.lock_state().full_once = true;
    }

    /// How often operations fail from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.lock_state().faults = faults;
    }

    /// What went wrong so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.lock_state().tally
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
        (state.down, state.crash_at, state.fail_at) = (false, None, None);
        state.held = Arc::default();
        state.files.values_mut().for_each(|file| file.failed = false);
    }

    /// A disk as a power failure at this moment would leave this one, which goes on.
    #[must_use]
    pub fn after_power_failure(&self) -> Self {
        let copy = Self {
            state: Arc::new(Mutex::new(self.lock_state().clone())),
            hook: Arc::default(),
        };
        copy.reboot(Crash::Power);
        copy.set_faults(Faults::default());
        copy
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
        state.files.insert(inode, Inode::at_rest(bytes));
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

    /// Turns one bit of one file whose name passes, at a place where the file is not all zeros for a sector around.
    pub fn rot(&self, which: impl Fn(&str) -> bool) -> Option<Rot> {
        self.lock_state().rot(which)
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
        drop(state);
        if matches!(access, Access::Create | Access::CreateDirect) {
            self.done(Operation::Names, 0);
        }
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
        drop(state);
        self.done(Operation::Names, 0);
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
        drop(state);
        self.done(Operation::Names, 0);
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.lock_state().names.keys().cloned().collect())
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut state = self.lock_state();
        state.tally.syncs += 1;
        if let Some(error) = state.begin()? {
            return Err(error);
        }
        state.durable_names = state.names.clone();
        drop(state);
        self.done(Operation::Sync, 0);
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        let state = self.lock_state();
        Ok(Some(state.capacity.saturating_sub(state.used())))
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
        let at = usize::try_from(position).map_err(io::Error::other)?;
        self.check(bytes, at)?;
        let written = self.disk.lock_state().write(self.inode, bytes, at, self.through);
        self.disk.done(Operation::Write, bytes.len());
        if self.through {
            self.disk.done(Operation::Sync, 0);
        }
        written
    }

    fn read_at(&self, bytes: &mut [u8], position: u64) -> io::Result<usize> {
        self.check(bytes, usize::try_from(position).map_err(io::Error::other)?)?;
        self.disk.lock_state().tally.reads += 1;
        let len = || self.len();
        let read = read_whole(bytes, position, self.blocks.then_some(&len), |bytes, at| {
            self.disk.lock_state().read(self.inode, bytes, at, self.blocks)
        });
        self.disk.done(Operation::Read, bytes.len());
        read
    }

    fn sync(&self) -> io::Result<()> {
        let synced = self.disk.lock_state().sync(self.inode);
        self.disk.done(Operation::Sync, 0);
        synced
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
