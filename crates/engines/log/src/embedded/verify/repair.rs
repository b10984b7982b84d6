//! Giving up what is behind a damaged batch of the write-ahead log, so that the store opens as it was just before it.
//!
//! All logs are cut at the same moment, so that they still fit together; what is in sealed files stays. Segments are
//! copied aside before the first change, under `….damaged`, and never written over: a repair that was interrupted is
//! simply done again.

use std::io;

use crate::disk::{Access, AlignedBuf, Disk, read_exact};
use crate::embedded::codec::{as_u64, as_usize};
use crate::embedded::limits::ALIGN;
use crate::embedded::manifest;
use crate::embedded::options::OpenError;
use crate::embedded::ring;
use crate::embedded::wal::{HEADER_BYTES, Header};

const PIECE_BYTES: usize = 1 << 20;

/// Makes every batch from `from` on unreadable, in every segment; yields the names of the copies that were made.
/// Nobody may have the store open, and [`verify`](super::verify) must have told that number.
///
/// # Errors
/// The disk's, and where the MANIFEST cannot be read. After an error the store is as damaged as it was, and the repair
/// can be done again.
pub fn cut(disk: &dyn Disk, from: u64) -> io::Result<Vec<String>> {
    let key = match manifest::load(disk) {
        Ok(Some((key, _))) => key,
        Ok(None) => return Err(io::ErrorKind::NotFound.into()),
        Err(OpenError::Io { source, .. }) => return Err(source),
        Err(error) => return Err(io::Error::other(error.to_string())),
    };
    let mut names = disk.list()?;
    names.retain(|name| ring::number_of(name).is_some());
    names.sort_unstable();
    let (mut copies, mut all) = (Vec::new(), Vec::new());
    for name in &names {
        let batches = batches(disk, key, name, from)?;
        if !batches.is_empty() {
            copies.extend(copy_aside(disk, name)?);
            all.extend(batches.into_iter().map(|(seq, position)| (seq, name, position)));
        }
    }
    disk.sync_dir()?;
    // The last one first: any that is left claims that what is missing was acknowledged, so that an interrupted repair
    // never looks like a sound store, and what is left still tells what it costs.
    all.sort_unstable();
    let zeros = AlignedBuf::zeroed(ALIGN);
    for (_, name, position) in all.into_iter().rev() {
        let file = disk.open(name, Access::Update)?;
        file.write_at(zeros.as_slice(), position)?;
        file.sync()?;
    }
    Ok(copies)
}

/// The batches of a segment from `from` on: number and position.
fn batches(disk: &dyn Disk, key: u64, name: &str, from: u64) -> io::Result<Vec<(u64, u64)>> {
    let file = disk.open(name, Access::Read)?;
    let len = file.len()?;
    let mut header = [0; HEADER_BYTES];
    let mut found = Vec::new();
    let mut position = 0;
    while position + as_u64(HEADER_BYTES) <= len {
        read_exact(&*file, &mut header, position)?;
        if let Some(header) = Header::decode(key, &header)
            && header.batch_seq >= from
        {
            found.push((header.batch_seq, position));
        }
        position += as_u64(ALIGN);
    }
    Ok(found)
}

/// Copies a segment aside, unless an earlier attempt did; yields the copy's name.
fn copy_aside(disk: &dyn Disk, name: &str) -> io::Result<Option<String>> {
    let (aside, unfinished) = (format!("{name}.damaged"), format!("{name}.damaged.tmp"));
    if disk.list()?.contains(&aside) {
        return Ok(None);
    }
    match disk.unlink(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let (from, to) = (
        disk.open(name, Access::Read)?,
        disk.open(&unfinished, Access::Create)?,
    );
    let len = from.len()?;
    let mut piece = vec![0; PIECE_BYTES.min(as_usize(len))];
    let mut done = 0;
    while done < len {
        let read = from.read_at(&mut piece, done)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_at(piece.get(..read).unwrap_or_default(), done)?;
        done += as_u64(read);
    }
    to.sync()?;
    disk.rename(&unfinished, &aside)?;
    Ok(Some(aside))
}
