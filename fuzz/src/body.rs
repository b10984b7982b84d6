//! Bodies of any operation, in any format.

use bytes::Bytes;
use millrace_api::{Service, Shape, Value, dynamodb, firehose, kinesis};
use millrace_wire::{Codec, validate};

/// The services whose calls are bodies alone. DynamoDB has unions, recursion and maps.
const SERVICES: [&Service; 3] = [&kinesis::SERVICE, &dynamodb::SERVICE, &firehose::SERVICE];

/// A body and the shape it is read as.
pub struct Body {
    /// The request shape of some operation, or the shape of some answer.
    pub shape: &'static Shape,
    /// The bytes to decode.
    pub bytes: Bytes,
}

/// Reads `shape number u8 | body`.
pub fn split(data: &[u8]) -> Option<Body> {
    let (choice, body) = data.split_first()?;
    let shapes: Vec<&'static Shape> = SERVICES
        .iter()
        .flat_map(|service| service.operations)
        .flat_map(|operation| [operation.input, operation.output])
        .flatten()
        .collect();
    let shape = shapes.get(usize::from(*choice) % shapes.len())?;
    Some(Body {
        shape,
        bytes: Bytes::copy_from_slice(body),
    })
}

/// Decodes; what decodes is validated without a panic and comes back the same through every format.
pub fn hold(codec: Codec, body: &Body) -> Option<Value> {
    let value = match codec.decode(body.shape, &body.bytes) {
        Ok(value) => value,
        Err(error) => {
            let answer = codec.error_body(&error);
            assert!(!answer.is_empty() && error.status == 400, "{error}");
            return None;
        }
    };
    if let Err(error) = validate(body.shape, &value) {
        assert_eq!(error.status, 400, "{error}");
        assert!(!codec.error_body(&error).is_empty());
    }
    for other in [Codec::Json11, Codec::Cbor11] {
        let encoded = Bytes::from(other.encode(body.shape, &value));
        let again = other.decode(body.shape, &encoded);
        // What is not a number equals nothing, so that its words are compared, too.
        let same = again
            .as_ref()
            .is_ok_and(|again| *again == value || format!("{again:?}") == format!("{value:?}"));
        assert!(
            same,
            "{other:?} of {value:?} is {encoded:?}, which reads as {again:?}"
        );
    }
    Some(value)
}
