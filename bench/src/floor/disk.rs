//! What the disk does: one small write made durable, and large ones in sequence, both into a file whose blocks exist.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::ring::Ring;
use crate::load::{Latency, Recorder};
use crate::process::cpu_seconds;

/// A large write, in bytes.
const LARGE: usize = 1 << 20;
/// A small one.
const SMALL: usize = 4096;
/// The file, in bytes.
const FILE_BYTES: u64 = 256 << 20;

/// The limits.
#[derive(Clone, Copy, Debug)]
pub struct Disk {
    /// 4 KiB written through the page cache and made durable by fdatasync.
    pub sync: Latency,
    /// Past the page cache (O_DIRECT, O_DSYNC).
    pub direct: Writes,
    /// The same through io_uring, where there is one.
    pub ring: Option<Writes>,
}

/// One way of writing durably.
#[derive(Clone, Copy, Debug)]
pub struct Writes {
    /// 4 KiB.
    pub small: Latency,
    /// What that costs this process, in CPU microseconds.
    pub small_cpu_us: f64,
    /// 1 MiB after the other, megabytes per second.
    pub mb_per_s: f64,
}

impl Writes {
    fn or(self, other: Self) -> Self {
        Self {
            small: better(self.small, other.small),
            small_cpu_us: self.small_cpu_us.min(other.small_cpu_us),
            mb_per_s: self.mb_per_s.max(other.mb_per_s),
        }
    }
}

impl Disk {
    /// The better of two.
    pub fn or(self, other: Self) -> Self {
        Self {
            sync: better(self.sync, other.sync),
            direct: self.direct.or(other.direct),
            ring: self.ring.zip(other.ring).map(|(a, b)| a.or(b)),
        }
    }

    /// The least time in which anything can be made durable.
    pub fn durable(&self) -> Latency {
        better(self.sync, self.direct.small)
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
        let mut synced = |bytes: &[u8], at| {
            file.write_all_at(bytes, at)?;
            file.sync_data()
        };
        let mut plain = |bytes: &[u8], at| past_cache.write_all_at(bytes, at);
        let through_ring = |mut ring: Ring| {
            writes(&block, length, &mut |bytes, at| {
                ring.write(&past_cache, bytes, at)
            })
        };
        Ok(Disk {
            sync: small(&block, length, &mut synced)?.0,
            direct: writes(&block, length, &mut plain)?,
            ring: Ring::open().ok().map(through_ring).transpose()?,
        })
    })();
    let _ = std::fs::remove_file(&path);
    measured
}

/// Writes bytes to a place, durably.
type Write<'a> = &'a mut dyn FnMut(&[u8], u64) -> std::io::Result<()>;

fn writes(block: &Block, length: Duration, write: Write<'_>) -> Result<Writes> {
    let (small, small_cpu_us) = small(block, length, write)?;
    Ok(Writes {
        small,
        small_cpu_us,
        mb_per_s: large(block, length, write)?,
    })
}

/// Small writes, and the CPU microseconds of one.
fn small(block: &Block, length: Duration, write: Write<'_>) -> Result<(Latency, f64)> {
    let (mut seen, begun, mut at) = (Recorder::default(), Instant::now(), 0);
    let cpu = || cpu_seconds(std::process::id()).unwrap_or_default();
    let before = cpu();
    while begun.elapsed() < length {
        let one = Instant::now();
        write(&block.0[..SMALL], at)?;
        seen.record(one.elapsed());
        at = (at + SMALL as u64) % FILE_BYTES;
    }
    let cpu_us = (cpu() - before) * 1e6 / seen.count() as f64;
    Ok((Latency::of(&seen, begun.elapsed()), cpu_us))
}

/// Large writes in sequence, megabytes per second.
fn large(block: &Block, length: Duration, write: Write<'_>) -> Result<f64> {
    let (begun, mut written) = (Instant::now(), 0);
    while begun.elapsed() < length {
        write(&block.0, written % FILE_BYTES)?;
        written += LARGE as u64;
    }
    Ok(written as f64 / 1e6 / begun.elapsed().as_secs_f64())
}
