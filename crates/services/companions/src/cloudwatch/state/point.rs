//! An aggregate: count, sum, least and greatest of the values of some time, and how they spread.

use super::spread::Spread;
use crate::cloudwatch::limits::{POINT_BYTES, SPREAD_VALUE_BYTES};

/// Count, sum, least and greatest of some values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StatisticSet {
    /// How many values there are; above zero.
    pub count: f64,
    /// All of them together.
    pub sum: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl StatisticSet {
    /// `count` times the same value.
    #[must_use]
    pub const fn of(value: f64, count: f64) -> Self {
        Self {
            count,
            sum: value * count,
            min: value,
            max: value,
        }
    }

    /// Takes the values of another set in.
    pub fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Whether it can only be of one value, however often: then it says everything that its values would (CloudWatch
    /// User Guide, percentiles of statistic sets).
    pub(crate) fn is_of_one_value(&self) -> bool {
        self.min == self.max && (self.count == 1.0 || self.sum == self.min * self.count)
    }
}

/// What was measured: one set, or single values with their counts. Never empty; counts are above zero.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Measured {
    Set(StatisticSet),
    Values(Vec<(f64, f64)>),
}

/// An aggregate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) set: StatisticSet,
    pub(crate) spread: Spread,
}

impl Point {
    /// Of what was measured; `None` where that is empty.
    pub(crate) fn of(measured: &Measured) -> Option<Self> {
        match measured {
            Measured::Set(set) => Some(Self {
                set: *set,
                spread: if set.is_of_one_value() {
                    Spread::One
                } else {
                    Spread::Lost
                },
            }),
            Measured::Values(values) => {
                let mut sets = values
                    .iter()
                    .map(|(value, count)| StatisticSet::of(*value, *count));
                let mut set = sets.next()?;
                sets.for_each(|other| set.merge(other));
                Some(Self {
                    set,
                    spread: Spread::of(values.clone()),
                })
            }
        }
    }

    /// Takes another aggregate in.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.spread = Spread::merged((&self.spread, self.set), (&other.spread, other.set));
        self.set.merge(other.set);
    }

    /// What it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        POINT_BYTES + self.spread.kept() * SPREAD_VALUE_BYTES
    }
}
