//! The seam to storage: one flat directory of files.
//!
//! The promises an engine may rely on are those of POSIX and not one more:
//! - bytes of a file survive a power failure only after [`DiskFile::sync`], or after the write itself on a file
//!   that [writes through](DiskFile::writes_through);
//! - a new, renamed or removed name survives only after [`Disk::sync_dir`];
//! - a write that was cut off leaves any mixture of old and new 512-byte sectors.
//!
//! [`RealDisk`] is a directory; `sim::SimDisk` keeps exactly these promises and breaks all others.

mod buffer;
mod gather;
mod look;
mod read;
mod real;
#[cfg(any(test, feature = "contract"))]
pub mod sim;

use std::fmt;
use std::io;
use std::sync::Arc;

/// What direct reads and writes are aligned to, in bytes: what every disk sold today asks for at most.
pub const DIRECT_ALIGN: usize = 4096;

pub use buffer::AlignedBuf;
pub use gather::Gather;
pub use look::ReadOnlyDisk;
pub use read::{read_blocks, read_exact};
pub use real::RealDisk;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// An existing file, for reading.
    Read,
    /// As `Read`, but in whole 4096-byte blocks into aligned buffers, past the operating system's cache where the file
    /// system can do that.
    ReadDirect,
    /// A file that does not exist yet, for reading and writing through the operating system's cache.
    Create,
    /// As `Create`, but for writing whole 4096-byte blocks from aligned buffers, past the operating system's cache where
    /// the file system can do that.
    CreateDirect,
    /// An existing file for reading and writing whole 4096-byte blocks from aligned buffers, past the operating
    /// system's cache and durable on return where the file system can do that, else as with `Create`.
    Direct,
    /// As `Create`, on an existing file.
    Update,
}

/// A directory of files. Names have no path separators.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Opens a file.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyExists` and the operating system's other reasons.
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>>;

    /// Moves `from` to `to`, replacing it in one step.
    ///
    /// # Errors
    /// The operating system's.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a name; open files stay readable.
    ///
    /// # Errors
    /// The operating system's.
    fn unlink(&self, name: &str) -> io::Result<()>;

    /// All names, in any order.
    ///
    /// # Errors
    /// The operating system's.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes all earlier creations, renames and removals durable.
    ///
    /// # Errors
    /// The operating system's.
    fn sync_dir(&self) -> io::Result<()>;

    /// Bytes that can still be written; `None` where that cannot be told.
    ///
    /// # Errors
    /// The operating system's.
    fn free_bytes(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }

    /// Keeps every other process away until the result is dropped; `None` when one is there already.
    ///
    /// # Errors
    /// The operating system's.
    fn lock(&self) -> io::Result<Option<Box<dyn Send + Sync>>>;

    /// Where this is, for messages.
    fn describe(&self) -> String;
}

/// One open file.
#[expect(
    clippy::len_without_is_empty,
    reason = "a file's length is looked at, its emptiness never"
)]
pub trait DiskFile: Send + Sync + fmt::Debug {
    /// Writes all of `bytes` at `position`, extending the file if needed.
    ///
    /// # Errors
    /// The operating system's; any part may have been written.
    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()>;

    /// Writes `pieces` one behind the other, in one call where there is one for it.
    ///
    /// # Errors
    /// As [`Self::write_at`].
    fn write_pieces_at(&self, pieces: &[&[u8]], mut position: u64) -> io::Result<()> {
        for piece in pieces {
            self.write_at(piece, position)?;
            position += piece.len() as u64;
        }
        Ok(())
    }

    /// Reads up to `bytes.len()` bytes; fewer only at the end of the file.
    ///
    /// # Errors
    /// The operating system's.
    fn read_at(&self, bytes: &mut [u8], position: u64) -> io::Result<usize>;

    /// Makes everything written so far durable, with the file's length.
    ///
    /// # Errors
    /// The operating system's. What was written before must then be taken as lost: a second try proves nothing.
    fn sync(&self) -> io::Result<()>;

    /// Whether a write to already allocated space is durable when it returns.
    fn writes_through(&self) -> bool;

    /// Length in bytes.
    ///
    /// # Errors
    /// The operating system's.
    fn len(&self) -> io::Result<u64>;
}

/// Fills a new file with `len` zeros, so that later writes in it neither need space nor change metadata.
///
/// # Errors
/// The operating system's, such as a full disk; the file then stays, shorter.
pub fn allocate(file: &dyn DiskFile, len: u64, mut pace: impl FnMut(usize)) -> io::Result<()> {
    const STEP: usize = 1 << 20;
    let zeros = AlignedBuf::zeroed(STEP.min(usize::try_from(len).unwrap_or(STEP)));
    let mut position = 0;
    while position < len {
        let step = zeros.len().min(usize::try_from(len - position).unwrap_or(STEP));
        file.write_at(&zeros.as_slice()[..step], position)?;
        position += step as u64;
        pace(step);
    }
    file.sync()
}
