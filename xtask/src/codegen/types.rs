//! Writes the structs and enums that handlers use, one compact line per member.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::model::{Kind, Model};
use super::{names, tables};

/// `<service>/types.rs`.
pub(crate) fn types(model: &Model) -> String {
    let names = Names {
        shapes: tables::shape_names(model),
        types: type_names(model),
    };
    let mut out =
        tables::head("Structures and enumerations, named as in the model; a field has its member's name.");
    out +=
        "#![allow(missing_docs, reason = \"the model's names are the facts; its prose is not copied\")]\n\n";
    let (mut plain, mut defaults, mut enums) = (String::new(), String::new(), String::new());
    for (name, shape) in &model.shapes {
        let Some(rust) = names.types.get(name) else {
            continue;
        };
        let table = &names.shapes[name];
        match &shape.kind {
            Kind::Structure { members, .. } => {
                let into = if members.iter().any(|m| m.required) {
                    &mut plain
                } else {
                    &mut defaults
                };
                if members.is_empty() {
                    let _ = writeln!(into, "    {rust} = {table} {{}}");
                    continue;
                }
                let fields = names::distinct(members.iter().map(|m| m.name.as_str()), names::field);
                let _ = writeln!(into, "    {rust} = {table} {{");
                for member in members {
                    let mut ty = rust_type(model, &names, &member.shape);
                    if reaches(model, &member.shape, name) {
                        ty = format!("Box<{ty}>");
                    }
                    let ty = if member.required {
                        ty
                    } else {
                        format!("Option<{ty}>")
                    };
                    let _ = writeln!(into, "        {}: {ty},", fields[&member.name]);
                }
                *into += "    }\n";
            }
            Kind::String { values, .. } => {
                let variants = names::distinct(values.iter().map(String::as_str), names::variant);
                let _ = writeln!(enums, "    {rust} = {table} {{");
                for value in values {
                    let _ = writeln!(enums, "        {} = {value:?},", variants[value]);
                }
                enums += "    }\n";
            }
            _ => {}
        }
    }
    out += &imports(&[&plain, &defaults, &enums]);
    if !defaults.is_empty() {
        let _ = write!(
            out,
            "\n// All members are optional.\nstructures! {{\n    #[derive(Default)]\n{defaults}}}\n"
        );
    }
    if !plain.is_empty() {
        let _ = write!(out, "\n// Some member is required.\nstructures! {{\n{plain}}}\n");
    }
    if !enums.is_empty() {
        let _ = write!(out, "\nenumerations! {{\n{enums}}}\n");
    }
    out
}

struct Names {
    shapes: BTreeMap<String, String>,
    types: BTreeMap<String, String>,
}

fn type_names(model: &Model) -> BTreeMap<String, String> {
    let named = model.shapes.iter().filter(|(_, shape)| match &shape.kind {
        Kind::Structure { .. } => true,
        Kind::String { values, .. } => !values.is_empty(),
        _ => false,
    });
    names::distinct(named.map(|(name, _)| name.as_str()), names::type_name)
}

fn imports(bodies: &[&str]) -> String {
    let used = |name: &str| bodies.iter().any(|body| body.contains(name));
    let mut out = String::new();
    if used("Bytes") {
        out += "use bytes::Bytes;\n\n";
    }
    out += "use super::shapes;\n";
    let values: Vec<&str> = ["Entries", "EpochMillis"]
        .into_iter()
        .filter(|name| used(name))
        .collect();
    if !values.is_empty() {
        let _ = writeln!(out, "use crate::value::{{{}}};", values.join(", "));
    }
    out
}

fn rust_type(model: &Model, names: &Names, shape: &str) -> String {
    let inner = |name: &String| rust_type(model, names, name);
    match model.shapes.get(shape).map(|shape| &shape.kind) {
        Some(Kind::List { element, .. }) => format!("Vec<{}>", inner(element)),
        Some(Kind::Map { value, .. }) => format!("Entries<{}>", inner(value)),
        Some(Kind::String { values, .. }) if values.is_empty() => "String".to_owned(),
        Some(Kind::Blob { .. }) => "Bytes".to_owned(),
        Some(Kind::Integer(_)) => "i32".to_owned(),
        Some(Kind::Long(_)) => "i64".to_owned(),
        Some(Kind::Double(_)) => "f64".to_owned(),
        Some(Kind::Boolean) => "bool".to_owned(),
        Some(Kind::Timestamp(_)) => "EpochMillis".to_owned(),
        _ => names.types[shape].clone(),
    }
}

/// Whether a struct for `from` would contain one for `to` by value, so that the edge between them needs a box. Lists
/// and maps are boxes already.
fn reaches(model: &Model, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        let Some(Kind::Structure { members, .. }) = model.shapes.get(name).map(|shape| &shape.kind) else {
            continue;
        };
        if name == to {
            return true;
        }
        if seen.insert(name) {
            open.extend(members.iter().map(|m| m.shape.as_str()));
        }
    }
    false
}
