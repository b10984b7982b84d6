//! Names of condition operators: `[ForAllValues:|ForAnyValue:]OPERATOR[IfExists]`.

use std::cmp::Ordering;

use super::super::error::{Path, PolicyError, clipped};

/// An operator as it is named in a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    pub(super) set: Option<Set>,
    pub(super) base: Base,
    /// Whether `Not` stands in it: it holds where its positive form does not.
    pub(super) negated: bool,
    pub(super) if_exists: bool,
}

/// How the several values of a key are taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    /// `ForAllValues:`
    All,
    /// `ForAnyValue:`
    Any,
}

/// What is compared, without `Not`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Numeric(Comparison),
    Date(Comparison),
    Bool,
    Binary,
    Ip,
    /// `ArnEquals` and `ArnLike` mean the same.
    Arn,
    Null,
}

/// How the request's value must stand to the policy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

impl Comparison {
    pub(super) const fn holds(self, found: Ordering) -> bool {
        match self {
            Self::Equals => found.is_eq(),
            Self::LessThan => found.is_lt(),
            Self::LessThanEquals => found.is_le(),
            Self::GreaterThan => found.is_gt(),
            Self::GreaterThanEquals => found.is_ge(),
        }
    }
}

/// Every operator, and whether it is a negated one (IAM User Guide, "Condition operators").
const OPERATORS: [(&str, Base, bool); 27] = [
    ("StringEquals", Base::StringEquals, false),
    ("StringNotEquals", Base::StringEquals, true),
    ("StringEqualsIgnoreCase", Base::StringEqualsIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", Base::StringEqualsIgnoreCase, true),
    ("StringLike", Base::StringLike, false),
    ("StringNotLike", Base::StringLike, true),
    ("NumericEquals", Base::Numeric(Comparison::Equals), false),
    ("NumericNotEquals", Base::Numeric(Comparison::Equals), true),
    ("NumericLessThan", Base::Numeric(Comparison::LessThan), false),
    (
        "NumericLessThanEquals",
        Base::Numeric(Comparison::LessThanEquals),
        false,
    ),
    (
        "NumericGreaterThan",
        Base::Numeric(Comparison::GreaterThan),
        false,
    ),
    (
        "NumericGreaterThanEquals",
        Base::Numeric(Comparison::GreaterThanEquals),
        false,
    ),
    ("DateEquals", Base::Date(Comparison::Equals), false),
    ("DateNotEquals", Base::Date(Comparison::Equals), true),
    ("DateLessThan", Base::Date(Comparison::LessThan), false),
    (
        "DateLessThanEquals",
        Base::Date(Comparison::LessThanEquals),
        false,
    ),
    ("DateGreaterThan", Base::Date(Comparison::GreaterThan), false),
    (
        "DateGreaterThanEquals",
        Base::Date(Comparison::GreaterThanEquals),
        false,
    ),
    ("Bool", Base::Bool, false),
    ("BinaryEquals", Base::Binary, false),
    ("IpAddress", Base::Ip, false),
    ("NotIpAddress", Base::Ip, true),
    ("ArnEquals", Base::Arn, false),
    ("ArnLike", Base::Arn, false),
    ("ArnNotEquals", Base::Arn, true),
    ("ArnNotLike", Base::Arn, true),
    ("Null", Base::Null, false),
];

impl Operator {
    pub(super) fn parse(name: &str, path: &Path<'_>) -> Result<Self, PolicyError> {
        let (set, rest) = match name.split_once(':') {
            Some(("ForAllValues", rest)) => (Some(Set::All), rest),
            Some(("ForAnyValue", rest)) => (Some(Set::Any), rest),
            _ => (None, name),
        };
        let (rest, if_exists) = match rest.strip_suffix("IfExists") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let Some((_, base, negated)) = OPERATORS.iter().find(|(known, ..)| *known == rest) else {
            return Err(unknown(name, rest, path));
        };
        if *base == Base::Null && (set.is_some() || if_exists) {
            return Err(
                path.error("Null takes neither ForAllValues, ForAnyValue nor IfExists; write \"Null\" alone")
            );
        }
        Ok(Self {
            set,
            base: *base,
            negated: *negated,
            if_exists,
        })
    }
}

fn unknown(name: &str, base: &str, path: &Path<'_>) -> PolicyError {
    let meant = OPERATORS
        .iter()
        .find(|(known, ..)| known.eq_ignore_ascii_case(base))
        .map_or_else(String::new, |(known, ..)| {
            format!("; {known} is, with these capitals")
        });
    path.error(format!(
        "Syntax errors in policy. '{}' is no condition operator{meant}; see \"Condition operators\" in the IAM User Guide",
        clipped(name)
    ))
}
