//! Sequence numbers: 56 decimal digits that say when their shard was created, which shard it is, and where in the
//! shard the record stands.
//!
//! ```text
//! hex: 2 | create_secs 9 | shard 1 (low digit) | index 16 | 00 | time_secs 9 | shard 8 | 2      47 digits
//! ```
//! The index is one more than the record's offset in its log: index 0 is the shard's start, before its first record.
//! The creation second stands first and a child's is greater than its parents', so numbers grow along lines of
//! descent as well as within a shard.

use std::fmt;

use millrace_base::Timestamp;
use millrace_log::Offset;

use crate::state::{Shard, ShardIndex};

/// Index in the number at which a closed shard ends: greater than that of every record.
pub const INDEX_END: u64 = i64::MAX.unsigned_abs();

/// A sequence number in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceNumber {
    /// Creation second of its shard; 36 bits.
    pub create_secs: u64,
    /// Its shard.
    pub shard: ShardIndex,
    /// One more than the record's offset in the shard's log; 0 is before the first record. 63 bits.
    pub index: u64,
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
            index: offset.saturating_add(1),
            time_secs: time.seconds(),
        }
    }

    /// Reads the decimal form; `None` for a text that is no number of this layout.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // 188 bits have at most 57 digits.
        if text.is_empty() || text.len() > 57 || text.starts_with('0') {
            return None;
        }
        let mut limbs = [0u32; 6];
        for digit in text.bytes() {
            let mut carry = u64::from(digit.checked_sub(b'0').filter(|d| *d < 10)?);
            for limb in &mut limbs {
                let word = u64::from(*limb) * 10 + carry;
                *limb = u32::try_from(word & 0xffff_ffff).ok()?;
                carry = word >> 32;
            }
            if carry > 0 {
                return None;
            }
        }
        let [a, b, c, d, e, f] = limbs.map(u128::from);
        let low = a | (b << 32) | ((c & 0xffff) << 64);
        let high = (c >> 16) | (d << 16) | (e << 48) | (f << 80);
        let field =
            |word: u128, shift: u32, bits: u32| u64::try_from((word >> shift) & ((1 << bits) - 1)).ok();
        let shard = u32::try_from(field(low, 4, 32)?).ok()?;
        let number = Self {
            create_secs: field(high, 68, 36)?,
            shard: ShardIndex(shard),
            index: field(high, 0, 64)?,
            time_secs: field(low, 36, 36)?,
        };
        // Whatever the fields do not hold – versions, the shard's repeated digit, the zero byte – must be as written.
        (number.index <= INDEX_END && number.to_string() == text).then_some(number)
    }

    /// The offset to read from, to get this record and all behind it.
    #[must_use]
    pub const fn at(&self) -> Offset {
        self.index.saturating_sub(1)
    }

    /// The offset to read from, to get everything behind this record.
    #[must_use]
    pub const fn after(&self) -> Offset {
        self.index
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = digits(&groups(self));
        f.write_str(std::str::from_utf8(&digits).unwrap_or_default())
    }
}

/// Decimal digits of every number: twice to three times 2^184.
pub(crate) const DIGITS: usize = 56;
/// Decimal digits of a group.
const GROUP_DIGITS: usize = 9;
/// Numbers in a group, from 0.
const GROUP: u32 = 1_000_000_000;
/// A number in groups of nine digits, the least first; the last group has two.
type Groups = [u32; 7];
/// What one more record adds: 2^80, in groups.
const STEP: Groups = [174_706_176, 819_614_629, 1_208_925, 0, 0, 0, 0];

/// Writes numbers one behind the other: that of the next record of the same append costs an addition, and only the
/// digits that change.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    /// The last number of a shard, by the shard's index: an answer to PutRecords goes back and forth between shards.
    last: [Option<Written>; WRITER_SHARDS],
}

const WRITER_SHARDS: usize = 8;

#[derive(Debug)]
struct Written {
    number: SequenceNumber,
    groups: Groups,
    digits: [u8; DIGITS],
}

impl Writer {
    /// Appends the number's digits.
    pub(crate) fn write(&mut self, number: &SequenceNumber, out: &mut Vec<u8>) {
        let slot = &mut self.last[number.shard.0 as usize % WRITER_SHARDS];
        let written = match slot {
            Some(last) if follows(&last.number, number) => {
                let groups = add(&last.groups, &STEP);
                let slots = last.digits.rchunks_mut(GROUP_DIGITS);
                for (slot, (new, old)) in slots.zip(groups.iter().zip(&last.groups)) {
                    if new != old {
                        write_group(*new, slot);
                    }
                }
                (last.number, last.groups) = (*number, groups);
                last
            }
            slot => {
                let groups = groups(number);
                slot.insert(Written {
                    number: *number,
                    groups,
                    digits: digits(&groups),
                })
            }
        };
        out.extend_from_slice(&written.digits);
    }
}

/// Whether `number` is `last` with an index one higher.
fn follows(last: &SequenceNumber, number: &SequenceNumber) -> bool {
    let mut next = *last;
    next.index = last.index.saturating_add(1);
    next == *number && number.index <= INDEX_END
}

fn add(a: &Groups, b: &Groups) -> Groups {
    let mut carry = 0;
    let mut sum = [0; 7];
    for (slot, (a, b)) in sum.iter_mut().zip(a.iter().zip(b)) {
        // Three summands of at most 10^9 fit in 32 bits.
        let word = a + b + carry;
        carry = u32::from(word >= GROUP);
        *slot = word - carry * GROUP;
    }
    sum
}

fn groups(number: &SequenceNumber) -> Groups {
    let shard = u128::from(number.shard.0);
    let high = (2u128 << 104)
        | (u128::from(number.create_secs.min(SECS_MAX)) << 68)
        | ((shard & 0xf) << 64)
        | u128::from(number.index.min(INDEX_END));
    let low = (u128::from(number.time_secs.min(SECS_MAX)) << 36) | (shard << 4) | 2;
    // high * 2^80 + low, in limbs of 32 bits, then divided down to groups.
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
    for group in &mut groups {
        let mut rest = 0u64;
        for limb in limbs.iter_mut().rev() {
            let word = (rest << 32) | u64::from(*limb);
            *limb = u32::try_from(word / u64::from(GROUP)).unwrap_or(0);
            rest = word % u64::from(GROUP);
        }
        *group = u32::try_from(rest).unwrap_or(0);
    }
    groups
}

fn digits(groups: &Groups) -> [u8; DIGITS] {
    let mut digits = [b'0'; DIGITS];
    // Groups do not wait for each other, so that their divisions overlap.
    for (slot, group) in digits.rchunks_mut(GROUP_DIGITS).zip(groups) {
        write_group(*group, slot);
    }
    digits
}

fn write_group(group: u32, slot: &mut [u8]) {
    let mut rest = group;
    for digit in slot.iter_mut().rev() {
        *digit = b"0123456789".get((rest % 10) as usize).copied().unwrap_or(b'0');
        rest /= 10;
    }
}

/// `StartingSequenceNumber`
#[must_use]
pub fn starting(shard: &Shard) -> SequenceNumber {
    SequenceNumber {
        create_secs: shard.create_secs,
        shard: shard.index,
        index: 0,
        time_secs: shard.create_secs,
    }
}

/// `EndingSequenceNumber`; `None` while the shard is open.
#[must_use]
pub fn ending(shard: &Shard) -> Option<SequenceNumber> {
    let closed = shard.closed?;
    Some(SequenceNumber {
        index: INDEX_END,
        ..SequenceNumber::of(shard, 0, closed.at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_that_of_the_service() {
        let number = |create_secs, shard, index, time_secs| SequenceNumber {
            create_secs,
            shard: ShardIndex(shard),
            index,
            time_secs,
        };
        for (text, create_secs, shard, index, time_secs) in [
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
            let number = number(create_secs, shard, index, time_secs);
            assert_eq!(number.to_string(), text);
            assert_eq!(SequenceNumber::parse(text), Some(number));
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "0",
            "1",
            "12a",
            "49646437577108476416916876405825929425585429676275269633",
            "99999999999999999999999999999999999999999999999999999999",
            "999999999999999999999999999999999999999999999999999999999",
        ] {
            assert_eq!(SequenceNumber::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_long_run_is_written_like_single_numbers() {
        let mut writer = Writer::default();
        for index in (INDEX_END - 5000)..=INDEX_END {
            let number = SequenceNumber {
                create_secs: 1_700_000_000,
                shard: ShardIndex(3),
                index,
                time_secs: 1_700_000_001,
            };
            let mut out = Vec::new();
            writer.write(&number, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
    }

    proptest::proptest! {
        #[test]
        fn numbers_come_back_and_grow(
            create_secs in 0..=SECS_MAX, shard: u32, index in 0..INDEX_END, time_secs in 0..SECS_MAX,
        ) {
            let number = SequenceNumber { create_secs, shard: ShardIndex(shard), index, time_secs };
            let text = number.to_string();
            proptest::prop_assert_eq!(SequenceNumber::parse(&text), Some(number));
            let next = SequenceNumber { index: index + 1, ..number };
            proptest::prop_assert!(text < next.to_string());
            let later = SequenceNumber { time_secs: time_secs + 1, ..next };
            let mut out = Vec::new();
            let mut writer = Writer::default();
            for number in [&number, &next, &next, &later, &number] {
                writer.write(number, &mut out);
                let written = out.split_off(0);
                proptest::prop_assert_eq!(String::from_utf8(written).unwrap(), number.to_string());
            }
        }
    }
}
