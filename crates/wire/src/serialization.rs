//! Why a body does not decode, in the words of AWS's own deserialiser ("coral").
//!
//! The texts were recorded against AWS by the authors of kinesalite; the uneven grammar is theirs. What AWS answers
//! without any message (a body that is not JSON at all) gets a sentence here, because a client's author needs one.

use bytes::Bytes;
use millrace_api::{Kind, Shape, TimestampFormat, Value};

use crate::limits::{DEPTH_MAX, ECHO_BYTES_MAX, VALUE_SLOTS_MAX};
use crate::{ApiError, timestamp};

/// A failure to decode, on its way out of the nested values.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The bytes are malformed or of another type.
    Serialization(String),
    /// An element of a list is null, which no list of the models may hold; the path grows on the way out.
    NullElement(String),
}

impl Fault {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::Serialization(message.into())
    }

    /// Bytes that are not of the format, with what was wrong and where.
    pub(crate) fn malformed(subject: &str, format: &str, at: usize, what: &str) -> Self {
        Self::new(format!("{subject} is not valid {format}: {what} at byte {at}"))
    }

    /// What is said of it.
    pub(crate) fn into_message(self) -> String {
        match self {
            Self::Serialization(message) => message,
            Self::NullElement(path) => format!("Value null at '{path}' must not be null"),
        }
    }

    pub(crate) fn too_deep() -> Self {
        Self::new(format!(
            "The request body is nested deeper than {DEPTH_MAX} levels"
        ))
    }

    pub(crate) fn too_many_values() -> Self {
        Self::new(format!(
            "The request body holds more than {VALUE_SLOTS_MAX} values; send fewer at once"
        ))
    }

    /// The same fault, seen from the member it happened in.
    pub(crate) fn within(self, segment: &str) -> Self {
        match self {
            Self::NullElement(path) if path.is_empty() => Self::NullElement(segment.to_owned()),
            Self::NullElement(path) => Self::NullElement(format!("{segment}.{path}")),
            other @ Self::Serialization(_) => other,
        }
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Serialization(message) => Self::serialization(message),
            Fault::NullElement(path) => Self::validation(format!(
                "1 validation error detected: Value null at '{path}' failed to satisfy constraint: \
                 Member must not be null"
            )),
        }
    }
}

/// What stood on the wire where something else was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    String,
    Boolean,
    Number,
    Bytes,
    List,
    Map,
}

impl Found {
    fn java_class(self) -> &'static str {
        match self {
            Self::String => "java.lang.String",
            Self::Boolean => "java.lang.Boolean",
            Self::Bytes => "java.nio.HeapByteBuffer",
            Self::Number | Self::List | Self::Map => {
                "com.amazon.coral.value.json.numbers.TruncatingBigNumber"
            }
        }
    }
}

/// The fault of finding `found` where a value of `kind` was expected.
pub(crate) fn mismatch(kind: &Kind, found: Found) -> Fault {
    match found {
        Found::List => return Fault::new("Start of list found where not expected"),
        Found::Map => return Fault::new("Start of structure or map found where not expected."),
        Found::String | Found::Boolean | Found::Number | Found::Bytes => {}
    }
    let target = match kind {
        Kind::Structure { .. } => return Fault::new("Expected null"),
        Kind::List { .. } => return Fault::new("Expected list or null"),
        Kind::Map { .. } => return Fault::new("Expected map or null"),
        Kind::String { .. } => "an String",
        Kind::Blob { .. } => "a Blob",
        Kind::Integer { .. } => "an Integer",
        Kind::Long { .. } => "an Long",
        Kind::Double { .. } => "an Double",
        Kind::Boolean => "an Boolean",
        Kind::Timestamp(_) => "milliseconds since epoch",
    };
    Fault::new(format!(
        "class {} can not be converted to {target}",
        found.java_class()
    ))
}

/// The truth value a text stands for; AWS takes a few.
pub(crate) fn boolean_of_text(text: &str) -> Result<bool, Fault> {
    let upper: String = echo(text).to_uppercase();
    match upper.as_str() {
        "TRUE" | "YES" | "1" => Ok(true),
        "FALSE" | "NO" | "0" => Ok(false),
        _ => Err(Fault::new(format!(
            "'{upper}' can not be converted to an Boolean"
        ))),
    }
}

/// The bytes a base64 text stands for: padded, canonical, without line breaks.
pub(crate) fn blob_of_text(text: &str) -> Result<Vec<u8>, Fault> {
    base64_simd::STANDARD.decode_to_vec(text).map_err(|_| {
        let why = base64_complaint(text);
        Fault::new(format!("'{}' can not be converted to a Blob: {why}", echo(text)))
    })
}

/// What AWS finds wrong first: the length, then a character (padding before the end is one), then the last bits.
fn base64_complaint(text: &str) -> String {
    let chars = text.chars().count();
    if !chars.is_multiple_of(4) {
        return format!("Base64 encoded length is expected a multiple of 4 bytes but found: {chars}");
    }
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let padding_inside = c == '=' && rest.peek().is_some_and(|next| *next != '=');
        let known = c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
        if padding_inside || !known {
            return format!("Invalid Base64 character: '{c}'");
        }
    }
    "Invalid last non-pad Base64 character dectected".to_owned()
}

/// The part of a caller's text that an answer repeats.
pub(crate) fn echo(text: &str) -> &str {
    text.get(..text.floor_char_boundary(ECHO_BYTES_MAX))
        .unwrap_or(text)
}

/// A number with a fraction as an integer: floored and clamped, as AWS does.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the cast saturates, which is the clamp that is wanted"
)]
pub(crate) fn floor_to_i64(number: f64) -> i64 {
    number.floor() as i64
}

/// An integer in the range of `kind`: clamped to 32 bits for an Integer.
pub(crate) fn clamp(kind: &Kind, number: i64) -> i64 {
    match kind {
        Kind::Integer { .. } => number.clamp(i32::MIN.into(), i32::MAX.into()),
        _ => number,
    }
}

/// A value that is written as text, in a query, a form, a path or a header.
pub(crate) fn value_of_text(shape: &Shape, text: &str) -> Result<Value, ApiError> {
    let refused =
        |target: &str| ApiError::serialization(format!("'{}' can not be converted to {target}", echo(text)));
    Ok(match &shape.kind {
        Kind::String { .. } => Value::String(text.to_owned()),
        Kind::Blob { .. } => Value::Blob(Bytes::from(blob_of_text(text)?)),
        Kind::Integer { .. } | Kind::Long { .. } => {
            let target = if matches!(shape.kind, Kind::Long { .. }) {
                "an Long"
            } else {
                "an Integer"
            };
            Value::Integer(clamp(&shape.kind, text.parse().map_err(|_| refused(target))?))
        }
        Kind::Double { .. } => Value::Double(text.parse().map_err(|_| refused("an Double"))?),
        Kind::Boolean if text.eq_ignore_ascii_case("true") => Value::Boolean(true),
        Kind::Boolean if text.eq_ignore_ascii_case("false") => Value::Boolean(false),
        Kind::Boolean => return Err(refused("an Boolean")),
        Kind::Timestamp(_) => {
            // The default differs between query, header and body, and clients mix them up; each form is unmistakable.
            let formats = [
                TimestampFormat::Iso8601,
                TimestampFormat::HttpDate,
                TimestampFormat::EpochSeconds,
            ];
            let millis = formats
                .into_iter()
                .find_map(|format| timestamp::parse(format, text));
            Value::Timestamp(millis.ok_or_else(|| refused("milliseconds since epoch"))?)
        }
        Kind::Structure { .. } | Kind::List { .. } | Kind::Map { .. } => {
            return Err(ApiError::internal(format!(
                "{} cannot be bound to a text",
                shape.name
            )));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        match blob_of_text(text).unwrap_err() {
            Fault::Serialization(message) => message,
            Fault::NullElement(path) => panic!("null at {path}"),
        }
    }

    #[test]
    fn base64_is_refused_in_these_words() {
        assert_eq!(
            complaint("23456"),
            "'23456' can not be converted to a Blob: \
             Base64 encoded length is expected a multiple of 4 bytes but found: 5"
        );
        assert_eq!(
            complaint("=+/="),
            "'=+/=' can not be converted to a Blob: Invalid Base64 character: '='"
        );
        assert_eq!(
            complaint("ab\nc"),
            "'ab\nc' can not be converted to a Blob: Invalid Base64 character: '\n'"
        );
        assert_eq!(
            complaint("+/+="),
            "'+/+=' can not be converted to a Blob: Invalid last non-pad Base64 character dectected"
        );
        assert!(complaint("====").ends_with("dectected"));
        assert!(complaint("a===").ends_with("dectected"));
    }

    #[test]
    fn an_echo_is_bounded() {
        assert!(complaint(&"é".repeat(50_001)).len() < ECHO_BYTES_MAX + 200);
    }

    #[test]
    fn some_texts_are_truth_values() {
        for (text, value) in [
            ("true", true),
            ("Yes", true),
            ("1", true),
            ("false", false),
            ("no", false),
            ("0", false),
        ] {
            assert_eq!(boolean_of_text(text).unwrap(), value);
        }
        let Err(Fault::Serialization(message)) = boolean_of_text("hello") else {
            panic!()
        };
        assert_eq!(message, "'HELLO' can not be converted to an Boolean");
    }

    #[test]
    fn numbers_are_floored_and_clamped() {
        assert_eq!(floor_to_i64(-1.5), -2);
        assert_eq!(floor_to_i64(1e300), i64::MAX);
        assert_eq!(
            clamp(&Kind::Integer { min: None, max: None }, 1 << 40),
            i64::from(i32::MAX)
        );
        assert_eq!(clamp(&Kind::Long { min: None, max: None }, 1 << 40), 1 << 40);
    }
}
