//! Writes a model's tables: the service, its operations, its errors, its shapes.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use super::list::Entry;
use super::model::{Bounds, Form, Kind, Member, Model, Shape};
use super::names;

/// How a generated file begins; by it other tasks know one.
pub(crate) const GENERATED: &str = "// @generated";

/// The head of a generated file.
pub(crate) fn head(contract: &str) -> String {
    format!("{GENERATED} by `cargo xtask codegen`. Do not edit.\n\n//! {contract}\n\n")
}

/// `services.rs`: all services.
pub(crate) fn services(entries: &[Entry]) -> String {
    let mut out = head("All services, as `xtask/services.list` has them.");
    out += "use crate::Service;\n\n/// Every service there are tables of.\n#[rustfmt::skip]\npub static ALL: &[&Service] = &[\n";
    for entry in entries {
        let _ = writeln!(out, "    &crate::{}::SERVICE,", entry.model.replace('-', "_"));
    }
    out + "];\n"
}

/// `<service>/mod.rs`.
pub(crate) fn service(model: &Model, typed: bool) -> String {
    let mut out = head(&format!(
        "{}, API version {}: {} of {} operations.",
        model.full_name,
        model.version,
        model.operations.len(),
        model.operations_all
    ));
    let modules = ["pub mod errors;\n", "pub mod op;\n", "pub mod shapes;\n"].concat();
    let (types, exports) = if typed {
        ("mod types;\n", "pub use self::types::*;\n")
    } else {
        ("", "")
    };
    let protocols: Vec<String> = model.protocols.iter().map(|p| format!("Protocol::{p}")).collect();
    let _ = write!(
        out,
        "{modules}{types}\n{exports}use crate::{{Protocol, Service}};\n\n/// The service.\n\
         pub static SERVICE: Service = Service {{\n\
         id: {:?},\nversion: {:?},\nsigning_name: {:?},\nprotocol: {},\nprotocols: &[{}],\ntarget_prefix: {:?},\n\
         xml_namespace: {:?},\noperations: op::OPERATIONS,\n}};\n",
        model.id,
        model.version,
        model.signing_name,
        protocols[0],
        protocols.join(", "),
        model.target_prefix,
        model.xml_namespace,
    );
    out
}

/// `<service>/op.rs`.
pub(crate) fn operations(model: &Model) -> String {
    let mut out = head("The operations.");
    let errors = if model.operations.iter().all(|op| op.errors.is_empty()) {
        ""
    } else {
        "errors, "
    };
    let _ = write!(out, "use super::{{{errors}shapes}};\nuse crate::Operation;\n\n");
    let shapes = shape_names(model);
    for (at, op) in model.operations.iter().enumerate() {
        let name = names::screaming(&op.name);
        let _ = writeln!(
            out,
            "/// `{}`\npub static {name}: &Operation = &OPERATIONS[{at}];",
            op.name
        );
    }
    out += "\n/// All of them, sorted by name.\npub static OPERATIONS: &[Operation] = &[\n";
    for op in &model.operations {
        let shape = |name: &Option<String>| {
            name.as_ref().map_or_else(
                || "None".to_owned(),
                |name| format!("Some(&shapes::{})", shapes[name]),
            )
        };
        let errors: Vec<String> = op
            .errors
            .iter()
            .map(|name| format!("&errors::{}", shapes[name]))
            .collect();
        let _ = writeln!(
            out,
            "Operation {{ name: {:?}, method: {:?}, uri: {:?}, status: {}, input: {}, output: {}, errors: &[{}] }},",
            op.name,
            op.method,
            op.uri,
            op.status,
            shape(&op.input),
            shape(&op.output),
            errors.join(", "),
        );
    }
    out + "];\n"
}

/// `<service>/errors.rs`.
pub(crate) fn errors(model: &Model) -> String {
    let mut out = head("The modelled errors.");
    let names = shape_names(model);
    let mut body = String::new();
    for (name, shape) in &model.shapes {
        let Some(error) = &shape.error else { continue };
        let rust = &names[name];
        let query_code = error.query_code.as_ref().filter(|code| *code != name);
        let _ = writeln!(
            body,
            "\n/// `{name}`\npub static {rust}: ErrorShape = ErrorShape {{ code: {name:?}, query_code: {query_code:?}, \
             status: {}, shape: &shapes::{rust} }};",
            error.status
        );
    }
    if !body.is_empty() {
        out += "use super::shapes;\nuse crate::ErrorShape;\n";
    }
    out + &body
}

/// `<service>/shapes.rs`.
pub(crate) fn shapes(model: &Model) -> String {
    let mut out = head("The shapes.");
    out += "use crate::Shape;\n#[allow(clippy::wildcard_imports, reason = \"the constructors are this file's language\")]\n\
            use crate::tables::*;\n";
    let names = shape_names(model);
    let query = model.protocols.contains(&"Query");
    for (name, shape) in &model.shapes {
        let rust = &names[name];
        let _ = writeln!(
            out,
            "\n/// `{name}`\npub static {rust}: Shape = {};",
            constructor(name, shape, &names, query)
        );
    }
    out
}

/// Names of the shapes' statics.
pub(crate) fn shape_names(model: &Model) -> BTreeMap<String, String> {
    names::distinct(model.shapes.keys().map(String::as_str), names::screaming)
}

fn constructor(name: &str, shape: &Shape, names: &BTreeMap<String, String>, query: bool) -> String {
    match &shape.kind {
        Kind::Structure { members, form } => {
            let form = match form {
                Form::Plain => "structure",
                Form::Union => "union_of",
                Form::EventStream => "event_stream",
            };
            let members: String = members
                .iter()
                .map(|m| format!("{},\n", member(m, names)))
                .collect();
            format!("{form}({name:?}, &[\n{members}])")
        }
        Kind::List { element, bounds } => {
            let element_name = if query { "member" } else { "" };
            format!(
                "list({name:?}, &{}, {element_name:?}, {})",
                names[element],
                pair(bounds)
            )
        }
        Kind::Map { key, value, bounds } => {
            format!(
                "map({name:?}, &{}, &{}, {})",
                names[key],
                names[value],
                pair(bounds)
            )
        }
        Kind::String {
            bounds,
            pattern,
            values,
        } => {
            let pattern = pattern
                .as_ref()
                .map_or_else(|| "None".to_owned(), |p| format!("Some({})", raw(p)));
            let facts = format!("{}, {pattern}", pair(bounds));
            if values.is_empty() {
                format!("string({name:?}, {facts})")
            } else {
                format!("enumeration({name:?}, &{values:?}, {facts})")
            }
        }
        Kind::Blob {
            bounds,
            streaming: false,
        } => format!("blob({name:?}, {})", pair(bounds)),
        Kind::Blob {
            bounds,
            streaming: true,
        } => format!("streaming_blob({name:?}, {})", pair(bounds)),
        Kind::Integer(bounds) => format!("integer({name:?}, {})", pair(bounds)),
        Kind::Long(bounds) => format!("long({name:?}, {})", pair(bounds)),
        Kind::Double(Bounds { min, max }) => format!("double({name:?}, {min:?}, {max:?})"),
        Kind::Boolean => format!("boolean({name:?})"),
        Kind::Timestamp(format) => format!("timestamp({name:?}, TimestampFormat::{format})"),
    }
}

fn member(member: &Member, names: &BTreeMap<String, String>) -> String {
    let required = if member.required { "required" } else { "optional" };
    let mut out = format!("{required}({:?}, &{})", member.name, names[&member.shape]);
    if member.location != "Body" {
        let _ = write!(out, ".at(Location::{}, {:?})", member.location, member.wire);
    } else if member.wire != member.name {
        let _ = write!(out, ".at(Location::Body, {:?})", member.wire);
    }
    if member.payload {
        out += ".payload()";
    }
    if member.sensitive {
        out += ".sensitive()";
    }
    out
}

fn pair<T: Copy + Display>(bounds: &Bounds<T>) -> String {
    let one = |bound: Option<T>| bound.map_or_else(|| "None".to_owned(), |b| format!("Some({b})"));
    format!("{}, {}", one(bounds.min), one(bounds.max))
}

/// A raw literal, with as few hashes as the text allows.
fn raw(text: &str) -> String {
    let mut hashes = String::new();
    while text.contains(&format!("\"{hashes}")) {
        hashes.push('#');
    }
    format!("r{hashes}\"{text}\"{hashes}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_with_quotes_gets_hashes() {
        assert_eq!(raw(r"\d+"), r#"r"\d+""#);
        assert_eq!(raw(r#"[^"]"#), r###"r#"[^"]"#"###);
    }
}
