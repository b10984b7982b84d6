//! The tables' own vocabulary: services, operations, shapes and constraints.
//!
//! All tables are `static` and refer to each other by `&'static`, so recursive shapes need no registry.

/// One API of the family.
#[derive(Debug)]
pub struct Service {
    /// Short name as the command line knows it, such as `kinesis`.
    pub id: &'static str,
    /// API version, such as `2013-12-02`.
    pub version: &'static str,
    /// The service part of a SigV4 credential scope.
    pub signing_name: &'static str,
    /// How bodies travel.
    pub protocol: Protocol,
    /// What stands before the dot of `X-Amz-Target`; empty where the protocol has no targets.
    pub target_prefix: &'static str,
    /// Namespace of XML answers, where the service speaks the query protocol; empty elsewhere.
    pub xml_namespace: &'static str,
    /// Every operation, sorted by name.
    pub operations: &'static [Operation],
}

impl Service {
    /// What stands before the colon of its actions in policies (Service Authorization Reference).
    #[must_use]
    pub fn action_prefix(&self) -> &'static str {
        match self.signing_name {
            "monitoring" => "cloudwatch",
            other => other,
        }
    }

    /// The operation of that exact name.
    #[must_use]
    pub fn operation(&self, name: &str) -> Option<&'static Operation> {
        let operations = self.operations;
        operations
            .binary_search_by(|op| op.name.cmp(name))
            .ok()
            .map(|i| &operations[i])
    }

    /// Whether it speaks the query protocol.
    #[must_use]
    pub const fn speaks_query(&self) -> bool {
        !self.xml_namespace.is_empty()
    }

    /// Whether errors have the query protocol's codes in every protocol (`awsQueryCompatible`): the service spoke
    /// nothing else once, and clients match on them.
    #[must_use]
    pub const fn is_query_compatible(&self) -> bool {
        self.speaks_query() && !matches!(self.protocol, Protocol::Query)
    }
}

/// The wire protocol of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// awsJson 1.0
    Json10,
    /// awsJson 1.1
    Json11,
    /// REST with JSON bodies
    RestJson,
    /// awsQuery
    Query,
    /// Smithy RPC v2 CBOR
    RpcV2Cbor,
}

/// One operation.
#[derive(Debug)]
pub struct Operation {
    /// Its name, as in `X-Amz-Target`.
    pub name: &'static str,
    /// HTTP method.
    pub method: &'static str,
    /// Path template, such as `/streams/{name}`; `/` for the JSON protocols.
    pub uri: &'static str,
    /// HTTP status of success.
    pub status: u16,
    /// The request's shape; `None` where the operation takes nothing.
    pub input: Option<&'static Shape>,
    /// The answer's shape; `None` where it answers an empty body.
    pub output: Option<&'static Shape>,
    /// The modelled errors.
    pub errors: &'static [&'static ErrorShape],
}

/// A modelled error.
#[derive(Debug)]
pub struct ErrorShape {
    /// Its code on the wire.
    pub code: &'static str,
    /// HTTP status it travels with.
    pub status: u16,
    /// Its members.
    pub shape: &'static Shape,
}

/// A named type.
#[derive(Debug)]
pub struct Shape {
    /// Name in the model.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
}

/// What a shape is, with its constraints. A bound that the model does not state is `None`.
#[derive(Debug)]
pub enum Kind {
    /// A structure; `union` ones carry exactly one member, `event_stream` ones are a stream of their members.
    Structure {
        /// Members in the model's order; [`Fields`](crate::Fields) has the same order.
        members: &'static [Member],
        /// Exactly one member is set.
        union: bool,
        /// The structure is a stream of events, one per member.
        event_stream: bool,
    },
    /// A list; bounds count elements.
    List {
        /// Shape of each element.
        element: &'static Shape,
        /// Wire name of an element where the protocol names it; empty otherwise.
        element_name: &'static str,
        /// Fewest elements.
        min: Option<u64>,
        /// Most elements.
        max: Option<u64>,
    },
    /// A map; bounds count entries.
    Map {
        /// Shape of the keys.
        key: &'static Shape,
        /// Shape of the values.
        value: &'static Shape,
        /// Fewest entries.
        min: Option<u64>,
        /// Most entries.
        max: Option<u64>,
    },
    /// A text; bounds count characters.
    String {
        /// Fewest characters.
        min: Option<u64>,
        /// Most characters.
        max: Option<u64>,
        /// The regular expression the whole text must match.
        pattern: Option<&'static str>,
        /// The values of an enumeration; empty for a free text.
        values: &'static [&'static str],
    },
    /// Bytes; bounds count bytes.
    Blob {
        /// Fewest bytes.
        min: Option<u64>,
        /// Most bytes.
        max: Option<u64>,
        /// The blob is the body itself and may be endless.
        streaming: bool,
    },
    /// A 32-bit integer.
    Integer {
        /// Smallest value.
        min: Option<i64>,
        /// Largest value.
        max: Option<i64>,
    },
    /// A 64-bit integer.
    Long {
        /// Smallest value.
        min: Option<i64>,
        /// Largest value.
        max: Option<i64>,
    },
    /// A 32-bit or 64-bit floating-point number.
    Double {
        /// Smallest value.
        min: Option<f64>,
        /// Largest value.
        max: Option<f64>,
    },
    /// A truth value.
    Boolean,
    /// A point in time.
    Timestamp(TimestampFormat),
}

/// How a timestamp is written in text protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampFormat {
    /// Seconds since the Unix epoch, with a fraction.
    EpochSeconds,
    /// RFC 3339, in UTC.
    Iso8601,
    /// IMF-fixdate (RFC 9110).
    HttpDate,
}

/// A member of a structure.
#[derive(Debug)]
pub struct Member {
    /// Name in the model, PascalCase.
    pub name: &'static str,
    /// Name on the wire; the same as `name` in the JSON protocols unless the model says otherwise.
    pub wire: &'static str,
    /// Its shape.
    pub shape: &'static Shape,
    /// It must be there.
    pub required: bool,
    /// Where it travels.
    pub location: Location,
    /// In an event stream's event: this member is the event's payload. In a REST body: it is the body.
    pub payload: bool,
    /// The model says this value must never reach a log.
    pub sensitive: bool,
}

/// Where a member travels in HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// In the body.
    Body,
    /// In the path.
    Uri,
    /// In the query.
    Query,
    /// In one header.
    Header,
    /// In all headers with this prefix.
    Headers,
    /// The HTTP status.
    Status,
}

/// An optional member of the body, by the same name on the wire; for the tables.
pub(crate) const fn body(name: &'static str, shape: &'static Shape) -> Member {
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

/// A required member of the body, by the same name on the wire; for the tables.
pub(crate) const fn required(name: &'static str, shape: &'static Shape) -> Member {
    Member {
        name,
        wire: name,
        shape,
        required: true,
        location: Location::Body,
        payload: false,
        sensitive: false,
    }
}
