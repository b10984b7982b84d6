//! Finds the batches in the segments, and of these the ones that count.
//!
//! The rules, each of which was needed by a simulated crash:
//! 1. order by `batch_seq`, beginning behind the last batch that the MANIFEST's tables contain;
//! 2. where one number occurs twice the newest epoch wins, and within an epoch the segment used last: a batch that a
//!    full disk refused may be there all the same; along the row epochs never fall: a batch left over from an
//!    abandoned tail never follows one that took the number before it again;
//! 3. stop at the first number that is missing or whose body does not pass;
//! 4. every header tells up to where batches were durable when it was written. If the row ends before the
//!    greatest such number, acknowledged records are damaged: refuse.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::codec::{as_u64, as_usize};
use super::limits::ALIGN;
use super::options::OpenError;
use super::wal::{HEADER_BYTES, Header};
use crate::disk::{DiskFile, read_exact};

/// A segment as recovery finds it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) bytes: u64,
}

/// A batch that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Located {
    pub(super) header: Header,
    /// Which segment.
    pub(super) segment: usize,
    pub(super) position: u64,
}

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The newest batch of every number.
    batches: BTreeMap<u64, Located>,
    /// The greatest durable number claimed, and by whom.
    claim: Option<(u64, Located)>,
    /// The first batch in the way whose body does not pass.
    broken: BTreeMap<u64, Located>,
}

const WINDOW: usize = 1 << 20;

impl Scan {
    /// Looks at every 4096-byte boundary of a segment for batches behind `trimmed`.
    pub(super) fn segment(&mut self, key: u64, index: usize, found: &Found, trimmed: u64) -> io::Result<()> {
        let mut window = vec![0; WINDOW.min(as_usize(found.bytes))];
        let (mut start, mut filled) = (0, 0);
        let mut position = 0;
        while position + as_u64(HEADER_BYTES) <= found.bytes {
            if position < start || position + as_u64(HEADER_BYTES) > start + as_u64(filled) {
                filled = found.file.read_at(&mut window, position)?;
                start = position;
                if filled < HEADER_BYTES {
                    break;
                }
            }
            let at = as_usize(position - start);
            position += match Header::decode(key, &window[at..filled]) {
                Some(header) => {
                    let located = Located {
                        header,
                        segment: index,
                        position,
                    };
                    self.add(key, located, found, trimmed)?
                }
                None => as_u64(ALIGN),
            };
        }
        Ok(())
    }

    /// Notes one header; yields how far to go on.
    fn add(&mut self, key: u64, located: Located, found: &Found, trimmed: u64) -> io::Result<u64> {
        let header = &located.header;
        if self.claim.is_none_or(|(durable, _)| durable < header.durable_seq) {
            self.claim = Some((header.durable_seq, located));
        }
        if header.batch_seq <= trimmed {
            // Its body was overwritten or not, nobody needs it; what follows may be newer.
            return Ok(as_u64(ALIGN));
        }
        let body = match read_body(found, &located) {
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
            body => body.ok(),
        };
        if body.is_some_and(|body| header.owns(key, &body)) {
            let known = self.batches.entry(header.batch_seq).or_insert(located);
            // Within an epoch the later segment: the batch in the earlier one was refused for want of space.
            if (known.header.epoch, known.header.segment_gen) < (header.epoch, header.segment_gen) {
                *known = located;
            }
            return Ok(header.stored_bytes());
        }
        self.broken.insert(header.batch_seq, located);
        Ok(as_u64(ALIGN))
    }

    /// The greatest number that some batch knows to be durable.
    pub(super) fn durable(&self) -> u64 {
        self.claim.map_or(0, |(durable, _)| durable)
    }

    /// The batches behind the MANIFEST's trim point, in order, up to the first that is missing: rules 1 to 3.
    pub(super) fn row(&self, trimmed: (u64, u64)) -> Vec<Located> {
        let (mut last, mut epoch) = trimmed;
        let mut chain = Vec::new();
        for (seq, located) in self.batches.range(last.saturating_add(1)..) {
            if *seq != last + 1 || located.header.epoch < epoch {
                break;
            }
            (last, epoch) = (*seq, located.header.epoch);
            chain.push(*located);
        }
        chain
    }

    /// The whole batches behind `seq`, in order, whether they count or not.
    pub(super) fn behind(&self, seq: u64) -> impl Iterator<Item = &Located> {
        self.batches
            .range(seq.saturating_add(1)..)
            .map(|(_, located)| located)
    }

    /// The batch of that number whose header passes and whose body does not.
    pub(super) fn broken(&self, seq: u64) -> Option<&Located> {
        self.broken.get(&seq)
    }

    /// Who claims the greatest durable number.
    pub(super) fn witness(&self) -> Option<&Located> {
        self.claim.as_ref().map(|(_, located)| located)
    }

    /// The batches that count, in order.
    ///
    /// # Errors
    /// [`OpenError::Damaged`], see rule 4.
    pub(super) fn chain(&self, trimmed: (u64, u64), names: &[Found]) -> Result<Vec<Located>, OpenError> {
        let chain = self.row(trimmed);
        let last = chain.last().map_or(trimmed.0, |located| located.header.batch_seq);
        let name = |located: &Located| names.get(located.segment).map_or("", |found| found.name.as_str());
        match &self.claim {
            Some((durable, witness)) if *durable > last => {
                let missing = last + 1;
                let broken = self.broken.get(&missing);
                let place = broken.map_or_else(String::new, |broken| format!(" at byte {}", broken.position));
                Err(OpenError::Damaged {
                    file: name(broken.unwrap_or(witness)).to_owned(),
                    detail: format!(
                        "batch {missing}{place} is unreadable, although {} at byte {} says that every batch up to {durable} was durable",
                        name(witness),
                        witness.position
                    ),
                })
            }
            _ => Ok(chain),
        }
    }
}

/// Reads a batch's body.
pub(super) fn read_body(found: &Found, located: &Located) -> io::Result<Bytes> {
    let len = located.header.body_bytes();
    let position = located.position + as_u64(HEADER_BYTES);
    if position.saturating_add(as_u64(len)) > found.bytes {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut body = BytesMut::zeroed(len);
    read_exact(&*found.file, &mut body, position)?;
    Ok(body.freeze())
}
