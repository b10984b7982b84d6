//! Metric math: expressions over metrics (CloudWatch User Guide, "Using metric math").
//!
//! [`parse`] reads an expression, [`evaluate`] works it out over time lines. There are arithmetic (`+ - * / ^`),
//! comparisons and logic with parentheses, and the functions of `functions`; what else CloudWatch has is refused by its
//! name. A value is a number, a time line, or several time lines. Two time lines meet at the times that both have; what
//! is no finite number, such as a division by zero, is no datapoint.

mod evaluate;
mod functions;
mod lex;
mod parse;
#[cfg(test)]
mod tests;

use super::limits::TIMELINE_DATAPOINTS;

pub(crate) use evaluate::{Context, Work, evaluate};
pub(crate) use parse::{Expression, parse};

/// Values over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Timeline {
    pub(crate) label: String,
    /// Seconds between two values where none is missing.
    pub(crate) period: u64,
    /// Second and value, ascending.
    pub(crate) points: Vec<(u64, f64)>,
}

impl Timeline {
    /// What it costs to have it, in datapoints.
    pub(crate) fn cost(&self) -> usize {
        self.points.len() + TIMELINE_DATAPOINTS
    }

    /// The same with other values; those that are no finite number are left out.
    fn map(&self, f: impl Fn(u64, f64) -> f64) -> Self {
        let points = self.points.iter().map(|(at, value)| (*at, f(*at, *value)));
        self.with(points.filter(|(_, value)| value.is_finite()).collect())
    }

    fn with(&self, points: Vec<(u64, f64)>) -> Self {
        Self {
            label: self.label.clone(),
            period: self.period,
            points,
        }
    }

    /// The value at a second.
    fn at(&self, second: u64) -> Option<f64> {
        let at = self.points.binary_search_by_key(&second, |(at, _)| *at).ok()?;
        self.points.get(at).map(|(_, value)| *value)
    }
}

/// What an expression comes to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Quantity {
    /// A number.
    Scalar(f64),
    /// A time line.
    One(Timeline),
    /// Several.
    Many(Vec<Timeline>),
}

impl Quantity {
    /// What it costs to have it, in datapoints.
    pub(crate) fn cost(&self) -> usize {
        match self {
            Self::Scalar(_) => 1,
            Self::One(one) => one.cost(),
            Self::Many(many) => many.iter().map(Timeline::cost).sum(),
        }
    }
}
