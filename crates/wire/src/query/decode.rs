//! A form to a value, guided by a shape.

use std::borrow::Cow;

use millrace_api::{Fields, Kind, Location, Member, Shape, Value};

use super::form::{Node, Tree, pairs};
use crate::ApiError;
use crate::codec::{Slots, check_union, last_wins, member_index};
use crate::limits::FORM_NODES_MAX;
use crate::serialization::{Fault, Found, echo, mismatch, value_of_text};

/// What the segment between a list and its index is called, unless the model says otherwise.
const MEMBER: &str = "member";
const ENTRY: &str = "entry";
const KEY: &str = "key";
const VALUE: &str = "value";

pub(super) fn decode(shape: &'static Shape, text: &str) -> Result<Value, ApiError> {
    // One more than there may be tells that there are too many.
    let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = pairs(text).take(FORM_NODES_MAX + 1).collect();
    if pairs.len() > FORM_NODES_MAX {
        return Err(Fault::too_many_values().into());
    }
    let tree = Tree::of(&pairs)?;
    let mut decoder = Decoder {
        tree: &tree,
        slots: Slots::new(),
    };
    let Kind::Structure { members, union, .. } = &shape.kind else {
        return Err(ApiError::internal(format!("{} is no structure", shape.name)));
    };
    match tree.root() {
        Some(root) => decoder.structure(members, *union, root),
        None => Ok(Value::Struct(Fields::absent(members.len()))),
    }
}

struct Decoder<'t, 'a> {
    tree: &'t Tree<'a>,
    slots: Slots,
}

impl<'t, 'a> Decoder<'t, 'a> {
    /// What stands at a node and below it. A tree is no deeper than its names, so recursion is bounded.
    fn value(&mut self, shape: &'static Shape, node: &'t Node<'a>) -> Result<Value, ApiError> {
        self.slots.take(1)?;
        let kind = &shape.kind;
        match kind {
            Kind::Structure { members, union, .. } => {
                plain_text_is_refused(kind, node)?;
                self.structure(members, *union, node)
            }
            Kind::List {
                element,
                element_name,
                ..
            } => {
                plain_text_is_refused(kind, node)?;
                let name = if element_name.is_empty() {
                    MEMBER
                } else {
                    *element_name
                };
                self.list(element, name, node)
            }
            Kind::Map { value, .. } => {
                plain_text_is_refused(kind, node)?;
                self.map(value, node)
            }
            _ => match node.value {
                Some(text) if node.children.is_empty() => value_of_text(shape, text),
                _ => Err(mismatch(kind, Found::Map).into()),
            },
        }
    }

    fn structure(
        &mut self,
        members: &'static [Member],
        union: bool,
        node: &'t Node<'a>,
    ) -> Result<Value, ApiError> {
        self.slots.take(members.len())?;
        let mut fields = Fields::absent(members.len());
        for (segment, at) in &node.children {
            let member = member_index(members, segment, 0, |m| m.location == Location::Body);
            let (Some((index, member)), Some(child)) = (member, self.tree.node(*at)) else {
                continue;
            };
            let value = self.value(member.shape, child)?;
            if let Some(slot) = fields.0.get_mut(index) {
                *slot = Some(value);
            }
        }
        check_union(union, &fields)?;
        Ok(Value::Struct(fields))
    }

    fn list(&mut self, element: &'static Shape, name: &str, node: &'t Node<'a>) -> Result<Value, ApiError> {
        let mut items = Vec::new();
        for node in self.numbered(name, node)? {
            items.push(self.value(element, node)?);
        }
        Ok(Value::List(items))
    }

    fn map(&mut self, shape: &'static Shape, node: &'t Node<'a>) -> Result<Value, ApiError> {
        let mut entries = Vec::new();
        for node in self.numbered(ENTRY, node)? {
            let key = self.tree.child(node, KEY).and_then(|key| key.value);
            let key = key.ok_or_else(|| Fault::new("An entry of a map has no key"))?;
            if let Some(value) = self.tree.child(node, VALUE) {
                entries.push((key.to_owned(), self.value(shape, value)?));
            }
        }
        Ok(Value::Map(last_wins(entries)))
    }

    /// The elements below `name.N`, or below `N` alone, in the order of their numbers. Numbers may leave gaps.
    fn numbered(&self, name: &str, node: &'t Node<'a>) -> Result<Vec<&'t Node<'a>>, ApiError> {
        let holder = self.tree.child(node, name).unwrap_or(node);
        let mut numbered = Vec::with_capacity(holder.children.len());
        for (segment, at) in &holder.children {
            let plain = segment.bytes().all(|b| b.is_ascii_digit());
            let number: Option<u64> = segment.parse().ok().filter(|_| plain);
            let number = number.ok_or_else(|| {
                Fault::new(format!(
                    "'{}' is no index: the elements of a list are called {name}.1, {name}.2 and so on",
                    echo(segment)
                ))
            })?;
            numbered.push((number, *at));
        }
        numbered.sort_unstable();
        Ok(numbered
            .into_iter()
            .filter_map(|(_, at)| self.tree.node(at))
            .collect())
    }
}

/// A structure, a list or a map may be named without anything in it, but has no text.
fn plain_text_is_refused(kind: &Kind, node: &Node<'_>) -> Result<(), ApiError> {
    match node.value {
        Some(text) if !text.is_empty() => Err(mismatch(kind, Found::String).into()),
        _ => Ok(()),
    }
}
