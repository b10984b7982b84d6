//! Scan, also of an index and in segments.

use millrace_api::dynamodb::{ScanInput, ScanOutput};
use millrace_wire::Caller;

use super::with_table;
use crate::dynamodb::Dynamodb;
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::expression::{self, Role};
use crate::dynamodb::model::Item;
use crate::dynamodb::model::key::segment_start;
use crate::dynamodb::request::{
    self, Answered, INVALID_START, Parameters, Reading, Source, attributes_to_get, start,
};
use crate::dynamodb::state::{Range, Table, check_key};

/// A segment of a parallel scan: which, and of how many.
type Segment = (u32, u32);

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    input: ScanInput,
) -> Result<ScanOutput, DynamodbError> {
    let key = request::source_key(caller, &input.table_name, input.index_name.as_deref())?;
    let segment = segment(input.segment, input.total_segments)?;
    let reading = read(input)?;
    reading.check()?;
    let (source, page) = with_table(dynamodb, &key, |table| {
        let source = reading.source(table)?;
        let mut range = segment.map_or(Range::ALL, of_segment);
        if let Some(start) = &reading.start {
            range = resumed(range, table, &source, start, segment)?;
        }
        let page = table.page(source.index, &range, false, reading.limit());
        Ok((source, page))
    })?;
    let Answered {
        items,
        count,
        scanned,
        last,
        capacity,
    } = reading.answer(&key.name, &source, &page);
    Ok(ScanOutput {
        items,
        count,
        scanned_count: scanned,
        last_evaluated_key: last,
        consumed_capacity: capacity,
    })
}

fn read(input: ScanInput) -> Result<Reading, DynamodbError> {
    let parameters = Parameters {
        expressions: &[
            (Role::Projection, input.projection_expression.is_some()),
            (Role::Filter, input.filter_expression.is_some()),
        ],
        legacy: &[
            ("AttributesToGet", input.attributes_to_get.is_some()),
            ("ScanFilter", input.scan_filter.is_some()),
            ("ConditionalOperator", input.conditional_operator.is_some()),
        ],
    };
    let mut given = parameters.placeholders(
        input.expression_attribute_names,
        input.expression_attribute_values,
    )?;
    let legacy_projection = input.attributes_to_get.is_some();
    let legacy = input.attributes_to_get.map(attributes_to_get).transpose()?;
    let legacy_filter = expression::conditions(input.scan_filter, input.conditional_operator)?;
    let start = start(input.exclusive_start_key)?;
    let filter = input.filter_expression;
    let filter = filter
        .map(|text| expression::condition(Role::Filter, &text, &mut given))
        .transpose()?;
    let projection = input.projection_expression;
    let projection = projection
        .map(|text| expression::projection(&text, &mut given))
        .transpose()?;
    given.check_used()?;
    Ok(Reading {
        index: input.index_name,
        select: input.select,
        projection: projection.or(legacy),
        legacy_projection,
        filter: filter.or(legacy_filter),
        limit: input.limit,
        consistent: input.consistent_read == Some(true),
        start,
        capacity: input.return_consumed_capacity,
    })
}

fn segment(segment: Option<i32>, total: Option<i32>) -> Result<Option<Segment>, DynamodbError> {
    let invalid = |what: String| Err(DynamodbError::Invalid(what));
    let number = |number: i32| u32::try_from(number).unwrap_or_default();
    match (segment, total) {
        (None, None) => Ok(None),
        (Some(_), None) => invalid(
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is \
             present"
                .to_owned(),
        ),
        (None, Some(_)) => invalid(
            "The Segment parameter is required but was not present in the request when parameter TotalSegments is \
             present"
                .to_owned(),
        ),
        (Some(segment), Some(total)) if segment >= total => invalid(format!(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: {segment} is \
             not less than TotalSegments: {total}"
        )),
        (Some(segment), Some(total)) => Ok(Some((number(segment), number(total)))),
    }
}

fn of_segment((segment, total): Segment) -> Range {
    let bytes = |spread: u64| spread.to_be_bytes().to_vec();
    let range = Range::ALL.starting_at(segment_start(segment, total).map(bytes).unwrap_or_default());
    match segment_start(segment.saturating_add(1), total) {
        Some(end) => range.ending_before(bytes(end)),
        None => range,
    }
}

/// What is left of a range behind the item with the start key's attributes.
fn resumed(
    range: Range,
    table: &Table,
    source: &Source,
    start: &Item,
    segment: Option<Segment>,
) -> Result<Range, DynamodbError> {
    let invalid = |what: &str| DynamodbError::Invalid(format!("{INVALID_START}{what}"));
    let definition = table.definition();
    let names = source.place_of(start).len();
    if names != start.len() {
        return Err(invalid(": The provided key element does not match the schema"));
    }
    check_key(definition, &definition.key.key_of(start))
        .map_err(|refusal| invalid(&format!(": {refusal}")))?;
    let place = table.place(source.index, start);
    let place = place.ok_or_else(|| invalid(": The provided key element does not match the schema"))?;
    if !range.contains(&place)
        && let Some((segment, total)) = segment
    {
        return Err(invalid(&format!(
            ": Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. TotalSegments: {total} \
             Segment: {segment}"
        )));
    }
    Ok(range.resumed(place, false))
}
