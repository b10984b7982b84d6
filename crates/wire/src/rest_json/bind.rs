//! A request's parts into the value of the operation's input shape.

use std::borrow::Cow;

use bytes::Bytes;
use millrace_api::value::Mismatch;
use millrace_api::{Fields, Kind, Location, Member, Operation, Shape, Typed, Value};

use super::Request;
use super::route::Labels;
use crate::serialization::value_of_text;
use crate::{ApiError, json, percent, validate};

/// Binds a request, holds it against every constraint and makes it typed.
///
/// # Errors
/// `SerializationException` or `ValidationException` in AWS's words; `InternalFailure` for an operation without
/// input, which nobody should ask this for.
pub fn request<T: Typed>(
    operation: &Operation,
    labels: &Labels,
    request: &Request<'_>,
) -> Result<T, ApiError> {
    let no_input = || ApiError::internal(format!("{} takes no input", operation.name));
    let shape = operation.input.ok_or_else(no_input)?;
    let value = decode(shape, labels, request)?;
    validate(shape, &value)?;
    T::from_value(value).map_err(|Mismatch| ApiError::internal(Mismatch.to_string()))
}

/// Binds a request to the members of `shape`, without looking at constraints.
///
/// # Errors
/// `SerializationException` for a malformed body, query or number.
pub fn decode(shape: &'static Shape, labels: &Labels, request: &Request<'_>) -> Result<Value, ApiError> {
    let Kind::Structure { members, .. } = &shape.kind else {
        return Err(ApiError::internal(format!("{} is no structure", shape.name)));
    };
    let query = pairs(request.query)
        .ok_or_else(|| ApiError::serialization("The query string is not valid percent-encoded UTF-8"))?;
    let mut fields = body_members(shape, members, request.body)?;
    for (member, slot) in members.iter().zip(&mut fields.0) {
        let bound = match member.location {
            Location::Uri => {
                let label = labels.iter().find(|(name, _)| *name == member.wire);
                label
                    .map(|(_, text)| value_of_text(member.shape, text))
                    .transpose()?
            }
            Location::Query => of_query(member, members, &query)?,
            Location::Header => of_header(member, request.headers)?,
            Location::Headers => of_prefix(member, request.headers)?,
            Location::Body | Location::Status => continue,
        };
        *slot = bound;
    }
    Ok(Value::Struct(fields))
}

/// The decoded pairs of a query string, in their order; a name without `=` has an empty value.
fn pairs(query: &str) -> Option<Vec<(String, String)>> {
    let decoded = |text: &str| percent::decode_strictly(&text.replace('+', " ")).map(Cow::into_owned);
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decoded(name)?, decoded(value)?))
        })
        .collect()
}

/// The members the body carries: one that is the body itself, or those of a JSON object.
fn body_members(shape: &'static Shape, members: &'static [Member], body: &Bytes) -> Result<Fields, ApiError> {
    let mut fields = Fields::absent(members.len());
    if let Some((index, member)) = members.iter().enumerate().find(|(_, m)| m.payload) {
        if let Some(slot) = fields.0.get_mut(index) {
            *slot = payload(member.shape, body)?;
        }
        return Ok(fields);
    }
    let in_body = members.iter().any(|m| m.location == Location::Body);
    if !in_body || body.is_empty() {
        return Ok(fields);
    }
    match json::decode(shape, body)? {
        Value::Struct(fields) => Ok(fields),
        _ => Ok(fields),
    }
}

fn payload(shape: &'static Shape, body: &Bytes) -> Result<Option<Value>, ApiError> {
    Ok(match &shape.kind {
        Kind::Blob { streaming: true, .. } => Some(Value::Blob(body.clone())),
        _ if body.is_empty() => None,
        Kind::Blob { .. } => Some(Value::Blob(body.clone())),
        Kind::String { .. } => {
            let text =
                std::str::from_utf8(body).map_err(|_| ApiError::serialization("The body is not UTF-8"))?;
            Some(Value::String(text.to_owned()))
        }
        _ => Some(json::decode(shape, body)?),
    })
}

fn of_query(
    member: &Member,
    members: &'static [Member],
    query: &[(String, String)],
) -> Result<Option<Value>, ApiError> {
    if let Kind::Map { value: element, .. } = &member.shape.kind {
        let taken = |name: &str| {
            members.iter().any(|m| {
                m.location == Location::Query && m.wire == name && !matches!(m.shape.kind, Kind::Map { .. })
            })
        };
        return query_map(element, query, taken);
    }
    let mut values = query
        .iter()
        .filter(|(name, _)| name == member.wire)
        .map(|(_, value)| value.as_str());
    match &member.shape.kind {
        Kind::List { element, .. } => {
            let items: Vec<Value> = values
                .map(|text| value_of_text(element, text))
                .collect::<Result<_, _>>()?;
            Ok((!items.is_empty()).then_some(Value::List(items)))
        }
        _ => values
            .next()
            .map(|text| value_of_text(member.shape, text))
            .transpose(),
    }
}

/// Every parameter that no other member takes (Smithy, `@httpQueryParams`).
fn query_map(
    element: &'static Shape,
    query: &[(String, String)],
    taken: impl Fn(&str) -> bool,
) -> Result<Option<Value>, ApiError> {
    let mut entries: Vec<(String, Value)> = Vec::new();
    for (name, text) in query.iter().filter(|(name, _)| !taken(name)) {
        let existing = entries
            .iter_mut()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value);
        match (&element.kind, existing) {
            (Kind::List { element, .. }, Some(Value::List(items))) => {
                items.push(value_of_text(element, text)?);
            }
            (Kind::List { element, .. }, _) => {
                entries.push((name.clone(), Value::List(vec![value_of_text(element, text)?])));
            }
            (_, None) => entries.push((name.clone(), value_of_text(element, text)?)),
            (_, Some(_)) => {}
        }
    }
    Ok((!entries.is_empty()).then_some(Value::Map(entries)))
}

fn of_header(member: &Member, headers: &[(&str, &str)]) -> Result<Option<Value>, ApiError> {
    let mut values = headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(member.wire))
        .map(|(_, v)| *v);
    match &member.shape.kind {
        Kind::List { element, .. } => {
            let texts = values
                .flat_map(|value| value.split(','))
                .map(str::trim)
                .filter(|text| !text.is_empty());
            let items: Vec<Value> = texts
                .map(|text| value_of_text(element, text))
                .collect::<Result<_, _>>()?;
            Ok((!items.is_empty()).then_some(Value::List(items)))
        }
        _ => values
            .next()
            .map(|text| value_of_text(member.shape, text.trim()))
            .transpose(),
    }
}

/// All headers with the member's prefix; the keys are what stands behind it (Smithy, `@httpPrefixHeaders`).
fn of_prefix(member: &Member, headers: &[(&str, &str)]) -> Result<Option<Value>, ApiError> {
    let Kind::Map { value: element, .. } = &member.shape.kind else {
        return Ok(None);
    };
    let mut entries = Vec::new();
    for (name, text) in headers {
        let prefix = name
            .get(..member.wire.len())
            .filter(|prefix| prefix.eq_ignore_ascii_case(member.wire));
        let key = prefix
            .and_then(|prefix| name.get(prefix.len()..))
            .filter(|key| !key.is_empty());
        if let Some(key) = key {
            entries.push((key.to_owned(), value_of_text(element, text.trim())?));
        }
    }
    Ok((!entries.is_empty()).then_some(Value::Map(entries)))
}
