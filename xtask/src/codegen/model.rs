//! A model's facts, held against every trait this generator knows. Prose is passed over.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

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
const SHAPE_IGNORED: &[&str] = &["box", "deprecated", "event", "retryable", "synthetic", "xmlOrder"];
/// Traits of a member that do not touch the wire.
const MEMBER_IGNORED: &[&str] = &[
    "box",
    "contextParam",
    "deprecated",
    "deprecatedMessage",
    "deprecatedSince",
    "idempotencyToken",
];

/// A service.
pub(crate) struct Model {
    /// Folder in botocore's data, such as `kinesis-video-media`.
    pub id: String,
    pub version: String,
    pub signing_name: String,
    /// A variant of the tables' `Protocol`.
    pub protocol: &'static str,
    pub target_prefix: String,
    /// The chosen ones, sorted by name.
    pub operations: Vec<Operation>,
    /// What the chosen operations reach.
    pub shapes: BTreeMap<String, Shape>,
}

pub(crate) struct Operation {
    pub name: String,
    pub method: String,
    pub uri: String,
    pub status: u64,
    pub input: Option<String>,
    pub output: Option<String>,
    pub errors: Vec<String>,
}

pub(crate) struct Shape {
    pub sensitive: bool,
    pub kind: Kind,
    /// Of an exception.
    pub error: Option<ErrorFacts>,
}

pub(crate) struct ErrorFacts {
    pub status: u64,
    pub query_code: Option<String>,
}

pub(crate) enum Kind {
    Structure {
        members: Vec<Member>,
        form: Form,
    },
    List {
        element: String,
        bounds: Bounds<u64>,
    },
    Map {
        key: String,
        value: String,
        bounds: Bounds<u64>,
    },
    String {
        bounds: Bounds<u64>,
        pattern: Option<String>,
        values: Vec<String>,
    },
    Blob {
        bounds: Bounds<u64>,
        streaming: bool,
    },
    Integer(Bounds<i64>),
    Long(Bounds<i64>),
    Double(Bounds<f64>),
    Boolean,
    Timestamp(&'static str),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    Union,
    EventStream,
}

pub(crate) struct Bounds<T> {
    pub min: Option<T>,
    pub max: Option<T>,
}

pub(crate) struct Member {
    pub name: String,
    pub wire: String,
    pub shape: String,
    pub required: bool,
    /// A variant of the tables' `Location`.
    pub location: &'static str,
    pub payload: bool,
    pub sensitive: bool,
}

impl Model {
    /// Reads what an entry of `services.json` wants, from the newest API version in `data`.
    pub(crate) fn load(data: &Path, entry: &Value) -> Result<Self> {
        let id = text(entry, "model")?;
        let json = newest(&data.join(&id)).with_context(|| format!("model '{id}'"))?;
        Self::read(&id, entry["operations"].as_array(), &json).with_context(|| format!("model '{id}'"))
    }

    fn read(id: &str, wanted: Option<&Vec<Value>>, json: &Value) -> Result<Self> {
        let metadata = &json["metadata"];
        let all = json["operations"].as_object().context("no operations")?;
        let mut names: Vec<&str> = match wanted {
            Some(wanted) => wanted.iter().filter_map(Value::as_str).collect(),
            None => all.keys().map(String::as_str).collect(),
        };
        names.sort_unstable();
        let mut operations = Vec::new();
        for name in names {
            let operation = all.get(name).with_context(|| format!("no operation '{name}'"))?;
            operations.push(read_operation(name, operation).with_context(|| format!("operation '{name}'"))?);
        }
        let signing_name = metadata["signingName"].as_str().map(str::to_owned);
        let mut model = Self {
            id: id.to_owned(),
            version: text(metadata, "apiVersion")?,
            signing_name: signing_name.map_or_else(|| text(metadata, "endpointPrefix"), Ok)?,
            protocol: protocol(metadata)?,
            target_prefix: metadata["targetPrefix"].as_str().unwrap_or_default().to_owned(),
            operations,
            shapes: BTreeMap::new(),
        };
        model.read_shapes(&json["shapes"])?;
        model.mark_sensitive();
        Ok(model)
    }

    /// Its module: `kinesis_video_media`.
    pub(crate) fn module(&self) -> String {
        self.id.replace('-', "_")
    }

    fn read_shapes(&mut self, json: &Value) -> Result<()> {
        let mut open: Vec<String> = Vec::new();
        for operation in &self.operations {
            open.extend(
                operation
                    .input
                    .iter()
                    .chain(&operation.output)
                    .chain(&operation.errors)
                    .cloned(),
            );
        }
        let query = self.protocol == "Query";
        let mut seen: BTreeSet<String> = open.iter().cloned().collect();
        while let Some(name) = open.pop() {
            let shape = read_shape(json, &name, query).with_context(|| format!("shape '{name}'"))?;
            for next in shape.kind.references() {
                if seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
            self.shapes.insert(name, shape);
        }
        Ok(())
    }

    /// A member is sensitive when its shape is, or when its elements, keys or values are.
    fn mark_sensitive(&mut self) {
        let names: Vec<String> = self
            .shapes
            .keys()
            .filter(|name| self.is_sensitive(name))
            .cloned()
            .collect();
        for shape in self.shapes.values_mut() {
            if let Kind::Structure { members, .. } = &mut shape.kind {
                for member in members {
                    member.sensitive = names.contains(&member.shape);
                }
            }
        }
    }

    fn is_sensitive(&self, name: &str) -> bool {
        let Some(shape) = self.shapes.get(name) else {
            return false;
        };
        let inside = match &shape.kind {
            Kind::List { element, .. } => self.is_sensitive(element),
            Kind::Map { key, value, .. } => self.is_sensitive(key) || self.is_sensitive(value),
            _ => false,
        };
        shape.sensitive || inside
    }
}

impl Kind {
    /// The shapes this one is made of.
    pub(crate) fn references(&self) -> Vec<&String> {
        match self {
            Self::Structure { members, .. } => members.iter().map(|m| &m.shape).collect(),
            Self::List { element, .. } => vec![element],
            Self::Map { key, value, .. } => vec![key, value],
            _ => Vec::new(),
        }
    }
}

/// The model of the newest API version in a folder of botocore's data. Versions are dates.
fn newest(folder: &Path) -> Result<Value> {
    let listing =
        std::fs::read_dir(folder).with_context(|| format!("botocore has no {}", folder.display()))?;
    let mut versions = listing
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    versions.sort();
    let plain = versions
        .last()
        .context("the model has no version")?
        .join("service-2.json");
    let packed = plain.with_added_extension("gz");
    if !plain.exists() {
        let status = Command::new("python3")
            .args(["-m", "gzip", "-d"])
            .arg(&packed)
            .status()?;
        ensure!(status.success(), "unpacking {} failed", packed.display());
    }
    Ok(serde_json::from_slice(&std::fs::read(&plain)?)?)
}

fn protocol(metadata: &Value) -> Result<&'static str> {
    Ok(
        match (metadata["protocol"].as_str(), metadata["jsonVersion"].as_str()) {
            (Some("json"), Some("1.0")) => "Json10",
            (Some("json"), Some("1.1")) => "Json11",
            (Some("rest-json"), _) => "RestJson",
            (Some("query"), _) => "Query",
            (Some("smithy-rpc-v2-cbor"), _) => "RpcV2Cbor",
            (other, _) => bail!("unknown protocol {other:?}"),
        },
    )
}

fn read_operation(name: &str, json: &Value) -> Result<Operation> {
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

fn read_shape(shapes: &Value, name: &str, query: bool) -> Result<Shape> {
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
        let mut member = read_member(name, json_member).with_context(|| format!("member {name}"))?;
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

fn read_member(name: &str, json: &Value) -> Result<Member> {
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

fn text(json: &Value, name: &str) -> Result<String> {
    json[name]
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("no {name}"))
}
