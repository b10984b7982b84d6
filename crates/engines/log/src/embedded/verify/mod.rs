//! Looking through a store that nobody has open: every byte that has a checksum, and whether the parts fit together.
//!
//! Nothing is changed. Whatever the bytes are, it ends in a report. Recovery stops at the first thing that is wrong;
//! this goes on, and tells which records each damage costs. What recovery would accept is no damage: a tail that was cut
//! off, leftovers of an interrupted run, segments that wait to be used again.

mod contents;
mod files;
mod repair;
mod report;
mod tail;
#[cfg(test)]
mod tests;

use std::io;

use self::contents::Contents;
pub use self::repair::cut;
pub use self::report::{Checked, CutOff, Finding, Kind, Lost, Report, Severity};
use super::codec::{as_u64, as_usize};
use super::manifest::format::{HEADER_BYTES, HeaderError, decode_frame, decode_header};
use super::manifest::{self, Tables};
use super::{ring, sealed};
use crate::LogId;
use crate::disk::{Access, Disk};

/// What was looked through so far, and how much there is, in bytes.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// Looks through the store on `disk`, which nobody may have open. The records of `keep` come with the report.
///
/// # Errors
/// Only where the directory cannot be listed.
pub fn verify(disk: &dyn Disk, keep: &[LogId], progress: Progress<'_>) -> io::Result<Report> {
    let mut names = disk.list()?;
    names.sort_unstable();
    let total = names
        .iter()
        .filter(|name| is_ours(name))
        .filter_map(|name| disk.open(name, Access::Read).ok()?.len().ok())
        .sum();
    let mut look = Look {
        disk,
        key: 0,
        report: Report::default(),
        contents: Contents::default(),
        unread: Vec::new(),
        progress,
        done: 0,
        total,
    };
    look.store(&names, keep);
    Ok(look.finish())
}

/// Whether the engine made a file of that name.
fn is_ours(name: &str) -> bool {
    name == manifest::NAME || ring::number_of(name).is_some() || sealed::number_of(name).is_some()
}

/// A look that is under way.
struct Look<'a> {
    disk: &'a dyn Disk,
    key: u64,
    report: Report,
    contents: Contents,
    /// Findings about files of which not even the footer can be read: what is nowhere must be there.
    unread: Vec<usize>,
    progress: Progress<'a>,
    done: u64,
    total: u64,
}

impl Look<'_> {
    fn found(&mut self, finding: Finding) {
        self.report.findings.push(finding);
    }

    fn unreadable(&mut self, name: &str, error: &io::Error) {
        self.found(Finding::new(
            Kind::Unreadable,
            name,
            format!("cannot be read: {error}"),
        ));
    }

    fn begin(&mut self, bytes: u64) {
        self.report.checked.files += 1;
        self.report.checked.bytes += bytes;
    }

    fn advance(&mut self, bytes: u64) {
        self.done = self.done.saturating_add(bytes).min(self.total);
        (self.progress)(self.done, self.total);
    }

    fn store(&mut self, names: &[String], keep: &[LogId]) {
        let Some(bytes) = self.manifest_bytes(names) else {
            return;
        };
        let Some(tables) = self.manifest(&bytes) else {
            return;
        };
        self.contents = Contents::new(&tables.logs, keep);
        for (id, meta) in &tables.files {
            self.sealed_file(*id, *meta);
        }
        self.write_ahead_log(names, &tables);
        for name in names {
            if sealed::number_of(name).is_some_and(|id| !tables.files.contains_key(&id)) {
                let detail = "is not listed by the MANIFEST: an interrupted run left it, and the next start removes it";
                self.found(Finding::new(Kind::FileOrphan, name, detail));
            }
        }
    }

    fn manifest_bytes(&mut self, names: &[String]) -> Option<Vec<u8>> {
        let read = || {
            let file = self.disk.open(manifest::NAME, Access::Read)?;
            let mut bytes = vec![0; as_usize(file.len()?)];
            let read = file.read_at(&mut bytes, 0)?;
            bytes.truncate(read);
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => {
                self.begin(as_u64(bytes.len()));
                self.advance(as_u64(bytes.len()));
                Some(bytes)
            }
            Err(error) if io::Error::kind(&error) == io::ErrorKind::NotFound => {
                // A store that was never opened has none, and nothing else.
                if let Some(stray) = names.iter().find(|name| is_ours(name)) {
                    let detail = format!("is missing, although {stray} is there");
                    self.found(Finding::new(Kind::Manifest, manifest::NAME, detail));
                }
                None
            }
            Err(error) => {
                self.unreadable(manifest::NAME, &error);
                None
            }
        }
    }

    fn manifest(&mut self, bytes: &[u8]) -> Option<Tables> {
        let header = as_u64(HEADER_BYTES);
        let key = match decode_header(bytes) {
            Ok(key) => key,
            Err(HeaderError::Version(version)) => {
                let detail = format!("has format version {version}, which this program does not know");
                self.found(Finding::new(Kind::Manifest, manifest::NAME, detail).at(0, header));
                return None;
            }
            Err(HeaderError::Damaged) => {
                let detail =
                    "has a header without its checksum; no other file can be checked without the key in it";
                self.found(Finding::new(Kind::Manifest, manifest::NAME, detail).at(0, header));
                return None;
            }
        };
        self.key = key;
        let (tables, frames, end) = manifest::decode_frames(key, bytes);
        let left = as_u64(bytes.len().saturating_sub(end));
        let later = (left > 0).then(|| later_frame(key, frames, bytes, end)).flatten();
        let (kind, detail) = match later {
            _ if frames == 0 => (
                Kind::Manifest,
                "has tables without their checksum: nothing says which files and logs there are".to_owned(),
            ),
            Some(later) => (
                Kind::ManifestEdit,
                format!(
                    "has a damaged edit, although the one at byte {later} is whole: what both say is lost"
                ),
            ),
            None if left > 0 => (
                Kind::ManifestUnfinished,
                "ends in an edit that was cut off, as a crash leaves it: nothing was done by it".to_owned(),
            ),
            None => return Some(tables),
        };
        let bytes = later.map_or(left, |later| later.saturating_sub(as_u64(end)));
        self.found(Finding::new(kind, manifest::NAME, detail).at(as_u64(end), bytes));
        (frames > 0).then_some(tables)
    }

    fn finish(mut self) -> Report {
        let (missing, overlaps) = self.contents.cross_check();
        match (&*self.unread, missing.is_empty()) {
            (_, true) => {}
            ([only], false) => {
                if let Some(finding) = self.report.findings.get_mut(*only) {
                    finding.lost.extend(missing);
                }
            }
            (several, false) => {
                let detail = if several.is_empty() {
                    "lists no file that holds records which are not trimmed"
                } else {
                    "lists no readable file that holds records which are not trimmed"
                };
                let mut finding = Finding::new(Kind::RecordsMissing, manifest::NAME, detail);
                finding.lost = missing;
                self.found(finding);
            }
        }
        self.report.findings.extend(overlaps);
        for finding in &mut self.report.findings {
            finding.lost = self.contents.wanted(&finding.lost);
        }
        self.report
            .findings
            .sort_by(|a, b| (&a.file, a.offset).cmp(&(&b.file, b.offset)));
        (self.report.logs, self.report.kept) = self.contents.finish();
        (self.progress)(self.total, self.total);
        self.report
    }
}

/// Where a whole frame is behind one that is not.
fn later_frame(key: u64, expected: u64, bytes: &[u8], from: usize) -> Option<u64> {
    /// Edits between two writings of the tables are fewer by far.
    const FRAMES_MAX: u64 = 1 << 24;
    (from.saturating_add(1)..bytes.len()).find_map(|at| {
        let rest = bytes.get(at..)?;
        let number = u64::from_le_bytes(*rest.get(8..)?.first_chunk::<8>()?);
        let plausible = number > expected && number < expected.saturating_add(FRAMES_MAX);
        (plausible && decode_frame(key, number, rest).is_some()).then(|| as_u64(at))
    })
}
