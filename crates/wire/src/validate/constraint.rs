//! The constraints one value can break, and their sentences.

use std::fmt;

use millrace_api::{Kind, Value};

use crate::limits::PATTERN_TEXT_CHARS_MAX;
use crate::pattern;

/// A constraint of a shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Constraint {
    LengthMin(u64),
    LengthMax(u64),
    IntegerMin(i64),
    IntegerMax(i64),
    DoubleMin(f64),
    DoubleMax(f64),
    Pattern(&'static str),
    Values(&'static [&'static str]),
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LengthMin(min) => write!(f, "Member must have length greater than or equal to {min}"),
            Self::LengthMax(max) => write!(f, "Member must have length less than or equal to {max}"),
            Self::IntegerMin(min) => write!(f, "Member must have value greater than or equal to {min}"),
            Self::IntegerMax(max) => write!(f, "Member must have value less than or equal to {max}"),
            Self::DoubleMin(min) => write!(f, "Member must have value greater than or equal to {min:?}"),
            Self::DoubleMax(max) => write!(f, "Member must have value less than or equal to {max:?}"),
            Self::Pattern(pattern) => write!(f, "Member must satisfy regular expression pattern: {pattern}"),
            Self::Values(values) => write!(f, "Member must satisfy enum value set: [{}]", values.join(", ")),
        }
    }
}

/// What of a value is measured.
#[derive(Clone, Copy)]
enum Measure<'a> {
    /// A text and its number of characters.
    Text(&'a str, u64),
    Length(u64),
    Integer(i64),
    Double(f64),
}

/// The constraints of its own kind that a value breaks, in the order AWS lists them.
pub(super) fn broken<'a>(kind: &'a Kind, value: &'a Value) -> impl Iterator<Item = Constraint> + use<'a> {
    let measure = measure(value);
    of(kind)
        .into_iter()
        .flatten()
        .filter(move |constraint| measure.is_some_and(|m| m.breaks(constraint, kind)))
}

/// Whether a value breaks a constraint of its own kind.
pub(super) fn breaks(kind: &Kind, value: &Value) -> bool {
    broken(kind, value).next().is_some()
}

/// Whether a map's key breaks a constraint of its kind.
pub(super) fn breaks_text(kind: &Kind, text: &str) -> bool {
    let measure = Measure::text(text);
    of(kind)
        .into_iter()
        .flatten()
        .any(|constraint| measure.breaks(&constraint, kind))
}

/// Every constraint of a kind, in brackets, as AWS writes them for elements of collections.
pub(super) fn all(kind: &Kind) -> String {
    let [pattern, min, max, values] = of(kind);
    let texts: Vec<String> = [max, min, pattern, values]
        .into_iter()
        .flatten()
        .map(|c| c.to_string())
        .collect();
    format!("[{}]", texts.join(", "))
}

/// The constraints of a kind: pattern, least, most, values.
fn of(kind: &Kind) -> [Option<Constraint>; 4] {
    let lengths = |min: &Option<u64>, max: &Option<u64>| {
        [
            None,
            min.map(Constraint::LengthMin),
            max.map(Constraint::LengthMax),
            None,
        ]
    };
    match kind {
        Kind::String {
            min,
            max,
            pattern,
            values,
        } => {
            let [_, min, max, _] = lengths(min, max);
            let values = (!values.is_empty()).then_some(Constraint::Values(values));
            [pattern.map(Constraint::Pattern), min, max, values]
        }
        Kind::List { min, max, .. } | Kind::Map { min, max, .. } | Kind::Blob { min, max, .. } => {
            lengths(min, max)
        }
        Kind::Integer { min, max } | Kind::Long { min, max } => [
            None,
            min.map(Constraint::IntegerMin),
            max.map(Constraint::IntegerMax),
            None,
        ],
        Kind::Double { min, max } => [
            None,
            min.map(Constraint::DoubleMin),
            max.map(Constraint::DoubleMax),
            None,
        ],
        Kind::Structure { .. } | Kind::Boolean | Kind::Timestamp(_) => [None; 4],
    }
}

fn measure(value: &Value) -> Option<Measure<'_>> {
    Some(match value {
        Value::String(text) => Measure::text(text),
        Value::List(items) => Measure::Length(length(items.len())),
        Value::Map(entries) => Measure::Length(length(entries.len())),
        Value::Blob(bytes) => Measure::Length(length(bytes.len())),
        Value::Integer(number) => Measure::Integer(*number),
        Value::Double(number) => Measure::Double(*number),
        Value::Struct(_) | Value::Boolean(_) | Value::Timestamp(_) => return None,
    })
}

fn length(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

impl<'a> Measure<'a> {
    fn text(text: &'a str) -> Self {
        Self::Text(text, length(text.chars().count()))
    }

    fn breaks(self, constraint: &Constraint, kind: &Kind) -> bool {
        match (self, constraint) {
            (Self::Text(_, len) | Self::Length(len), Constraint::LengthMin(min)) => len < *min,
            (Self::Text(_, len) | Self::Length(len), Constraint::LengthMax(max)) => len > *max,
            (Self::Integer(number), Constraint::IntegerMin(min)) => number < *min,
            (Self::Integer(number), Constraint::IntegerMax(max)) => number > *max,
            (Self::Double(number), Constraint::DoubleMin(min)) => number.is_nan() || number < *min,
            (Self::Double(number), Constraint::DoubleMax(max)) => number.is_nan() || number > *max,
            (Self::Text(text, _), Constraint::Values(values)) => !values.contains(&text),
            (Self::Text(text, len), Constraint::Pattern(pattern)) => {
                !far_too_long(kind, len) && !pattern::compiled(pattern).matches(text)
            }
            _ => false,
        }
    }
}

/// A text far beyond its own bound is refused for its length; matching it would only cost time.
fn far_too_long(kind: &Kind, len: u64) -> bool {
    let max = match kind {
        Kind::String { max, .. } => *max,
        _ => None,
    };
    max.is_some_and(|max| len > max) && len > length(PATTERN_TEXT_CHARS_MAX)
}
