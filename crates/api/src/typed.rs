//! What the generated structs and enums are made of: one macro each, and the functions behind them.
//!
//! A struct has its fields in the order of its table's members, so that field and slot meet by position.

use std::fmt;

use crate::model::{Kind, Member};
use crate::value::{Fields, Mismatch, Shaped, Typed, Value};

/// Declares structs with `Typed`, `Shaped` and a `Debug` that hides what the model calls sensitive.
macro_rules! structures {
    (#[derive(Default)] $($name:ident = $table:ident { $($field:ident: $type:ty,)* })*) => {
        $crate::typed::structures! { @ [Clone, Default, PartialEq] $($name = $table { $($field: $type,)* })* }
    };
    (@ [$($derive:ident),*] $($name:ident = $table:ident $fields:tt)*) => {
        $($crate::typed::structures! { @@ [$($derive),*] $name $table $fields })*
    };
    (@@ [$($derive:ident),*] $name:ident $table:ident { $($field:ident: $type:ty,)* }) => {
        #[derive($($derive),*)]
        pub struct $name {
            $(pub $field: $type,)*
        }

        impl $crate::value::Shaped for $name {
            const SHAPE: &'static $crate::Shape = &shapes::$table;
        }

        impl $crate::value::Typed for $name {
            fn from_value(value: $crate::Value) -> Result<Self, $crate::value::Mismatch> {
                #[allow(unused_mut, unused_variables, reason = "a structure may have no members")]
                let mut slots = $crate::typed::Slots::of(value)?;
                Ok(Self { $($field: slots.take()?,)* })
            }

            fn into_value(self) -> $crate::Value {
                $crate::Value::Struct($crate::Fields(vec![$($crate::typed::Slot::into_slot(self.$field),)*]))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::typed::debug::<Self>(f, stringify!($name), &[$((stringify!($field), &self.$field)),*])
            }
        }
    };
    ($($name:ident = $table:ident $fields:tt)*) => {
        $crate::typed::structures! { @ [Clone, PartialEq] $($name = $table $fields)* }
    };
}

/// Declares enumerations with their texts.
macro_rules! enumerations {
    ($($name:ident = $table:ident { $($variant:ident = $text:literal,)* })*) => {$(
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($variant,)*
        }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// The value of that exact text.
            #[must_use]
            pub fn of(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }

        impl $crate::value::Shaped for $name {
            const SHAPE: &'static $crate::Shape = &shapes::$table;
        }

        impl $crate::value::Typed for $name {
            fn from_value(value: $crate::Value) -> Result<Self, $crate::value::Mismatch> {
                let $crate::Value::String(text) = value else { return Err($crate::value::Mismatch) };
                Self::of(&text).ok_or($crate::value::Mismatch)
            }

            fn into_value(self) -> $crate::Value {
                $crate::Value::String(self.as_str().to_owned())
            }
        }
    )*};
}

pub(crate) use {enumerations, structures};

/// The slots of a structure, handed out in order.
pub(crate) struct Slots(std::vec::IntoIter<Option<Value>>);

impl Slots {
    pub(crate) fn of(value: Value) -> Result<Self, Mismatch> {
        match value {
            Value::Struct(Fields(slots)) => Ok(Self(slots.into_iter())),
            _ => Err(Mismatch),
        }
    }

    pub(crate) fn take<S: Slot>(&mut self) -> Result<S, Mismatch> {
        S::from_slot(self.0.next().flatten())
    }
}

/// What a field can be: a required value, or an `Option` of one.
pub(crate) trait Slot: Sized {
    fn from_slot(slot: Option<Value>) -> Result<Self, Mismatch>;
    fn into_slot(self) -> Option<Value>;
}

impl<T: Typed> Slot for T {
    fn from_slot(slot: Option<Value>) -> Result<Self, Mismatch> {
        T::from_value(slot.ok_or(Mismatch)?)
    }

    fn into_slot(self) -> Option<Value> {
        Some(self.into_value())
    }
}

impl<T: Typed> Slot for Option<T> {
    fn from_slot(slot: Option<Value>) -> Result<Self, Mismatch> {
        slot.map(T::from_value).transpose()
    }

    fn into_slot(self) -> Option<Value> {
        self.map(T::into_value)
    }
}

/// Prints a structure without its sensitive members' values.
pub(crate) fn debug<T: Shaped>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    fields: &[(&str, &dyn fmt::Debug)],
) -> fmt::Result {
    let members: &[Member] = match &T::SHAPE.kind {
        Kind::Structure { members, .. } => members,
        _ => &[],
    };
    let mut out = f.debug_struct(name);
    for ((field, value), member) in fields.iter().zip(members) {
        if member.sensitive { out.field(field, &format_args!("***")) } else { out.field(field, value) };
    }
    out.finish()
}
