//! The shape of what is put: how many records of which size under which keys, and in which form they travel.

use millrace_base::{Rng, SeededRng};

/// Different keys of a skewed load.
const ZIPF_KEYS: usize = 10_000;
/// Bytes of payload that are laid out before a load begins, at most about so many.
const LAID_OUT_BYTES: usize = 16 << 20;

/// What one call puts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Records of a call; 1 is PutRecord.
    pub records: usize,
    /// Bytes of data of a record.
    pub bytes: usize,
    /// How keys are spread.
    pub keys: Keys,
    /// How a body is written.
    pub codec: Codec,
    /// How it is carried.
    pub http: Http,
}

/// How partition keys are spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keys {
    /// Every record has a key of its own.
    Uniform,
    /// Few keys are frequent: the nth of 10,000 with a weight of 1/n.
    Zipf,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Codec {
    /// As `boto3` writes it.
    Json,
    /// As the Java SDK writes it.
    Cbor,
}

/// How requests are carried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Http {
    /// HTTP/1.1, keep-alive.
    One,
    /// HTTP/2 in clear text, known beforehand to be spoken (RFC 9113 3.3).
    Two,
}

impl Shape {
    /// PutRecords as most of the tables have it: 500 × 1 KiB, uniform keys, JSON over HTTP/1.1.
    pub const BATCH: Self = Self {
        records: 500,
        bytes: 1024,
        keys: Keys::Uniform,
        codec: Codec::Json,
        http: Http::One,
    };
    /// The same as single records.
    pub const ONE: Self = Self {
        records: 1,
        ..Self::BATCH
    };

    /// Bytes of payload of a call.
    pub fn payload(&self) -> u64 {
        (self.records * self.bytes) as u64
    }

    /// Different calls that are laid out ahead and made in turn.
    pub fn variants(&self) -> usize {
        (LAID_OUT_BYTES / (self.records * self.bytes)).clamp(4, 256)
    }

    /// Data and partition keys of one call.
    pub fn records(&self, rng: &SeededRng) -> Vec<(String, Vec<u8>)> {
        let zipf = (self.keys == Keys::Zipf).then(Zipf::new);
        let one = |_| {
            let mut data = vec![0; self.bytes];
            rng.fill(&mut data);
            let key = match &zipf {
                Some(zipf) => format!("key-{:05}", zipf.pick(rng.next_u64())),
                None => rng.uuid(),
            };
            (key, data)
        };
        (0..self.records).map(one).collect()
    }
}

/// Zipf's distribution with exponent 1, by its cumulated weights.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new() -> Self {
        let mut sum = 0.0;
        let weights = (1..=ZIPF_KEYS).map(|n| {
            sum += 1.0 / n as f64;
            sum
        });
        Self(weights.collect())
    }

    /// The rank that belongs to a random number.
    fn pick(&self, random: u64) -> usize {
        let all = self.0.last().copied().unwrap_or_default();
        let at = random as f64 / u64::MAX as f64 * all;
        self.0.partition_point(|sum| *sum < at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_skewed_load_is_as_frequent_as_its_weight() {
        let (zipf, rng) = (Zipf::new(), SeededRng::new(7));
        let picks = (0..20_000).filter(|_| zipf.pick(rng.next_u64()) == 0).count();
        // 1 of the 9.79 that the weights of 10,000 keys add up to.
        assert!((1800..2300).contains(&picks), "{picks}");
        assert_eq!(zipf.pick(0), 0);
        assert!(zipf.pick(u64::MAX) < ZIPF_KEYS);
    }

    #[test]
    fn calls_have_their_shape() {
        let shape = Shape {
            records: 3,
            bytes: 10,
            keys: Keys::Zipf,
            ..Shape::BATCH
        };
        let records = shape.records(&SeededRng::new(1));
        assert_eq!(records.len(), 3);
        assert!(
            records
                .iter()
                .all(|(k, d)| k.starts_with("key-") && d.len() == 10)
        );
        assert_eq!(Shape::BATCH.variants(), 32);
    }
}
