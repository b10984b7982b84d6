//! The forms that expressions become: names and values are in place, and everything is flat.
//!
//! They are stored in commands. A variant or field is never renamed or given another meaning.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::dynamodb::model::{AttributeValue, Kind};

/// A step into a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Segment {
    /// Into a map.
    Name(String),
    /// Into a list.
    Index(u32),
}

/// A document path: an attribute's name and the way into its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    /// The attribute.
    pub head: String,
    /// The way into it, at most [`PATH_LEVELS_MAX`](crate::dynamodb::limits::PATH_LEVELS_MAX) long with the head.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tail: Vec<Segment>,
}

impl Path {
    /// The path of a whole attribute.
    #[must_use]
    pub const fn of(name: String) -> Self {
        Self {
            head: name,
            tail: Vec::new(),
        }
    }

    /// Whether it goes into its attribute.
    #[must_use]
    pub const fn is_nested(&self) -> bool {
        !self.tail.is_empty()
    }
}

/// As messages show it: `[a, b, [0]]`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}", self.head)?;
        for segment in &self.tail {
            match segment {
                Segment::Name(name) => write!(f, ", {name}")?,
                Segment::Index(index) => write!(f, ", [{index}]")?,
            }
        }
        f.write_str("]")
    }
}

/// A value of the request. Shared, since a text may name it hundreds of times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal(pub Arc<AttributeValue>);

impl Serialize for Literal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Literal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        AttributeValue::deserialize(deserializer).map(|value| Self(Arc::new(value)))
    }
}

impl From<AttributeValue> for Literal {
    fn from(value: AttributeValue) -> Self {
        Self(Arc::new(value))
    }
}

/// What a condition compares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operand {
    /// What the item has there.
    Path(Path),
    /// A value.
    Value(Literal),
    /// `size` of what the item has there.
    Size(Path),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Comparator {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Comparator {
    /// The comparison with its sides exchanged.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        match self {
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            Self::Eq | Self::Ne => self,
        }
    }

    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "<>",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }
}

/// A test that is true or false of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// `a = b` and its like.
    Compare(Comparator, Operand, Operand),
    /// `a BETWEEN b AND c`.
    Between(Operand, Operand, Operand),
    /// `a IN (b, …)`.
    In(Operand, Vec<Operand>),
    /// `attribute_exists(a)`.
    Exists(Path),
    /// `attribute_not_exists(a)`.
    NotExists(Path),
    /// `attribute_type(a, b)`.
    Type(Operand, Kind),
    /// `begins_with(a, b)`.
    BeginsWith(Operand, Operand),
    /// `contains(a, b)`.
    Contains(Operand, Operand),
}

/// A step of a condition in postfix order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Puts a truth value on the stack.
    Test(Test),
    /// Replaces the topmost one.
    Not,
    /// Replaces the two topmost ones.
    And,
    /// Replaces the two topmost ones.
    Or,
}

/// A condition in postfix order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition(pub Vec<Step>);

impl Condition {
    /// Every path in it, and whether it occurs in a key's place: as a name alone.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().flat_map(|step| match step {
            Step::Test(test) => test.paths(),
            Step::Not | Step::And | Step::Or => Vec::new(),
        })
    }

    /// The values in it, for their sizes.
    pub fn literals(&self) -> impl Iterator<Item = &AttributeValue> {
        let operands = self.0.iter().flat_map(|step| match step {
            Step::Test(test) => test.operands(),
            Step::Not | Step::And | Step::Or => Vec::new(),
        });
        operands.filter_map(|operand| match operand {
            Operand::Value(value) => Some(&*value.0),
            Operand::Path(_) | Operand::Size(_) => None,
        })
    }
}

impl Test {
    fn operands(&self) -> Vec<&Operand> {
        match self {
            Self::Compare(_, a, b) | Self::BeginsWith(a, b) | Self::Contains(a, b) => vec![a, b],
            Self::Between(a, b, c) => vec![a, b, c],
            Self::In(a, list) => std::iter::once(a).chain(list).collect(),
            Self::Type(a, _) => vec![a],
            Self::Exists(_) | Self::NotExists(_) => Vec::new(),
        }
    }

    fn paths(&self) -> Vec<&Path> {
        if let Self::Exists(path) | Self::NotExists(path) = self {
            return vec![path];
        }
        let operands = self.operands().into_iter();
        operands
            .filter_map(|operand| match operand {
                Operand::Path(path) | Operand::Size(path) => Some(path),
                Operand::Value(_) => None,
            })
            .collect()
    }
}

/// Which parts of an item are answered; no path leads into another's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection(pub Vec<Path>);

/// Where an update takes a value from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The first of these that the item has: `if_not_exists` in each other, from outside in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub either: Vec<Path>,
    /// Otherwise this.
    pub or: Term,
}

/// The end of a [`Source`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// What the item has there; it must have something.
    Path(Path),
    /// A value.
    Value(Literal),
}

/// What SET assigns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assigned {
    /// A value as it is.
    Is(Source),
    /// A sum.
    Plus(Source, Source),
    /// A difference.
    Minus(Source, Source),
    /// `list_append`.
    Append(Source, Source),
}

/// A change of one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// SET.
    Set(Path, Assigned),
    /// REMOVE.
    Remove(Path),
    /// ADD to a number or a set; the older form also to a list.
    Add(Path, Literal),
    /// DELETE from a set.
    Delete(Path, Literal),
}

impl Action {
    /// What it changes.
    #[must_use]
    pub const fn path(&self) -> &Path {
        match self {
            Self::Set(path, _) | Self::Remove(path) | Self::Add(path, _) | Self::Delete(path, _) => path,
        }
    }

    fn literals(&self) -> Vec<&AttributeValue> {
        let sources = match self {
            Self::Set(_, Assigned::Is(a)) => vec![a],
            Self::Set(_, Assigned::Plus(a, b) | Assigned::Minus(a, b) | Assigned::Append(a, b)) => vec![a, b],
            Self::Add(_, value) | Self::Delete(_, value) => return vec![&*value.0],
            Self::Remove(_) => return Vec::new(),
        };
        let sources = sources.into_iter();
        sources
            .filter_map(|source| match &source.or {
                Term::Value(value) => Some(&*value.0),
                Term::Path(_) => None,
            })
            .collect()
    }
}

/// Changes of an item, of which no two touch the same place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// In the order they were written.
    pub actions: Vec<Action>,
    /// It came as AttributeUpdates, whose messages differ.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub legacy: bool,
}

impl Update {
    /// What it changes.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.actions.iter().map(Action::path)
    }

    /// The values in it, for their sizes.
    pub fn literals(&self) -> impl Iterator<Item = &AttributeValue> {
        self.actions.iter().flat_map(Action::literals)
    }
}
