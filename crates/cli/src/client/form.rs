//! The query protocol, as far as flat requests need it: a form out, JSON back.

use millrace_api::{Kind, Operation, Protocol, Service, Typed, Value};
use millrace_wire::percent;
use serde_json::Value as Json;

/// Whether a service speaks it and nothing else that this client does.
pub(super) fn speaks(service: &Service) -> bool {
    service.protocol == Protocol::Query
}

/// What a form is sent as.
pub(super) const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
/// What is wanted back: the query protocol answers in JSON where that is all a client accepts.
pub(super) const ACCEPT: &str = "application/json";

/// A request as a form; `None` where a member is no text, number or truth, which a form has other rules for.
pub(super) fn encode<I: Typed>(service: &Service, operation: &Operation, input: I) -> Option<String> {
    let mut form = format!("Action={}&Version={}", operation.name, service.version);
    let Some(shape) = operation.input else {
        return Some(form);
    };
    let (Value::Struct(slots), Kind::Structure { members, .. }) = (input.into_value(), &shape.kind) else {
        return None;
    };
    for (member, slot) in members.iter().zip(slots.0) {
        let text = match slot {
            None => continue,
            Some(Value::String(text)) => text.to_string(),
            Some(Value::Integer(number)) => number.to_string(),
            Some(Value::Boolean(truth)) => truth.to_string(),
            Some(_) => return None,
        };
        form.push('&');
        form.push_str(member.wire);
        form.push('=');
        form.extend(percent::encode(&text));
    }
    Some(form)
}

/// The result within its envelope: `{"<Op>Response": {"<Op>Result": …}}`.
pub(super) fn result(operation: &Operation, body: &[u8]) -> Option<Vec<u8>> {
    let mut answer: Json = serde_json::from_slice(body).ok()?;
    let mut response = answer.get_mut(format!("{}Response", operation.name))?.take();
    let result = response
        .get_mut(format!("{}Result", operation.name))
        .map(Json::take);
    serde_json::to_vec(&result.unwrap_or_else(|| Json::Object(serde_json::Map::new()))).ok()
}

/// Code and message of an error: `{"Error": {"Code": …, "Message": …}}`.
pub(super) fn error(body: &[u8]) -> Option<(String, String)> {
    let answer: Json = serde_json::from_slice(body).ok()?;
    let text = |name: &str| Some(answer.get("Error")?.get(name)?.as_str()?.to_owned());
    Some((text("Code")?, text("Message").unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use millrace_api::iam::{CreateUserRequest, ListUsersRequest, SERVICE, Tag};

    use super::*;

    fn op(name: &str) -> &'static Operation {
        SERVICE.operation(name).unwrap()
    }

    #[test]
    fn flat_requests_are_forms() {
        let input = ListUsersRequest {
            path_prefix: Some("/a b/".to_owned()),
            max_items: Some(5),
            ..ListUsersRequest::default()
        };
        assert_eq!(
            encode(&SERVICE, op("ListUsers"), input).unwrap(),
            "Action=ListUsers&Version=2010-05-08&PathPrefix=%2Fa%20b%2F&MaxItems=5"
        );
        let nested = CreateUserRequest {
            tags: Some(vec![Tag::default()]),
            ..CreateUserRequest::default()
        };
        assert_eq!(encode(&SERVICE, op("CreateUser"), nested), None);
    }

    #[test]
    fn envelopes_are_opened() {
        let body = br#"{"GetUserResponse":{"GetUserResult":{"a":1},"ResponseMetadata":{}}}"#;
        assert_eq!(result(op("GetUser"), body).unwrap(), br#"{"a":1}"#);
        let empty = br#"{"DeleteUserResponse":{"ResponseMetadata":{}}}"#;
        assert_eq!(result(op("DeleteUser"), empty).unwrap(), b"{}");
        let refused = br#"{"Error":{"Code":"NoSuchEntity","Message":"m"}}"#;
        assert_eq!(
            error(refused).unwrap(),
            ("NoSuchEntity".to_owned(), "m".to_owned())
        );
    }
}
