//! Writes through io_uring: whether it would pay for a log that has one batch on its way at a time.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use io_uring::{IoUring, opcode, types};

/// A ring with one write on its way at a time.
pub struct Ring(IoUring);

impl Ring {
    /// Makes one; not every kernel and container lets it.
    pub fn open() -> io::Result<Self> {
        IoUring::new(2).map(Self)
    }

    /// Writes all of `bytes`: one system call that submits and waits.
    pub fn write(&mut self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let write = opcode::Write::new(types::Fd(file.as_raw_fd()), bytes.as_ptr(), length);
        // SAFETY: file and bytes are borrowed until the write is done, which is waited for.
        unsafe { self.0.submission().push(&write.offset(at).build()) }.map_err(io::Error::other)?;
        self.0.submit_and_wait(1)?;
        let done = self.0.completion().next().map_or(0, |done| done.result());
        match usize::try_from(done) {
            Ok(written) if written == bytes.len() => Ok(()),
            Ok(_) => Err(io::ErrorKind::WriteZero.into()),
            Err(_) => Err(io::Error::from_raw_os_error(-done)),
        }
    }
}
