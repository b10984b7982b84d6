//! The older parameters – Expected, QueryFilter, ScanFilter, KeyConditions, AttributeUpdates – as the forms that
//! expressions become.

use std::cmp::Ordering;

use millrace_api::Entries;
use millrace_api::dynamodb::{
    self as types, AttributeAction, AttributeValueUpdate, ComparisonOperator, ConditionalOperator,
    ExpectedAttributeValue,
};

use super::ExpressionError;
use super::ast::{
    Action, Assigned, Comparator, Condition, Literal, Operand, Path, Source, Step, Term, Test, Update,
};
use super::key_condition::{KeyCondition, RangeCondition};
use crate::dynamodb::model::{AttributeValue, Kind, from_wire};

const INVALID: &str = "One or more parameter values were invalid";

fn refused(what: impl Into<String>) -> ExpressionError {
    ExpressionError(what.into())
}

fn invalid(what: impl std::fmt::Display) -> ExpressionError {
    refused(format!("{INVALID}: {what}"))
}

fn value_of(value: types::AttributeValue) -> Result<AttributeValue, ExpressionError> {
    from_wire(value).map_err(|fault| refused(fault.to_string()))
}

/// Expected and its ConditionalOperator.
///
/// # Errors
/// [`ExpressionError`].
pub fn expected(
    expected: Option<Entries<ExpectedAttributeValue>>,
    operator: Option<ConditionalOperator>,
) -> Result<Option<Condition>, ExpressionError> {
    joined(expected, operator, expectation)
}

/// QueryFilter or ScanFilter and its ConditionalOperator.
///
/// # Errors
/// [`ExpressionError`].
pub fn conditions(
    filter: Option<Entries<types::Condition>>,
    operator: Option<ConditionalOperator>,
) -> Result<Option<Condition>, ExpressionError> {
    joined(filter, operator, |name, condition| {
        let types::Condition {
            attribute_value_list,
            comparison_operator,
        } = condition;
        let values = checked_values(comparison_operator, attribute_value_list.unwrap_or_default())?;
        Ok(steps(name, comparison_operator, values))
    })
}

/// KeyConditions.
///
/// # Errors
/// [`ExpressionError`].
pub fn key_conditions(conditions: Entries<types::Condition>) -> Result<Vec<KeyCondition>, ExpressionError> {
    let conditions = conditions.0.into_iter().map(|(name, condition)| {
        let operator = condition.comparison_operator;
        let values = checked_values(operator, condition.attribute_value_list.unwrap_or_default())?;
        let mut values = values.into_iter();
        let condition = match (operator, values.next(), values.next()) {
            (ComparisonOperator::Between, Some(low), Some(high)) => RangeCondition::Between(low, high),
            (ComparisonOperator::BeginsWith, Some(start), None) => RangeCondition::BeginsWith(start),
            (operator, Some(value), None) => match comparator(operator) {
                Some(Comparator::Ne) | None => RangeCondition::Unindexed,
                Some(comparator) => RangeCondition::Compare(comparator, value),
            },
            _ => RangeCondition::Unindexed,
        };
        let path = Path::of(name);
        Ok(KeyCondition { path, condition })
    });
    conditions.collect()
}

/// Joins the tests of all entries with AND or OR.
fn joined<T>(
    entries: Option<Entries<T>>,
    operator: Option<ConditionalOperator>,
    read: impl Fn(String, T) -> Result<Vec<Step>, ExpressionError>,
) -> Result<Option<Condition>, ExpressionError> {
    let entries = entries.map(|Entries(entries)| entries).unwrap_or_default();
    match (operator, entries.len()) {
        (Some(_), 0) => {
            return Err(refused(
                "ConditionalOperator cannot be used without Filter or Expected",
            ));
        }
        (Some(_), 1) => {
            return Err(refused(
                "ConditionalOperator can only be used when Filter or Expected has two or more elements",
            ));
        }
        _ => {}
    }
    let join = match operator {
        Some(ConditionalOperator::Or) => Step::Or,
        Some(ConditionalOperator::And) | None => Step::And,
    };
    let mut all: Vec<Step> = Vec::new();
    for (name, entry) in entries {
        let more = !all.is_empty();
        all.extend(read(name, entry)?);
        if more {
            all.push(join.clone());
        }
    }
    Ok(Some(Condition(all)).filter(|condition| !condition.0.is_empty()))
}

fn expectation(name: String, expected: ExpectedAttributeValue) -> Result<Vec<Step>, ExpressionError> {
    let ExpectedAttributeValue {
        value,
        exists,
        comparison_operator,
        attribute_value_list,
    } = expected;
    if value.is_some() && attribute_value_list.is_some() {
        return Err(invalid(format!(
            "Value and AttributeValueList cannot be used together for Attribute: {name}"
        )));
    }
    if let Some(operator) = comparison_operator {
        if exists.is_some() {
            return Err(invalid(format!(
                "Exists and ComparisonOperator cannot be used together for Attribute: {name}"
            )));
        }
        let valueless = matches!(operator, ComparisonOperator::Null | ComparisonOperator::NotNull);
        let values = attribute_value_list.or_else(|| value.map(|value| vec![value]));
        if values.is_none() && !valueless {
            return Err(invalid(format!(
                "Value or AttributeValueList must be used with ComparisonOperator: {} for Attribute: {name}",
                operator.as_str()
            )));
        }
        let values = checked_values(operator, values.unwrap_or_default())?;
        return Ok(steps(name, operator, values));
    }
    if attribute_value_list.is_some() {
        return Err(invalid(format!(
            "AttributeValueList can only be used with a ComparisonOperator for Attribute: {name}"
        )));
    }
    match (exists, value) {
        (Some(false), None) => Ok(vec![Step::Test(Test::NotExists(Path::of(name)))]),
        (Some(false), Some(_)) => Err(invalid(format!(
            "Value cannot be used when Exists is false for Attribute: {name}"
        ))),
        (exists, None) => {
            let exists = exists.map_or("null", |_| "true");
            Err(invalid(format!(
                "Value must be provided when Exists is {exists} for Attribute: {name}"
            )))
        }
        (_, Some(value)) => Ok(steps(name, ComparisonOperator::Eq, vec![value_of(value)?])),
    }
}

/// The values of a comparison, as many and of such types as it can have.
fn checked_values(
    operator: ComparisonOperator,
    values: Vec<types::AttributeValue>,
) -> Result<Vec<AttributeValue>, ExpressionError> {
    use ComparisonOperator as Op;
    let values: Vec<AttributeValue> = values.into_iter().map(value_of).collect::<Result<_, _>>()?;
    let enough = match operator {
        Op::Null | Op::NotNull => values.is_empty(),
        Op::Between => values.len() == 2,
        Op::In => !values.is_empty(),
        _ => values.len() == 1,
    };
    let name = operator.as_str();
    if !enough {
        return Err(invalid(format!(
            "Invalid number of argument(s) for the {name} ComparisonOperator"
        )));
    }
    let Some(kind) = values.first().map(AttributeValue::kind) else {
        return Ok(values);
    };
    if values.iter().any(|value| value.kind() != kind) {
        return Err(invalid(
            "AttributeValues inside AttributeValueList must be of same type",
        ));
    }
    let fits = match operator {
        Op::Eq | Op::Ne => true,
        Op::BeginsWith => matches!(kind, Kind::S | Kind::B),
        _ => kind.is_ordered(),
    };
    if !fits {
        return Err(invalid(format!(
            "ComparisonOperator {name} is not valid for {kind} AttributeValue type"
        )));
    }
    if let (Op::Between, [low, high]) = (operator, values.as_slice())
        && low.compare(high) == Some(Ordering::Greater)
    {
        return Err(refused(
            "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound",
        ));
    }
    Ok(values)
}

const fn comparator(operator: ComparisonOperator) -> Option<Comparator> {
    Some(match operator {
        ComparisonOperator::Eq => Comparator::Eq,
        ComparisonOperator::Ne => Comparator::Ne,
        ComparisonOperator::Lt => Comparator::Lt,
        ComparisonOperator::Le => Comparator::Le,
        ComparisonOperator::Gt => Comparator::Gt,
        ComparisonOperator::Ge => Comparator::Ge,
        _ => return None,
    })
}

/// A comparison whose values were checked.
fn steps(name: String, operator: ComparisonOperator, values: Vec<AttributeValue>) -> Vec<Step> {
    use ComparisonOperator as Op;
    let attribute = || Operand::Path(Path::of(name.clone()));
    let mut values = values
        .into_iter()
        .map(|value| Operand::Value(Literal::from(value)));
    let test = match (operator, values.next()) {
        (Op::Null, _) => Test::NotExists(Path::of(name)),
        (Op::NotNull, _) | (_, None) => Test::Exists(Path::of(name)),
        (Op::In, Some(first)) => Test::In(attribute(), std::iter::once(first).chain(values).collect()),
        (Op::Between, Some(low)) => match values.next() {
            Some(high) => Test::Between(attribute(), low, high),
            None => Test::Exists(Path::of(name)),
        },
        (Op::BeginsWith, Some(start)) => Test::BeginsWith(attribute(), start),
        (Op::Contains, Some(part)) => Test::Contains(attribute(), part),
        (Op::NotContains, Some(part)) => {
            // An attribute that is not there does not meet it.
            let contains = Step::Test(Test::Contains(attribute(), part));
            return vec![
                Step::Test(Test::Exists(Path::of(name))),
                contains,
                Step::Not,
                Step::And,
            ];
        }
        (operator, Some(value)) => {
            Test::Compare(comparator(operator).unwrap_or(Comparator::Eq), attribute(), value)
        }
    };
    vec![Step::Test(test)]
}

/// AttributeUpdates.
///
/// # Errors
/// [`ExpressionError`].
pub fn updates(updates: Entries<AttributeValueUpdate>) -> Result<Update, ExpressionError> {
    let actions = updates.0.into_iter().map(|(name, update)| {
        let path = Path::of(name);
        let action = update.action.unwrap_or(AttributeAction::Put);
        let Some(value) = update.value.map(value_of).transpose()? else {
            return match action {
                AttributeAction::Delete => Ok(Action::Remove(path)),
                AttributeAction::Put | AttributeAction::Add => Err(invalid(
                    "Only DELETE action is allowed when no attribute value is specified",
                )),
            };
        };
        let kind = value.kind();
        match action {
            AttributeAction::Put => {
                let source = Source {
                    either: Vec::new(),
                    or: Term::Value(value.into()),
                };
                Ok(Action::Set(path, Assigned::Is(source)))
            }
            AttributeAction::Add if kind == Kind::N || kind == Kind::L || kind.is_set() => {
                Ok(Action::Add(path, value.into()))
            }
            AttributeAction::Add => Err(invalid(format!(
                "ADD action is not supported for the type {}",
                kind.long_name()
            ))),
            AttributeAction::Delete if kind.is_set() => Ok(Action::Delete(path, value.into())),
            AttributeAction::Delete => Err(invalid(format!(
                "DELETE action with value is not supported for the type {}",
                kind.long_name()
            ))),
        }
    });
    Ok(Update {
        actions: actions.collect::<Result<_, _>>()?,
        legacy: true,
    })
}
