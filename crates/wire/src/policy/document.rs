//! A policy's JSON as a small tree: strict grammar, no member twice, bounded in depth and in number of values.
//!
//! Policies are read once and kept compiled, so a tree is cheap enough here; bodies of calls are decoded without one.

use std::borrow::Cow;
use std::collections::HashSet;

use super::error::{Path, PolicyError, clipped};
use crate::json::reader::Reader;
use crate::limits::{POLICY_DEPTH_MAX, POLICY_VALUES_MAX};
use crate::serialization::Fault;

/// A JSON value.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Null,
    Boolean(bool),
    /// As it was written.
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Members<'a>),
}

/// The members of an object, in their order.
pub(super) type Members<'a> = Vec<(Cow<'a, str>, Node<'a>)>;

impl<'a> Node<'a> {
    /// What it is, for a sentence.
    pub(super) const fn what(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a truth value",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    pub(super) fn object(&self, path: &Path<'_>) -> Result<&Members<'a>, PolicyError> {
        match self {
            Self::Object(members) => Ok(members),
            other => Err(path.error(format!("must be an object, not {}", other.what()))),
        }
    }

    pub(super) fn text(&self, path: &Path<'_>) -> Result<&str, PolicyError> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(path.error(format!("must be a string, not {}", other.what()))),
        }
    }

    /// A list's elements, or the value itself where the brackets are left out.
    pub(super) fn elements(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            one => std::slice::from_ref(one),
        }
    }
}

/// Calls `each` for every string of a list, or of a string that stands for a list of one.
pub(super) fn strings<T>(
    node: &Node<'_>,
    path: &Path<'_>,
    mut each: impl FnMut(&str, &Path<'_>) -> Result<T, PolicyError>,
) -> Result<Box<[T]>, PolicyError> {
    let is_list = matches!(node, Node::List(_));
    let elements = node.elements().iter().enumerate();
    elements
        .map(|(index, element)| {
            let inner = path.index(index);
            let at = if is_list { &inner } else { path };
            each(element.text(at)?, at)
        })
        .collect()
}

/// Reads a document.
pub(super) fn parse(text: &str) -> Result<Node<'_>, PolicyError> {
    let mut parser = Parser {
        reader: Reader::of("The policy", text),
        values: 0,
    };
    let broken =
        |fault: Fault| Path::DOCUMENT.error(format!("Syntax errors in policy. {}", fault.into_message()));
    let node = parser.value(&Path::DOCUMENT, 0).map_err(|stop| match stop {
        Stop::Syntax(fault) => broken(fault),
        Stop::Refused(error) => error,
    })?;
    parser.reader.end().map_err(broken)?;
    Ok(node)
}

enum Stop {
    Syntax(Fault),
    Refused(PolicyError),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Syntax(fault)
    }
}

struct Parser<'a> {
    reader: Reader<'a>,
    values: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self, path: &Path<'_>, depth: usize) -> Result<Node<'a>, Stop> {
        self.values += 1;
        if self.values > POLICY_VALUES_MAX {
            let message = format!("the policy has more than {POLICY_VALUES_MAX} values; divide it");
            return Err(Stop::Refused(Path::DOCUMENT.error(message)));
        }
        Ok(match self.reader.peek()? {
            b'"' => Node::Text(self.reader.string()?),
            b'{' => Node::Object(self.members(path, deeper(path, depth)?)?),
            b'[' => Node::List(self.list(path, deeper(path, depth)?)?),
            b't' => {
                self.reader.literal("true")?;
                Node::Boolean(true)
            }
            b'f' => {
                self.reader.literal("false")?;
                Node::Boolean(false)
            }
            b'n' => {
                self.reader.literal("null")?;
                Node::Null
            }
            b'-' | b'0'..=b'9' => Node::Number(self.reader.number()?),
            _ => return Err(self.reader.malformed("a value is missing").into()),
        })
    }

    fn members(&mut self, path: &Path<'_>, depth: usize) -> Result<Members<'a>, Stop> {
        self.reader.expect(b'{')?;
        let mut members = Members::new();
        let mut more = !self.reader.accept(b'}')?;
        while more {
            let name = self.reader.name()?;
            let value = self.value(&path.member(&name), depth)?;
            members.push((name, value));
            more = self.reader.more(b'}')?;
        }
        let mut seen = HashSet::with_capacity(members.len());
        if let Some((twice, _)) = members.iter().find(|(name, _)| !seen.insert(&**name)) {
            let message = format!(
                "'{}' is there twice; each member may be given once",
                clipped(twice)
            );
            return Err(Stop::Refused(path.error(message)));
        }
        Ok(members)
    }

    fn list(&mut self, path: &Path<'_>, depth: usize) -> Result<Vec<Node<'a>>, Stop> {
        self.reader.expect(b'[')?;
        let mut list = Vec::new();
        let mut more = !self.reader.accept(b']')?;
        while more {
            list.push(self.value(&path.index(list.len()), depth)?);
            more = self.reader.more(b']')?;
        }
        Ok(list)
    }
}

fn deeper(path: &Path<'_>, depth: usize) -> Result<usize, Stop> {
    if depth < POLICY_DEPTH_MAX {
        return Ok(depth + 1);
    }
    let message = format!("nested deeper than {POLICY_DEPTH_MAX} levels, which no element of a policy is");
    Err(Stop::Refused(path.error(message)))
}
