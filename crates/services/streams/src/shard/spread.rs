//! Where records go whose stream distributes them itself (RecordDistributionStrategy AUTO): evenly, without chance.

use std::sync::atomic::{AtomicU64, Ordering};

/// 2^128 over the golden ratio: multiples of it, wrapped around, fill the hash keys evenly at every length, so that
/// shards get records in proportion to their ranges whatever these are.
const STEP: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

/// Yields hash keys.
#[derive(Debug, Default)]
pub(crate) struct Spread(AtomicU64);

impl Spread {
    /// The next record's hash key.
    pub(crate) fn next(&self) -> u128 {
        u128::from(self.0.fetch_add(1, Ordering::Relaxed)).wrapping_mul(STEP)
    }

    /// A number below `count`, evenly; 0 for none.
    pub(crate) fn below(&self, count: usize) -> usize {
        let scaled = (self.next() >> 64).saturating_mul(count as u128) >> 64;
        usize::try_from(scaled).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_gets_its_share() {
        let spread = Spread::default();
        let mut counts = [0; 7];
        for _ in 0..7000 {
            let at = usize::try_from(spread.next() / (u128::MAX / 7 + 1)).unwrap();
            counts[at] += 1;
        }
        assert!(
            counts.iter().all(|count| (996..=1004).contains(count)),
            "{counts:?}"
        );
    }
}
