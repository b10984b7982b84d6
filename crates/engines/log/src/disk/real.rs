//! A directory of the operating system.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
#[cfg(target_os = "linux")]
use std::io::IoSlice;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;

use super::read::read_whole;
use super::{Access, AlignedBuf, DIRECT_ALIGN, Disk, DiskFile};

/// A directory. Files are private to its owner (mode 600).
#[derive(Debug)]
pub struct RealDisk {
    dir: PathBuf,
    /// For syncing names.
    handle: File,
    /// Whether O_DIRECT works here.
    direct: bool,
}

/// Pieces that one call takes (`IOV_MAX`).
#[cfg(target_os = "linux")]
const PIECES_MAX: usize = 1024;

const LOCK: &str = "LOCK";
const PROBE: &str = "probe.tmp";

impl RealDisk {
    /// Opens `dir`, making it first if it is missing.
    ///
    /// # Errors
    /// The operating system's.
    pub fn open(dir: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&dir)?;
        let handle = File::open(&dir)?;
        if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            // The directory's own name must survive too.
            File::open(parent)?.sync_all()?;
        }
        let direct = probe_direct(&dir);
        Ok(Self { dir, handle, direct })
    }
}

#[cfg(target_os = "linux")]
const DIRECT: i32 = libc::O_DIRECT;
#[cfg(target_os = "linux")]
const THROUGH: i32 = libc::O_DIRECT | libc::O_DSYNC;
#[cfg(not(target_os = "linux"))]
const DIRECT: i32 = 0;
#[cfg(not(target_os = "linux"))]
const THROUGH: i32 = 0;

/// Opening with O_DIRECT succeeds on some file systems whose writes then fail, so that only use tells.
#[cfg(target_os = "linux")]
fn probe_direct(dir: &std::path::Path) -> bool {
    let path = dir.join(PROBE);
    let probe = || -> io::Result<()> {
        let file = OpenOptions::new()
            .create(true)
            .read(true)
            .write(true)
            .mode(0o600)
            .custom_flags(THROUGH)
            .open(&path)?;
        let mut block = AlignedBuf::zeroed(DIRECT_ALIGN);
        file.write_all_at(block.as_slice(), 0)?;
        file.read_exact_at(block.as_mut_slice(), 0)
    };
    let works = probe().is_ok();
    // A leftover probe is harmless: every start overwrites it.
    let _ = std::fs::remove_file(&path);
    works
}

#[cfg(not(target_os = "linux"))]
fn probe_direct(_dir: &std::path::Path) -> bool {
    false
}

impl Disk for RealDisk {
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).mode(0o600);
        options.write(!matches!(access, Access::Read | Access::ReadDirect));
        options.create_new(matches!(access, Access::Create | Access::CreateDirect));
        let direct =
            self.direct && matches!(access, Access::Direct | Access::CreateDirect | Access::ReadDirect);
        let through = direct && access == Access::Direct;
        if direct {
            options.custom_flags(if through { THROUGH } else { DIRECT });
        }
        Ok(Arc::new(RealFile {
            file: options.open(self.dir.join(name))?,
            direct,
            through,
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.dir.join(from), self.dir.join(to))
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.dir.join(name))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.dir)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.handle.sync_all()
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        let disk = rustix::fs::fstatvfs(&self.handle)?;
        // What is kept for the superuser does not count.
        Ok(Some(disk.f_bavail.saturating_mul(disk.f_frsize)))
    }

    fn lock(&self) -> io::Result<Option<Box<dyn Send + Sync>>> {
        let file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .mode(0o600)
            .open(self.dir.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn describe(&self) -> String {
        self.dir.display().to_string()
    }
}

#[derive(Debug)]
struct RealFile {
    file: File,
    direct: bool,
    through: bool,
}

impl DiskFile for RealFile {
    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, position)
    }

    #[cfg(target_os = "linux")]
    fn write_pieces_at(&self, pieces: &[&[u8]], mut position: u64) -> io::Result<()> {
        // The C library's call, not the bare one: whoever watches a process's writes stands between.
        let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut rest = &mut slices[..];
        while !rest.is_empty() {
            let most = rest.len().min(PIECES_MAX);
            let offset = i64::try_from(position).map_err(io::Error::other)?;
            match nix::sys::uio::pwritev(&self.file, &rest[..most], offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    IoSlice::advance_slices(&mut rest, written);
                    position += written as u64;
                }
                Err(nix::errno::Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn read_at(&self, bytes: &mut [u8], position: u64) -> io::Result<usize> {
        let len = || self.len();
        read_whole(bytes, position, self.direct.then_some(&len), |bytes, position| {
            self.file.read_at(bytes, position)
        })
    }

    fn sync(&self) -> io::Result<()> {
        // fdatasync: it makes the length durable too, as far as reading the bytes back needs it.
        self.file.sync_data()
    }

    fn writes_through(&self) -> bool {
        self.through
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_is_refused_until_the_first_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (
            RealDisk::open(dir.path().into()).unwrap(),
            RealDisk::open(dir.path().into()).unwrap(),
        );
        let held = a.lock().unwrap();
        assert!(held.is_some());
        assert!(b.lock().unwrap().is_none());
        drop(held);
        assert!(b.lock().unwrap().is_some());
    }

    #[test]
    fn what_is_written_direct_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(dir.path().into()).unwrap();
        super::super::allocate(&*disk.open("x", Access::CreateDirect).unwrap(), 8192, |_| {}).unwrap();
        let file = disk.open("x", Access::Direct).unwrap();
        let mut block = AlignedBuf::zeroed(4096);
        block.as_mut_slice().fill(7);
        let half = &block.as_slice()[..0];
        file.write_pieces_at(&[half, block.as_slice(), half], 4096)
            .unwrap();
        let mut back = vec![0; 8192];
        assert_eq!(
            disk.open("x", Access::Read)
                .unwrap()
                .read_at(&mut back, 0)
                .unwrap(),
            8192
        );
        assert!(back[..4096].iter().all(|b| *b == 0) && back[4096..].iter().all(|b| *b == 7));
        assert_eq!(disk.list().unwrap(), ["x"]);
    }
}
