//! Looking through the write-ahead log: the row of batches that are in no sealed file yet.
//!
//! What is behind the row is garbage of earlier uses of the segments, or the one write that a crash cut off, or – where
//! a later batch knows of acknowledged ones that are missing – damage.

use std::io;
use std::sync::Arc;

use super::Look;
use super::report::{CutOff, Finding, Kind, Lost};
use crate::disk::{Access, read_exact};
use crate::embedded::codec::{Fields, as_u64};
use crate::embedded::limits::ALIGN;
use crate::embedded::manifest::Tables;
use crate::embedded::ring;
use crate::embedded::scan::{Found, Located, Scan, read_body};
use crate::embedded::wal::{Entry, HEADER_BYTES, Header, MAGIC, decode_body};

impl Look<'_> {
    /// Looks through all segments among `names`.
    pub(super) fn write_ahead_log(&mut self, names: &[String], tables: &Tables) {
        let mut segments = Vec::new();
        let mut scan = Scan::default();
        for name in names.iter().filter(|name| ring::number_of(name).is_some()) {
            let opened = self.disk.open(name, Access::Read);
            match opened.and_then(|file| Ok((file.len()?, file))) {
                Ok((bytes, file)) => {
                    self.begin(bytes);
                    segments.push(Found {
                        name: name.clone(),
                        file,
                        bytes,
                    });
                }
                Err(error) => self.unreadable(name, &error),
            }
        }
        for (index, found) in segments.iter().enumerate() {
            if let Err(error) = scan.segment(self.key, index, found, tables.trimmed.0) {
                self.unreadable(&found.name, &error);
            }
            self.advance(found.bytes);
        }
        let row = scan.row(tables.trimmed);
        for located in &row {
            self.batch(&segments, located);
        }
        let last = row
            .last()
            .map_or(tables.trimmed.0, |located| located.header.batch_seq);
        let missing = last.saturating_add(1);
        match scan.witness().filter(|witness| witness.header.durable_seq > last) {
            Some(witness) => {
                let damage = Damage {
                    missing,
                    before: row.last(),
                    witness,
                };
                self.damaged(&segments, &scan, &damage);
            }
            None => self.unfinished(&segments, &scan, missing, tables.epoch),
        }
    }

    /// A batch that counts.
    fn batch(&mut self, segments: &[Found], located: &Located) {
        let Some(found) = segments.get(located.segment) else {
            return;
        };
        let place = (located.position, located.header.stored_bytes());
        match self.entries(found, located) {
            Ok(Some(entries)) => {
                let name: Arc<str> = found.name.as_str().into();
                self.report.checked.batches += 1;
                for entry in entries {
                    if let Entry::Append { batch, .. } = &entry {
                        self.report.checked.records += as_u64(batch.ends.len());
                    }
                    if self.contents.apply(entry, &name).is_none() {
                        let detail = format!(
                            "has batch {}, which does not follow from those before it",
                            located.header.batch_seq
                        );
                        self.found(Finding::new(Kind::WalOrder, &found.name, detail).at(place.0, place.1));
                        return;
                    }
                }
            }
            Ok(None) => {
                let detail = format!("has batch {}, which holds no changes", located.header.batch_seq);
                self.found(Finding::new(Kind::WalOrder, &found.name, detail).at(place.0, place.1));
            }
            Err(error) => self.unreadable(&found.name, &error),
        }
    }

    fn entries(&self, found: &Found, located: &Located) -> io::Result<Option<Vec<Entry>>> {
        let body = read_body(found, located)?;
        let owned = located.header.owns(self.key, &body);
        Ok(owned
            .then(|| decode_body(&body, located.header.entries))
            .flatten())
    }

    /// An acknowledged batch is missing. Those behind it tell what it held, if they are of the same logs.
    fn damaged(&mut self, segments: &[Found], scan: &Scan, damage: &Damage<'_>) {
        let missing = damage.missing;
        let (file, place) = self.place_of(segments, scan, damage);
        let mut lost: Vec<Lost> = Vec::new();
        let ends = self.contents.ends();
        let (mut whole, mut seq) = (0, missing);
        for located in scan.behind(missing) {
            let (Some(found), true) = (segments.get(located.segment), located.header.batch_seq > seq) else {
                continue;
            };
            seq = located.header.batch_seq;
            if let Ok(Some(entries)) = self.entries(found, located) {
                whole += 1;
                let name: Arc<str> = found.name.as_str().into();
                for entry in entries {
                    self.contents.apply_loosely(entry, &name, &mut lost);
                }
            }
        }
        self.report.cut_off = Some(CutOff {
            batch: missing,
            batches: whole,
            records: self.contents.behind(&ends),
        });
        let witness = segments
            .get(damage.witness.segment)
            .map_or("", |found| &*found.name);
        let detail = format!(
            "has lost batch {missing}, although {witness} at byte {} says that every batch up to {} was durable; {whole} \
             later batches are whole",
            damage.witness.position, damage.witness.header.durable_seq
        );
        let mut finding = Finding::new(Kind::WalBatch, file, detail);
        if let Some((offset, bytes)) = place {
            finding = finding.at(offset, bytes);
        }
        finding.lost = lost;
        self.found(finding);
    }

    /// Where the missing batch is.
    fn place_of(&self, segments: &[Found], scan: &Scan, damage: &Damage<'_>) -> (String, Option<(u64, u64)>) {
        let name = |segment: usize| {
            segments
                .get(segment)
                .map_or_else(String::new, |found| found.name.clone())
        };
        // Its header is good and its body is not.
        if let Some(broken) = scan.broken(damage.missing) {
            let place = (broken.position, broken.header.stored_bytes());
            return (name(broken.segment), Some(place));
        }
        // Its header is damaged in one place.
        let epoch = damage.witness.header.epoch;
        if let Some((segment, position)) = look_alike(self.key, segments, (damage.missing, epoch)) {
            return (name(segment), Some((position, as_u64(ALIGN))));
        }
        // It must be behind the one before it, if the next one is in the same segment.
        let next = scan.behind(damage.missing).next();
        match (damage.before, next) {
            (Some(before), Some(next)) if before.segment == next.segment => {
                let end = before.position.saturating_add(before.header.stored_bytes());
                let len = next.position.saturating_sub(end);
                (name(before.segment), Some((end, len)))
            }
            (_, Some(next)) if next.position > 0 => (name(next.segment), Some((0, next.position))),
            (Some(before), _) => {
                let end = before.position.saturating_add(before.header.stored_bytes());
                (name(before.segment), Some((end, as_u64(ALIGN))))
            }
            _ => (name(damage.witness.segment), None),
        }
    }

    /// A write that was cut off behind the row.
    fn unfinished(&mut self, segments: &[Found], scan: &Scan, next: u64, epoch: u64) {
        let detail = "ends in a write that was cut off, as a crash leaves it: nothing says that it was acknowledged; \
                      if the server was stopped in good order, the newest records before that stop are damaged";
        let place = match scan.broken(next) {
            Some(broken) => Some((broken.segment, broken.position, broken.header.stored_bytes())),
            None => look_alike(self.key, segments, (next, epoch))
                .map(|(segment, at)| (segment, at, as_u64(ALIGN))),
        };
        if let Some((segment, position, bytes)) = place
            && let Some(found) = segments.get(segment)
        {
            self.found(Finding::new(Kind::WalUnfinished, &found.name, detail).at(position, bytes));
        }
    }
}

/// An acknowledged batch that is missing.
struct Damage<'a> {
    missing: u64,
    /// The batch before it, unless that is in the sealed files.
    before: Option<&'a Located>,
    /// Who knows of it.
    witness: &'a Located,
}

/// Where something is that would be the header of the batch of that number and epoch, were it not for one of its fields or
/// its checksum.
fn look_alike(key: u64, segments: &[Found], (seq, epoch): (u64, u64)) -> Option<(usize, u64)> {
    let mut header = [0; HEADER_BYTES];
    for (index, found) in segments.iter().enumerate() {
        let mut position = 0;
        while position + as_u64(HEADER_BYTES) <= found.bytes {
            if read_exact(&*found.file, &mut header, position).is_err() {
                break;
            }
            if resembles(&header, seq, epoch) && Header::decode(key, &header).is_none() {
                return Some((index, position));
            }
            position += as_u64(ALIGN);
        }
    }
    None
}

fn resembles(header: &[u8; HEADER_BYTES], seq: u64, epoch: u64) -> bool {
    let mut fields = Fields(header);
    let magic = fields.u32() == Some(MAGIC);
    let _checksum = fields.u32();
    let epochs = fields.u64() == Some(epoch);
    let generation = fields.u64().is_some_and(|number| number >> 20 == epoch);
    let number = fields.u64() == Some(seq);
    [magic, epochs, generation, number]
        .into_iter()
        .filter(|fits| *fits)
        .count()
        >= 3
}
