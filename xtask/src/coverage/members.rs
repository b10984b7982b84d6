//! Whether every member of every operation is somebody's business.
//!
//! A member of an operation's input or output is when its name is in the operation's file, or in one that
//! `xtask/members.json` lists for it; one of a nested structure when its name is anywhere in the service. What is
//! none is listed there with its reason. That a name is there does not say that it does the right thing – the suites
//! do – but a member that nobody thought of is found.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use millrace_api::{Kind, Operation, Service, Shape};
use serde_json::Value;

use crate::codegen::names;

const LIST: &str = "xtask/members.json";

/// What the list says: `elsewhere`, the files of the service that an operation's members are in besides its own; and
/// `not_read`, members, or whole structures, that are nobody's business, and why.
struct List(Value);

impl List {
    fn elsewhere(&self, operation: &str) -> Vec<&str> {
        let files = self.0["elsewhere"][operation].as_array().map(Vec::as_slice);
        files
            .unwrap_or_default()
            .iter()
            .filter_map(Value::as_str)
            .collect()
    }

    fn excuses(&self, name: &str) -> bool {
        self.0["not_read"][name].is_string()
    }
}

/// How many members an operation's input and output have.
pub(super) type Counts = BTreeMap<&'static str, (usize, usize)>;

/// Counts the members of every operation of a service whose source is in `source`.
pub(super) fn count(root: &Path, service: &Service, source: &Path) -> Result<Counts> {
    let list = List(serde_json::from_str(&fs::read_to_string(root.join(LIST))?).context(LIST)?);
    let mut all = String::new();
    read_all(source, &mut all)?;
    let all = words(&all);
    let (mut counts, mut missing, mut nested) = (Counts::new(), Vec::new(), BTreeSet::new());
    for op in service.operations {
        let own = own_words(source, op, &list)?;
        let mut check = |shape: Option<&'static Shape>| {
            let members = shape.map(members).unwrap_or_default();
            for (name, inner) in &members {
                let full = format!("{}.{name}", op.name);
                if !is_there(&own, name) && !list.excuses(&full) {
                    missing.push(full);
                }
                reach(inner, &mut nested);
            }
            members.len()
        };
        counts.insert(op.name, (check(op.input), check(op.output)));
    }
    for (structure, name) in nested {
        let full = format!("{structure}.{name}");
        let known = list.excuses(structure) || list.excuses(&full);
        if !known && !is_there(&all, name) {
            missing.push(full);
        }
    }
    if !missing.is_empty() {
        bail!(
            "members that nobody reads or answers: {}; serve them, or say in {LIST} why not",
            missing.join(", ")
        );
    }
    Ok(counts)
}

fn own_words(source: &Path, op: &Operation, list: &List) -> Result<BTreeSet<String>> {
    let own = format!("ops/{}.rs", names::snake(op.name));
    let elsewhere = list.elsewhere(op.name);
    let mut text = String::new();
    for file in std::iter::once(&*own).chain(elsewhere) {
        let path = source.join(file);
        text += &fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    }
    Ok(words(&text))
}

fn words(text: &str) -> BTreeSet<String> {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    parts.map(str::to_owned).collect()
}

/// As a Rust field, or as it is on the wire.
fn is_there(words: &BTreeSet<String>, name: &str) -> bool {
    words.contains(name) || words.contains(&names::snake(name))
}

fn members(shape: &'static Shape) -> Vec<(&'static str, &'static Shape)> {
    match &shape.kind {
        Kind::Structure { members, .. } => members.iter().map(|member| (member.name, member.shape)).collect(),
        _ => Vec::new(),
    }
}

/// The members of every structure within a shape, by structure.
fn reach(shape: &'static Shape, found: &mut BTreeSet<(&'static str, &'static str)>) {
    match &shape.kind {
        Kind::Structure { .. } => {
            for (name, inner) in members(shape) {
                if found.insert((shape.name, name)) {
                    reach(inner, found);
                }
            }
        }
        Kind::List { element, .. } => reach(element, found),
        Kind::Map { value, .. } => reach(value, found),
        _ => {}
    }
}

fn read_all(folder: &Path, out: &mut String) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            read_all(&path, out)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push_str(&fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_there_under_either_name() {
        let found = words("let x = input.stream_name; \"ShardId\"");
        assert!(is_there(&found, "StreamName") && is_there(&found, "ShardId"));
        assert!(!is_there(&found, "Stream"));
    }

    #[test]
    fn nested_structures_are_reached() {
        let op = millrace_api::kinesis::SERVICE.operation("CreateChannel").unwrap();
        let mut found = BTreeSet::new();
        for (_, inner) in members(op.input.unwrap()) {
            reach(inner, &mut found);
        }
        assert!(
            found.contains(&("S3StorageConfiguration", "BucketARN")),
            "{found:?}"
        );
    }
}
