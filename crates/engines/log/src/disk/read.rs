//! Reads of what must be there.

use std::io;
use std::ops::Range;

use super::{AlignedBuf, DIRECT_ALIGN as BLOCK, DiskFile};

/// Repeats `read` until `bytes` are full or the file ends: a system call may be interrupted, or move fewer bytes than
/// asked for. `direct` yields the length of a file that is read in whole blocks only.
///
/// # Errors
/// The operating system's.
pub(super) fn read_whole(
    bytes: &mut [u8],
    position: u64,
    direct: Option<&dyn Fn() -> io::Result<u64>>,
    mut read: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match read(rest, position + done as u64) {
            Ok(0) => break,
            Ok(n) => {
                done += n;
                if let Some(len) = direct.filter(|_| !n.is_multiple_of(BLOCK)) {
                    // Another read from here would not be aligned; only the end of the file may cut a block.
                    if position + done as u64 >= len()? {
                        break;
                    }
                    return Err(io::Error::other("the disk cut a direct read short"));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Reads exactly `bytes.len()` bytes.
///
/// # Errors
/// `UnexpectedEof` when the file ends before, else the operating system's.
pub fn read_exact(file: &dyn DiskFile, bytes: &mut [u8], position: u64) -> io::Result<()> {
    if file.read_at(bytes, position)? < bytes.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// Reads the blocks that hold `len` bytes at `position`, and says where in `buffer` those are.
///
/// # Errors
/// `UnexpectedEof` when the file ends before, else the operating system's.
pub fn read_blocks(
    file: &dyn DiskFile,
    buffer: &mut AlignedBuf,
    position: u64,
    len: usize,
) -> io::Result<Range<usize>> {
    let eof = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let begin = position - position % BLOCK as u64;
    let skip = usize::try_from(position - begin).map_err(io::Error::other)?;
    let end = skip.checked_add(len).ok_or_else(eof)?;
    buffer.resize_stale(end.checked_next_multiple_of(BLOCK).ok_or_else(eof)?);
    if file.read_at(buffer.as_mut_slice(), begin)? < end {
        return Err(eof());
    }
    Ok(skip..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Access, Disk as _, RealDisk};

    #[test]
    fn any_part_of_a_file_can_be_read_in_blocks() {
        let dir = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..=250u8).cycle().take(20_000).collect();
        std::fs::write(dir.path().join("x"), &content).unwrap();
        let disk = RealDisk::open(dir.path().into()).unwrap();
        let file = disk.open("x", Access::ReadDirect).unwrap();
        let mut buffer = AlignedBuf::default();
        for (position, len) in [
            (0, 1),
            (0, 4096),
            (1, 4096),
            (4095, 2),
            (8192, 8192),
            (19_999, 1),
            (7, 19_993),
            (20_000, 0),
        ] {
            let range = read_blocks(&*file, &mut buffer, position, len).unwrap();
            let at = usize::try_from(position).unwrap();
            assert_eq!(
                &buffer.as_slice()[range],
                &content[at..at + len],
                "{position} {len}"
            );
        }
        for (position, len) in [(19_999, 2), (0, 20_001), (30_000, 1)] {
            let error = read_blocks(&*file, &mut buffer, position, len).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{position} {len}");
        }
    }
}
