//! Conditions of statements (IAM User Guide, "Condition", "Condition operators", "Conditions with multiple context keys
//! or values").
//!
//! All operators of a block and all keys of an operator must hold; of a key's values in the policy one is enough, and of
//! a negated operator none may match. What AWS says of the rest:
//!
//! | the key is | plain | negated | `…IfExists` | `ForAllValues:` | `ForAnyValue:` |
//! |---|---|---|---|---|---|
//! | absent | no | yes | yes | yes | no |
//! | there | one value matches | none matches | as without | every value of the key does | one value of the key does |
//!
//! `IfExists` changes nothing beside `ForAllValues:` and `ForAnyValue:`. For these two a key whose values are all empty
//! texts is absent. A key with several values that is compared without them holds when any of its values does, and of
//! a negated operator when none does: AWS leaves that open and asks for the prefix. A value that is not of the
//! operator's kind – a name where a number is compared – matches nothing. A policy variable without a value matches
//! nothing either, so that a negated operator holds.

mod arn;
mod date;
mod ip;
mod number;
mod operator;
#[cfg(test)]
mod tests;

use core::net::IpAddr;

use base64_simd::STANDARD;

use self::arn::ArnPattern;
use self::ip::Range;
use self::number::Number;
use self::operator::{Base, Comparison, Operator, Set};
use super::context::{Context, Value};
use super::document::Node;
use super::error::{Path, PolicyError, clipped};
use super::glob::Glob;
use super::text::{Pattern, Syntax, whole};

/// One key under one operator.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    operator: Operator,
    /// In lower case.
    key: Box<str>,
    test: Test,
}

/// What the policy holds a value against; one of them must match.
#[derive(Clone, Debug)]
enum Test {
    Text(Box<[Pattern<Glob>]>),
    TextIgnoringCase(Box<[Pattern<Glob>]>),
    Numbers(Comparison, Box<[Number]>),
    Dates(Comparison, Box<[i64]>),
    Booleans(Box<[Pattern<Glob>]>),
    Binaries(Box<[Box<[u8]>]>),
    Ranges(Box<[Range]>),
    Arns(Box<[ArnPattern]>),
    /// Whether the key must be absent.
    Null(Box<[bool]>),
}

/// Compiles a `Condition` element.
pub(super) fn compile(
    node: &Node<'_>,
    variables: bool,
    path: &Path<'_>,
) -> Result<Box<[Condition]>, PolicyError> {
    let mut conditions = Vec::new();
    for (name, keys) in node.object(path)? {
        let path = path.member(name);
        let operator = Operator::parse(name, &path)?;
        for (key, values) in keys.object(&path)? {
            let path = path.member(key);
            conditions.push(Condition {
                operator,
                key: key_name(key, &path)?,
                test: Test::compile(operator.base, values, variables, &path)?,
            });
        }
    }
    Ok(conditions.into())
}

fn key_name(key: &str, path: &Path<'_>) -> Result<Box<str>, PolicyError> {
    match key.split_once(':') {
        Some((vendor, name)) if !vendor.is_empty() && !name.is_empty() => Ok(key.to_ascii_lowercase().into()),
        _ => Err(path.error(format!(
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. Write for instance aws:SourceIp \
             in place of '{}'",
            clipped(key)
        ))),
    }
}

impl Condition {
    pub(super) fn holds(&self, context: &Context<'_>) -> bool {
        let values = context.values(&self.key);
        if let Test::Null(absent) = &self.test {
            return absent.contains(&values.is_empty());
        }
        let Operator {
            set,
            negated,
            if_exists,
            ..
        } = self.operator;
        let matches = |value: &Value<'_>| self.test.matches(value, context);
        let Some(set) = set else {
            return if values.is_empty() {
                negated || if_exists
            } else {
                values.iter().any(matches) != negated
            };
        };
        let nothing = values
            .iter()
            .all(|value| matches!(value, Value::Text(text) if text.is_empty()));
        match set {
            Set::All => nothing || values.iter().all(|value| matches(value) != negated),
            Set::Any => !nothing && values.iter().any(|value| matches(value) != negated),
        }
    }
}

impl Test {
    fn compile(base: Base, values: &Node<'_>, variables: bool, path: &Path<'_>) -> Result<Self, PolicyError> {
        let texts = |wildcards: bool| {
            let syntax = Syntax { wildcards, variables };
            each(values, path, |text, path| Pattern::whole(text, syntax, path))
        };
        Ok(match base {
            Base::StringEquals => Self::Text(texts(false)?),
            Base::StringLike => Self::Text(texts(true)?),
            Base::StringEqualsIgnoreCase => Self::TextIgnoringCase(texts(false)?),
            Base::Numeric(comparison) => {
                Self::Numbers(comparison, read(values, path, "a number", Number::parse)?)
            }
            Base::Date(comparison) => Self::Dates(
                comparison,
                read(
                    values,
                    path,
                    "a point in time like 2026-01-31T12:00:00Z or seconds since 1970",
                    date::parse,
                )?,
            ),
            Base::Bool => {
                let patterns = texts(false)?;
                check_booleans(values, &patterns, path)?;
                Self::Booleans(patterns)
            }
            Base::Binary => Self::Binaries(read(values, path, "base64", |text| {
                STANDARD.decode_to_vec(text).ok().map(Vec::into_boxed_slice)
            })?),
            Base::Ip => Self::Ranges(read(
                values,
                path,
                "an address or a range in CIDR form, like 203.0.113.0/24 or 2001:db8::/32",
                Range::parse,
            )?),
            Base::Arn => Self::Arns(each(values, path, |text, path| {
                ArnPattern::parse(text, variables, path)
            })?),
            Base::Null => Self::Null(read(values, path, "true or false", boolean)?),
        })
    }

    /// Whether one of the policy's values matches this one of the request.
    fn matches(&self, value: &Value<'_>, context: &Context<'_>) -> bool {
        match self {
            Self::Text(patterns) => {
                let text = value.text();
                patterns.iter().any(|pattern| pattern.matches(&text, context))
            }
            Self::TextIgnoringCase(patterns) => {
                equal_to_any(patterns, &value.text(), context, same_ignoring_case)
            }
            Self::Numbers(comparison, numbers) => match as_number(value) {
                Some(found) => numbers.iter().any(|number| comparison.holds(found.cmp(number))),
                None => false,
            },
            Self::Dates(comparison, dates) => match as_date(value) {
                Some(found) => dates.iter().any(|date| comparison.holds(found.cmp(date))),
                None => false,
            },
            Self::Booleans(patterns) => {
                let text = value.text();
                boolean(&text).is_some() && equal_to_any(patterns, &text, context, str::eq_ignore_ascii_case)
            }
            Self::Binaries(binaries) => STANDARD
                .decode_to_vec(value.text().as_bytes())
                .is_ok_and(|found| binaries.iter().any(|binary| **binary == *found)),
            Self::Ranges(ranges) => {
                as_ip(value).is_some_and(|address| ranges.iter().any(|range| range.contains(address)))
            }
            Self::Arns(patterns) => {
                let text = value.text();
                patterns.iter().any(|pattern| pattern.matches(&text, context))
            }
            Self::Null(_) => false,
        }
    }
}

fn equal_to_any(
    patterns: &[Pattern<Glob>],
    text: &str,
    context: &Context<'_>,
    same: fn(&str, &str) -> bool,
) -> bool {
    patterns.iter().any(|pattern| {
        pattern.holds(context, whole, |glob| {
            glob.literal().is_some_and(|literal| same(literal, text))
        })
    })
}

fn same_ignoring_case(a: &str, b: &str) -> bool {
    let lower = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<String>();
    a.eq_ignore_ascii_case(b) || (!(a.is_ascii() && b.is_ascii()) && lower(a) == lower(b))
}

fn as_number(value: &Value<'_>) -> Option<Number> {
    match value {
        Value::Number(number) => Some(Number::from(*number)),
        other => Number::parse(&other.text()),
    }
}

/// Milliseconds since the Unix epoch.
fn as_date(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Time(time) => i64::try_from(time.0).ok(),
        Value::Number(seconds) => i64::try_from(*seconds).ok()?.checked_mul(1000),
        other => date::parse(&other.text()),
    }
}

fn as_ip(value: &Value<'_>) -> Option<IpAddr> {
    match value {
        Value::Ip(address) => Some(*address),
        Value::Text(text) => text.parse().ok().map(|address: IpAddr| address.to_canonical()),
        _ => None,
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn check_booleans(values: &Node<'_>, patterns: &[Pattern<Glob>], path: &Path<'_>) -> Result<(), PolicyError> {
    let mut patterns = patterns.iter();
    each(values, path, |text, path| match patterns.next() {
        Some(Pattern::Fixed(glob)) if glob.literal().and_then(boolean).is_none() => {
            Err(path.error(format!("must be true or false, not '{}'", clipped(text))))
        }
        _ => Ok(()),
    })?;
    Ok(())
}

/// Reads every value with `parse`; `wanted` says what one must be.
fn read<T>(
    values: &Node<'_>,
    path: &Path<'_>,
    wanted: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Box<[T]>, PolicyError> {
    each(values, path, |text, path| {
        parse(text).ok_or_else(|| path.error(format!("must be {wanted}, not '{}'", clipped(text))))
    })
}

/// Calls `each` for every value: strings, numbers and truth values, all as text.
fn each<T>(
    values: &Node<'_>,
    path: &Path<'_>,
    mut each: impl FnMut(&str, &Path<'_>) -> Result<T, PolicyError>,
) -> Result<Box<[T]>, PolicyError> {
    let is_list = matches!(values, Node::List(_));
    let elements = values.elements().iter().enumerate();
    elements
        .map(|(index, value)| {
            let inner = path.index(index);
            let at = if is_list { &inner } else { path };
            match value {
                Node::Text(text) => each(text, at),
                Node::Number(text) => each(text, at),
                Node::Boolean(true) => each("true", at),
                Node::Boolean(false) => each("false", at),
                other => Err(at.error(format!(
                    "must be a string, a number, a truth value or a list of these, not {}",
                    other.what()
                ))),
            }
        })
        .collect()
}
