//! The functions of metric math.

use std::collections::BTreeMap;

use super::evaluate::{Context, binary, each, evaluate, map};
use super::parse::Expression;
use super::{Quantity, Timeline};

/// Every function there is here, for those who ask for another.
const KNOWN: &str = "ABS, AVG, CEIL, DATAPOINT_COUNT, DIFF, DIFF_TIME, FILL, FIRST, FLOOR, IF, LAST, LOG, LOG10, MAX, \
                     METRIC_COUNT, METRICS, MIN, PERIOD, RATE, REMOVE_EMPTY, RUNNING_SUM, STDDEV, SUM, TIME_SERIES";

/// Calls a function by its name in capitals.
pub(super) fn call(
    name: &str,
    arguments: &[Expression],
    context: &mut Context<'_>,
) -> Result<Quantity, String> {
    match name {
        "METRICS" => return metrics(arguments, context),
        "FILL" => return fill(arguments, context),
        "IF" => return choose(arguments, context),
        "TIME_SERIES" => return time_series(arguments, context),
        "SEARCH" => {
            return Err(
                "SEARCH is not supported by this version of Millrace: name the metrics in queries of their \
                        own and use METRICS()"
                    .to_owned(),
            );
        }
        _ => {}
    }
    let simple = simple(name).ok_or_else(|| {
        format!("the function {name} is not supported by this version of Millrace, which has {KNOWN}")
    })?;
    let [argument] = arguments else {
        return Err(format!("{name} takes one argument"));
    };
    simple(name, evaluate(argument, context)?)
}

type Simple = fn(&str, Quantity) -> Result<Quantity, String>;

/// The functions of one argument that need nothing else.
fn simple(name: &str) -> Option<Simple> {
    Some(match name {
        "ABS" => |_, of| Ok(map(of, |_, value| value.abs())),
        "CEIL" => |_, of| Ok(map(of, |_, value| value.ceil())),
        "FLOOR" => |_, of| Ok(map(of, |_, value| value.floor())),
        "LOG" => |_, of| Ok(map(of, |_, value| value.ln())),
        "LOG10" => |_, of| Ok(map(of, |_, value| value.log10())),
        "AVG" => |name, of| summary(name, of, mean),
        "MAX" => |name, of| summary(name, of, |v| v.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        "MIN" => |name, of| summary(name, of, |v| v.iter().copied().fold(f64::INFINITY, f64::min)),
        "STDDEV" => |name, of| summary(name, of, deviation),
        "SUM" => |name, of| summary(name, of, |values| values.iter().sum()),
        "DATAPOINT_COUNT" => |name, of| summary(name, of, |values| count(values.len())),
        "DIFF" => |name, of| each(of, name, |one| steps(one, |_, a, b| b - a)),
        "DIFF_TIME" => |name, of| each(of, name, |one| steps(one, |seconds, _, _| seconds)),
        "RATE" => |name, of| each(of, name, |one| steps(one, |seconds, a, b| (b - a) / seconds)),
        "RUNNING_SUM" => |name, of| each(of, name, running_sum),
        "FIRST" => |name, of| pick(name, of, |many| many.into_iter().next()),
        "LAST" => |name, of| pick(name, of, |mut many| many.pop()),
        "METRIC_COUNT" => |name, of| many(name, of).map(|many| Quantity::Scalar(count(many.len()))),
        "REMOVE_EMPTY" => |name, of| {
            let kept = many(name, of)?.into_iter().filter(|one| !one.points.is_empty());
            Ok(Quantity::Many(kept.collect()))
        },
        "PERIOD" => |name, of| match of {
            Quantity::One(one) => Ok(Quantity::Scalar(seconds(one.period))),
            _ => Err(format!("{name} is of one time line")),
        },
        _ => return None,
    })
}

/// Seconds of the log's time are far below what a double holds exactly.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn seconds(seconds: u64) -> f64 {
    seconds as f64
}

#[expect(clippy::cast_precision_loss, reason = "a count of what is in memory")]
fn count(count: usize) -> f64 {
    count as f64
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len())
}

/// Of the values as they are, not as a sample.
fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares = values.iter().map(|value| (value - mean) * (value - mean));
    (squares.sum::<f64>() / count(values.len())).sqrt()
}

/// Of a time line: one number over all of its values. Of several: one time line over all of their values at each time.
fn summary(name: &str, of: Quantity, f: fn(&[f64]) -> f64) -> Result<Quantity, String> {
    match of {
        Quantity::Scalar(_) => Err(format!(
            "{name} is of a time line or a list of them, not of a number"
        )),
        Quantity::One(one) => {
            let values: Vec<f64> = one.points.iter().map(|(_, value)| *value).collect();
            Ok(Quantity::Scalar(
                if values.is_empty() && name != "DATAPOINT_COUNT" {
                    f64::NAN
                } else {
                    f(&values)
                },
            ))
        }
        Quantity::Many(many) => {
            let mut by_time: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
            for (at, value) in many.iter().flat_map(|one| &one.points) {
                by_time.entry(*at).or_default().push(*value);
            }
            let points = by_time.into_iter().map(|(at, values)| (at, f(&values)));
            Ok(Quantity::One(Timeline {
                label: name.to_owned(),
                period: many.iter().map(|one| one.period).max().unwrap_or(60),
                points: points.filter(|(_, value)| value.is_finite()).collect(),
            }))
        }
    }
}

/// From each value and the one before, with the seconds between.
fn steps(one: &Timeline, f: impl Fn(f64, f64, f64) -> f64) -> Timeline {
    let pairs = one.points.iter().zip(one.points.iter().skip(1));
    let points = pairs.map(|((before, a), (at, b))| (*at, f(seconds(at - before), *a, *b)));
    one.with(points.filter(|(_, value)| value.is_finite()).collect())
}

fn running_sum(one: &Timeline) -> Timeline {
    let mut sum = 0.0;
    let points = one.points.iter().map(|(at, value)| {
        sum += value;
        (*at, sum)
    });
    one.with(points.collect())
}

fn many(name: &str, of: Quantity) -> Result<Vec<Timeline>, String> {
    match of {
        Quantity::Many(many) => Ok(many),
        Quantity::One(_) | Quantity::Scalar(_) => Err(format!("{name} is of a list of time lines")),
    }
}

fn pick(name: &str, of: Quantity, f: fn(Vec<Timeline>) -> Option<Timeline>) -> Result<Quantity, String> {
    Ok(Quantity::One(f(many(name, of)?).unwrap_or_default()))
}

/// `METRICS()` or `METRICS("part of an id")`
fn metrics(arguments: &[Expression], context: &mut Context<'_>) -> Result<Quantity, String> {
    let part = match arguments {
        [] => "",
        [Expression::Text(part)] => part.as_str(),
        _ => return Err("METRICS takes nothing, or a text that ids contain".to_owned()),
    };
    let chosen = context.metrics.iter().filter(|(id, _)| id.contains(part));
    Ok(Quantity::Many(
        chosen.map(|(_, timeline)| timeline.clone()).collect(),
    ))
}

/// `TIME_SERIES(number)`: the number in every period.
fn time_series(arguments: &[Expression], context: &mut Context<'_>) -> Result<Quantity, String> {
    let [argument] = arguments else {
        return Err("TIME_SERIES takes one argument".to_owned());
    };
    match evaluate(argument, context)? {
        Quantity::Scalar(value) => {
            let starts = context.window.starts(context.until);
            let points = starts.map(|at| (at, value)).filter(|_| value.is_finite());
            Ok(Quantity::One(Timeline {
                label: "TIME_SERIES".to_owned(),
                period: context.window.period,
                points: points.take(context.work.left().saturating_add(1)).collect(),
            }))
        }
        other => Ok(other),
    }
}

/// What stands where a value is missing.
enum Filling {
    Repeat,
    Linear,
    Number(f64),
    Like(Timeline),
}

/// `FILL(m1, 0)`, `FILL(m1, REPEAT)`, `FILL(m1, LINEAR)`, `FILL(m1, m2)`
fn fill(arguments: &[Expression], context: &mut Context<'_>) -> Result<Quantity, String> {
    let [of, filling] = arguments else {
        return Err("FILL takes a time line or a list of them, and what to fill in".to_owned());
    };
    let of = evaluate(of, context)?;
    let filling = match filling {
        Expression::Id(word) if word.eq_ignore_ascii_case("REPEAT") => Filling::Repeat,
        Expression::Id(word) if word.eq_ignore_ascii_case("LINEAR") => Filling::Linear,
        other => match evaluate(other, context)? {
            Quantity::Scalar(number) => Filling::Number(number),
            Quantity::One(one) => Filling::Like(one),
            Quantity::Many(_) => return Err("FILL fills in a number or one time line, not a list".to_owned()),
        },
    };
    let (window, until) = (context.window, context.until);
    // Paid before it is made: periods may be short and the time long.
    let lines = match &of {
        Quantity::Many(many) => many.len(),
        Quantity::One(_) | Quantity::Scalar(_) => 1,
    };
    let periods = window.len().saturating_mul(window.period.max(1));
    let shortest = match &of {
        Quantity::One(one) => one.period,
        Quantity::Many(many) => many.iter().map(|one| one.period).min().unwrap_or(60),
        Quantity::Scalar(_) => 60,
    };
    let most = usize::try_from(periods / shortest.max(1))
        .unwrap_or(usize::MAX)
        .saturating_mul(lines);
    if most > context.work.left() {
        return Err(
            "FILL takes more datapoints than one call may compute: use a longer period or a shorter time \
                    range"
                .to_owned(),
        );
    }
    each(of, "FILL", |one| {
        filled(one, &filling, window.start, window.end.min(until))
    })
}

fn filled(one: &Timeline, filling: &Filling, start: u64, end: u64) -> Timeline {
    let step = usize::try_from(one.period.max(1)).unwrap_or(usize::MAX);
    let mut known = one.points.iter().peekable();
    let mut before: Option<(u64, f64)> = None;
    let mut points = Vec::new();
    for at in (start..end).step_by(step) {
        while let Some((second, value)) = known.next_if(|(second, _)| *second <= at) {
            before = Some((*second, *value));
            points.push((*second, *value));
        }
        if before.is_some_and(|(second, _)| second == at) {
            continue;
        }
        let value = match (filling, before, known.peek()) {
            (Filling::Number(number), ..) => Some(*number),
            (Filling::Like(other), ..) => other.at(at),
            (Filling::Repeat, Some((_, value)), _) => Some(value),
            (Filling::Linear, Some((from, a)), Some((to, b))) => {
                Some(a + (b - a) * (seconds(at - from) / seconds(to - from)))
            }
            (Filling::Repeat | Filling::Linear, ..) => None,
        };
        points.extend(value.filter(|value| value.is_finite()).map(|value| (at, value)));
    }
    points.extend(known.copied());
    one.with(points)
}

/// `IF(condition, then)`, `IF(condition, then, otherwise)`: where nothing is chosen there is no value.
fn choose(arguments: &[Expression], context: &mut Context<'_>) -> Result<Quantity, String> {
    let (condition, then, otherwise) = match arguments {
        [condition, then] => (condition, then, None),
        [condition, then, otherwise] => (condition, then, Some(otherwise)),
        _ => return Err("IF takes a condition, what to take where it holds, and what otherwise".to_owned()),
    };
    let condition = evaluate(condition, context)?;
    let then = evaluate(then, context)?;
    let otherwise = match otherwise {
        Some(otherwise) => Some(evaluate(otherwise, context)?),
        None => None,
    };
    match condition {
        Quantity::Scalar(value) if value != 0.0 => Ok(then),
        Quantity::Scalar(_) => Ok(otherwise.unwrap_or(match then {
            Quantity::One(one) => Quantity::One(one.with(Vec::new())),
            _ => Quantity::Scalar(f64::NAN),
        })),
        Quantity::One(condition) => {
            let taken = |of: &Quantity, holds: bool| {
                // NaN is no value, so that it drops what the other branch has.
                let mask = condition.map(|_, value| f64::from(u8::from((value != 0.0) == holds)));
                binary(&Quantity::One(mask), of, |mask, value| {
                    if mask == 0.0 { f64::NAN } else { value }
                })
            };
            let mut parts = vec![taken(&then, true)?];
            if let Some(otherwise) = &otherwise {
                parts.push(taken(otherwise, false)?);
            }
            let mut points = Vec::new();
            for part in parts {
                match part {
                    Quantity::One(one) => points.extend(one.points),
                    _ => return Err("IF chooses between numbers and single time lines, not lists".to_owned()),
                }
            }
            points.sort_unstable_by_key(|(at, _)| *at);
            Ok(Quantity::One(condition.with(points)))
        }
        Quantity::Many(_) => Err("the condition of IF is one time line or a number, not a list".to_owned()),
    }
}
