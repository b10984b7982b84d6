//! A directory that is only looked at: nothing in it is made, changed or removed, not even by mistake.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Access, Disk, DiskFile};

/// A directory to look at.
#[derive(Debug)]
pub struct ReadOnlyDisk {
    dir: PathBuf,
}

const LOCK: &str = "LOCK";

fn refused() -> io::Error {
    io::Error::new(
        io::ErrorKind::ReadOnlyFilesystem,
        "the directory is only looked at",
    )
}

impl ReadOnlyDisk {
    /// Looks at `dir`.
    ///
    /// # Errors
    /// The operating system's, such as `NotFound`.
    pub fn open(dir: PathBuf) -> io::Result<Self> {
        std::fs::read_dir(&dir)?;
        Ok(Self { dir })
    }
}

impl Disk for ReadOnlyDisk {
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        match access {
            Access::Read | Access::ReadDirect => Ok(Arc::new(ReadOnlyFile(File::open(self.dir.join(name))?))),
            Access::Create | Access::CreateDirect | Access::Direct | Access::Update => Err(refused()),
        }
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        Err(refused())
    }

    fn unlink(&self, _: &str) -> io::Result<()> {
        Err(refused())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.dir)? {
            let entry = entry?;
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn sync_dir(&self) -> io::Result<()> {
        Err(refused())
    }

    /// Nobody ever had a directory open that has no lock file, as that of a backup: then nothing is locked.
    fn lock(&self) -> io::Result<Option<Box<dyn Send + Sync>>> {
        let file = match File::open(self.dir.join(LOCK)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(Box::new(()))),
            Err(error) => return Err(error),
        };
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
struct ReadOnlyFile(File);

impl DiskFile for ReadOnlyFile {
    fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        Err(refused())
    }

    fn read_at(&self, bytes: &mut [u8], position: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < bytes.len() {
            match self.0.read_at(&mut bytes[done..], position + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn sync(&self) -> io::Result<()> {
        Err(refused())
    }

    fn writes_through(&self) -> bool {
        false
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    #[test]
    fn nothing_is_changed_and_a_held_lock_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let look = ReadOnlyDisk::open(dir.path().into()).unwrap();
        assert!(look.lock().unwrap().is_some(), "no lock file: nobody has it");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        std::fs::write(dir.path().join("x"), "text").unwrap();
        std::fs::create_dir(dir.path().join("folder")).unwrap();
        assert_eq!(look.list().unwrap(), ["x"]);
        let mut bytes = [0; 8];
        let file = look.open("x", Access::ReadDirect).unwrap();
        assert_eq!(
            (file.read_at(&mut bytes, 1).unwrap(), &bytes[..3]),
            (3, &b"ext"[..])
        );
        assert!(file.write_at(b"no", 0).is_err() && look.unlink("x").is_err());
        assert!(look.open("y", Access::Create).is_err());
        let real = RealDisk::open(dir.path().into()).unwrap();
        let held = real.lock().unwrap();
        assert!(held.is_some() && look.lock().unwrap().is_none());
        drop(held);
        assert!(look.lock().unwrap().is_some());
    }

    #[test]
    fn a_directory_that_is_not_there_is_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("none");
        assert_eq!(
            ReadOnlyDisk::open(missing.clone()).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        assert!(!missing.exists());
    }
}
