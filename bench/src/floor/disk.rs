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
    /// The same past the page cache (O_DIRECT, O_DSYNC).
    pub direct: Latency,
    /// Sequential durable writes of 1 MiB (O_DIRECT, O_DSYNC), megabytes per second.
    pub write_mb_per_s: f64,
}

impl Disk {
    /// The better of two.
    pub fn or(self, other: Self) -> Self {
        Self {
            sync: better(self.sync, other.sync),
            direct: better(self.direct, other.direct),
            write_mb_per_s: self.write_mb_per_s.max(other.write_mb_per_s),
        }
    }

    /// The least time in which anything can be made durable.
    pub fn durable(&self) -> Latency {
        better(self.sync, self.direct)
    }
}

fn better(a: Latency, b: Latency) -> Latency {
    if a.p99 < b.p99 { a } else { b }
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
        let past_cache = OpenOptions::new()
            .write(true)
            .custom_flags(libc::O_DIRECT | libc::O_DSYNC)
            .open(&path)
            .context("the file system knows no O_DIRECT")?;
        Ok(Disk {
            sync: small(&file, &block, length, File::sync_data)?,
            direct: small(&past_cache, &block, length, |_| Ok(()))?,
            write_mb_per_s: large(&past_cache, &block, length)?,
        })
    })();
    let _ = std::fs::remove_file(&path);
    measured
}

/// Small writes, each followed by what makes it durable.
fn small(
    file: &File,
    block: &Block,
    length: Duration,
    then: impl Fn(&File) -> std::io::Result<()>,
) -> Result<Latency> {
    let (mut seen, begun, mut at) = (Recorder::default(), Instant::now(), 0);
    while begun.elapsed() < length {
        let one = Instant::now();
        file.write_all_at(&block.0[..SMALL], at)?;
        then(file)?;
        seen.record(one.elapsed());
        at = (at + SMALL as u64) % FILE_BYTES;
    }
    Ok(Latency::of(&seen, begun.elapsed()))
}

/// Large writes in sequence, megabytes per second.
fn large(file: &File, block: &Block, length: Duration) -> Result<f64> {
    let (begun, mut written) = (Instant::now(), 0);
    while begun.elapsed() < length {
        file.write_all_at(&block.0, written % FILE_BYTES)?;
        written += LARGE as u64;
    }
    Ok(written as f64 / 1e6 / begun.elapsed().as_secs_f64())
}
