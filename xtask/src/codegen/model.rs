//! A model's facts: a service, the chosen operations, and the shapes they reach.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::read::{self, text};

/// A service.
pub(crate) struct Model {
    /// Folder in botocore's data, such as `kinesis-video-media`.
    pub id: String,
    pub version: String,
    pub signing_name: String,
    /// A variant of the tables' `Protocol`.
    pub protocol: &'static str,
    pub target_prefix: String,
    /// Of the query protocol; empty where the service does not speak it.
    pub xml_namespace: String,
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
    /// Reads what an entry of `services.json` wants: a model of this project's own, or the newest API version in `data`.
    pub(crate) fn load(own: &Path, data: &Path, entry: &Value) -> Result<Self> {
        let id = text(entry, "model")?;
        let json = if entry["own"] == true {
            let file = own.join(format!("{id}.json"));
            serde_json::from_str(&std::fs::read_to_string(file)?).map_err(Into::into)
        } else {
            newest(&data.join(&id))
        };
        let json = json.with_context(|| format!("model '{id}'"))?;
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
            operations.push(read::operation(name, operation).with_context(|| format!("operation '{name}'"))?);
        }
        let signing_name = metadata["signingName"].as_str().map(str::to_owned);
        let mut model = Self {
            id: id.to_owned(),
            version: text(metadata, "apiVersion")?,
            signing_name: signing_name.map_or_else(|| text(metadata, "endpointPrefix"), Ok)?,
            protocol: protocol(metadata)?,
            target_prefix: metadata["targetPrefix"].as_str().unwrap_or_default().to_owned(),
            xml_namespace: xml_namespace(metadata),
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
            let shape = read::shape_of(json, &name, query).with_context(|| format!("shape '{name}'"))?;
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

/// Services that speak several protocols list them all.
fn xml_namespace(metadata: &Value) -> String {
    let all = metadata["protocols"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let query = all
        .iter()
        .chain([&metadata["protocol"]])
        .any(|p| p.as_str() == Some("query"));
    let namespace = metadata["xmlNamespace"].as_str().filter(|_| query);
    namespace.unwrap_or_default().to_owned()
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
