//! A decoded message: what every wire format decodes to and encodes from, shaped by the tables.

use bytes::Bytes;

use crate::model::Shape;

/// A value of any shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A structure or union: one slot per member, in the table's order.
    Struct(Fields),
    /// A list.
    List(Vec<Value>),
    /// A map, in the order it was written.
    Map(Vec<(String, Value)>),
    /// A text or an enumeration's value.
    String(String),
    /// Bytes.
    Blob(Bytes),
    /// A 32- or 64-bit integer.
    Integer(i64),
    /// A floating-point number.
    Double(f64),
    /// A truth value.
    Boolean(bool),
    /// Milliseconds since the Unix epoch; negative before it.
    Timestamp(i64),
}

/// The members of a structure, by their index in the shape's table; `None` is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(pub Vec<Option<Value>>);

impl Fields {
    /// `members` absent members.
    #[must_use]
    pub fn absent(members: usize) -> Self {
        Self(vec![None; members])
    }

    /// The members of a structure.
    ///
    /// # Errors
    /// [`Mismatch`] when the value is of another kind.
    pub fn of(value: Value) -> Result<Self, Mismatch> {
        match value {
            Value::Struct(fields) => Ok(fields),
            _ => Err(Mismatch),
        }
    }

    /// The member at `index`, if it is there.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Value> {
        self.0.get(index).and_then(Option::as_ref)
    }

    /// Takes the member at `index` out and converts it. `None` when absent.
    ///
    /// # Errors
    /// [`Mismatch`] when it is there with another type; a decoder guided by the same table never yields that.
    pub fn optional<T: Typed>(&mut self, index: usize) -> Result<Option<T>, Mismatch> {
        self.0
            .get_mut(index)
            .and_then(Option::take)
            .map(T::from_value)
            .transpose()
    }

    /// Takes the member at `index` out and converts it.
    ///
    /// # Errors
    /// [`Mismatch`] when it is absent or of another type; validation against the same table refuses both before.
    pub fn required<T: Typed>(&mut self, index: usize) -> Result<T, Mismatch> {
        self.optional(index)?.ok_or(Mismatch)
    }
}

/// A value that does not have the shape its table states: a bug in a decoder, never a caller's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch;

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the decoded value does not have its shape")
    }
}

impl std::error::Error for Mismatch {}

/// A Rust type that stands for a shape.
pub trait Typed: Sized {
    /// From a decoded and validated value.
    ///
    /// # Errors
    /// [`Mismatch`] when the value has another shape.
    fn from_value(value: Value) -> Result<Self, Mismatch>;

    /// Into a value to encode.
    fn into_value(self) -> Value;
}

/// A Rust type that stands for a structure and knows its table.
pub trait Shaped: Typed {
    /// The table.
    const SHAPE: &'static Shape;
}

/// A Rust enumeration for a text of fixed values.
macro_rules! enumeration {
    ($name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($variant),*
        }

        impl $name {
            /// The value on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),*
                }
            }

            /// The variant of a value on the wire.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl Typed for $name {
            fn from_value(value: Value) -> Result<Self, Mismatch> {
                match value {
                    Value::String(text) => Self::parse(&text).ok_or(Mismatch),
                    _ => Err(Mismatch),
                }
            }

            fn into_value(self) -> Value {
                Value::String(self.as_str().to_owned())
            }
        }
    };
}

pub(crate) use enumeration;

macro_rules! scalar {
    ($type:ty, $variant:ident) => {
        impl Typed for $type {
            fn from_value(value: Value) -> Result<Self, Mismatch> {
                match value {
                    Value::$variant(v) => Self::try_from(v).map_err(|_| Mismatch),
                    _ => Err(Mismatch),
                }
            }

            fn into_value(self) -> Value {
                Value::$variant(self.into())
            }
        }
    };
}

scalar!(String, String);
scalar!(Bytes, Blob);
scalar!(i64, Integer);
scalar!(i32, Integer);
scalar!(f64, Double);
scalar!(bool, Boolean);

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct EpochMillis(pub i64);

impl Typed for EpochMillis {
    fn from_value(value: Value) -> Result<Self, Mismatch> {
        match value {
            Value::Timestamp(millis) => Ok(Self(millis)),
            _ => Err(Mismatch),
        }
    }

    fn into_value(self) -> Value {
        Value::Timestamp(self.0)
    }
}

impl<T: Typed> Typed for Vec<T> {
    fn from_value(value: Value) -> Result<Self, Mismatch> {
        match value {
            Value::List(items) => items.into_iter().map(T::from_value).collect(),
            _ => Err(Mismatch),
        }
    }

    fn into_value(self) -> Value {
        Value::List(self.into_iter().map(T::into_value).collect())
    }
}

/// A map in the order it was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entries<T>(pub Vec<(String, T)>);

impl<T: Typed> Typed for Entries<T> {
    fn from_value(value: Value) -> Result<Self, Mismatch> {
        match value {
            Value::Map(entries) => entries
                .into_iter()
                .map(|(k, v)| Ok((k, T::from_value(v)?)))
                .collect::<Result<_, _>>()
                .map(Self),
            _ => Err(Mismatch),
        }
    }

    fn into_value(self) -> Value {
        Value::Map(self.0.into_iter().map(|(k, v)| (k, v.into_value())).collect())
    }
}

impl<T: Typed> Typed for Box<T> {
    fn from_value(value: Value) -> Result<Self, Mismatch> {
        T::from_value(value).map(Self::new)
    }

    fn into_value(self) -> Value {
        (*self).into_value()
    }
}
