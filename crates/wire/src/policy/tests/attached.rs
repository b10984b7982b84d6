//! What the policy of a stream or a consumer may say.

use super::super::{Kind, PolicyError, check_resource_policy};
use super::policy;

const STREAM: &str = "arn:aws:kinesis:us-east-2:123456789012:stream/datastreamABC";
const ACTIONS: [&str; 4] = [
    "kinesis:DescribeStreamSummary",
    "kinesis:ListShards",
    "kinesis:PutRecord",
    "kinesis:PutRecords",
];

fn attach(members: &str) -> Result<(), PolicyError> {
    let text = format!(r#"{{"Version": "2012-10-17", "Id": "x", "Statement": [{{"Sid": "s", {members}}}]}}"#);
    check_resource_policy(&policy(&text, Kind::Resource), STREAM, &ACTIONS)
}

fn members(principal: &str, action: &str, resource: &str) -> String {
    format!(r#""Effect": "Allow", "Principal": {principal}, "Action": {action}, "Resource": {resource}"#)
}

#[test]
fn the_developer_guides_example_is_taken() {
    for principal in [
        r#"{"AWS": "123456789012"}"#,
        r#"{"AWS": "arn:aws:iam::123456789012:user/user-name"}"#,
        r#"{"AWS": ["arn:aws:iam::123456789012:role/role-name"]}"#,
        r#"{"AWS": ["123456789012", "123456789013", "arn:aws:iam::123456789012:user/user-name"]}"#,
    ] {
        let actions = r#"["kinesis:DescribeStreamSummary", "kinesis:ListShards", "Kinesis:putrecord"]"#;
        assert_eq!(
            attach(&members(principal, actions, &format!("\"{STREAM}\""))),
            Ok(())
        );
    }
}

#[test]
fn what_reaches_further_is_refused() {
    let (who, what, on) = (
        r#"{"AWS": "123456789012"}"#,
        "\"kinesis:PutRecord\"",
        format!("\"{STREAM}\""),
    );
    let other = format!("[{on}, \"{STREAM}2\"]");
    for (members, place, words) in [
        (
            members("\"*\"", what, &on),
            "Principal",
            "The wildcard (*) is not supported",
        ),
        (
            members(
                r#"{"AWS": ["1", "*"]}"#.replace("\"1\"", "\"123456789012\"").as_str(),
                what,
                &on,
            ),
            "Principal",
            "wildcard",
        ),
        (
            members(r#"{"Service": "logs.amazonaws.com"}"#, what, &on),
            "Principal",
            "Service principals are not supported",
        ),
        (
            members(r#"{"Federated": "x"}"#, what, &on),
            "Principal",
            "federated identities are not supported",
        ),
        (
            members(r#"{"CanonicalUser": "x"}"#, what, &on),
            "Principal",
            "canonical users are not supported",
        ),
        (
            members(who, what, &on).replace("Principal", "NotPrincipal"),
            "NotPrincipal",
            "means nearly everyone",
        ),
        (
            members(who, "\"kinesis:*\"", &on),
            "Action[0]",
            "Wildcards (*) are not supported",
        ),
        (
            members(who, "[\"kinesis:PutRecord\", \"kinesis:DeleteStream\"]", &on),
            "Action[1]",
            "cannot be shared",
        ),
        (
            members(who, what, &on).replace("\"Action\"", "\"NotAction\""),
            "NotAction",
            "NotAction is not supported",
        ),
        (
            members(who, what, "\"*\""),
            "Resource[0]",
            "must be the ARN of the resource the policy is attached to",
        ),
        (members(who, what, &other), "Resource[1]", STREAM),
        (
            members(who, what, &on).replace("\"Resource\"", "\"NotResource\""),
            "NotResource[0]",
            "Write",
        ),
        (
            members(who, what, &on.replace("ABC", "${aws:username}")),
            "Resource[0]",
            "attached to",
        ),
    ] {
        let error = attach(&members).unwrap_err();
        assert_eq!(error.path, format!("Statement[0].{place}"), "{error}");
        assert!(error.message.contains(words), "{error}");
    }
}

#[test]
fn it_must_be_a_resource_policy() {
    let text = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
    assert!(check_resource_policy(&policy(text, Kind::Identity), STREAM, &ACTIONS).is_err());
}
