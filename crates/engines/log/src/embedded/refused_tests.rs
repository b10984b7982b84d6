//! A disk that says "full" of a write that it did all the same: the refused batch must not come back in place of the
//! acknowledged one that took its number.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::core::Core;
use super::fuzz::sample;
use super::queue::Op;
use super::recovery;
use crate::contract::ALL;
use crate::disk::sim::{Crash, SimDisk};
use crate::disk::{Access, Disk, DiskFile};
use crate::{Appended, Batch, LogError, LogId, LogOptions};

/// A disk whose writes happen and are then said to have failed for want of space, while it is told to.
#[derive(Clone, Debug)]
struct Reluctant {
    disk: SimDisk,
    full: Arc<AtomicBool>,
}

#[derive(Debug)]
struct ReluctantFile {
    file: Arc<dyn DiskFile>,
    full: Arc<AtomicBool>,
}

impl Disk for Reluctant {
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(ReluctantFile {
            file: self.disk.open(name, access)?,
            full: Arc::clone(&self.full),
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        self.disk.unlink(name)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.disk.sync_dir()
    }

    fn lock(&self) -> io::Result<Option<Box<dyn Send + Sync>>> {
        self.disk.lock()
    }

    fn describe(&self) -> String {
        "reluctant disk".to_owned()
    }
}

impl DiskFile for ReluctantFile {
    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        self.file.write_at(bytes, position)?;
        if self.full.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn read_at(&self, bytes: &mut [u8], position: u64) -> io::Result<usize> {
        self.file.read_at(bytes, position)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    fn writes_through(&self) -> bool {
        self.file.writes_through()
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

const LOG: LogId = LogId(1);

fn append(core: &Core, record: &[u8]) -> Result<Appended, LogError> {
    let (reply, mut answer) = oneshot::channel();
    core.commit(vec![Op::Append(LOG, Batch::of(&[record]), reply)]);
    answer.try_recv().unwrap()
}

#[test]
fn a_refused_batch_does_not_come_back_in_place_of_an_acknowledged_one() {
    let disk = Reluctant {
        disk: SimDisk::new(1, true),
        full: Arc::default(),
    };
    let mut options = sample(&disk.disk);
    options.disk = Arc::new(disk.clone());
    let core = recovery::open(&options).unwrap();
    let retention = std::time::Duration::from_secs(86_400);
    core.commit(vec![Op::Create(LOG, LogOptions { retention }, oneshot::channel().0)]);
    append(&core, b"kept").unwrap();
    disk.full.store(true, Ordering::SeqCst);
    assert!(matches!(append(&core, b"refused"), Err(LogError::Overloaded(_))));
    disk.full.store(false, Ordering::SeqCst);
    // It does not fit behind the refused one, so that it takes the same number in another segment.
    let large = vec![7; 60_000];
    assert_eq!(append(&core, &large).unwrap().first, 1);
    append(&core, b"last").unwrap();
    drop(core);
    disk.disk.reboot(Crash::Power);
    let core = recovery::open(&options).unwrap();
    let entries = core.shared.read(LOG, 0, ALL).unwrap().entries;
    let found: Vec<Bytes> = entries.into_iter().map(|entry| entry.bytes).collect();
    assert_eq!(found, [Bytes::from_static(b"kept"), large.into(), Bytes::from_static(b"last")]);
}
