//! Planted bugs: wrappers around the disk and the log that break one promise each. The simulator has to find every
//! one of them; what it cannot find, it cannot rule out in the product either.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use millrace_base::Timestamp;
use millrace_log::disk::{Access, Disk, DiskFile};
use millrace_log::{
    Append, Appended, Batch, Chunk, Entry, Log, LogError, LogId, LogOptions, Offset, Pending, ReadLimits,
    Stats, Tail, Watch,
};

/// Which promise is broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plant {
    /// None: the product as it is.
    #[default]
    None,
    /// Syncs of files say yes and do nothing.
    SyncsNothing,
    /// A sync says yes and is done with the next write.
    SyncsLate,
    /// Only sealed files are never synced.
    SealedUnsynced,
    /// Only the tables are never synced.
    ManifestUnsynced,
    /// New names are never made durable.
    NamesUnsynced,
    /// A failed sync is reported as a good one.
    SwallowsSyncErrors,
    /// A failed write is reported as a good one.
    SwallowsWriteErrors,
    /// Some writes never reach the disk.
    LosesWrites,
    /// Some writes land a block further on.
    MisplacesWrites,
    /// A listing misses the write-ahead log's oldest file.
    HidesFiles,
    /// Reads yield a bit turned.
    TurnsBits,
    /// Appends are acknowledged when they are queued.
    AcksEarly,
    /// Readers see what is queued and not durable.
    ReadsEarly,
    /// Some appends are acknowledged and forgotten.
    LosesAppends,
    /// Some appends are done twice.
    AppendsTwice,
    /// The records of some batches change places.
    Reorders,
    /// Some records are read with a wrong byte.
    WrongBytes,
    /// A read leaves a record out.
    SkipsRecords,
    /// A sealed log goes on taking records.
    SealsNothing,
    /// A trim takes a record too many.
    TrimsTooFar,
    /// Some answers about a stream are those of the call before.
    StaleAnswers,
    /// Some changes of a stream are acknowledged and not made.
    LosesChanges,
}

/// All of them, with their names.
pub const PLANTS: [(&str, Plant); 22] = [
    ("syncs-nothing", Plant::SyncsNothing),
    ("syncs-late", Plant::SyncsLate),
    ("sealed-unsynced", Plant::SealedUnsynced),
    ("manifest-unsynced", Plant::ManifestUnsynced),
    ("names-unsynced", Plant::NamesUnsynced),
    ("swallows-sync-errors", Plant::SwallowsSyncErrors),
    ("swallows-write-errors", Plant::SwallowsWriteErrors),
    ("loses-writes", Plant::LosesWrites),
    ("misplaces-writes", Plant::MisplacesWrites),
    ("hides-files", Plant::HidesFiles),
    ("turns-bits", Plant::TurnsBits),
    ("acks-early", Plant::AcksEarly),
    ("reads-early", Plant::ReadsEarly),
    ("loses-appends", Plant::LosesAppends),
    ("appends-twice", Plant::AppendsTwice),
    ("reorders", Plant::Reorders),
    ("wrong-bytes", Plant::WrongBytes),
    ("skips-records", Plant::SkipsRecords),
    ("seals-nothing", Plant::SealsNothing),
    ("trims-too-far", Plant::TrimsTooFar),
    ("stale-answers", Plant::StaleAnswers),
    ("loses-changes", Plant::LosesChanges),
];

/// The plant of a name.
pub fn named(name: &str) -> Option<Plant> {
    let found = PLANTS.iter().find(|(known, _)| *known == name);
    found.map(|(_, plant)| *plant)
}

/// A disk that breaks a promise.
#[derive(Debug)]
pub struct PlantedDisk {
    inner: Arc<dyn Disk>,
    plant: Plant,
    count: Arc<AtomicU64>,
}

impl PlantedDisk {
    /// `inner`, wrapped where the plant is one of disks.
    pub fn over(inner: Arc<dyn Disk>, plant: Plant) -> Arc<dyn Disk> {
        use Plant as P;
        match plant {
            P::SyncsNothing
            | P::SyncsLate
            | P::SealedUnsynced
            | P::ManifestUnsynced
            | P::NamesUnsynced
            | P::SwallowsSyncErrors
            | P::SwallowsWriteErrors
            | P::LosesWrites
            | P::MisplacesWrites
            | P::HidesFiles
            | P::TurnsBits => Arc::new(Self {
                inner,
                plant,
                count: Arc::default(),
            }),
            _ => inner,
        }
    }
}

impl Disk for PlantedDisk {
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let unsynced = match self.plant {
            Plant::SyncsNothing | Plant::SyncsLate => true,
            Plant::SealedUnsynced => name.starts_with("seg-"),
            Plant::ManifestUnsynced => name.starts_with("MANIFEST"),
            _ => false,
        };
        // What is not to be synced must not be written through either.
        let through = unsynced && access == Access::Direct;
        let inner = self
            .inner
            .open(name, if through { Access::Update } else { access })?;
        Ok(Arc::new(PlantedFile {
            inner,
            plant: self.plant,
            count: Arc::clone(&self.count),
            unsynced,
            through,
            late: Mutex::default(),
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        self.inner.unlink(name)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = self.inner.list()?;
        if self.plant == Plant::HidesFiles
            && let Some(at) = names.iter().position(|name| name.starts_with("wal-"))
        {
            names.remove(at);
        }
        Ok(names)
    }

    fn sync_dir(&self) -> io::Result<()> {
        match self.plant {
            Plant::NamesUnsynced => Ok(()),
            _ => self.inner.sync_dir(),
        }
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        self.inner.free_bytes()
    }

    fn lock(&self) -> io::Result<Option<Box<dyn Send + Sync>>> {
        self.inner.lock()
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

#[derive(Debug)]
struct PlantedFile {
    inner: Arc<dyn DiskFile>,
    plant: Plant,
    count: Arc<AtomicU64>,
    unsynced: bool,
    through: bool,
    late: Mutex<bool>,
}

impl PlantedFile {
    fn every(&self, nth: u64) -> bool {
        self.count.fetch_add(1, Ordering::Relaxed) % nth == nth - 1
    }
}

impl DiskFile for PlantedFile {
    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        let late = std::mem::take(&mut *self.late.lock().unwrap_or_else(PoisonError::into_inner));
        if late {
            self.inner.sync()?;
        }
        let written = match self.plant {
            Plant::LosesWrites if self.every(60) => Ok(()),
            Plant::MisplacesWrites if self.every(60) => self.inner.write_at(bytes, position + 4096),
            _ => self.inner.write_at(bytes, position),
        };
        if self.plant == Plant::SyncsLate && self.through {
            *self.late.lock().unwrap_or_else(PoisonError::into_inner) = true;
        }
        match written {
            Err(_) if self.plant == Plant::SwallowsWriteErrors => Ok(()),
            other => other,
        }
    }

    fn read_at(&self, bytes: &mut [u8], position: u64) -> io::Result<usize> {
        let read = self.inner.read_at(bytes, position)?;
        if self.plant == Plant::TurnsBits
            && self.every(20)
            && let Some(byte) = bytes.get_mut(read / 2)
        {
            *byte ^= 4;
        }
        Ok(read)
    }

    fn sync(&self) -> io::Result<()> {
        if self.unsynced {
            *self.late.lock().unwrap_or_else(PoisonError::into_inner) = self.plant == Plant::SyncsLate;
            return Ok(());
        }
        match self.inner.sync() {
            Err(_) if self.plant == Plant::SwallowsSyncErrors => Ok(()),
            other => other,
        }
    }

    fn writes_through(&self) -> bool {
        self.through || self.inner.writes_through()
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
}

/// Appends that are on their way, by log, with the offset each will get.
type Queued = Arc<Mutex<BTreeMap<LogId, Vec<(Offset, Batch)>>>>;

/// A log that breaks a promise.
#[derive(Debug)]
pub struct PlantedLog {
    inner: Arc<dyn Log>,
    plant: Plant,
    count: Arc<AtomicU64>,
    queued: Queued,
}

impl PlantedLog {
    /// `inner`, wrapped where the plant is one of logs. `count` goes on over restarts.
    pub fn over(inner: Arc<dyn Log>, plant: Plant, count: Arc<AtomicU64>) -> Arc<dyn Log> {
        use Plant as P;
        match plant {
            P::AcksEarly
            | P::ReadsEarly
            | P::LosesAppends
            | P::AppendsTwice
            | P::Reorders
            | P::WrongBytes
            | P::SkipsRecords
            | P::SealsNothing
            | P::TrimsTooFar => Arc::new(Self {
                inner,
                plant,
                count,
                queued: Arc::default(),
            }),
            _ => inner,
        }
    }

    fn every(&self, nth: u64) -> bool {
        self.count.fetch_add(1, Ordering::Relaxed) % nth == nth - 1
    }

    /// Notes an append and says where it will stand.
    fn queue(&self, id: LogId, batch: &Batch) -> Offset {
        let mut queued = self.queued.lock().unwrap_or_else(PoisonError::into_inner);
        let end = self.inner.tail(id).map_or(0, |tail| tail.end);
        let queued = queued.entry(id).or_default();
        queued.retain(|(first, batch)| first + batch.len() as u64 > end);
        let next = queued
            .last()
            .map_or(end, |(first, batch)| first + batch.len() as u64);
        queued.push((next, batch.clone()));
        next
    }

    fn guess(&self, id: LogId, batch: &Batch) -> Appended {
        let tail = self.inner.tail(id).unwrap_or_default();
        Appended {
            first: self.queue(id, batch),
            time: tail.last_time.max(Timestamp(1_700_000_000_000)),
        }
    }
}

impl Log for PlantedLog {
    fn create(&self, id: LogId, options: LogOptions) -> Pending<()> {
        self.inner.create(id, options)
    }

    fn append(&self, id: LogId, batch: Batch) -> Append {
        // The control plane's own log stays as it is: its proposals wait for what they appended.
        if id == LogId(0) {
            return self.inner.append(id, batch);
        }
        match self.plant {
            Plant::AcksEarly => {
                let guess = self.guess(id, &batch);
                drop(self.inner.append(id, batch));
                Box::pin(std::future::ready(Ok(guess)))
            }
            Plant::ReadsEarly => {
                self.queue(id, &batch);
                self.inner.append(id, batch)
            }
            Plant::LosesAppends if self.every(15) => {
                let guess = self.guess(id, &batch);
                Box::pin(std::future::ready(Ok(guess)))
            }
            Plant::AppendsTwice if self.every(15) => {
                drop(self.inner.append(id, batch.clone()));
                self.inner.append(id, batch)
            }
            Plant::Reorders if batch.len() > 1 => {
                let mut records: Vec<Bytes> = batch.records().collect();
                records.reverse();
                self.inner.append(id, Batch::of(&records))
            }
            _ => self.inner.append(id, batch),
        }
    }

    fn read(&self, id: LogId, from: Offset, limits: ReadLimits) -> Pending<Chunk> {
        let read = self.inner.read(id, from, limits);
        if id == LogId(0) {
            return read;
        }
        let (plant, wrong, queued) = (self.plant, self.every(15), Arc::clone(&self.queued));
        Box::pin(async move {
            let mut chunk = read.await?;
            match plant {
                Plant::WrongBytes if wrong => {
                    if let Some(entry) = chunk.entries.last_mut() {
                        let mut bytes = entry.bytes.to_vec();
                        if let Some(byte) = bytes.last_mut() {
                            *byte ^= 1;
                        }
                        entry.bytes = Bytes::from(bytes);
                    }
                }
                Plant::SkipsRecords if wrong && chunk.entries.len() > 2 => {
                    chunk.entries.remove(1);
                }
                Plant::ReadsEarly if from == chunk.tail.end => early(&queued, id, &mut chunk),
                _ => {}
            }
            Ok(chunk)
        })
    }

    fn tail(&self, id: LogId) -> Result<Tail, LogError> {
        self.inner.tail(id)
    }

    fn watch(&self, id: LogId) -> Result<Watch, LogError> {
        self.inner.watch(id)
    }

    fn offset_at(&self, id: LogId, time: Timestamp) -> Pending<Offset> {
        self.inner.offset_at(id, time)
    }

    fn trim(&self, id: LogId, before: Offset) -> Pending<()> {
        let end = self.inner.tail(id).map_or(before, |tail| tail.end);
        match self.plant {
            Plant::TrimsTooFar if id != LogId(0) => self.inner.trim(id, (before + 1).min(end)),
            _ => self.inner.trim(id, before),
        }
    }

    fn seal(&self, id: LogId) -> Pending<Offset> {
        if self.plant == Plant::SealsNothing {
            let end = self.inner.tail(id).map(|tail| tail.end);
            return Box::pin(std::future::ready(end));
        }
        self.inner.seal(id)
    }

    fn delete(&self, id: LogId) -> Pending<()> {
        self.inner.delete(id)
    }

    fn stats(&self, id: LogId) -> Result<Stats, LogError> {
        self.inner.stats(id)
    }
}

/// Adds what is queued at the tail.
fn early(queued: &Queued, id: LogId, chunk: &mut Chunk) {
    let queued = queued.lock().unwrap_or_else(PoisonError::into_inner);
    let batches = queued.get(&id).map_or(&[][..], Vec::as_slice);
    for (first, batch) in batches
        .iter()
        .filter(|(first, _)| *first == chunk.tail.end)
        .take(1)
    {
        for (offset, record) in (*first..).zip(batch.records()) {
            chunk.entries.push(Entry {
                offset,
                time: chunk.tail.last_time.max(Timestamp(1_700_000_000_000)),
                bytes: record,
            });
        }
    }
}
