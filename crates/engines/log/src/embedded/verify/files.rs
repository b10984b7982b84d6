//! Looking through one sealed file: trailer, footer, and every block.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::Look;
use super::report::{Finding, Kind, Lost};
use crate::disk::{Access, DiskFile, read_exact};
use crate::embedded::codec::{as_u64, as_usize};
use crate::embedded::manifest::format::FileMeta;
use crate::embedded::sealed::format::{BlockInfo, ExtentInfo, TRAILER_BYTES, Trailer, decode_block_runs};
use crate::embedded::sealed::{OpenFile, name_of};
use crate::embedded::state::Cached;

impl Look<'_> {
    /// Looks through a file that the MANIFEST lists.
    pub(super) fn sealed_file(&mut self, id: u64, meta: FileMeta) {
        let name = name_of(id);
        let opened = self.disk.open(&name, Access::Read);
        let file = match opened.and_then(|file| Ok((file.len()?, file))) {
            Ok((len, file)) => {
                self.begin(len);
                if len != meta.len {
                    let detail = format!("has {len} bytes where the MANIFEST says {}", meta.len);
                    self.found(Finding::new(Kind::FileLength, &name, detail));
                }
                file
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.unread.push(self.report.findings.len());
                self.found(Finding::new(
                    Kind::FileMissing,
                    &name,
                    "is missing, although the MANIFEST lists it",
                ));
                return;
            }
            Err(error) => {
                self.unread.push(self.report.findings.len());
                self.unreadable(&name, &error);
                return;
            }
        };
        let opened = match OpenFile::open(self.disk, self.key, id) {
            Ok(opened) => opened,
            Err(error) => {
                self.unread.push(self.report.findings.len());
                let (at, bytes) = footer_place(&*file);
                let detail =
                    format!("cannot be read: {error}; its blocks are there, but nothing says which is where");
                self.found(Finding::new(Kind::FileFooter, &name, detail).at(at, bytes));
                self.advance(meta.len);
                return;
            }
        };
        let shared: Arc<str> = name.as_str().into();
        let mut done = 0;
        for extent in &opened.footer.extents {
            self.contents
                .sealed(extent.log, (extent.first, extent.end), &shared);
            self.extent(&name, &*file, extent, opened.footer.blocks_of(extent));
            done += extent.len;
        }
        self.advance(meta.len.saturating_sub(done));
    }

    fn extent(&mut self, name: &str, file: &dyn DiskFile, extent: &ExtentInfo, blocks: &[BlockInfo]) {
        let (mut next, mut time) = (extent.first, extent.first_time);
        for block in blocks {
            let end = block.first.saturating_add(u64::from(block.records));
            let lost = Lost {
                log: extent.log,
                first: block.first,
                end,
                from: Some(time),
                until: Some(block.last_time),
            };
            let len = u64::from(block.len);
            let wrong = match self.block(file, extent, block) {
                Ok(runs) if are_of(&runs, block) && block.first == next => {
                    self.report.checked.blocks += 1;
                    self.report.checked.records += u64::from(block.records);
                    runs.iter().for_each(|run| self.contents.hold(extent.log, run));
                    None
                }
                Ok(_) => Some((
                    Kind::BlockOrder,
                    "holds other records than the footer says".to_owned(),
                )),
                Err(Some(error)) => Some((Kind::Unreadable, format!("cannot be read: {error}"))),
                Err(None) => Some((Kind::Block, "has a block without its checksum".to_owned())),
            };
            if let Some((kind, detail)) = wrong {
                let mut finding = Finding::new(kind, name, detail).at(block.position, len);
                finding.lost.push(lost);
                self.found(finding);
            }
            (next, time) = (end, block.last_time);
            self.advance(len);
        }
        if next != extent.end {
            let detail = format!(
                "ends its records of log {} at {next} where the footer says {}",
                extent.log.0, extent.end
            );
            self.found(Finding::new(Kind::BlockOrder, name, detail).at(extent.position, extent.len));
        }
    }

    fn block(
        &self,
        file: &dyn DiskFile,
        extent: &ExtentInfo,
        block: &BlockInfo,
    ) -> Result<Vec<Cached>, Option<io::Error>> {
        let mut bytes = vec![0; as_usize(u64::from(block.len))];
        match read_exact(file, &mut bytes, block.position) {
            Ok(()) => decode_block_runs(self.key, extent.log, &Bytes::from(bytes)).ok_or(None),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(None),
            Err(error) => Err(Some(error)),
        }
    }
}

/// Whether these runs are, one behind the other, the records that the footer says.
fn are_of(runs: &[Cached], block: &BlockInfo) -> bool {
    let dense = runs.is_sorted_by(|a, b| a.end() == b.first && a.time <= b.time);
    let first = runs.first().map(|run| run.first);
    let last = runs.last().map(|run| (run.end(), run.time));
    let end = block.first.checked_add(u64::from(block.records));
    dense && first == Some(block.first) && last == end.map(|end| (end, block.last_time))
}

/// Where a file's footer must be: what its trailer says, else the place of the trailer.
fn footer_place(file: &dyn DiskFile) -> (u64, u64) {
    let len = file.len().unwrap_or(0);
    let at = len.saturating_sub(as_u64(TRAILER_BYTES));
    let mut bytes = [0; TRAILER_BYTES];
    let trailer = read_exact(file, &mut bytes, at)
        .ok()
        .and_then(|()| Trailer::decode(&bytes, len));
    let begin = trailer.map_or(at, |trailer| trailer.position);
    (begin, len.saturating_sub(begin))
}
