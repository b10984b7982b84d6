//! Shapes and values for the tests of this crate: one structure with a member of every kind.

use bytes::Bytes;
use millrace_api::{Fields, Kind, Location, Member, Shape, TimestampFormat, Value};
use proptest::prelude::*;

pub(crate) const fn string(name: &'static str) -> Shape {
    Shape {
        name,
        kind: Kind::String {
            min: None,
            max: None,
            pattern: None,
            values: &[],
        },
    }
}

pub(crate) const fn structure(name: &'static str, members: &'static [Member]) -> Shape {
    Shape {
        name,
        kind: Kind::Structure {
            members,
            union: false,
            event_stream: false,
        },
    }
}

pub(crate) const fn list(name: &'static str, element: &'static Shape) -> Shape {
    Shape {
        name,
        kind: Kind::List {
            element,
            element_name: "",
            min: None,
            max: None,
        },
    }
}

pub(crate) const fn member(name: &'static str, shape: &'static Shape) -> Member {
    Member {
        name,
        wire: name,
        shape,
        required: false,
        location: Location::Body,
        payload: false,
        sensitive: false,
    }
}

pub(crate) const fn required(name: &'static str, shape: &'static Shape) -> Member {
    Member {
        required: true,
        ..member(name, shape)
    }
}

pub(crate) const fn at(
    location: Location,
    name: &'static str,
    wire: &'static str,
    shape: &'static Shape,
) -> Member {
    Member {
        location,
        wire,
        ..member(name, shape)
    }
}

pub(crate) static TEXT: Shape = string("Text");
pub(crate) static BLOB: Shape = Shape {
    name: "Data",
    kind: Kind::Blob {
        min: None,
        max: None,
        streaming: false,
    },
};
pub(crate) static INTEGER: Shape = Shape {
    name: "Count",
    kind: Kind::Integer { min: None, max: None },
};
pub(crate) static LONG: Shape = Shape {
    name: "Size",
    kind: Kind::Long { min: None, max: None },
};
pub(crate) static DOUBLE: Shape = Shape {
    name: "Ratio",
    kind: Kind::Double { min: None, max: None },
};
pub(crate) static BOOLEAN: Shape = Shape {
    name: "Flag",
    kind: Kind::Boolean,
};
pub(crate) static TIME: Shape = Shape {
    name: "Time",
    kind: Kind::Timestamp(TimestampFormat::EpochSeconds),
};
pub(crate) static ISO: Shape = Shape {
    name: "Iso",
    kind: Kind::Timestamp(TimestampFormat::Iso8601),
};
pub(crate) static TEXTS: Shape = list("Texts", &TEXT);
pub(crate) static MAP: Shape = Shape {
    name: "Tags",
    kind: Kind::Map {
        key: &TEXT,
        value: &TEXT,
        min: None,
        max: None,
    },
};
pub(crate) static RECORD: Shape = structure(
    "Record",
    &[member("Data", &BLOB), required("PartitionKey", &TEXT)],
);
pub(crate) static RECORDS: Shape = list("Records", &RECORD);
pub(crate) static EITHER: Shape = Shape {
    name: "Either",
    kind: Kind::Structure {
        members: &[member("Left", &TEXT), member("Right", &LONG)],
        union: true,
        event_stream: false,
    },
};
pub(crate) static EMPTY: Shape = structure("Empty", &[]);
/// A member of every kind, itself among them.
pub(crate) static EVERYTHING: Shape = structure(
    "Everything",
    &[
        member("Text", &TEXT),
        member("Blob", &BLOB),
        member("Integer", &INTEGER),
        member("Long", &LONG),
        member("Double", &DOUBLE),
        member("Boolean", &BOOLEAN),
        member("Time", &TIME),
        member("Iso", &ISO),
        member("Texts", &TEXTS),
        member("Map", &MAP),
        member("Records", &RECORDS),
        member("Either", &EITHER),
        member("Nested", &EVERYTHING),
    ],
);

/// Any value of a shape, constraints aside. NaN is left out, since it does not equal itself.
pub(crate) fn value_of(shape: &'static Shape, depth: u32) -> BoxedStrategy<Value> {
    match &shape.kind {
        Kind::Structure {
            members, union: true, ..
        } => {
            let count = members.len();
            let one = (0..count).prop_flat_map(move |i| {
                value_of(members[i].shape, depth).prop_map(move |value| {
                    let mut fields = Fields::absent(count);
                    fields.0[i] = Some(value);
                    Value::Struct(fields)
                })
            });
            one.boxed()
        }
        Kind::Structure { members, .. } => {
            let slots: Vec<_> = members
                .iter()
                .map(|m| match depth {
                    0 if matches!(m.shape.kind, Kind::Structure { .. }) => Just(None).boxed(),
                    0 => proptest::option::of(value_of(m.shape, 0)).boxed(),
                    _ => proptest::option::of(value_of(m.shape, depth - 1)).boxed(),
                })
                .collect();
            slots.prop_map(|slots| Value::Struct(Fields(slots))).boxed()
        }
        Kind::List { element, .. } => proptest::collection::vec(value_of(element, depth), 0..4)
            .prop_map(Value::List)
            .boxed(),
        Kind::Map { value, .. } => proptest::collection::btree_map(".{0,6}", value_of(value, depth), 0..4)
            .prop_map(|entries| Value::Map(entries.into_iter().collect()))
            .boxed(),
        Kind::String { .. } => prop_oneof![".{0,12}", "[\\x00-\\x1f\"\\\\/é😀]{0,6}"]
            .prop_map(Value::String)
            .boxed(),
        Kind::Blob { .. } => proptest::collection::vec(any::<u8>(), 0..40)
            .prop_map(|b| Value::Blob(Bytes::from(b)))
            .boxed(),
        Kind::Integer { .. } => any::<i32>().prop_map(|n| Value::Integer(n.into())).boxed(),
        Kind::Long { .. } => any::<i64>().prop_map(Value::Integer).boxed(),
        Kind::Double { .. } => any::<f64>()
            .prop_filter("equals itself", |d| !d.is_nan())
            .prop_map(Value::Double)
            .boxed(),
        Kind::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
        Kind::Timestamp(TimestampFormat::EpochSeconds) => any::<i64>().prop_map(Value::Timestamp).boxed(),
        Kind::Timestamp(_) => (-60_000_000_000_000_i64..250_000_000_000_000)
            .prop_map(Value::Timestamp)
            .boxed(),
    }
}

/// The member of that name in a structure's value.
pub(crate) fn get<'a>(shape: &Shape, value: &'a Value, name: &str) -> Option<&'a Value> {
    let (Kind::Structure { members, .. }, Value::Struct(fields)) = (&shape.kind, value) else {
        panic!("{} is no structure", shape.name)
    };
    fields.get(members.iter().position(|m| m.name == name).unwrap())
}
