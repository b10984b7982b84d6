//! The constructors that the generated shapes are written with: one line per shape and per member.

pub(crate) use crate::model::{Location, TimestampFormat};
use crate::model::{Kind, Member, Shape};

pub(crate) const fn structure(name: &'static str, members: &'static [Member]) -> Shape {
    Shape { name, kind: Kind::Structure { members, union: false, event_stream: false } }
}

pub(crate) const fn union_of(name: &'static str, members: &'static [Member]) -> Shape {
    Shape { name, kind: Kind::Structure { members, union: true, event_stream: false } }
}

pub(crate) const fn event_stream(name: &'static str, members: &'static [Member]) -> Shape {
    Shape { name, kind: Kind::Structure { members, union: false, event_stream: true } }
}

pub(crate) const fn list(
    name: &'static str,
    element: &'static Shape,
    element_name: &'static str,
    min: Option<u64>,
    max: Option<u64>,
) -> Shape {
    Shape { name, kind: Kind::List { element, element_name, min, max } }
}

pub(crate) const fn map(
    name: &'static str,
    key: &'static Shape,
    value: &'static Shape,
    min: Option<u64>,
    max: Option<u64>,
) -> Shape {
    Shape { name, kind: Kind::Map { key, value, min, max } }
}

pub(crate) const fn string(
    name: &'static str,
    min: Option<u64>,
    max: Option<u64>,
    pattern: Option<&'static str>,
) -> Shape {
    enumeration(name, &[], min, max, pattern)
}

pub(crate) const fn enumeration(
    name: &'static str,
    values: &'static [&'static str],
    min: Option<u64>,
    max: Option<u64>,
    pattern: Option<&'static str>,
) -> Shape {
    Shape { name, kind: Kind::String { min, max, pattern, values } }
}

pub(crate) const fn blob(name: &'static str, min: Option<u64>, max: Option<u64>) -> Shape {
    Shape { name, kind: Kind::Blob { min, max, streaming: false } }
}

pub(crate) const fn streaming_blob(name: &'static str, min: Option<u64>, max: Option<u64>) -> Shape {
    Shape { name, kind: Kind::Blob { min, max, streaming: true } }
}

pub(crate) const fn integer(name: &'static str, min: Option<i64>, max: Option<i64>) -> Shape {
    Shape { name, kind: Kind::Integer { min, max } }
}

pub(crate) const fn long(name: &'static str, min: Option<i64>, max: Option<i64>) -> Shape {
    Shape { name, kind: Kind::Long { min, max } }
}

pub(crate) const fn double(name: &'static str, min: Option<f64>, max: Option<f64>) -> Shape {
    Shape { name, kind: Kind::Double { min, max } }
}

pub(crate) const fn boolean(name: &'static str) -> Shape {
    Shape { name, kind: Kind::Boolean }
}

pub(crate) const fn timestamp(name: &'static str, format: TimestampFormat) -> Shape {
    Shape { name, kind: Kind::Timestamp(format) }
}

pub(crate) const fn optional(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, wire: name, shape, required: false, location: Location::Body, payload: false, sensitive: false }
}

pub(crate) const fn required(name: &'static str, shape: &'static Shape) -> Member {
    let member = optional(name, shape);
    Member { required: true, ..member }
}

impl Member {
    pub(crate) const fn at(self, location: Location, wire: &'static str) -> Self {
        Self { location, wire, ..self }
    }

    pub(crate) const fn payload(self) -> Self {
        Self { payload: true, ..self }
    }

    pub(crate) const fn sensitive(self) -> Self {
        Self { sensitive: true, ..self }
    }
}
