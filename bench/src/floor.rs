//! What the machine can do at all: the steps no server can skip, measured alone.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

/// Length of each measurement.
const LENGTH: Duration = Duration::from_secs(1);

/// The limits.
#[derive(Clone, Copy, Debug)]
pub struct Floor {
    /// SHA-256 on one core, megabytes per second.
    pub sha256_mb_per_s: f64,
    /// Median of a 4 KiB overwrite made durable, in milliseconds.
    pub sync_ms_p50: f64,
    /// 99th percentile of the same.
    pub sync_ms_p99: f64,
    /// Sequential durable writes of 1 MiB, megabytes per second.
    pub write_mb_per_s: f64,
}

/// Measures them in `work`'s file system.
pub fn measure(work: &Path) -> Result<Floor> {
    let block = vec![7u8; 1 << 20];
    let begun = Instant::now();
    let mut hashed = 0;
    while begun.elapsed() < LENGTH {
        std::hint::black_box(ring::digest::digest(&ring::digest::SHA256, &block));
        hashed += block.len();
    }
    let sha256_mb_per_s = hashed as f64 / 1e6 / begun.elapsed().as_secs_f64();

    let path = work.join("floor");
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(&path)?;
    let begun = Instant::now();
    let mut written = 0;
    while begun.elapsed() < LENGTH {
        file.write_all(&block)?;
        file.sync_data()?;
        written += block.len();
    }
    let write_mb_per_s = written as f64 / 1e6 / begun.elapsed().as_secs_f64();

    let mut millis = Vec::new();
    let begun = Instant::now();
    let mut at = 0;
    while begun.elapsed() < LENGTH {
        let one = Instant::now();
        std::os::unix::fs::FileExt::write_all_at(&file, &block[..4096], at)?;
        file.sync_data()?;
        millis.push(one.elapsed().as_secs_f64() * 1e3);
        at = (at + 4096) % (1 << 20);
    }
    millis.sort_by(f64::total_cmp);
    std::fs::remove_file(path)?;
    let quantile = |q: f64| millis[((millis.len() - 1) as f64 * q) as usize];
    Ok(Floor {
        sha256_mb_per_s,
        sync_ms_p50: quantile(0.5),
        sync_ms_p99: quantile(0.99),
        write_mb_per_s,
    })
}
