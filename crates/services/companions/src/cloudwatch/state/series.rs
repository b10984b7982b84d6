//! Aggregates of one metric in one unit, by the minute and, where they came at high resolution, by the second.

use std::collections::VecDeque;

use super::point::Point;
use super::{Measured, Unit};
use crate::cloudwatch::limits::{MINUTES_KEPT, SECONDS_KEPT};

/// Aggregates of equal width, ascending by the second they begin at.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ring {
    points: VecDeque<(u64, Point)>,
}

impl Ring {
    /// Of aggregates that are ascending already; `None` where they are not.
    pub(crate) fn of(points: Vec<(u64, Point)>) -> Option<Self> {
        let ascending = points.is_sorted_by(|a, b| a.0 < b.0);
        ascending.then(|| Self {
            points: points.into(),
        })
    }

    /// Takes an aggregate in; yields by how many bytes it grew and by how many it shrank.
    pub(crate) fn add(&mut self, start: u64, point: &Point) -> (usize, usize) {
        let at = self.points.partition_point(|(known, _)| *known < start);
        match self.points.get_mut(at) {
            Some((known, kept)) if *known == start => {
                let before = kept.bytes();
                kept.merge(point);
                (kept.bytes(), before)
            }
            _ => {
                self.points.insert(at, (start, point.clone()));
                (point.bytes(), 0)
            }
        }
    }

    /// Forgets what begins before `start`; yields the bytes that were given back.
    pub(crate) fn cut(&mut self, start: u64) -> usize {
        let mut bytes = 0;
        while let Some((known, point)) = self.points.front() {
            if *known >= start {
                break;
            }
            bytes += point.bytes();
            self.points.pop_front();
        }
        bytes
    }

    /// The aggregates that begin in `[from, to)`, ascending.
    pub(crate) fn range(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, &Point)> {
        let at = self.points.partition_point(|(start, _)| *start < from);
        let points = self.points.iter().skip(at);
        points
            .take_while(move |(start, _)| *start < to)
            .map(|(start, point)| (*start, point))
    }

    /// All of them, ascending.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (u64, &Point)> {
        self.points.iter().map(|(start, point)| (*start, point))
    }

    pub(crate) fn first(&self) -> Option<u64> {
        self.points.front().map(|(start, _)| *start)
    }

    pub(crate) fn last(&self) -> Option<u64> {
        self.points.back().map(|(start, _)| *start)
    }
}

/// Aggregates of one metric in one unit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    pub(crate) unit: Unit,
    pub(crate) minutes: Ring,
    /// Of data with a storage resolution of one second; they are in `minutes` too.
    pub(crate) seconds: Ring,
}

impl Series {
    pub(crate) fn new(unit: Unit) -> Self {
        Self {
            unit,
            minutes: Ring::default(),
            seconds: Ring::default(),
        }
    }

    /// Takes what was measured at `second` in, as far as it is still kept at `now`. Yields by how many bytes it grew
    /// and by how many it shrank.
    pub(crate) fn add(&mut self, now: u64, second: u64, fine: bool, measured: &Measured) -> (usize, usize) {
        let Some(point) = Point::of(measured) else {
            return (0, 0);
        };
        let (mut grown, mut shrunk) = (0, 0);
        if second >= minutes_horizon(now) {
            let change = self.minutes.add(second - second % 60, &point);
            grown += change.0;
            shrunk += change.1;
        }
        if fine && second >= seconds_horizon(now) {
            let change = self.seconds.add(second, &point);
            grown += change.0;
            shrunk += change.1;
        }
        (grown, shrunk)
    }

    /// Whether something of it is older than what is kept at `now`.
    pub(crate) fn is_overdue(&self, now: u64) -> bool {
        let before = |first: Option<u64>, horizon: u64| first.is_some_and(|first| first < horizon);
        before(self.minutes.first(), minutes_horizon(now))
            || before(self.seconds.first(), seconds_horizon(now))
    }

    /// Forgets what is older than what is kept at `now`; yields the bytes that were given back.
    pub(crate) fn expire(&mut self, now: u64) -> usize {
        self.minutes.cut(minutes_horizon(now)) + self.seconds.cut(seconds_horizon(now))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.minutes.first().is_none() && self.seconds.first().is_none()
    }
}

/// The oldest second whose minute is kept, the start of a minute.
pub(super) fn minutes_horizon(now: u64) -> u64 {
    let second = now.saturating_sub(MINUTES_KEPT.as_secs());
    second - second % 60
}

/// The oldest second that is kept by itself.
fn seconds_horizon(now: u64) -> u64 {
    now.saturating_sub(SECONDS_KEPT.as_secs())
}
