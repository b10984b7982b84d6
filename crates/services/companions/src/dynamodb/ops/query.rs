//! Query, also of an index: a range of one partition, in either direction.

use millrace_api::dynamodb::{QueryInput, QueryOutput};
use millrace_wire::Caller;

use super::with_table;
use crate::dynamodb::Dynamodb;
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::expression::ast::Comparator;
use crate::dynamodb::expression::{self, Condition, KeyCondition, RangeCondition, Role};
use crate::dynamodb::model::key::{KeyFault, encode, encode_open, fault, partition};
use crate::dynamodb::model::{AttributeValue, Item, KeyAttribute};
use crate::dynamodb::request::{
    self, Answered, INVALID_START, Parameters, Reading, Source, attributes_to_get, start,
};
use crate::dynamodb::state::{Range, Table, check_key};

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    input: QueryInput,
) -> Result<QueryOutput, DynamodbError> {
    let key = request::source_key(caller, &input.table_name, input.index_name.as_deref())?;
    let reverse = input.scan_index_forward == Some(false);
    let legacy_filter = input.query_filter.is_some();
    let (reading, conditions) = read(input)?;
    reading.check()?;
    if !(1..=2).contains(&conditions.len()) {
        return Err(invalid("Conditions can be of length 1 or 2 only"));
    }
    let (source, page) = with_table(dynamodb, &key, |table| {
        let paths = conditions.iter().map(|condition| &condition.path);
        table.definition().check_paths(paths).map_err(invalid)?;
        let source = reading.source(table)?;
        let keys = Keys::of(&source, &conditions)?;
        check_filter(&source, reading.filter.as_ref(), legacy_filter)?;
        let mut range = keys.range();
        if let Some(start) = &reading.start {
            range = range.resumed(keys.place(table, &source, start)?, reverse);
        }
        let page = table.page(source.index, &range, reverse, reading.limit());
        Ok((source, page))
    })?;
    let Answered {
        items,
        count,
        scanned,
        last,
        capacity,
    } = reading.answer(&key.name, &source, &page);
    Ok(QueryOutput {
        items,
        count,
        scanned_count: scanned,
        last_evaluated_key: last,
        consumed_capacity: capacity,
    })
}

fn invalid(what: impl Into<String>) -> DynamodbError {
    DynamodbError::Invalid(what.into())
}

fn read(input: QueryInput) -> Result<(Reading, Vec<KeyCondition>), DynamodbError> {
    let parameters = Parameters {
        expressions: &[
            (Role::Projection, input.projection_expression.is_some()),
            (Role::Filter, input.filter_expression.is_some()),
            (Role::KeyCondition, input.key_condition_expression.is_some()),
        ],
        legacy: &[
            ("AttributesToGet", input.attributes_to_get.is_some()),
            ("QueryFilter", input.query_filter.is_some()),
            ("ConditionalOperator", input.conditional_operator.is_some()),
            ("KeyConditions", input.key_conditions.is_some()),
        ],
    };
    let mut given = parameters.placeholders(
        input.expression_attribute_names,
        input.expression_attribute_values,
    )?;
    let legacy_projection = input.attributes_to_get.is_some();
    let legacy = input.attributes_to_get.map(attributes_to_get).transpose()?;
    let legacy_filter = expression::conditions(input.query_filter, input.conditional_operator)?;
    let start = start(input.exclusive_start_key)?;
    let legacy_keys = input.key_conditions.map(expression::key_conditions).transpose()?;
    let filter = input.filter_expression;
    let filter = filter
        .map(|text| expression::condition(Role::Filter, &text, &mut given))
        .transpose()?;
    let keys = input.key_condition_expression;
    let keys = keys
        .map(|text| expression::key_condition(&text, &mut given))
        .transpose()?;
    let projection = input.projection_expression;
    let projection = projection
        .map(|text| expression::projection(&text, &mut given))
        .transpose()?;
    given.check_used()?;
    let conditions = keys.or(legacy_keys).ok_or_else(|| {
        invalid(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
        )
    })?;
    let reading = Reading {
        index: input.index_name,
        select: input.select,
        projection: projection.or(legacy),
        legacy_projection,
        filter: filter.or(legacy_filter),
        limit: input.limit,
        consistent: input.consistent_read == Some(true),
        start,
        capacity: input.return_consumed_capacity,
    };
    Ok((reading, conditions))
}

/// What narrows the keys cannot be filtered by again.
fn check_filter(source: &Source, filter: Option<&Condition>, legacy: bool) -> Result<(), DynamodbError> {
    let parameter = if legacy {
        "QueryFilter"
    } else {
        "Filter Expression"
    };
    let mut paths = filter.into_iter().flat_map(Condition::paths);
    match paths.find(|path| source.key().has(&path.head)) {
        Some(path) => Err(invalid(format!(
            "{parameter} can only contain non-primary key attributes: Primary key attribute: {}",
            path.head
        ))),
        None => Ok(()),
    }
}

/// The partition that is read, and what is asked of its sort keys.
struct Keys<'a> {
    hash: &'a AttributeValue,
    range: Option<&'a RangeCondition>,
}

impl<'a> Keys<'a> {
    fn of(source: &Source, conditions: &'a [KeyCondition]) -> Result<Self, DynamodbError> {
        let schema = source.key();
        let of = |attribute: &KeyAttribute| {
            let found = conditions
                .iter()
                .find(|condition| condition.path.head == attribute.name);
            found.map(|condition| &condition.condition)
        };
        let missed = |name: &str| invalid(format!("Query condition missed key schema element: {name}"));
        if schema.range.is_none() && conditions.len() > 1 {
            return Err(invalid("Query key condition not supported"));
        }
        let hash = of(&schema.hash).ok_or_else(|| missed(&schema.hash.name))?;
        check_condition(&schema.hash, hash, true)?;
        let RangeCondition::Compare(Comparator::Eq, hash) = hash else {
            return Err(invalid("Query key condition not supported"));
        };
        let mut range = None;
        if let Some(attribute) = &schema.range {
            range = of(attribute);
            match range {
                Some(condition) => check_condition(attribute, condition, false)?,
                None if conditions.len() > 1 => return Err(missed(&attribute.name)),
                None => {}
            }
        }
        Ok(Self { hash, range })
    }

    /// The keys that meet the conditions.
    fn range(&self) -> Range {
        let partition = partition(self.hash);
        let whole = Range::beginning_with(partition.clone());
        let with = |value: &AttributeValue| {
            let mut key = partition.clone();
            encode(value, &mut key);
            key
        };
        match self.range {
            None | Some(RangeCondition::Unindexed) => whole,
            Some(RangeCondition::Compare(comparator, value)) => match comparator {
                Comparator::Eq | Comparator::Ne => Range::beginning_with(with(value)),
                Comparator::Lt => whole.ending_before(with(value)),
                Comparator::Le => whole.ending_with(&with(value)),
                Comparator::Gt => whole.starting_behind(&with(value)),
                Comparator::Ge => whole.starting_at(with(value)),
            },
            Some(RangeCondition::Between(low, high)) => whole.starting_at(with(low)).ending_with(&with(high)),
            Some(RangeCondition::BeginsWith(start)) => {
                let mut key = partition.clone();
                encode_open(start, &mut key);
                Range::beginning_with(key)
            }
        }
    }

    /// Where a page begins that goes on behind the item with these attributes.
    fn place(
        &self,
        table: &Table,
        source: &Source,
        start: &Item,
    ) -> Result<crate::dynamodb::model::key::KeyBytes, DynamodbError> {
        let no_match = || {
            invalid(format!(
                "{INVALID_START}: The provided key element does not match the schema"
            ))
        };
        let definition = table.definition();
        if source.place_of(start).len() != start.len() {
            return Err(invalid(INVALID_START));
        }
        check_key(definition, &definition.key.key_of(start))
            .map_err(|refusal| invalid(format!("{INVALID_START}: {refusal}")))?;
        let place = table.place(source.index, start).ok_or_else(no_match)?;
        let schema = source.key();
        if start.get(&schema.hash.name) != Some(self.hash) {
            return Err(invalid(
                "The provided starting key is outside query boundaries based on provided conditions",
            ));
        }
        let sort_key = schema
            .range
            .as_ref()
            .and_then(|attribute| start.get(&attribute.name));
        if let (Some(condition), Some(value)) = (self.range, sort_key)
            && !condition.holds(value)
        {
            return Err(invalid(
                "The provided starting key does not match the range key predicate",
            ));
        }
        Ok(place)
    }
}

/// A condition must be one that keys in their order can answer, with values that the key can have.
fn check_condition(
    attribute: &KeyAttribute,
    condition: &RangeCondition,
    hash: bool,
) -> Result<(), DynamodbError> {
    if *condition == RangeCondition::Unindexed {
        return Err(invalid(
            "Attempted conditional constraint is not an indexable operation",
        ));
    }
    for value in condition.values() {
        match fault(attribute, value, hash) {
            Some(KeyFault::Type { .. }) => {
                return Err(invalid(
                    "One or more parameter values were invalid: Condition parameter type does not match schema type",
                ));
            }
            Some(KeyFault::Empty(_)) if !matches!(condition, RangeCondition::BeginsWith(_)) => {
                return Err(invalid(format!(
                    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain \
                     an empty string value. Key: {}",
                    attribute.name
                )));
            }
            Some(KeyFault::TooLong { .. }) if hash => {
                return Err(invalid(
                    "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit \
                     of2048 bytes",
                ));
            }
            _ => {}
        }
    }
    Ok(())
}
