//! What the machine can do at all: the steps no server can skip, measured alone, in the run that they are compared in,
//! before and after it.

mod cpu;
mod disk;
mod http;
mod ring;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::load::Shape;

/// The limits.
#[derive(Clone, Copy, Debug)]
pub struct Floor {
    /// Of one core.
    pub cpu: cpu::Cpu,
    /// Of the disk.
    pub disk: disk::Disk,
    /// Of a server that only receives and sends.
    pub http: http::Http,
}

/// Measures them, the disk's in the file system of `work`.
pub fn measure((home, work): (&Path, &Path), length: Duration) -> Result<Floor> {
    Ok(Floor {
        cpu: cpu::measure(length),
        disk: disk::measure(work, length)?,
        http: http::measure((home, work), length * 2)?,
    })
}

impl Floor {
    /// The better of two measurements, figure by figure: what disturbed one of them is no floor.
    pub fn or(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.or(other.cpu),
            disk: self.disk.or(other.disk),
            http: self.http.or(other.http),
        }
    }

    /// The steps of a PutRecords of 500 × 1 KiB in JSON: name, what was measured, and CPU seconds per 10^9 bytes of
    /// payload.
    pub fn put_steps(&self) -> Vec<(&'static str, String, f64)> {
        let (cpu, body) = (&self.cpu, http::BODY_BYTES as f64 / Shape::BATCH.payload() as f64);
        let rate = |mb_per_s: f64| format!("{mb_per_s:.0} MB/s");
        vec![
            (
                "receive the body (bare HTTP server)",
                rate(self.http.receive_mb_per_s),
                self.http.receive_cpu_s_per_gb,
            ),
            (
                "SHA-256 of the body",
                rate(cpu.sha256_mb_per_s),
                body * 1e3 / cpu.sha256_mb_per_s,
            ),
            (
                "decode base64",
                rate(cpu.base64_decode_mb_per_s),
                1e3 / cpu.base64_decode_mb_per_s,
            ),
            (
                "MD5 of partition keys, one by one",
                format!("{:.0} ns each", cpu.md5_ns),
                cpu.md5_ns / Shape::BATCH.bytes as f64,
            ),
            (
                "CRC-32C of what is logged",
                rate(cpu.crc32c_mb_per_s),
                1e3 / cpu.crc32c_mb_per_s,
            ),
            ("copy it once", rate(cpu.copy_mb_per_s), 1e3 / cpu.copy_mb_per_s),
        ]
    }

    /// CPU seconds per 10^9 bytes put, signatures verified or not.
    pub fn put_cpu_s_per_gb(&self, signatures: bool) -> f64 {
        let steps = self.put_steps();
        let steps = steps
            .iter()
            .filter(|(name, ..)| signatures || !name.starts_with("SHA"));
        steps.map(|(.., cpu)| cpu).sum()
    }

    /// CPU seconds per 10^9 bytes read: checked, encoded and sent.
    pub fn get_cpu_s_per_gb(&self) -> f64 {
        self.http.send_cpu_s_per_gb + 1e3 / self.cpu.base64_encode_mb_per_s + 1e3 / self.cpu.crc32c_mb_per_s
    }
}
