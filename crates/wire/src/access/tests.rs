//! Who is let through, by examples; `policy` has the rules themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::identity::Identity;
use crate::policy::{Kind, Principal};

const ARN: &str = "arn:aws:kinesis:us-east-1:111111111111:stream/s";

fn caller(identity: Identity) -> Caller {
    Caller {
        account: identity.principal().account().unwrap().to_owned(),
        identity: Arc::new(identity),
        service: "kinesis",
        operation: "PutRecord",
        ..Caller::root("111111111111", "us-east-1")
    }
}

fn user(account: &str, statement: &str) -> Identity {
    let principal = Principal::User {
        account: account.to_owned(),
        name: "ana".to_owned(),
    };
    let mut identity = Identity::new(principal, "AIDAANA");
    if !statement.is_empty() {
        identity.policies = vec![policy(statement, Kind::Identity)];
    }
    identity
}

fn policy(statement: &str, kind: Kind) -> Policy {
    Policy::parse(
        &format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#),
        kind,
    )
    .unwrap()
}

fn allows(caller: &Caller, policy: Option<&Policy>, tags: &BTreeMap<String, String>) -> Result<(), Denied> {
    caller.authorize(&Target {
        policy,
        tags: Some(tags),
        ..Target::new("111111111111", &|| ARN.to_owned())
    })
}

#[test]
fn the_owner_may_and_a_user_without_policies_may_not() {
    let none = BTreeMap::new();
    let owner = Caller::root("111111111111", "us-east-1");
    assert_eq!(allows(&owner, None, &none), Ok(()));
    let refused = allows(&caller(user("111111111111", "")), None, &none).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "User: arn:aws:iam::111111111111:user/ana is not authorized to perform: kinesis:PutRecord on resource: \
         arn:aws:kinesis:us-east-1:111111111111:stream/s because no identity-based policy allows the \
         kinesis:PutRecord action"
    );
}

#[test]
fn the_owner_of_another_account_needs_the_policy_of_the_resource() {
    let none = BTreeMap::new();
    let mut other = Caller::root("222222222222", "us-east-1");
    (other.service, other.operation) = ("kinesis", "PutRecord");
    assert!(allows(&other, None, &none).is_err());
    let shared = format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"222222222222"}},"Action":"kinesis:PutRecord","Resource":"{ARN}"}}"#
    );
    let shared = policy(&shared, Kind::Resource);
    assert_eq!(allows(&other, Some(&shared), &none), Ok(()));
    other.operation = "PutRecords";
    assert!(allows(&other, Some(&shared), &none).is_err());
}

#[test]
fn a_deny_of_the_resource_stops_even_the_owner() {
    let deny = format!(
        r#"{{"Effect":"Deny","Principal":{{"AWS":"111111111111"}},"Action":"kinesis:PutRecord","Resource":"{ARN}"}}"#
    );
    let deny = policy(&deny, Kind::Resource);
    let mut owner = Caller::root("111111111111", "us-east-1");
    (owner.service, owner.operation) = ("kinesis", "PutRecord");
    let refused = allows(&owner, Some(&deny), &BTreeMap::new()).unwrap_err();
    assert!(
        refused
            .0
            .ends_with("with an explicit deny in a resource-based policy"),
        "{refused}"
    );
}

#[test]
fn conditions_see_tags_of_the_resource_and_of_the_request() {
    let statement = r#"{"Effect":"Allow","Action":"kinesis:*","Resource":"*",
        "Condition":{"StringEquals":{"aws:ResourceTag/team":"a"},
                     "ForAllValues:StringEquals":{"aws:TagKeys":["cost"]}}}"#;
    let caller = caller(user("111111111111", statement));
    let team = |name: &str| BTreeMap::from([("team".to_owned(), name.to_owned())]);
    assert_eq!(allows(&caller, None, &team("a")), Ok(()));
    assert!(allows(&caller, None, &team("b")).is_err());
    let (own, asked) = (team("a"), [("owner".to_owned(), "x".to_owned())]);
    let target = Target {
        tags: Some(&own),
        tagging: Some(Tagging::Set(&asked)),
        ..Target::new("111111111111", &|| ARN.to_owned())
    };
    assert!(
        caller.authorize(&target).is_err(),
        "a tag key that the condition does not list"
    );
}

#[test]
fn conditions_see_how_a_call_came() {
    let statement = r#"{"Effect":"Allow","Action":"kinesis:*","Resource":"*",
        "Condition":{"Bool":{"aws:SecureTransport":"true"},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}"#;
    let mut caller = caller(user("111111111111", statement));
    let none = BTreeMap::new();
    assert!(allows(&caller, None, &none).is_err());
    caller.source.secure = true;
    caller.source.address = Some("10.1.2.3".parse().unwrap());
    assert_eq!(allows(&caller, None, &none), Ok(()));
    caller.source.address = Some("11.1.2.3".parse().unwrap());
    assert!(allows(&caller, None, &none).is_err());
}
