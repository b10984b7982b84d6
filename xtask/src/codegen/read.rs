//! Reads single operations and shapes of a model. A trait that is not known here stops the generator, so that nothing
//! that matters on the wire is lost in silence. Prose is passed over.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::model::{Bounds, ErrorFacts, Form, Kind, Member, Operation, Shape};

/// Traits of an operation that do not touch the wire.
const OPERATION_IGNORED: &[&str] = &[
    "deprecated",
    "deprecatedMessage",
    "endpointdiscovery",
    "endpointoperation",
    "idempotent",
    "operationContextParams",
    "readonly",
    "requestcompression", // any server accepts it, or answers 415: it is HTTP's, not the operation's
    "staticContextParams",
];
/// Traits of a shape that do not touch the wire, or are read elsewhere.
const SHAPE_IGNORED: &[&str] = &[
    "box",
    "deprecated",
    "deprecatedMessage",
    "event",
    "retryable",
    "synthetic",
    "xmlOrder",
];
/// Traits of a member that do not touch the wire.
const MEMBER_IGNORED: &[&str] = &[
    "box",
    "contextParam",
    "deprecated",
    "deprecatedMessage",
    "deprecatedSince",
    "idempotencyToken",
];

pub(crate) fn operation(name: &str, json: &Value) -> Result<Operation> {
    known(
        json,
        &["name", "http", "input", "output", "errors"],
        OPERATION_IGNORED,
    )?;
    let http = &json["http"];
    known(http, &["method", "requestUri", "responseCode"], &[])?;
    let shape = |at: &str| -> Result<Option<String>> {
        let Some(reference) = json.get(at) else {
            return Ok(None);
        };
        known(reference, &["shape", "resultWrapper"], &[])?;
        // Query answers wrap their result; the codec derives the wrapper's name from the operation's.
        let wrapper = reference["resultWrapper"].as_str();
        ensure!(
            wrapper.is_none_or(|w| w == format!("{name}Result")),
            "an unusual wrapper {wrapper:?}"
        );
        Ok(Some(text(reference, "shape")?))
    };
    let errors = json["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(Operation {
        name: name.to_owned(),
        method: text(http, "method")?,
        uri: text(http, "requestUri")?,
        status: http["responseCode"].as_u64().unwrap_or(200),
        input: shape("input")?,
        output: shape("output")?,
        errors: errors
            .iter()
            .map(|error| text(error, "shape"))
            .collect::<Result<_>>()?,
    })
}

pub(crate) fn shape_of(shapes: &Value, name: &str, query: bool) -> Result<Shape> {
    let json = &shapes[name];
    let kind = match json["type"].as_str().context("no type")? {
        "structure" => structure(json, shapes)?,
        "list" => {
            sized(json, &["member"])?;
            known(&json["member"], &["shape"], &[])?;
            Kind::List {
                element: text(&json["member"], "shape")?,
                bounds: counts(json)?,
            }
        }
        "map" => {
            sized(json, &["key", "value"])?;
            known(&json["key"], &["shape"], &[])?;
            known(&json["value"], &["shape"], &[])?;
            Kind::Map {
                key: text(&json["key"], "shape")?,
                value: text(&json["value"], "shape")?,
                bounds: counts(json)?,
            }
        }
        "string" => {
            sized(json, &["pattern", "enum"])?;
            let values = json["enum"].as_array().map(Vec::as_slice).unwrap_or_default();
            let values = values
                .iter()
                .map(|v| v.as_str().map(str::to_owned).context("a value is no text"));
            let pattern = json["pattern"].as_str().map(str::to_owned);
            Kind::String {
                bounds: counts(json)?,
                pattern,
                values: values.collect::<Result<_>>()?,
            }
        }
        "blob" => {
            sized(json, &["streaming"])?;
            Kind::Blob {
                bounds: counts(json)?,
                streaming: flag(json, "streaming"),
            }
        }
        "integer" => sized(json, &[])
            .and_then(|()| integers(json))
            .map(Kind::Integer)?,
        "long" => sized(json, &[]).and_then(|()| integers(json)).map(Kind::Long)?,
        "double" | "float" => {
            sized(json, &[])?;
            Kind::Double(Bounds {
                min: json["min"].as_f64(),
                max: json["max"].as_f64(),
            })
        }
        "boolean" => sized(json, &[]).map(|()| Kind::Boolean)?,
        "timestamp" => {
            sized(json, &["timestampFormat"])?;
            Kind::Timestamp(match json["timestampFormat"].as_str() {
                Some("iso8601") => "Iso8601",
                Some("rfc822") => "HttpDate",
                None if query => "Iso8601",
                None | Some("unixTimestamp") => "EpochSeconds",
                Some(other) => bail!("unknown timestamp format '{other}'"),
            })
        }
        other => bail!("unknown type '{other}'"),
    };
    Ok(Shape {
        sensitive: flag(json, "sensitive"),
        error: error(json)?,
        kind,
    })
}

fn structure(json: &Value, shapes: &Value) -> Result<Kind> {
    let understood = &[
        "type",
        "members",
        "required",
        "exception",
        "fault",
        "error",
        "eventstream",
        "payload",
        "union",
        "sensitive",
    ];
    known(json, understood, SHAPE_IGNORED)?;
    let form = match (flag(json, "union"), flag(json, "eventstream")) {
        (false, false) => Form::Plain,
        (true, false) => Form::Union,
        (false, true) => Form::EventStream,
        (true, true) => bail!("both a union and an event stream"),
    };
    let required = json["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut members = Vec::new();
    for (name, json_member) in json["members"].as_object().context("no members")? {
        let mut member = member_of(name, json_member).with_context(|| format!("member {name}"))?;
        // A document is a value of any shape: the one thing that tables cannot say. Decoders pass it over.
        if flag(&shapes[&member.shape], "document") {
            continue;
        }
        member.required = required.iter().any(|r| r.as_str() == Some(name));
        member.payload |= json["payload"].as_str() == Some(&member.name);
        members.push(member);
    }
    Ok(Kind::Structure { members, form })
}

fn member_of(name: &str, json: &Value) -> Result<Member> {
    known(
        json,
        &["shape", "location", "locationName", "eventpayload"],
        MEMBER_IGNORED,
    )?;
    let location = match json["location"].as_str() {
        None => "Body",
        Some("uri") => "Uri",
        Some("querystring") => "Query",
        Some("header") => "Header",
        Some("headers") => "Headers",
        Some("statusCode") => "Status",
        Some(other) => bail!("unknown location '{other}'"),
    };
    Ok(Member {
        wire: json["locationName"].as_str().unwrap_or(name).to_owned(),
        shape: text(json, "shape")?,
        required: false,
        location,
        payload: flag(json, "eventpayload"),
        sensitive: false,
        name: name.to_owned(),
    })
}

fn error(json: &Value) -> Result<Option<ErrorFacts>> {
    if !flag(json, "exception") {
        return Ok(None);
    }
    let facts = &json["error"];
    if !facts.is_null() {
        known(facts, &["code", "httpStatusCode", "senderFault"], &[])?;
    }
    let status = facts["httpStatusCode"]
        .as_u64()
        .unwrap_or(if flag(json, "fault") { 500 } else { 400 });
    Ok(Some(ErrorFacts {
        status,
        query_code: facts["code"].as_str().map(str::to_owned),
    }))
}

/// Stops at a trait that is in neither list, so that nothing that matters on the wire is lost in silence.
fn known(json: &Value, understood: &[&str], ignored: &[&str]) -> Result<()> {
    let map = json.as_object().context("an object was expected")?;
    match map.keys().find(|key| {
        *key != "documentation" && !understood.contains(&key.as_str()) && !ignored.contains(&key.as_str())
    }) {
        Some(key) => bail!("the trait '{key}' is not known: teach the generator, or leave the shape out"),
        None => Ok(()),
    }
}

fn sized(json: &Value, more: &[&str]) -> Result<()> {
    let mut understood = vec!["type", "min", "max", "sensitive"];
    understood.extend(more);
    known(json, &understood, SHAPE_IGNORED)
}

fn counts(json: &Value) -> Result<Bounds<u64>> {
    Ok(Bounds {
        min: bound(json, "min", Value::as_u64)?,
        max: bound(json, "max", Value::as_u64)?,
    })
}

fn integers(json: &Value) -> Result<Bounds<i64>> {
    Ok(Bounds {
        min: bound(json, "min", Value::as_i64)?,
        max: bound(json, "max", Value::as_i64)?,
    })
}

fn bound<T>(json: &Value, name: &str, read: fn(&Value) -> Option<T>) -> Result<Option<T>> {
    let Some(value) = json.get(name) else {
        return Ok(None);
    };
    read(value)
        .map(Some)
        .with_context(|| format!("{name} {value} does not fit"))
}

fn flag(json: &Value, name: &str) -> bool {
    json[name].as_bool() == Some(true)
}

pub(crate) fn text(json: &Value, name: &str) -> Result<String> {
    json[name]
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("no {name}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unknown_trait_stops_the_generator() {
        let known = json!({"A": {"type": "string", "min": 1, "documentation": "prose"}});
        assert!(shape_of(&known, "A", false).is_ok());
        let unknown = json!({"A": {"type": "string", "jsonvalue": true}});
        assert!(shape_of(&unknown, "A", false).is_err());
        let flattened =
            json!({"A": {"type": "structure", "members": {"B": {"shape": "C", "flattened": true}}}});
        assert!(shape_of(&flattened, "A", false).is_err());
    }

    #[test]
    fn an_error_s_status_is_its_own_or_its_side_s() {
        let status = |traits: Value| error(&traits).unwrap().map(|e| e.status);
        assert_eq!(status(json!({"exception": true})), Some(400));
        assert_eq!(status(json!({"exception": true, "fault": true})), Some(500));
        assert_eq!(
            status(json!({"exception": true, "error": {"httpStatusCode": 409}})),
            Some(409)
        );
        assert_eq!(status(json!({})), None);
    }

    #[test]
    fn a_bound_that_does_not_fit_is_refused() {
        let negative = json!({"A": {"type": "list", "member": {"shape": "B"}, "min": -1}});
        assert!(shape_of(&negative, "A", false).is_err());
    }
}
