//! Opening a store: tables, files, then the write-ahead log on top of them.
//!
//! Nothing is changed before everything was read and found whole. Opening twice gives the same logs as once.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use millrace_base::Timestamp;

use super::background::Background;
use super::codec::as_usize;
use super::commit::Committer;
use super::core::{Core, DirectoryLock, Shared};
use super::heads::{Head, Heads};
use super::manifest::{self, Manifest, Tables};
use super::options::{OpenError, Options};
use super::ring::{self, Ring, Segment};
use super::scan::{Found, Located, Scan, read_body};
use super::seal::Written;
use super::sealed::{self, OpenFile, name_of};
use super::state::{Cached, Extent, LogCell, SealedFile};
use super::wal::{Builder, Entry, decode_body};
use crate::disk::{Access, Disk};
use crate::limits::BATCH_BYTES_MAX;
use crate::{LogId, Tail};

fn io_error(doing: &'static str, file: &str) -> impl FnOnce(io::Error) -> OpenError {
    move |source| OpenError::Io {
        doing,
        file: file.to_owned(),
        source,
    }
}

fn damaged(file: &str, detail: impl Into<String>) -> OpenError {
    OpenError::Damaged {
        file: file.to_owned(),
        detail: detail.into(),
    }
}

/// Opens the store, making it if there is none.
pub(super) fn open(options: &Options) -> Result<Core, OpenError> {
    let disk = &options.disk;
    let here = disk.describe();
    let lock = disk.lock().map_err(io_error("lock", &here))?;
    let lock = DirectoryLock(lock.ok_or_else(|| OpenError::Locked(here.clone()))?);
    let mut names = disk.list().map_err(io_error("list", &here))?;
    names.sort_unstable();
    let (key, mut tables) = match manifest::load(&**disk)? {
        Some(loaded) => loaded,
        None => fresh(options, &names)?,
    };
    let shared = Arc::new(Shared::new(options, key));
    let (files, extents) = load_files(&**disk, key, &tables)?;
    let mut logs = Logs::new(&tables, extents);

    let segments = find_segments(&**disk, &names)?;
    let (mut scan, trimmed) = (Scan::default(), tables.trimmed);
    for (index, found) in segments.iter().enumerate() {
        scan.segment(key, index, found, trimmed.0)
            .map_err(io_error("read", &found.name))?;
    }
    let chain = scan.chain(trimmed, &segments)?;
    for located in &chain {
        logs.replay(&shared, &segments, located)?;
    }

    logs.show(&shared)?;
    logs.hold_unlisted(&**disk, key, &names, &tables)?;

    harden(&segments, &chain, scan.durable())?;
    tables.epoch += 1;
    let (epoch, next_file) = (
        tables.epoch,
        tables.files.last_key_value().map_or(1, |(id, _)| id + 1),
    );
    let listed = tables.files.keys().copied().collect::<Vec<_>>();
    let manifest = Manifest::write(Arc::clone(disk), key, tables).map_err(io_error("write", "MANIFEST"))?;
    remove_leftovers(&**disk, &names, &listed);

    let last_seq = chain.last().map_or(trimmed.0, |located| located.header.batch_seq);
    let (used, free) = sort_segments(&segments, &chain);
    let mut ring = Ring::new(
        Arc::clone(disk),
        epoch,
        shared.fsync,
        (options.first_segment_bytes.0, options.segment_bytes.0),
        used,
        free,
    );
    for segment in ring.release(0) {
        disk.unlink(&segment.name)
            .map_err(io_error("remove", &segment.name))?;
    }
    let committer = Committer {
        newest: logs.heads.newest(),
        heads: logs.heads,
        ring,
        epoch,
        last_seq,
        durable_seq: last_seq,
        builder: Builder::new(shared.key),
        oldest_change: logs.oldest,
    };
    let background = Background {
        manifest,
        files,
        next_file,
        seal_bytes: options.seal_bytes.0,
        seal_age: options.seal_age,
        unmergeable: Vec::new(),
        retry_at: Duration::ZERO,
    };
    let core = Core::new(shared, committer, background, lock);
    core.recount();
    Ok(core)
}

/// Makes what was accepted durable. The last run did not wait for that, or its sync failed: then the operating
/// system shows bytes that it does not intend to write any more, so that only writing them again helps.
fn harden(segments: &[Found], chain: &[Located], durable: u64) -> Result<(), OpenError> {
    for (index, found) in segments.iter().enumerate() {
        let mut touched = false;
        for located in chain.iter().filter(|located| located.segment == index) {
            touched = true;
            if located.header.batch_seq > durable {
                let mut batch = vec![0; as_usize(located.header.stored_bytes())];
                let read = found.file.read_at(&mut batch, located.position);
                let read = read.map_err(io_error("read", &found.name))?;
                let again = found.file.write_at(&batch[..read], located.position);
                again.map_err(io_error("write", &found.name))?;
            }
        }
        if touched {
            found.file.sync().map_err(io_error("sync", &found.name))?;
        }
    }
    Ok(())
}

/// A store that does not exist yet. Its key must be known before anything is written under it.
fn fresh(options: &Options, names: &[String]) -> Result<(u64, Tables), OpenError> {
    let stray = names
        .iter()
        .find(|name| ring::number_of(name).or(sealed::number_of(name)).is_some());
    match stray {
        Some(stray) => Err(damaged(
            "MANIFEST",
            format!("it is missing, although {stray} is there"),
        )),
        None => Ok((options.rng.next_u64(), Tables::default())),
    }
}

type Files = BTreeMap<u64, Arc<SealedFile>>;

fn load_files(
    disk: &dyn Disk,
    key: u64,
    tables: &Tables,
) -> Result<(Files, HashMap<LogId, Vec<Extent>>), OpenError> {
    let mut files = BTreeMap::new();
    let mut extents: HashMap<LogId, Vec<Extent>> = HashMap::new();
    for (id, meta) in &tables.files {
        let written = Written::new(*id, meta.class, open_file(disk, key, *id)?.footer, meta.len);
        for (log, extent) in written.extents() {
            if tables.logs.get(&log).is_some_and(|meta| extent.end > meta.start) {
                extents.entry(log).or_default().push(extent);
            }
        }
        files.insert(*id, written.file);
    }
    Ok((files, extents))
}

fn open_file(disk: &dyn Disk, key: u64, id: u64) -> Result<OpenFile, OpenError> {
    OpenFile::open(disk, key, id).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => damaged(&name_of(id), "it is missing"),
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => damaged(&name_of(id), error.to_string()),
        _ => io_error("read", &name_of(id))(error),
    })
}

fn find_segments(disk: &dyn Disk, names: &[String]) -> Result<Vec<Found>, OpenError> {
    let mut segments = Vec::new();
    for name in names.iter().filter(|name| ring::number_of(name).is_some()) {
        // For writing, because it has to be synced.
        let file = disk.open(name, Access::Update).map_err(io_error("open", name))?;
        let bytes = file.len().map_err(io_error("read", name))?;
        segments.push(Found {
            name: name.clone(),
            file,
            bytes,
        });
    }
    Ok(segments)
}

/// The segments with batches that count, in the order of their last ones, and the others.
fn sort_segments(segments: &[Found], chain: &[Located]) -> (VecDeque<(Segment, u64)>, Vec<Segment>) {
    let mut last: HashMap<usize, u64> = HashMap::new();
    for located in chain {
        last.insert(located.segment, located.header.batch_seq);
    }
    let (mut used, mut free) = (Vec::new(), Vec::new());
    for (index, found) in segments.iter().enumerate() {
        let segment = Segment {
            name: found.name.clone(),
            bytes: found.bytes,
        };
        match last.get(&index) {
            Some(seq) => used.push((segment, *seq)),
            None => free.push(segment),
        }
    }
    used.sort_by_key(|(_, seq)| *seq);
    (used.into(), free)
}

/// Removes what an interrupted run left and the MANIFEST does not know. What stays is tried at the next start.
fn remove_leftovers(disk: &dyn Disk, names: &[String], listed: &[u64]) {
    for name in names {
        let orphan = sealed::number_of(name).is_some_and(|id| !listed.contains(&id));
        let aside = name.ends_with(".tmp") && name != "MANIFEST.tmp";
        if (orphan || aside)
            && let Err(error) = disk.unlink(name)
        {
            tracing::warn!(file = name, %error, "a leftover of an interrupted run cannot be removed");
        }
    }
}

/// The logs while they are put together.
struct Logs {
    heads: Heads,
    oldest: Option<Timestamp>,
}

impl Logs {
    fn new(tables: &Tables, mut extents: HashMap<LogId, Vec<Extent>>) -> Self {
        let mut heads = Heads::default();
        for (id, meta) in &tables.logs {
            let mut extents = extents.remove(id).unwrap_or_default();
            extents.sort_unstable_by_key(|extent| extent.first);
            extents.iter().for_each(Extent::adopt);
            let tail = Tail {
                start: meta.start,
                end: meta.end,
                last_time: meta.last_time,
                sealed: meta.sealed,
            };
            heads.insert(Head {
                meta: *meta,
                cell: Arc::new(LogCell::new(*id, tail, extents.into())),
            });
        }
        Self { heads, oldest: None }
    }

    /// Makes the logs visible, if every readable record is somewhere. Only now can that be told: a file may be
    /// gone because of a trim that the tables do not know yet.
    fn show(&self, shared: &Shared) -> Result<(), OpenError> {
        for cell in self.heads.cells() {
            if let Some(offset) = cell.lock().first_gap() {
                return Err(damaged(
                    "MANIFEST",
                    format!("no file holds offset {offset} of log {}", cell.id.0),
                ));
            }
        }
        let cells = self.heads.cells().map(|cell| (cell.id, Arc::clone(cell)));
        shared
            .logs
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(cells);
        Ok(())
    }

    /// A whole file that the tables do not list was written just before they would have: its records are in the
    /// write-ahead log, too. Where they are not, the tables lost what was written to them, and the file must stay.
    fn hold_unlisted(
        &self,
        disk: &dyn Disk,
        key: u64,
        names: &[String],
        tables: &Tables,
    ) -> Result<(), OpenError> {
        let unlisted = names.iter().filter_map(|name| sealed::number_of(name));
        for id in unlisted.filter(|id| !tables.files.contains_key(id)) {
            let file = match open_file(disk, key, id) {
                Ok(file) => file,
                // It was never finished.
                Err(OpenError::Damaged { .. }) => continue,
                Err(error) => return Err(error),
            };
            let ahead = file.footer.extents.iter().find(|info| {
                let head = self.heads.get(info.log);
                head.is_some_and(|head| head.meta.end < info.end)
            });
            if let Some(info) = ahead {
                return Err(damaged(
                    "MANIFEST",
                    format!(
                        "it does not list {}, which holds records of log {} up to {} that are nowhere else",
                        name_of(id),
                        info.log.0,
                        info.end
                    ),
                ));
            }
        }
        Ok(())
    }

    fn replay(&mut self, shared: &Shared, segments: &[Found], located: &Located) -> Result<(), OpenError> {
        let Some(found) = segments.get(located.segment) else {
            return Ok(());
        };
        let body = read_body(found, located).map_err(io_error("read", &found.name))?;
        let wrong = || {
            let header = &located.header;
            damaged(
                &found.name,
                format!(
                    "batch {} at byte {} does not fit the logs",
                    header.batch_seq, located.position
                ),
            )
        };
        if !located.header.owns(shared.key, &body) {
            return Err(wrong());
        }
        for entry in decode_body(&body, located.header.entries).ok_or_else(wrong)? {
            self.entry(shared, entry).ok_or_else(wrong)?;
        }
        self.heads.confirm();
        let time = Timestamp(located.header.max_time);
        if time > Timestamp(0) {
            self.oldest.get_or_insert(time);
        }
        Ok(())
    }

    fn entry(&mut self, shared: &Shared, entry: Entry) -> Option<()> {
        match entry {
            Entry::Create { log, retention_ms } => {
                let cell = Arc::new(LogCell::new(log, Tail::default(), VecDeque::new()));
                if self.heads.get(log).is_some() {
                    return None;
                }
                self.heads.replay_create(log, retention_ms, cell);
            }
            Entry::Append {
                log,
                first,
                time,
                batch,
            } => {
                let head = self.heads.get(log)?;
                let fits =
                    first == head.meta.end && !head.meta.sealed && batch.bytes.len() <= BATCH_BYTES_MAX;
                if !fits || time < head.meta.last_time {
                    return None;
                }
                let cell = Arc::clone(&head.cell);
                let cached = Cached {
                    first,
                    time,
                    bytes: batch.bytes,
                    ends: batch.ends,
                    in_place: None,
                };
                self.heads.replay_append(log, &cached);
                shared.unsealed.fetch_add(cached.bytes.len(), Ordering::Relaxed);
                cell.lock().push(cached);
            }
            Entry::Trim { log, before } => {
                let head = self.heads.get(log)?;
                if before > head.meta.end || before < head.meta.start {
                    return None;
                }
                shared.freed(head.cell.lock().trim(before));
                self.heads.replay_trim(log, before);
            }
            Entry::Seal { log, end } => {
                let head = self.heads.get(log)?;
                if end != head.meta.end {
                    return None;
                }
                head.cell.lock().tail.sealed = true;
                self.heads.replay_seal(log);
            }
            Entry::Delete { log } => {
                shared.freed(self.heads.get(log)?.cell.lock().delete());
                self.heads.replay_delete(log);
            }
        }
        Some(())
    }
}
