//! Sequence numbers: 56 decimal digits that say when their shard was created, which shard it is, and where in the
//! shard the record stands.
//!
//! ```text
//! hex: 2 | create_secs 9 | shard 1 (low digit) | offset 16 | 00 | time_secs 9 | shard 8 | 2      47 digits
//! ```
//! The creation second stands first and a child's is greater than its parents', so numbers grow along lines of
//! descent as well as within a shard.

use std::fmt;

use millrace_base::Timestamp;
use millrace_log::Offset;

use crate::state::{Shard, ShardIndex};

/// Offset in the number at which a closed shard ends: greater than that of every record.
pub const OFFSET_END: u64 = i64::MAX.unsigned_abs();

/// A sequence number in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceNumber {
    /// Creation second of its shard; 36 bits.
    pub create_secs: u64,
    /// Its shard.
    pub shard: ShardIndex,
    /// The record's offset in the shard; 63 bits.
    pub offset: Offset,
    /// Second at which the record was appended; 36 bits.
    pub time_secs: u64,
}

/// The widest value of a 36-bit field.
const SECS_MAX: u64 = (1 << 36) - 1;

impl SequenceNumber {
    /// The number of the record at `offset` of `shard`, appended at `time`.
    #[must_use]
    pub fn of(shard: &Shard, offset: Offset, time: Timestamp) -> Self {
        Self {
            create_secs: shard.create_secs,
            shard: shard.index,
            offset,
            time_secs: time.seconds(),
        }
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shard = u128::from(self.shard.0);
        let high = (2u128 << 104)
            | (u128::from(self.create_secs.min(SECS_MAX)) << 68)
            | ((shard & 0xf) << 64)
            | u128::from(self.offset.min(OFFSET_END));
        let low = (u128::from(self.time_secs.min(SECS_MAX)) << 36) | (shard << 4) | 2;
        // high * 2^80 + low, in limbs of 32 bits, then divided down to decimal digits.
        let mut limbs = [0u32; 6];
        for (at, limb) in limbs.iter_mut().enumerate() {
            let bits = 32 * at;
            let word = (if bits < 128 { low >> bits } else { 0 })
                | match bits {
                    64 => high << 16,
                    bits if bits > 80 => high >> (bits - 80),
                    _ => 0,
                };
            *limb = u32::try_from(word & 0xffff_ffff).unwrap_or(0);
        }
        let mut groups = [0u32; 7];
        for group in groups.iter_mut().rev() {
            let mut rest = 0u64;
            for limb in limbs.iter_mut().rev() {
                let word = (rest << 32) | u64::from(*limb);
                *limb = u32::try_from(word / 1_000_000_000).unwrap_or(0);
                rest = word % 1_000_000_000;
            }
            *group = u32::try_from(rest).unwrap_or(0);
        }
        let [first, others @ ..] = groups;
        write!(f, "{first}")?;
        others.iter().try_for_each(|group| write!(f, "{group:09}"))
    }
}

/// `StartingSequenceNumber`
#[must_use]
pub fn starting(shard: &Shard) -> SequenceNumber {
    SequenceNumber {
        create_secs: shard.create_secs,
        shard: shard.index,
        offset: 0,
        time_secs: shard.create_secs,
    }
}

/// `EndingSequenceNumber`; `None` while the shard is open.
#[must_use]
pub fn ending(shard: &Shard) -> Option<SequenceNumber> {
    let closed = shard.closed?;
    Some(SequenceNumber::of(shard, OFFSET_END, closed.at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_that_of_the_service() {
        let number = |create_secs, shard, offset, time_secs| {
            SequenceNumber {
                create_secs,
                shard: ShardIndex(shard),
                offset,
                time_secs,
            }
            .to_string()
        };
        for (text, create_secs, shard, offset, time_secs) in [
            (
                "49646437577108476416916876405825929425585429676275269634",
                1700000000,
                0,
                0,
                1700000000,
            ),
            (
                "49646437577487589085292046249331865451555821126122733842",
                1700000001,
                17,
                123456789,
                1700000500,
            ),
            (
                "49039857308410916941220819497767064797934943537784160242",
                1,
                4294967295,
                9223372036854775807,
                68719476735,
            ),
        ] {
            assert_eq!(number(create_secs, shard, offset, time_secs), text);
        }
    }
}
