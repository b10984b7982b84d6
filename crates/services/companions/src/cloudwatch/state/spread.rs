//! How the values of an aggregate spread: what percentiles and trimmed means need.
//!
//! Up to [`SPREAD_VALUES_MAX`] distinct values are kept as they are, so that every extended statistic is exact. Beyond,
//! the values that are nearest to each other, relative to their size, are joined pair by pair into their weighted mean:
//! count and sum stay exact, and a percentile is off by no more than the distance between neighbours. Of a set whose
//! single values nobody told, nothing is known.

use crate::cloudwatch::limits::SPREAD_VALUES_MAX;
use crate::cloudwatch::state::StatisticSet;

/// The values of an aggregate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Spread {
    /// All are the same.
    One,
    /// Values and counts, ascending by value, at least two and at most [`SPREAD_VALUES_MAX`].
    Values(Box<[(f64, f64)]>),
    /// Some came without their values.
    Lost,
}

impl Spread {
    /// Of values in any order.
    pub(crate) fn of(mut values: Vec<(f64, f64)>) -> Self {
        values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        values.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        while values.len() > SPREAD_VALUES_MAX {
            join_nearest(&mut values);
        }
        if values.len() < 2 {
            Self::One
        } else {
            Self::Values(values.into_boxed_slice())
        }
    }

    /// Of two aggregates, each with its set.
    pub(crate) fn merged(a: (&Self, StatisticSet), b: (&Self, StatisticSet)) -> Self {
        match (a.0.values(a.1), b.0.values(b.1)) {
            (Some(a), Some(b)) => Self::of([a, b].concat()),
            _ => Self::Lost,
        }
    }

    /// Values and counts, ascending; `None` where they are lost. `set` is that of the aggregate.
    pub(crate) fn values(&self, set: StatisticSet) -> Option<Vec<(f64, f64)>> {
        match self {
            Self::One => Some(vec![(set.min, set.count)]),
            Self::Values(values) => Some(values.to_vec()),
            Self::Lost => None,
        }
    }

    /// How many values are kept apart.
    pub(crate) fn kept(&self) -> usize {
        match self {
            Self::Values(values) => values.len(),
            Self::One | Self::Lost => 0,
        }
    }
}

/// Joins neighbours, the nearest first, until there are few enough or every value has been in one pair.
fn join_nearest(values: &mut Vec<(f64, f64)>) {
    let mut surplus = values.len().saturating_sub(SPREAD_VALUES_MAX);
    let mut gaps: Vec<(f64, usize)> = values
        .windows(2)
        .enumerate()
        .map(|(at, pair)| match pair {
            [(a, _), (b, _)] => ((b - a) / a.abs().max(b.abs()), at),
            _ => (f64::INFINITY, at),
        })
        .collect();
    gaps.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    // Whether a value is joined to the one before.
    let mut joined = vec![false; values.len() + 1];
    let mut taken = vec![false; values.len() + 1];
    for (_, at) in gaps {
        if surplus == 0 {
            break;
        }
        let free = |at: usize| taken.get(at) == Some(&false);
        if free(at) && free(at + 1) {
            for (flags, at) in [(&mut taken, at), (&mut joined, at + 1)] {
                if let Some(flag) = flags.get_mut(at) {
                    *flag = true;
                }
            }
            if let Some(flag) = taken.get_mut(at + 1) {
                *flag = true;
            }
            surplus -= 1;
        }
    }
    let mut joined = joined.into_iter();
    let mut thinned: Vec<(f64, f64)> = Vec::with_capacity(SPREAD_VALUES_MAX);
    for (value, count) in values.drain(..) {
        match (joined.next(), thinned.last_mut()) {
            (Some(true), Some((kept, kept_count))) => {
                let all = *kept_count + count;
                // Written so that it stays between the two, whatever their sizes.
                *kept += (value - *kept) * (count / all);
                *kept_count = all;
            }
            _ => thinned.push((value, count)),
        }
    }
    *values = thinned;
}
