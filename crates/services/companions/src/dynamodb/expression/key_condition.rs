//! Key conditions: which partition, and which range of its sort keys. Taken out of an ordinary condition, since they
//! are written as one.

use super::ExpressionError;
use super::ast::{Comparator, Condition, Operand, Path, Step, Test};
use crate::dynamodb::model::AttributeValue;

/// What is asked of one key attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyCondition {
    /// The attribute. A nested path is refused when the schema is known, which has a sentence of its own for it.
    pub path: Path,
    /// The condition.
    pub condition: RangeCondition,
}

/// A condition that keys in their order can answer.
#[derive(Clone, Debug, PartialEq)]
pub enum RangeCondition {
    /// Compares in any way but `<>`.
    Compare(Comparator, AttributeValue),
    /// Both bounds included.
    Between(AttributeValue, AttributeValue),
    /// A beginning.
    BeginsWith(AttributeValue),
    /// One that no order of keys can answer.
    Unindexed,
}

impl RangeCondition {
    /// The values it compares with.
    pub fn values(&self) -> impl Iterator<Item = &AttributeValue> {
        let (first, second) = match self {
            Self::Compare(_, value) | Self::BeginsWith(value) => (Some(value), None),
            Self::Between(low, high) => (Some(low), Some(high)),
            Self::Unindexed => (None, None),
        };
        first.into_iter().chain(second)
    }

    /// Whether a key's value meets it.
    #[must_use]
    pub fn holds(&self, value: &AttributeValue) -> bool {
        match self {
            Self::Compare(comparator, with) => comparator.holds(value, with),
            Self::Between(low, high) => Comparator::Ge.holds(value, low) && Comparator::Le.holds(value, high),
            Self::BeginsWith(start) => super::evaluate::begins_with(value, start),
            Self::Unindexed => false,
        }
    }
}

/// The key conditions that a condition consists of.
pub(super) fn of(condition: &Condition) -> Result<Vec<KeyCondition>, ExpressionError> {
    let mut found: Vec<KeyCondition> = Vec::new();
    for step in &condition.0 {
        match step {
            Step::And => {}
            Step::Or => return Err(invalid_operator("OR")),
            Step::Not => return Err(invalid_operator("NOT")),
            Step::Test(test) => {
                let one = single(test)?;
                if found.iter().any(|other| other.path == one.path) {
                    return Err(refused(
                        "KeyConditionExpressions must only contain one condition per key",
                    ));
                }
                found.push(one);
            }
        }
    }
    Ok(found)
}

fn refused(what: &str) -> ExpressionError {
    ExpressionError(what.to_owned())
}

fn invalid_operator(name: &str) -> ExpressionError {
    ExpressionError(format!("Invalid operator used in KeyConditionExpression: {name}"))
}

fn invalid(what: &str) -> ExpressionError {
    ExpressionError(format!("Invalid condition in KeyConditionExpression: {what}"))
}

fn single(test: &Test) -> Result<KeyCondition, ExpressionError> {
    match test {
        Test::Compare(Comparator::Ne, ..) => Err(invalid_operator("<>")),
        Test::In(..) => Err(invalid_operator("IN")),
        Test::Exists(_) => Err(invalid_operator("attribute_exists")),
        Test::NotExists(_) => Err(invalid_operator("attribute_not_exists")),
        Test::Type(..) => Err(invalid_operator("attribute_type")),
        Test::Contains(..) => Err(invalid_operator("contains")),
        Test::Compare(comparator, a, b) => compare(*comparator, a, b),
        Test::Between(a, low, high) => {
            let path = key_first("BETWEEN", a, &[low, high])?;
            let condition = RangeCondition::Between(value(low)?, value(high)?);
            Ok(KeyCondition { path, condition })
        }
        Test::BeginsWith(a, start) => {
            let path = key_first("begins_with", a, &[start])?;
            let condition = RangeCondition::BeginsWith(value(start)?);
            Ok(KeyCondition { path, condition })
        }
    }
}

/// `key = :value`, or the other way round.
fn compare(comparator: Comparator, a: &Operand, b: &Operand) -> Result<KeyCondition, ExpressionError> {
    let (path, comparator, with) = match (a, b) {
        (Operand::Size(_), _) | (_, Operand::Size(_)) => return Err(nested()),
        (Operand::Path(_), Operand::Path(_)) => return Err(two_names()),
        (Operand::Value(_), Operand::Value(_)) => return Err(invalid("No key attribute specified")),
        (Operand::Path(path), Operand::Value(value)) => (path, comparator, value),
        (Operand::Value(value), Operand::Path(path)) => (path, comparator.mirrored(), value),
    };
    Ok(KeyCondition {
        path: path.clone(),
        condition: RangeCondition::Compare(comparator, (*with.0).clone()),
    })
}

fn nested() -> ExpressionError {
    refused("KeyConditionExpressions cannot contain nested operations")
}

fn two_names() -> ExpressionError {
    invalid("Multiple attribute names used in one condition")
}

/// The path of an operator whose first operand must be the key, and no other a path.
fn key_first(operator: &str, first: &Operand, rest: &[&Operand]) -> Result<Path, ExpressionError> {
    if std::iter::once(&first)
        .chain(rest)
        .any(|operand| matches!(operand, Operand::Size(_)))
    {
        return Err(nested());
    }
    let Operand::Path(path) = first else {
        return Err(invalid(&format!(
            "{operator} operator must have the key attribute as its first operand"
        )));
    };
    if rest.iter().any(|operand| matches!(operand, Operand::Path(_))) {
        return Err(two_names());
    }
    Ok(path.clone())
}

fn value(operand: &Operand) -> Result<AttributeValue, ExpressionError> {
    match operand {
        Operand::Value(value) => Ok((*value.0).clone()),
        Operand::Path(_) | Operand::Size(_) => Err(nested()),
    }
}
