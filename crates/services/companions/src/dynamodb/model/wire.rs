//! Between the API's attribute values, of which exactly one member must be set, and the model's.

use std::collections::BTreeSet;

use bytes::Bytes;
use millrace_api::Entries;
use millrace_api::dynamodb as types;

use super::{AttributeValue, Blob, Item, Number, NumberError};
use crate::dynamodb::limits::{ECHO_CHARS_MAX, NAME_BYTES_MAX, NESTING_MAX};

/// Why a value that decodes is none that can be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// No member is set.
    #[error("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")]
    Empty,
    /// More than one member is set.
    #[error(
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
    )]
    Ambiguous,
    /// `NULL: false`.
    #[error(
        "One or more parameter values were invalid: Null attribute value types must have the value of true"
    )]
    NullFalse,
    /// An empty SS or NS.
    #[error("One or more parameter values were invalid: An {0} set  may not be empty")]
    EmptySet(&'static str),
    /// An empty BS.
    #[error("One or more parameter values were invalid: Binary sets should not be empty")]
    EmptyBinarySet,
    /// The same text twice.
    #[error("One or more parameter values were invalid: Input collection {0} contains duplicates.")]
    Duplicates(String),
    /// The same number twice.
    #[error("Input collection contains duplicates")]
    DuplicateNumbers,
    /// The same bytes twice.
    #[error("One or more parameter values were invalid: Input collection of type BS contains duplicates.")]
    DuplicateBlobs,
    /// An attribute without a name.
    #[error("One or more parameter values were invalid: An AttributeValue may not contain an empty name")]
    EmptyName,
    /// An attribute's name is too long.
    #[error(
        "One or more parameter values were invalid: Attribute name is too large, must be less than 65536 bytes"
    )]
    LongName,
    /// Too many lists and maps in each other.
    #[error(
        "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported \
         limit"
    )]
    TooDeep,
    /// A number cannot be stored.
    #[error(transparent)]
    Number(#[from] NumberError),
}

/// A text of a caller as a message repeats it.
pub(crate) fn clipped(text: &str) -> String {
    match text.char_indices().nth(ECHO_CHARS_MAX) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The value of an API value.
///
/// # Errors
/// `ValueError`.
pub fn from_wire(value: types::AttributeValue) -> Result<AttributeValue, ValueError> {
    let value = convert(value)?;
    if value.nesting() > NESTING_MAX {
        return Err(ValueError::TooDeep);
    }
    Ok(value)
}

/// The item of an API map.
///
/// # Errors
/// `ValueError`.
pub fn item_from_wire(entries: Entries<types::AttributeValue>) -> Result<Item, ValueError> {
    let convert = |(name, value)| Ok((checked(name)?, from_wire(value)?));
    entries.0.into_iter().map(convert).collect()
}

fn checked(name: String) -> Result<String, ValueError> {
    match name.len() {
        0 => Err(ValueError::EmptyName),
        length if length > NAME_BYTES_MAX => Err(ValueError::LongName),
        _ => Ok(name),
    }
}

/// Recurses as deep as the decoder let values be nested.
fn convert(value: types::AttributeValue) -> Result<AttributeValue, ValueError> {
    let types::AttributeValue {
        s,
        n,
        b,
        ss,
        ns,
        bs,
        m,
        l,
        null,
        bool: boolean,
    } = value;
    let found = [
        s.map(|text| Ok(AttributeValue::S(text))),
        n.map(|text| Ok(AttributeValue::N(text.parse()?))),
        b.map(|bytes| Ok(AttributeValue::B(Blob(bytes.to_vec())))),
        ss.map(texts),
        ns.map(|texts| numbers(&texts)),
        bs.map(blobs),
        m.map(map),
        l.map(|items| {
            items
                .into_iter()
                .map(convert)
                .collect::<Result<_, _>>()
                .map(AttributeValue::L)
        }),
        null.map(|null| {
            if null {
                Ok(AttributeValue::Null)
            } else {
                Err(ValueError::NullFalse)
            }
        }),
        boolean.map(|value| Ok(AttributeValue::Bool(value))),
    ];
    let mut found = found.into_iter().flatten();
    let value = found.next().ok_or(ValueError::Empty)??;
    match found.next() {
        Some(_) => Err(ValueError::Ambiguous),
        None => Ok(value),
    }
}

fn map(entries: Entries<types::AttributeValue>) -> Result<AttributeValue, ValueError> {
    let entries = entries
        .0
        .into_iter()
        .map(|(name, value)| Ok((checked(name)?, convert(value)?)));
    entries.collect::<Result<_, _>>().map(AttributeValue::M)
}

fn texts(texts: Vec<String>) -> Result<AttributeValue, ValueError> {
    let count = texts.len();
    let shown = clipped(&format!(
        "[{}]",
        texts
            .iter()
            .take(ECHO_CHARS_MAX)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ")
    ));
    let set: BTreeSet<_> = texts.into_iter().collect();
    match set.len() {
        0 => Err(ValueError::EmptySet("string")),
        length if length < count => Err(ValueError::Duplicates(shown)),
        _ => Ok(AttributeValue::Ss(set)),
    }
}

fn numbers(texts: &[String]) -> Result<AttributeValue, ValueError> {
    let count = texts.len();
    let set: BTreeSet<Number> = texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    match set.len() {
        0 => Err(ValueError::EmptySet("number")),
        length if length < count => Err(ValueError::DuplicateNumbers),
        _ => Ok(AttributeValue::Ns(set)),
    }
}

fn blobs(blobs: Vec<Bytes>) -> Result<AttributeValue, ValueError> {
    let count = blobs.len();
    let set: BTreeSet<_> = blobs.into_iter().map(|bytes| Blob(bytes.to_vec())).collect();
    match set.len() {
        0 => Err(ValueError::EmptyBinarySet),
        length if length < count => Err(ValueError::DuplicateBlobs),
        _ => Ok(AttributeValue::Bs(set)),
    }
}

/// The API value of a value.
#[must_use]
pub fn into_wire(value: &AttributeValue) -> types::AttributeValue {
    let mut out = types::AttributeValue::default();
    match value {
        AttributeValue::S(text) => out.s = Some(text.clone()),
        AttributeValue::N(number) => out.n = Some(number.to_string()),
        AttributeValue::B(bytes) => out.b = Some(Bytes::copy_from_slice(&bytes.0)),
        AttributeValue::Bool(value) => out.bool = Some(*value),
        AttributeValue::Null => out.null = Some(true),
        AttributeValue::L(items) => out.l = Some(items.iter().map(into_wire).collect()),
        AttributeValue::M(entries) => out.m = Some(item_into_wire(entries)),
        AttributeValue::Ss(texts) => out.ss = Some(texts.iter().cloned().collect()),
        AttributeValue::Ns(numbers) => out.ns = Some(numbers.iter().map(ToString::to_string).collect()),
        AttributeValue::Bs(blobs) => {
            out.bs = Some(blobs.iter().map(|b| Bytes::copy_from_slice(&b.0)).collect());
        }
    }
    out
}

/// The API map of an item.
#[must_use]
pub fn item_into_wire(item: &Item) -> Entries<types::AttributeValue> {
    Entries(
        item.iter()
            .map(|(name, value)| (name.clone(), into_wire(value)))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(set: impl FnOnce(&mut types::AttributeValue)) -> types::AttributeValue {
        let mut value = types::AttributeValue::default();
        set(&mut value);
        value
    }

    fn refused(set: impl FnOnce(&mut types::AttributeValue)) -> String {
        from_wire(wire(set)).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_stored_is_refused_in_the_service_s_words() {
        assert!(refused(|_| ()).starts_with("Supplied AttributeValue is empty"));
        assert!(
            refused(|v| {
                v.s = Some("a".to_owned());
                v.bool = Some(true);
            })
            .starts_with("Supplied AttributeValue has more than one datatypes set")
        );
        assert!(refused(|v| v.null = Some(false)).ends_with("must have the value of true"));
        assert!(refused(|v| v.ss = Some(vec![])).ends_with("An string set  may not be empty"));
        assert!(refused(|v| v.bs = Some(vec![])).ends_with("Binary sets should not be empty"));
        let twice = vec!["1".to_owned(), "1.0".to_owned()];
        assert_eq!(
            refused(|v| v.ns = Some(twice)),
            "Input collection contains duplicates"
        );
        let twice = vec!["a".to_owned(), "a".to_owned()];
        assert!(refused(|v| v.ss = Some(twice)).contains("[a, a] contains duplicates"));
        assert!(refused(|v| v.ss = Some(vec!["x".repeat(9000); 2])).len() < 2000);
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels: usize| {
            (0..levels).fold(wire(|v| v.bool = Some(true)), |inner, _| {
                wire(|v| v.l = Some(vec![inner]))
            })
        };
        assert!(from_wire(nested(NESTING_MAX)).is_ok());
        assert_eq!(
            from_wire(nested(NESTING_MAX + 1)).unwrap_err(),
            ValueError::TooDeep
        );
    }

    #[test]
    fn what_comes_in_goes_out() {
        let value = wire(|v| {
            v.l = Some(vec![
                wire(|v| v.n = Some("1.50".to_owned())),
                wire(|v| v.b = Some(Bytes::from_static(b"x"))),
                wire(|v| v.m = Some(Entries(vec![("a".to_owned(), wire(|v| v.null = Some(true)))]))),
            ]);
        });
        let mut out = into_wire(&from_wire(value.clone()).unwrap());
        assert_eq!(
            out.l.as_mut().unwrap()[0].n.replace("1.50".to_owned()).unwrap(),
            "1.5"
        );
        assert_eq!(out, value);
    }
}
