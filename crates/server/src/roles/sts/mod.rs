//! Security Token Service: who am I.
//!
//! An operation is a file and a line in [`call`]; shapes, forms and answers come from the tables and the query codec.

mod get_caller_identity;

use bytes::Bytes;
use millrace_api::value::Mismatch;
use millrace_api::{Operation, Typed};
use millrace_wire::{ApiError, Caller, Codec, Reply};

/// Answers a call of an authenticated caller.
pub(super) fn call(
    caller: &Caller,
    op: &'static Operation,
    codec: Codec,
    body: &Bytes,
) -> Result<Reply, ApiError> {
    match op.name {
        "GetCallerIdentity" => typed(op, codec, body, |input| get_caller_identity::call(caller, input)),
        other => Err(ApiError::client(
            "InvalidAction",
            format!("The operation {other} is not supported by this version of Millrace yet."),
        )),
    }
}

/// Decodes the input, runs the operation, encodes its output.
fn typed<I: Typed, O: Typed>(
    op: &Operation,
    codec: Codec,
    body: &Bytes,
    run: impl FnOnce(I) -> Result<O, ApiError>,
) -> Result<Reply, ApiError> {
    let (Some(input), Some(output)) = (op.input, op.output) else {
        return Err(ApiError::internal(Mismatch.to_string()));
    };
    let answer = run(codec.request(input, body)?)?;
    Ok(Reply::Body(codec.encode(output, &answer.into_value()).into()))
}

#[cfg(test)]
mod tests {
    use millrace_api::sts;

    use super::*;

    fn asked(op: &'static Operation, codec: Codec) -> Result<String, ApiError> {
        let caller = Caller {
            request_id: "r-1".to_owned(),
            ..Caller::root("123456789012", "us-east-1")
        };
        let form = Bytes::from(format!("Action={}&Version=2011-06-15", op.name));
        match call(&caller, op, codec, &form)? {
            Reply::Body(body) => Ok(String::from_utf8(body.to_vec()).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_caller_is_told_who_it_is() {
        let xml = asked(sts::op::GET_CALLER_IDENTITY, Codec::QueryXml).unwrap();
        assert_eq!(
            xml,
            "<UserId>123456789012</UserId><Account>123456789012</Account><Arn>arn:aws:iam::123456789012:root</Arn>"
        );
        let json = asked(sts::op::GET_CALLER_IDENTITY, Codec::QueryJson).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["Account"], "123456789012");
    }

    #[test]
    fn what_is_not_built_says_so() {
        let error = asked(sts::op::ASSUME_ROLE, Codec::QueryXml).unwrap_err();
        assert_eq!((error.short_code(), error.status), ("InvalidAction", 400));
        assert!(error.message.contains("AssumeRole is not supported"), "{error}");
    }
}
