//! What a refusal leaves: a batch of which the disk said "full" although it wrote it must not come back in place of the
//! acknowledged one that took its number; too many open files end nothing; and logs that go first are written to.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use millrace_base::ByteSize;
use tokio::sync::oneshot;

use super::core::Core;
use super::fuzz::sample;
use super::options::Options;
use super::queue::Op;
use super::recovery;
use crate::contract::ALL;
use crate::disk::sim::{Crash, SimDisk};
use crate::disk::{Access, Disk, DiskFile};
use crate::{Appended, Batch, LogError, LogId, LogOptions};

/// A disk whose writes happen and are then said to have failed for want of space, or that opens nothing, while it is
/// told to.
#[derive(Clone, Debug)]
struct Reluctant {
    disk: SimDisk,
    full: Arc<AtomicBool>,
    busy: Arc<AtomicBool>,
    capacity: Arc<AtomicU64>,
}

#[derive(Debug)]
struct ReluctantFile {
    file: Arc<dyn DiskFile>,
    full: Arc<AtomicBool>,
}

impl Reluctant {
    fn set_capacity(&self, bytes: u64) {
        self.disk.set_capacity(bytes);
        self.capacity.store(bytes, Ordering::SeqCst);
    }
}

impl Disk for Reluctant {
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        if self.busy.load(Ordering::SeqCst) {
            return Err(io::Error::from_raw_os_error(libc::EMFILE));
        }
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

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        Ok(Some(
            self.capacity
                .load(Ordering::SeqCst)
                .saturating_sub(self.disk.used()),
        ))
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
const URGENT: LogId = LogId(2);

/// An open store with two empty logs and a first segment of that many bytes.
fn store(first_segment: u64) -> (Reluctant, Options, Core) {
    let disk = Reluctant {
        disk: SimDisk::new(1, true),
        full: Arc::default(),
        busy: Arc::default(),
        capacity: Arc::new(AtomicU64::new(u64::MAX)),
    };
    let mut options = sample(&disk.disk);
    options.disk = Arc::new(disk.clone());
    options.urgent = vec![URGENT];
    options.first_segment_bytes = ByteSize(first_segment);
    options.segment_bytes = ByteSize(first_segment);
    let core = recovery::open(&options).unwrap();
    for id in [LOG, URGENT] {
        let retention = std::time::Duration::from_secs(86_400);
        core.commit(vec![Op::Create(
            id,
            LogOptions { retention },
            oneshot::channel().0,
        )]);
    }
    (disk, options, core)
}

fn append(core: &Core, id: LogId, record: &[u8]) -> Result<Appended, LogError> {
    let (reply, mut answer) = oneshot::channel();
    core.commit(vec![Op::Append(id, Batch::of(&[record]), reply)]);
    answer.try_recv().unwrap()
}

/// Lengths and first bytes: large records make no legible message.
fn read(core: &Core) -> Vec<(usize, u8)> {
    let entries = core.shared.read(LOG, 0, ALL).unwrap().entries;
    entries
        .iter()
        .map(|entry| (entry.bytes.len(), entry.bytes[0]))
        .collect()
}

#[test]
fn a_refused_batch_does_not_come_back_in_place_of_an_acknowledged_one() {
    let (disk, options, core) = store(64 << 10);
    append(&core, LOG, b"kept").unwrap();
    disk.full.store(true, Ordering::SeqCst);
    assert!(matches!(
        append(&core, LOG, b"refused"),
        Err(LogError::Overloaded(_))
    ));
    disk.full.store(false, Ordering::SeqCst);
    // It does not fit behind the refused one, so that it takes the same number in another segment.
    let large = vec![7; 60_000];
    assert_eq!(append(&core, LOG, &large).unwrap().first, 1);
    append(&core, LOG, b"last").unwrap();
    drop(core);
    disk.disk.reboot(Crash::Power);
    let core = recovery::open(&options).unwrap();
    assert_eq!(read(&core), [(4, b'k'), (60_000, 7), (4, b'l')]);
}

#[test]
fn too_many_open_files_refuse_and_end_nothing() {
    let (disk, options, core) = store(64 << 10);
    let large = vec![7; 40_000];
    append(&core, LOG, &large).unwrap();
    disk.busy.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        // It needs the next segment.
        assert!(matches!(append(&core, LOG, &large), Err(LogError::Overloaded(_))));
    }
    append(&core, LOG, b"fits").unwrap();
    disk.busy.store(false, Ordering::SeqCst);
    append(&core, LOG, &large).unwrap();
    assert!(!core.shared.is_poisoned());
    drop(core);
    disk.disk.reboot(Crash::Power);
    let core = recovery::open(&options).unwrap();
    assert_eq!(read(&core), [(40_000, 7), (4, b'f'), (40_000, 7)]);
}

#[test]
fn a_log_that_goes_first_is_written_to_on_a_full_disk_and_leaves_room_for_trims() {
    let (disk, _, core) = store(256 << 10);
    disk.set_capacity(disk.disk.used());
    let page = vec![7; 3_000];
    while append(&core, LOG, &page).is_ok() {}
    let urgent = (0..100)
        .take_while(|_| append(&core, URGENT, b"command").is_ok())
        .count();
    assert!((1..100).contains(&urgent), "{urgent}");
    assert!(append(&core, LOG, &page).is_err());
    let (reply, mut answer) = oneshot::channel();
    core.commit(vec![Op::Trim(LOG, 1, reply)]);
    answer.try_recv().unwrap().unwrap();
}

#[test]
fn a_full_disk_always_has_room_to_seal() {
    let (disk, options, mut core) = store(64 << 10);
    disk.set_capacity(1 << 20);
    let page = vec![7; 3_000];
    let mut appended = 0;
    // Until so much is sealed that not even a segment more can be sealed; with a restart each time.
    for _ in 0..40 {
        while append(&core, LOG, &page).is_ok() {
            appended += 1;
        }
        assert!(core.shared.out_of_space.load(Ordering::SeqCst));
        drop(core);
        disk.disk.reboot(Crash::Kill);
        core = recovery::open(&options).unwrap();
        assert!(append(&core, URGENT, b"command").is_ok(), "after {appended}");
        assert!(core.seal_now(&mut |_| {}), "after {appended}");
        core.background(&mut |_| {});
    }
    assert!(appended > 100, "{appended}");
    let (reply, mut answer) = oneshot::channel();
    core.commit(vec![Op::Trim(LOG, appended, reply)]);
    answer.try_recv().unwrap().unwrap();
    while core.background(&mut |_| {}) {}
    append(&core, LOG, &page).unwrap();
    assert!(!core.shared.out_of_space.load(Ordering::SeqCst));
}
