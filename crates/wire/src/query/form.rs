//! Forms: pairs of names and values, and the tree that names with dots make.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::limits::{DEPTH_MAX, FORM_NODES_MAX};
use crate::percent;
use crate::serialization::Fault;

/// The first value of a parameter in a query or a form; `None` when it is missing.
#[must_use]
pub fn parameter(encoded: &str, name: &str) -> Option<String> {
    let mut pairs = pairs(encoded);
    let (_, value) = pairs.find(|(key, _)| key == name)?;
    Some(value.into_owned())
}

/// All pairs, decoded, in their order; a name without `=` has an empty value.
pub(super) fn pairs(encoded: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let pairs = encoded.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key), decode(value))
    })
}

/// `application/x-www-form-urlencoded` (WHATWG URL 5.1): `+` is a space, a broken escape stands for itself.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['+', '%']) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(String::from_utf8_lossy(&percent::decode(&spaced)).into_owned())
}

/// The tree of a form's names. Of equal names the first counts.
pub(super) struct Tree<'a> {
    nodes: Vec<Node<'a>>,
}

/// Everything that begins with the same segments.
#[derive(Default)]
pub(super) struct Node<'a> {
    /// What the name that ends here has.
    pub(super) value: Option<&'a str>,
    /// Where names go on: the next segment and its node, in the order in which they came first.
    pub(super) children: Vec<(&'a str, usize)>,
}

impl<'a> Tree<'a> {
    pub(super) fn of(pairs: &'a [(Cow<'a, str>, Cow<'a, str>)]) -> Result<Self, Fault> {
        let mut nodes = vec![Node::default()];
        let mut known: HashMap<(usize, &str), usize> = HashMap::with_capacity(pairs.len());
        for (name, value) in pairs {
            let mut at = 0;
            for (depth, segment) in name.split('.').enumerate() {
                if depth >= DEPTH_MAX {
                    return Err(Fault::too_deep());
                }
                let next = nodes.len();
                let child = *known.entry((at, segment)).or_insert(next);
                if child == next {
                    if next >= FORM_NODES_MAX {
                        return Err(Fault::too_many_values());
                    }
                    nodes.push(Node::default());
                    if let Some(node) = nodes.get_mut(at) {
                        node.children.push((segment, child));
                    }
                }
                at = child;
            }
            if let Some(node) = nodes.get_mut(at) {
                node.value.get_or_insert(value);
            }
        }
        Ok(Self { nodes })
    }

    /// Where all names begin.
    pub(super) fn root(&self) -> Option<&Node<'a>> {
        self.nodes.first()
    }

    /// The node behind a child.
    pub(super) fn node(&self, at: usize) -> Option<&Node<'a>> {
        self.nodes.get(at)
    }

    /// The child of a node by its segment.
    pub(super) fn child(&self, node: &Node<'a>, segment: &str) -> Option<&Node<'a>> {
        let (_, at) = node.children.iter().find(|(name, _)| *name == segment)?;
        self.node(*at)
    }
}
