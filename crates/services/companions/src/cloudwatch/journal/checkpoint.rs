//! Checkpoints: the store at one position of the log, in the blob store.
//!
//! ```text
//! cloudwatch/<log, hex>/<position, 20 digits>/<part, 5 digits>        bytes as `bytes` draws them
//! cloudwatch/<log, hex>/<position, 20 digits>.checkpoint              written last:
//!     millrace-metrics 1 now=1700000000 parts=2\n
//!     bytes=8388700 crc32c=89abcdef\n                                 of each part
//!     crc32c=01234567\n                                               of the lines above
//! ```
//! `position` is one behind the last record that is contained. A checkpoint without its last blob is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use millrace_blob::{BlobError, Blobs};
use millrace_log::Offset;

use super::LOG;
use super::bytes::{PartWriter, read_part};
use crate::cloudwatch::limits::{CHECKPOINT_PART_BYTES, CHECKPOINT_PARTS_MAX, CHECKPOINTS_KEPT};
use crate::cloudwatch::state::Store;

const NAME: &str = "millrace-metrics";
const VERSION: u32 = 1;
const SUFFIX: &str = ".checkpoint";

/// A checkpoint that was read.
#[derive(Debug)]
pub(super) struct Restored {
    pub(super) position: Offset,
    pub(super) store: Store,
    /// Bytes of its parts.
    pub(super) bytes: u64,
}

/// Where the checkpoints are. Clones share whether one is being written.
#[derive(Clone, Debug)]
pub(super) struct Checkpoints {
    blobs: Blobs,
    folder: String,
    writing: Arc<AtomicBool>,
}

/// What a part's line says.
struct Part {
    bytes: usize,
    crc: u32,
}

impl Checkpoints {
    pub(super) fn new(blobs: Blobs) -> Self {
        Self {
            blobs,
            folder: format!("cloudwatch/{:016x}", LOG.0),
            writing: Arc::default(),
        }
    }

    /// Whether this caller may write one now; it calls `end` afterwards.
    pub(super) fn begin(&self) -> bool {
        !self.writing.swap(true, Ordering::AcqRel)
    }

    pub(super) fn end(&self) {
        self.writing.store(false, Ordering::Release);
    }

    fn key(&self, position: Offset) -> String {
        format!("{}/{position:020}{SUFFIX}", self.folder)
    }

    fn part_key(&self, position: Offset, part: usize) -> String {
        format!("{}/{position:020}/{part:05}", self.folder)
    }

    /// The position that a blob belongs to, and whether it is the last of its checkpoint.
    fn position_of(&self, key: &str) -> Option<(Offset, bool)> {
        let rest = key.strip_prefix(&self.folder)?.strip_prefix('/')?;
        match rest.strip_suffix(SUFFIX) {
            Some(position) => Some((position.parse().ok()?, true)),
            None => Some((rest.split('/').next()?.parse().ok()?, false)),
        }
    }

    /// The positions of all checkpoints, ascending.
    async fn positions(&self) -> Result<Vec<Offset>, BlobError> {
        let found = self.blobs.list(&self.folder).await?;
        let positions = found.iter().filter_map(|blob| self.position_of(&blob.key));
        let mut positions: Vec<Offset> = positions.filter(|(_, whole)| *whole).map(|(at, _)| at).collect();
        positions.sort_unstable();
        Ok(positions)
    }

    /// Writes a checkpoint and removes those that are too old. Yields how far back the kept ones reach: the log is not
    /// needed before that, if there is a value.
    pub(super) async fn write(&self, position: Offset, store: &Store) -> Result<Option<Offset>, BlobError> {
        let mut lines = String::new();
        let mut parts = 0;
        let mut writer = PartWriter::new();
        for (tenant, metrics) in store.tenants() {
            for (id, metric) in metrics {
                writer.add(tenant, id, metric);
                if writer.len() >= CHECKPOINT_PART_BYTES {
                    let full = std::mem::replace(&mut writer, PartWriter::new());
                    lines += &self.put_part(position, parts, full.finish()).await?;
                    parts += 1;
                }
            }
        }
        lines += &self.put_part(position, parts, writer.finish()).await?;
        parts += 1;
        let text = format!("{NAME} {VERSION} now={} parts={parts}\n{lines}", store.now());
        let crc = crc32c::crc32c(text.as_bytes());
        let text = format!("{text}crc32c={crc:08x}\n");
        self.blobs.put(&self.key(position), text.into()).await?;
        self.remove_old().await
    }

    async fn put_part(&self, position: Offset, part: usize, bytes: Vec<u8>) -> Result<String, BlobError> {
        let line = format!("bytes={} crc32c={:08x}\n", bytes.len(), crc32c::crc32c(&bytes));
        self.blobs
            .put(&self.part_key(position, part), bytes.into())
            .await?;
        Ok(line)
    }

    /// Removes what is older than the kept checkpoints, unfinished ones too.
    async fn remove_old(&self) -> Result<Option<Offset>, BlobError> {
        let positions = self.positions().await?;
        let Some(oldest) = positions.len().checked_sub(CHECKPOINTS_KEPT) else {
            return Ok(None);
        };
        let Some(oldest) = positions.get(oldest).copied() else {
            return Ok(None);
        };
        let mut blobs = self.blobs.list(&self.folder).await?;
        // The last blob of a checkpoint goes first: what is left of it is none.
        blobs.sort_unstable_by_key(|blob| !blob.key.ends_with(SUFFIX));
        for blob in blobs {
            if self.position_of(&blob.key).is_some_and(|(at, _)| at < oldest) {
                self.blobs.delete(&blob.key).await?;
            }
        }
        Ok(Some(oldest))
    }

    /// The newest whole checkpoint that a log of these bounds continues.
    pub(super) async fn newest(&self, start: Offset, end: Offset) -> Result<Option<Restored>, BlobError> {
        for position in self.positions().await?.into_iter().rev() {
            if !(start..=end).contains(&position) {
                continue;
            }
            match self.read(position).await? {
                Ok(restored) => return Ok(Some(restored)),
                Err(why) => {
                    tracing::warn!(
                        position,
                        why,
                        "a checkpoint of the metrics cannot be used, taking an older one"
                    );
                }
            }
        }
        Ok(None)
    }

    async fn read(&self, position: Offset) -> Result<Result<Restored, String>, BlobError> {
        let Some(text) = self.get(&self.key(position)).await? else {
            return Ok(Err("it is gone".to_owned()));
        };
        let (now, parts) = match head(&text) {
            Ok(head) => head,
            Err(why) => return Ok(Err(why)),
        };
        let mut store = Store::default();
        store.begin_at(now);
        let mut bytes = 0;
        for (at, part) in parts.iter().enumerate() {
            let Some(data) = self.get(&self.part_key(position, at)).await? else {
                return Ok(Err(format!("part {at} is gone")));
            };
            if data.len() != part.bytes || crc32c::crc32c(&data) != part.crc {
                return Ok(Err(format!("part {at} does not have its checksum")));
            }
            bytes += data.len() as u64;
            if let Err(why) = read_part(&data, |tenant, id, metric| store.restore(tenant, id, metric)) {
                return Ok(Err(format!("part {at} {why}")));
            }
        }
        Ok(Ok(Restored {
            position,
            store,
            bytes,
        }))
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, BlobError> {
        match self.blobs.get(key).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(BlobError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Reads every checkpoint there is: its last blob's key, and what is wrong with it. Changes nothing.
///
/// # Errors
/// The blob store's.
pub async fn check_checkpoints(blobs: Blobs) -> Result<Vec<(String, Option<String>)>, BlobError> {
    let checkpoints = Checkpoints::new(blobs);
    let mut checked = Vec::new();
    for position in checkpoints.positions().await? {
        let wrong = checkpoints.read(position).await?.err();
        checked.push((checkpoints.key(position), wrong));
    }
    Ok(checked)
}

/// About how many bytes a store's checkpoint has.
pub(super) fn size_of(store: &Store) -> u64 {
    // A point is 25 to 33 bytes of the 64 that it counts for in memory, values are the same in both.
    (store.size().1 / 2) as u64
}

/// Reads the last blob: the store's time, and the parts.
fn head(text: &[u8]) -> Result<(u64, Vec<Part>), String> {
    let text = std::str::from_utf8(text).map_err(|_| "its head is no text".to_owned())?;
    let (lines, last) = text
        .trim_end_matches('\n')
        .rsplit_once('\n')
        .ok_or("its head has no checksum")?;
    let lines = format!("{lines}\n");
    if last != format!("crc32c={:08x}", crc32c::crc32c(lines.as_bytes())) {
        return Err("its head does not have its checksum".to_owned());
    }
    parse(&lines).ok_or_else(|| "its head is of a form that this program does not know".to_owned())
}

fn parse(lines: &str) -> Option<(u64, Vec<Part>)> {
    let mut lines = lines.lines();
    let first = lines
        .next()?
        .strip_prefix(NAME)?
        .strip_prefix(&format!(" {VERSION} now="))?;
    let (now, count) = first.split_once(" parts=")?;
    let count: usize = count
        .parse()
        .ok()
        .filter(|count| *count <= CHECKPOINT_PARTS_MAX)?;
    let parts: Vec<Part> = lines
        .map(|line| {
            let (bytes, crc) = line.strip_prefix("bytes=")?.split_once(" crc32c=")?;
            Some(Part {
                bytes: bytes.parse().ok()?,
                crc: u32::from_str_radix(crc, 16).ok()?,
            })
        })
        .collect::<Option<_>>()?;
    (parts.len() == count).then_some((now.parse().ok()?, parts))
}
