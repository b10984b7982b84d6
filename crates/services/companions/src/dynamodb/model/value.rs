//! Attribute values and items, and how they are stored: as the JSON that DynamoDB itself speaks, with sets sorted.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use base64_simd::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Number;

/// An item: its attributes by name.
pub type Item = BTreeMap<String, AttributeValue>;

/// The value of an attribute. Nesting is bounded by [`NESTING_MAX`](crate::dynamodb::limits::NESTING_MAX) wherever a
/// value comes in or is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeValue {
    /// A text.
    S(String),
    /// A number.
    N(Number),
    /// Bytes.
    B(Blob),
    /// A truth value.
    #[serde(rename = "BOOL")]
    Bool(bool),
    /// Null.
    #[serde(rename = "NULL")]
    Null,
    /// A list.
    L(Vec<Self>),
    /// A map.
    M(Item),
    /// A set of texts, never empty.
    #[serde(rename = "SS")]
    Ss(BTreeSet<String>),
    /// A set of numbers, never empty.
    #[serde(rename = "NS")]
    Ns(BTreeSet<Number>),
    /// A set of bytes, never empty.
    #[serde(rename = "BS")]
    Bs(BTreeSet<Blob>),
}

/// Bytes; base64 in stored form.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Blob(pub Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode_to_string(&self.0))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode_to_vec(text).map(Self).map_err(D::Error::custom)
    }
}

/// The type of an attribute value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "the names are DynamoDB's")]
pub enum Kind {
    S,
    N,
    B,
    Bool,
    Null,
    L,
    M,
    Ss,
    Ns,
    Bs,
}

/// Every kind, in the order in which DynamoDB lists them.
pub const KINDS: [Kind; 10] = [
    Kind::B,
    Kind::Null,
    Kind::Ss,
    Kind::Bool,
    Kind::L,
    Kind::Bs,
    Kind::N,
    Kind::Ns,
    Kind::S,
    Kind::M,
];

impl Kind {
    /// The descriptor, such as `SS`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::N => "N",
            Self::B => "B",
            Self::Bool => "BOOL",
            Self::Null => "NULL",
            Self::L => "L",
            Self::M => "M",
            Self::Ss => "SS",
            Self::Ns => "NS",
            Self::Bs => "BS",
        }
    }

    /// The name in full, such as `STRING_SET`.
    #[must_use]
    pub const fn long_name(self) -> &'static str {
        match self {
            Self::S => "STRING",
            Self::N => "NUMBER",
            Self::B => "BINARY",
            Self::Bool => "BOOLEAN",
            Self::Null => "NULL",
            Self::L => "LIST",
            Self::M => "MAP",
            Self::Ss => "STRING_SET",
            Self::Ns => "NUMBER_SET",
            Self::Bs => "BINARY_SET",
        }
    }

    /// The kind of a descriptor.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        KINDS.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether values of it have an order: texts, numbers and bytes.
    #[must_use]
    pub const fn is_ordered(self) -> bool {
        matches!(self, Self::S | Self::N | Self::B)
    }

    /// Whether it is one of the sets.
    #[must_use]
    pub const fn is_set(self) -> bool {
        matches!(self, Self::Ss | Self::Ns | Self::Bs)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl AttributeValue {
    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::S(_) => Kind::S,
            Self::N(_) => Kind::N,
            Self::B(_) => Kind::B,
            Self::Bool(_) => Kind::Bool,
            Self::Null => Kind::Null,
            Self::L(_) => Kind::L,
            Self::M(_) => Kind::M,
            Self::Ss(_) => Kind::Ss,
            Self::Ns(_) => Kind::Ns,
            Self::Bs(_) => Kind::Bs,
        }
    }

    /// What it counts for in an item's size, in bytes (DynamoDB developer guide, "Item sizes and formats").
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(number) => number.size(),
            Self::B(bytes) => bytes.0.len(),
            Self::Bool(_) | Self::Null => 1,
            Self::L(items) => 3 + items.iter().map(|value| 1 + value.size()).sum::<usize>(),
            Self::M(entries) => 3 + entries.len() + item_size(entries),
            Self::Ss(texts) => texts.iter().map(String::len).sum(),
            Self::Ns(numbers) => numbers.iter().map(Number::size).sum(),
            Self::Bs(blobs) => blobs.iter().map(|bytes| bytes.0.len()).sum(),
        }
    }

    /// How many lists and maps are around its innermost value.
    #[must_use]
    pub fn nesting(&self) -> usize {
        match self {
            Self::L(items) => 1 + items.iter().map(Self::nesting).max().unwrap_or(0),
            Self::M(entries) => 1 + entries.values().map(Self::nesting).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// How it compares with another of the same ordered kind; `None` for all others.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::S(a), Self::S(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
            (Self::N(a), Self::N(b)) => Some(a.cmp(b)),
            (Self::B(a), Self::B(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// What `size` of an expression says: UTF-16 units of a text, bytes of a blob, elements of the rest.
    #[must_use]
    pub fn length(&self) -> Option<usize> {
        match self {
            Self::S(text) => Some(text.encode_utf16().count()),
            Self::B(bytes) => Some(bytes.0.len()),
            Self::L(items) => Some(items.len()),
            Self::M(entries) => Some(entries.len()),
            Self::Ss(texts) => Some(texts.len()),
            Self::Ns(numbers) => Some(numbers.len()),
            Self::Bs(blobs) => Some(blobs.len()),
            Self::N(_) | Self::Bool(_) | Self::Null => None,
        }
    }
}

/// The size of an item, in bytes, with the names of its attributes.
#[must_use]
pub fn item_size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value.size()).sum()
}

/// As DynamoDB's messages show it: `{S:text}`.
impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self {
            Self::S(text) => write!(f, "{{{kind}:{}}}", super::wire::clipped(text)),
            Self::N(number) => write!(f, "{{{kind}:{number}}}"),
            Self::Bool(value) => write!(f, "{{{kind}:{value}}}"),
            Self::Null => write!(f, "{{{kind}:true}}"),
            _ => write!(f, "{{{kind}:…}}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }

    #[test]
    fn the_stored_form_never_changes() {
        let item = Item::from([
            ("b".to_owned(), AttributeValue::B(Blob(vec![0, 255]))),
            (
                "l".to_owned(),
                AttributeValue::L(vec![AttributeValue::Null, AttributeValue::Bool(true)]),
            ),
            (
                "m".to_owned(),
                AttributeValue::M(Item::from([("n".to_owned(), AttributeValue::N(Number::from(7)))])),
            ),
            (
                "s".to_owned(),
                AttributeValue::Ss(BTreeSet::from(["b".to_owned(), "a".to_owned()])),
            ),
        ]);
        let stored = r#"{"b":{"B":"AP8="},"l":{"L":["NULL",{"BOOL":true}]},"m":{"M":{"n":{"N":"7"}}},"s":{"SS":["a","b"]}}"#;
        assert_eq!(serde_json::to_string(&item).unwrap(), stored);
        assert_eq!(serde_json::from_str::<Item>(stored).unwrap(), item);
    }

    #[test]
    fn sizes_are_those_of_the_guide() {
        assert_eq!(text("é").size(), 2);
        assert_eq!(
            AttributeValue::L(vec![text("a"), AttributeValue::Null]).size(),
            3 + 2 + 2
        );
        let map = AttributeValue::M(Item::from([("ab".to_owned(), text("c"))]));
        assert_eq!((map.size(), map.nesting(), map.length()), (3 + 1 + 3, 1, Some(1)));
        assert_eq!(text("é€😀").length(), Some(4));
    }

    #[test]
    fn kinds_have_one_name() {
        for kind in KINDS {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
        assert_eq!(Kind::parse("s"), None);
    }
}
