//! The aggregates of a series, joined by period.

use super::window::Window;
use crate::cloudwatch::state::{Point, Series, StatisticSet};

/// Everything in one period.
#[derive(Clone, Debug)]
pub(crate) struct Bucket<'a> {
    /// The second at which the period begins.
    pub(crate) start: u64,
    pub(crate) set: StatisticSet,
    points: Vec<&'a Point>,
}

impl Bucket<'_> {
    /// Values and counts, ascending; `None` where some came without their values.
    pub(crate) fn values(&self) -> Option<Vec<(f64, f64)>> {
        let mut values = Vec::new();
        for point in &self.points {
            values.extend(point.spread.values(point.set)?);
        }
        values.sort_unstable_by(|a: &(f64, f64), b| a.0.total_cmp(&b.0));
        Some(values)
    }
}

/// The periods that have data, ascending.
pub(crate) fn buckets(series: &Series, window: Window) -> Vec<Bucket<'_>> {
    let mut buckets: Vec<Bucket<'_>> = Vec::new();
    for (second, point) in points(series, window) {
        let start = window.floor(second);
        match buckets.last_mut() {
            Some(bucket) if bucket.start == start => {
                bucket.set.merge(point.set);
                bucket.points.push(point);
            }
            _ => buckets.push(Bucket {
                start,
                set: point.set,
                points: vec![point],
            }),
        }
    }
    buckets
}

/// Aggregates of the minute; for shorter periods those of the second, and those of the minute where there are no
/// others.
fn points(series: &Series, window: Window) -> Vec<(u64, &Point)> {
    let Window { start, end, period } = window;
    if period >= 60 {
        return series.minutes.range(start, end).collect();
    }
    let mut points: Vec<(u64, &Point)> = series.seconds.range(start, end).collect();
    let coarse = series
        .minutes
        .range(start, end)
        .filter(|(minute, _)| series.seconds.range(*minute, minute + 60).next().is_none());
    points.extend(coarse);
    points.sort_unstable_by_key(|(second, _)| *second);
    points
}
