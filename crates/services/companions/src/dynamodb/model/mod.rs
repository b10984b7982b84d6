//! What a table holds: numbers, attribute values, items and the keys they are found by.

pub mod key;
pub mod number;
pub mod value;
mod wire;

pub use key::{KeyAttribute, KeySchema, ScalarType};
pub use number::{Number, NumberError};
pub use value::{AttributeValue, Blob, Item, Kind};
pub use wire::{from_wire, into_wire, item_from_wire, item_into_wire};
