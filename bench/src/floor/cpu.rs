//! What one core does in a second of each step, with the libraries that the server uses.

use std::hint::black_box;
use std::time::{Duration, Instant};

use md5::{Digest, Md5};
use millrace_base::{Rng, SeededRng};

/// Bytes that are hashed, decoded or copied in turn: a whole body, which no first-level cache holds.
const BODY_BYTES: usize = 700_000;
/// Bodies that are gone through in turn when copying, so that they come out of memory.
const BODIES: usize = 64;

/// Rates; MB are 10^6 bytes of payload.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    /// SHA-256, megabytes of body per second.
    pub sha256_mb_per_s: f64,
    /// Base64 decoded, megabytes of what comes out per second.
    pub base64_decode_mb_per_s: f64,
    /// Base64 encoded, megabytes of what goes in per second.
    pub base64_encode_mb_per_s: f64,
    /// MD5 of a key of 36 bytes, in nanoseconds.
    pub md5_ns: f64,
    /// CRC-32C, megabytes per second.
    pub crc32c_mb_per_s: f64,
    /// Copied from memory to memory, megabytes per second.
    pub copy_mb_per_s: f64,
}

impl Cpu {
    /// The better of two.
    pub fn or(self, other: Self) -> Self {
        Self {
            sha256_mb_per_s: self.sha256_mb_per_s.max(other.sha256_mb_per_s),
            base64_decode_mb_per_s: self.base64_decode_mb_per_s.max(other.base64_decode_mb_per_s),
            base64_encode_mb_per_s: self.base64_encode_mb_per_s.max(other.base64_encode_mb_per_s),
            md5_ns: self.md5_ns.min(other.md5_ns),
            crc32c_mb_per_s: self.crc32c_mb_per_s.max(other.crc32c_mb_per_s),
            copy_mb_per_s: self.copy_mb_per_s.max(other.copy_mb_per_s),
        }
    }
}

/// Measures each for so long.
pub fn measure(length: Duration) -> Cpu {
    let mut bytes = vec![0; BODY_BYTES];
    let rng = SeededRng::new(1);
    rng.fill(&mut bytes);
    let text = base64_simd::STANDARD.encode_to_string(&bytes);
    let mut decoded = vec![0; BODY_BYTES];
    let mut encoded = vec![0; text.len()];
    let mb = BODY_BYTES as f64 / 1e6;
    let key = rng.uuid();
    let sources = vec![bytes.clone(); BODIES];
    let mut targets = vec![vec![0u8; BODY_BYTES]; BODIES];
    let mut at = 0;
    Cpu {
        sha256_mb_per_s: mb
            * per_second(length, || {
                black_box(ring::digest::digest(&ring::digest::SHA256, &bytes));
            }),
        base64_decode_mb_per_s: mb
            * per_second(length, || {
                let out = base64_simd::Out::from_slice(&mut decoded);
                black_box(base64_simd::STANDARD.decode(text.as_bytes(), out)).ok();
            }),
        base64_encode_mb_per_s: mb
            * per_second(length, || {
                let out = base64_simd::Out::from_slice(&mut encoded);
                black_box(base64_simd::STANDARD.encode(&bytes, out));
            }),
        md5_ns: 1e9
            / 500.0
            / per_second(length, || {
                for _ in 0..500 {
                    black_box(Md5::digest(black_box(key.as_bytes())));
                }
            }),
        crc32c_mb_per_s: mb
            * per_second(length, || {
                black_box(crc32c::crc32c(&bytes));
            }),
        copy_mb_per_s: mb
            * per_second(length, || {
                at = (at + 1) % BODIES;
                targets[at].copy_from_slice(black_box(&sources[at]));
            }),
    }
}

fn per_second(length: Duration, mut step: impl FnMut()) -> f64 {
    // The first touch of memory is not the step's.
    (0..BODIES).for_each(|_| step());
    let (begun, mut done) = (Instant::now(), 0u64);
    while begun.elapsed() < length {
        step();
        done += 1;
    }
    done as f64 / begun.elapsed().as_secs_f64()
}
