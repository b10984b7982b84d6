//! Sealed files with damage in the middle: what lies around it stays readable.

use std::io;
use std::sync::Arc;

use millrace_base::Timestamp;

use super::{FooterCache, OpenFile, Writer, name_of};
use crate::batch::Budget;
use crate::disk::sim::SimDisk;
use crate::disk::{Access, Disk, DiskFile};
use crate::embedded::state::Cached;
use crate::{Batch, LogId, ReadLimits};

const LOG: LogId = LogId(1);
/// Records of 30,000 bytes, two to a block, seventeen and more to a group.
const RECORDS: u64 = 60;

/// A disk of which the bytes from `bad` on, one block's worth, cannot be read.
#[derive(Debug)]
struct Scratched {
    disk: SimDisk,
    bad: u64,
}

#[derive(Debug)]
struct ScratchedFile {
    file: Arc<dyn DiskFile>,
    bad: u64,
}

impl Disk for Scratched {
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let (file, bad) = (self.disk.open(name, access)?, self.bad);
        Ok(Arc::new(ScratchedFile { file, bad }))
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
        self.disk.describe()
    }
}

impl DiskFile for ScratchedFile {
    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        self.file.write_at(bytes, position)
    }

    fn read_at(&self, bytes: &mut [u8], position: u64) -> io::Result<usize> {
        let end = position + bytes.len() as u64;
        if position < self.bad + 4096 && end > self.bad {
            return Err(io::Error::other("unreadable"));
        }
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

fn written() -> SimDisk {
    let disk = SimDisk::new(1, false);
    let mut pace = |_| {};
    let mut writer = Writer::create(&disk, 7, 1, &mut pace).unwrap();
    for first in 0..RECORDS {
        let batch = Batch::of(&[[u8::try_from(first).unwrap(); 30_000]]);
        let (bytes, ends) = (batch.bytes, batch.ends);
        let time = Timestamp(1000 + first);
        let cached = Cached {
            first,
            time,
            bytes,
            ends,
            in_place: None,
        };
        writer.records(LOG, &cached, 0).unwrap();
    }
    writer.end_log(LOG).unwrap();
    writer.finish().unwrap();
    disk
}

fn open(disk: &dyn Disk) -> Arc<OpenFile> {
    FooterCache::new(0).get(disk, 7, 1).unwrap()
}

/// Offsets that a read from `from` yields.
fn read(file: &OpenFile, from: u64) -> io::Result<Vec<u64>> {
    let limits = ReadLimits {
        bytes: 1 << 30,
        records: 1000,
    };
    let entries = file.records(LOG, 0, from, &mut Budget::new(limits))?;
    for entry in &entries {
        assert!(entry.bytes.iter().all(|byte| u64::from(*byte) == entry.offset));
    }
    Ok(entries.iter().map(|entry| entry.offset).collect())
}

/// The block with offset 10, in the middle of the first group, is bad: everything else can be read.
fn holds_around_the_damage(file: &OpenFile) {
    assert_eq!(read(file, 0).unwrap(), (0..10).collect::<Vec<_>>());
    for from in [10, 11] {
        assert!(read(file, from).is_err());
    }
    for from in [12, 13, 40] {
        assert_eq!(read(file, from).unwrap(), (from..RECORDS).collect::<Vec<_>>());
    }
    let at = |time| file.offset_at(LOG, 0, Timestamp(time));
    assert_eq!((at(0).unwrap(), at(1000).unwrap()), (Some(0), Some(0)));
    assert_eq!((at(1009).unwrap(), at(1012).unwrap()), (Some(9), Some(12)));
    assert!(at(1011).is_err());
    assert_eq!(at(1000 + RECORDS).unwrap(), None);
}

fn position_of(file: &OpenFile, offset: u64) -> u64 {
    let mut blocks = file.footer.blocks.iter();
    blocks.find(|block| block.first == offset).unwrap().position
}

#[test]
fn damaged_bytes_hide_no_others() {
    let disk = written();
    let position = usize::try_from(position_of(&open(&disk), 10)).unwrap();
    disk.damage(&name_of(1), |bytes| bytes[position + 100] ^= 1);
    holds_around_the_damage(&open(&disk));
}

#[test]
fn unreadable_bytes_hide_no_others() {
    let disk = written();
    // Within the block, and away from its ends, which share their sectors with other blocks.
    let bad = (position_of(&open(&disk), 10) + 30_000) / 4096 * 4096;
    holds_around_the_damage(&open(&Scratched { disk, bad }));
}

#[test]
fn what_is_read_again_comes_from_memory() {
    let disk = written();
    let file = open(&disk);
    let first = read(&file, 0).unwrap();
    disk.damage(&name_of(1), |bytes| bytes.fill(0));
    assert_eq!(read(&file, 0).unwrap(), first);
    assert!(read(&open(&written()), 0).is_ok());
}
