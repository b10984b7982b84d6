//! Policies as a whole: decisions from the documentation, refusals, an independent evaluator, and what always holds.

mod attached;
mod context;
mod decisions;
mod differential;
mod golden;
mod properties;
mod refusals;

use serde_json::Value as Json;

use super::{Context, Kind, Policy, Principal, Value};

/// Twelve digits.
pub(super) const ACCOUNT: &str = "111122223333";
/// Those of somebody else.
pub(super) const OTHER: &str = "444455556666";

pub(super) fn policy(text: &str, kind: Kind) -> Policy {
    Policy::parse(text, kind).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The principal of an ARN, of a service's name, or `anonymous`.
pub(super) fn principal(text: &str) -> Principal {
    if text == "anonymous" {
        return Principal::Anonymous;
    }
    let Some(rest) = text.strip_prefix("arn:aws:") else {
        return Principal::Service {
            name: text.to_owned(),
        };
    };
    let mut parts = rest.splitn(4, ':');
    let (service, _region) = (parts.next().unwrap(), parts.next().unwrap());
    let (account, name) = (parts.next().unwrap().to_owned(), parts.next().unwrap());
    match (service, name.split_once('/')) {
        ("iam", None) => Principal::Root { account },
        ("iam", Some(("user", name))) => Principal::User {
            account,
            name: name.to_owned(),
        },
        ("sts", Some((_, rest))) => {
            let (role, session) = rest.split_once('/').unwrap();
            Principal::AssumedRole {
                account,
                role: role.to_owned(),
                session: session.to_owned(),
            }
        }
        other => panic!("{other:?}"),
    }
}

/// Adds keys from a JSON object: lists have several values.
pub(super) fn with_keys<'a>(mut context: Context<'a>, keys: &'a Json) -> Context<'a> {
    for (key, value) in keys.as_object().into_iter().flatten() {
        match value {
            Json::Array(values) => context.set_all(key.as_str(), values.iter().map(value_of)),
            one => context.set(key.as_str(), value_of(one)),
        }
    }
    context
}

fn value_of(json: &Json) -> Value<'_> {
    match json {
        Json::String(text) => text.as_str().into(),
        Json::Bool(value) => (*value).into(),
        Json::Number(number) => number.as_u64().unwrap().into(),
        other => panic!("{other}"),
    }
}
