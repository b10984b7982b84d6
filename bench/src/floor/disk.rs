//! What the disk does: one small write made durable, and large ones in sequence, both into a file whose blocks exist.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::load::{Latency, Recorder};

/// A large write, in bytes.
const LARGE: usize = 1 << 20;
/// A small one.
const SMALL: usize = 4096;
/// The file, in bytes.
const FILE_BYTES: u64 = 256 << 20;

/// The limits.
#[derive(Clone, Copy, Debug)]
pub struct Disk {
    /// 4 KiB written and made durable by fdatasync.
    pub sync: Latency,
    /// Sequential durable writes of 1 MiB (O_DIRECT, O_DSYNC), megabytes per second.
    pub write_mb_per_s: f64,
}

impl Disk {
    /// The better of two.
    pub fn or(self, other: Self) -> Self {
        Self {
            sync: if self.sync.p99 < other.sync.p99 {
                self.sync
            } else {
                other.sync
            },
            write_mb_per_s: self.write_mb_per_s.max(other.write_mb_per_s),
        }
    }
}

/// A block that is aligned as O_DIRECT asks for.
#[repr(align(4096))]
struct Block([u8; LARGE]);

/// Measures each for so long.
pub fn measure(work: &Path, length: Duration) -> Result<Disk> {
    let path = work.join("floor");
    let block = Box::new(Block([7; LARGE]));
    let measured = (|| {
        let file = File::create(&path)?;
        for at in 0..FILE_BYTES / LARGE as u64 {
            file.write_all_at(&block.0, at * LARGE as u64)?;
        }
        file.sync_all()?;
        let sync = sync(&file, &block, length)?;
        let write_mb_per_s = write(&path, &block, length)?;
        Ok(Disk { sync, write_mb_per_s })
    })();
    let _ = std::fs::remove_file(&path);
    measured
}

fn sync(file: &File, block: &Block, length: Duration) -> Result<Latency> {
    let (mut seen, begun, mut at) = (Recorder::default(), Instant::now(), 0);
    while begun.elapsed() < length {
        let one = Instant::now();
        file.write_all_at(&block.0[..SMALL], at)?;
        file.sync_data()?;
        seen.record(one.elapsed());
        at = (at + SMALL as u64) % FILE_BYTES;
    }
    Ok(Latency::of(&seen, begun.elapsed()))
}

fn write(path: &Path, block: &Block, length: Duration) -> Result<f64> {
    let file = OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_DIRECT | libc::O_DSYNC)
        .open(path)
        .context("the file system knows no O_DIRECT")?;
    let (begun, mut written) = (Instant::now(), 0);
    while begun.elapsed() < length {
        file.write_all_at(&block.0, written % FILE_BYTES)?;
        written += LARGE as u64;
    }
    Ok(written as f64 / 1e6 / begun.elapsed().as_secs_f64())
}
