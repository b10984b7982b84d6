//! Statistics by their names, and what they come to (CloudWatch User Guide, "CloudWatch statistics definitions").
//!
//! `SampleCount`, `Sum`, `Average`, `Minimum`, `Maximum`; `p95`; of the values within bounds: their mean `tm99` or
//! `TM(10%:90%)`, count `TC(…)`, sum `TS(…)`, the mean of all with the others drawn to the bounds `WM(…)`, the share
//! `PR(:300)`; `IQM`. Bounds are percentages of the values or values themselves: greater than the first, no greater
//! than the second. A percentile is the smallest value that so many percent are no greater than.

use super::Bucket;

/// A statistic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Statistic {
    SampleCount,
    Sum,
    Average,
    Minimum,
    Maximum,
    /// Percent.
    Percentile(f64),
    /// Of values within bounds.
    Within(Measure, Range),
}

/// What of the values within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// `TM`
    Mean,
    /// `TC`
    Count,
    /// `TS`
    Sum,
    /// `WM`
    Winsorized,
    /// `PR`
    Rank,
}

/// Bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Range {
    /// From so many percent of the values to so many.
    Percent(f64, f64),
    /// Greater than the first, no greater than the second.
    Values(f64, f64),
}

/// Most digits behind the point of a percentage.
const DECIMALS_MAX: usize = 10;

impl Statistic {
    /// The statistic of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "SampleCount" => Self::SampleCount,
            "Sum" => Self::Sum,
            "Average" => Self::Average,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            _ => return Self::parse_extended(name),
        })
    }

    /// The extended statistic of that name, in either case.
    pub(crate) fn parse_extended(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        if name == "iqm" {
            return Some(Self::Within(Measure::Mean, Range::Percent(25.0, 75.0)));
        }
        if let Some((measure, bounds)) = name.split_once('(') {
            return Some(Self::Within(
                measure_of(measure)?,
                range(measure, bounds.strip_suffix(')')?)?,
            ));
        }
        let digits = name.find(|c: char| c.is_ascii_digit())?;
        let (kind, number) = name.split_at_checked(digits)?;
        let percent = percent(number)?;
        match kind {
            "p" => Some(Self::Percentile(percent)),
            "pr" => None,
            _ => Some(Self::Within(measure_of(kind)?, Range::Percent(0.0, percent))),
        }
    }

    /// What it comes to; `None` where the data do not tell.
    pub(crate) fn of(self, bucket: &Bucket<'_>) -> Option<f64> {
        let set = bucket.set;
        let value = match self {
            Self::SampleCount => set.count,
            Self::Sum => set.sum,
            Self::Average => set.sum / set.count,
            Self::Minimum => set.min,
            Self::Maximum => set.max,
            Self::Percentile(percent) => percentile(&bucket.values()?, percent)?,
            Self::Within(measure, range) => within(&bucket.values()?, measure, range)?,
        };
        value.is_finite().then_some(value)
    }
}

fn measure_of(text: &str) -> Option<Measure> {
    Some(match text {
        "tm" => Measure::Mean,
        "tc" => Measure::Count,
        "ts" => Measure::Sum,
        "wm" => Measure::Winsorized,
        "pr" => Measure::Rank,
        _ => return None,
    })
}

/// `a:b`, either of which may be missing; percentages or values, not mixed.
fn range(measure: &str, bounds: &str) -> Option<Range> {
    let (low, high) = bounds.split_once(':')?;
    let side = |text: &str| match text.strip_suffix('%') {
        _ if text.is_empty() => Some(None),
        Some(number) => Some(Some((true, percent(number)?))),
        None => Some(Some((false, text.parse::<f64>().ok().filter(|n| n.is_finite())?))),
    };
    let (low, high) = (side(low)?, side(high)?);
    let relative = low.or(high)?.0;
    if low.is_some_and(|(kind, _)| kind != relative) || high.is_some_and(|(kind, _)| kind != relative) {
        return None;
    }
    if relative {
        let (low, high) = (low.map_or(0.0, |l| l.1), high.map_or(100.0, |h| h.1));
        (low < high && measure != "pr").then_some(Range::Percent(low, high))
    } else {
        let (low, high) = (
            low.map_or(f64::NEG_INFINITY, |l| l.1),
            high.map_or(f64::INFINITY, |h| h.1),
        );
        (low < high).then_some(Range::Values(low, high))
    }
}

fn percent(text: &str) -> Option<f64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let plain = digits(whole) && digits(decimals) && decimals.len() <= DECIMALS_MAX;
    let number: f64 = text.parse().ok().filter(|_| plain)?;
    (0.0..=100.0).contains(&number).then_some(number)
}

fn total(values: &[(f64, f64)]) -> f64 {
    values.iter().map(|(_, count)| count).sum()
}

fn percentile(values: &[(f64, f64)], percent: f64) -> Option<f64> {
    let rank = percent / 100.0 * total(values);
    let mut passed = 0.0;
    let reached = values.iter().find(|(_, count)| {
        passed += count;
        // A percentage of a count is seldom a binary fraction.
        passed >= rank * (1.0 - 1e-12)
    });
    reached.or_else(|| values.last()).map(|(value, _)| *value)
}

/// The values within the bounds, a share of its count for one that a bound in percent goes through.
fn inside(values: &[(f64, f64)], range: Range) -> Vec<(f64, f64)> {
    match range {
        Range::Values(low, high) => values
            .iter()
            .copied()
            .filter(|(value, _)| *value > low && *value <= high)
            .collect(),
        Range::Percent(low, high) => {
            let all = total(values);
            let (low, high) = (low / 100.0 * all, high / 100.0 * all);
            let mut passed = 0.0;
            let shares = values.iter().map(|(value, count)| {
                let share = (passed + count).min(high) - f64::max(passed, low);
                passed += count;
                (*value, share)
            });
            shares.filter(|(_, share)| *share > 0.0).collect()
        }
    }
}

fn within(values: &[(f64, f64)], measure: Measure, range: Range) -> Option<f64> {
    let sum = |values: &[(f64, f64)]| values.iter().map(|(value, count)| value * count).sum::<f64>();
    let kept = inside(values, range);
    Some(match measure {
        Measure::Count => total(&kept),
        Measure::Sum => sum(&kept),
        Measure::Rank => 100.0 * total(&kept) / total(values),
        Measure::Mean if kept.is_empty() => return None,
        Measure::Mean => sum(&kept) / total(&kept),
        Measure::Winsorized => {
            let (low, high) = match range {
                Range::Values(low, high) => (low, high),
                Range::Percent(low, high) => (percentile(values, low)?, percentile(values, high)?),
            };
            let drawn: Vec<(f64, f64)> = values
                .iter()
                .map(|(value, count)| (value.max(low).min(high), *count))
                .collect();
            sum(&drawn) / total(&drawn)
        }
    })
}
