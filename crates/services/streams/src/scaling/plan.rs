//! Splits and merges for what is hot and what is cold.

use crate::state::{ReshardRequest, ShardIndex, StreamUid};
use crate::topology::HashRange;

use super::heat::Heat;

/// An open shard as it was measured.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) index: ShardIndex,
    pub(crate) range: HashRange,
    pub(crate) heat: Heat,
    /// Share of its throughput that is used.
    pub(crate) usage: f64,
    /// Hash keys of some of its last records.
    pub(crate) samples: Vec<u128>,
}

/// What is to be done; nothing where both are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Shards with the hash key at which the upper part starts.
    pub(crate) splits: Vec<(ShardIndex, u128)>,
    /// Pairs of adjacent shards.
    pub(crate) merges: Vec<(ShardIndex, ShardIndex)>,
}

impl Plan {
    /// The plan as a reshard of the stream it was made for.
    pub(crate) fn request(self, uid: StreamUid) -> ReshardRequest {
        let splits = self.splits.into_iter();
        ReshardRequest::Scale {
            uid,
            splits: splits.map(|(shard, at)| (shard, at.to_string())).collect(),
            merges: self.merges,
        }
    }
}

/// Splits the hottest shards, no more than `room`; if there are none, merges cold neighbours down to `least` shards.
pub(crate) fn plan(mut shards: Vec<Seen>, room: usize, least: usize) -> Plan {
    let mut plan = Plan::default();
    shards.sort_by(|a, b| b.usage.total_cmp(&a.usage));
    let hot = shards.iter().filter(|shard| shard.heat == Heat::Hot);
    let splits = hot.filter_map(|shard| Some((shard.index, split_at(shard.range, &shard.samples)?)));
    plan.splits.extend(splits.take(room));
    if !plan.splits.is_empty() {
        return plan;
    }
    shards.sort_by_key(|shard| shard.range.start);
    let mut rest = shards.as_slice();
    let mut left = shards.len();
    while let [lower, upper, behind @ ..] = rest {
        let both = lower.heat == Heat::Cold && upper.heat == Heat::Cold && lower.range.touches(upper.range);
        if both && left > least {
            plan.merges.push((lower.index, upper.index));
            left -= 1;
            rest = behind;
        } else {
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    plan
}

/// The hash key at which a hot range is split: where half of what comes is on either side, so that a hot key is taken
/// from its neighbours step by step. `None` for a range that cannot be split.
fn split_at(range: HashRange, samples: &[u128]) -> Option<u128> {
    // Both parts keep two hash keys at least (API reference, SplitShard).
    let (first, last) = (range.start.checked_add(2)?, range.end.checked_sub(1)?);
    if first > last {
        return None;
    }
    let mut samples: Vec<u128> = samples
        .iter()
        .copied()
        .filter(|hash| range.contains(*hash))
        .collect();
    samples.sort_unstable();
    let Some(middle) = samples.get(samples.len() / 2).copied() else {
        return Some(range.middle().clamp(first, last));
    };
    // It goes to the upper part, unless the lower one then takes less than it would with it – or nothing at all, where
    // it is the range's first.
    let below = samples.partition_point(|hash| *hash < middle);
    let upto = samples.partition_point(|hash| *hash <= middle);
    let uneven = |lower: usize| lower.abs_diff(samples.len() - lower);
    let upper = uneven(below) < uneven(upto) || (uneven(below) == uneven(upto) && middle > range.start);
    let at = if upper { middle } else { middle.saturating_add(1) };
    Some(at.clamp(first, last))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(index: u32, heat: Heat, usage: f64, samples: &[u128]) -> Seen {
        let ranges = HashRange::uniform(8);
        Seen {
            index: ShardIndex(index),
            range: ranges[index as usize],
            heat,
            usage,
            samples: samples.to_vec(),
        }
    }

    #[test]
    fn the_hottest_are_split_first() {
        let shards = vec![
            seen(0, Heat::Hot, 0.6, &[]),
            seen(1, Heat::Mild, 0.4, &[]),
            seen(2, Heat::Hot, 3.0, &[]),
            seen(3, Heat::Hot, 0.9, &[]),
            seen(4, Heat::Cold, 0.0, &[]),
            seen(5, Heat::Cold, 0.0, &[]),
        ];
        let plan = plan(shards, 2, 1);
        let split: Vec<u32> = plan.splits.iter().map(|(index, _)| index.0).collect();
        assert_eq!((split, plan.merges), (vec![2, 3], vec![]));
    }

    #[test]
    fn cold_neighbours_are_merged_down_to_the_least() {
        let shards = |least| {
            let heat = |i| if i == 3 { Heat::Mild } else { Heat::Cold };
            plan((0..8).map(|i| seen(i, heat(i), 0.0, &[])).collect(), 8, least).merges
        };
        let pairs = |pairs: &[(u32, u32)]| {
            pairs
                .iter()
                .map(|(a, b)| (ShardIndex(*a), ShardIndex(*b)))
                .collect::<Vec<_>>()
        };
        assert_eq!(shards(1), pairs(&[(0, 1), (4, 5), (6, 7)]));
        assert_eq!(shards(6), pairs(&[(0, 1), (4, 5)]));
        assert_eq!(shards(8), pairs(&[]));
    }

    #[test]
    fn one_hot_key_is_left_alone_after_a_few_splits() {
        let key = u128::MAX / 3;
        let mut range = HashRange::ALL;
        let mut splits = 0;
        while let Some(at) = split_at(range, &[key; 64]) {
            range = *range
                .split(at)
                .unwrap()
                .iter()
                .find(|part| part.contains(key))
                .unwrap();
            splits += 1;
        }
        assert!(splits <= 3, "{splits}");
        assert!(range.end - range.start < 4, "{range:?}");
    }

    proptest! {
        #[test]
        fn every_split_is_allowed_and_none_is_worse_than_the_middle_sample(
            start: u128, size in 0..u128::MAX, samples in prop::collection::vec(any::<u128>(), 0..65),
        ) {
            let range = HashRange { start, end: start.saturating_add(size) };
            let samples: Vec<u128> = samples.into_iter().map(|s| start.saturating_add(s % size.max(1))).collect();
            match split_at(range, &samples) {
                None => prop_assert!(range.end - range.start < 3),
                Some(at) => {
                    prop_assert!(at > range.start + 1 && at < range.end);
                    let lower = samples.iter().filter(|s| **s < at).count();
                    // Distinct samples are halved, as far as the range's ends allow.
                    let distinct: std::collections::BTreeSet<_> = samples.iter().collect();
                    if distinct.len() == samples.len() && at != range.start + 2 && at != range.end - 1 {
                        prop_assert!(lower.abs_diff(samples.len() - lower) <= 1, "{} of {}", lower, samples.len());
                    }
                }
            }
        }
    }
}
