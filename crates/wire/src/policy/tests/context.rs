//! What is known of a request: keys by their names, whoever asks.

use millrace_base::Timestamp;
use serde_json::{Value as Json, json};

use super::super::{Context, Principal};
use super::principal;

fn texts(context: &Context<'_>, key: &str) -> Vec<String> {
    let values = context.values(&key.to_ascii_lowercase());
    values.iter().map(|value| value.text().into_owned()).collect()
}

fn check(context: &Context<'_>, expected: &Json) {
    for (key, value) in expected.as_object().unwrap() {
        let wanted: Vec<&str> = match value {
            Json::Null => Vec::new(),
            Json::Array(all) => all.iter().map(|v| v.as_str().unwrap()).collect(),
            one => vec![one.as_str().unwrap()],
        };
        assert_eq!(texts(context, key), wanted, "{key}");
    }
}

#[test]
fn keys_of_every_kind_of_principal() {
    let ana = principal("arn:aws:iam::111122223333:user/division/ana");
    check(
        &Context::new().principal(&ana, "aws-cn").user_id("AIDA1"),
        &json!({
            "aws:PrincipalArn": "arn:aws-cn:iam::111122223333:user/division/ana",
            "aws:PrincipalAccount": "111122223333",
            "aws:PrincipalType": "User",
            "aws:username": "ana",
            "aws:userid": "AIDA1",
            "aws:PrincipalIsAWSService": "false",
        }),
    );
    let session = principal("arn:aws:sts::111122223333:assumed-role/reader/nightly");
    check(
        &Context::new().principal(&session, "aws"),
        &json!({
            "aws:PrincipalArn": "arn:aws:iam::111122223333:role/reader",
            "aws:PrincipalType": "AssumedRole",
            "aws:username": null,
            "aws:userid": null,
        }),
    );
    let root = principal("arn:aws:iam::111122223333:root");
    check(
        &Context::new().principal(&root, "aws"),
        &json!({"aws:PrincipalType": "Account", "aws:userid": "111122223333", "aws:username": null}),
    );
    let service = principal("logs.amazonaws.com");
    check(
        &Context::new()
            .principal(&service, "aws")
            .source_account("1")
            .source_arn("arn:x"),
        &json!({
            "aws:PrincipalArn": null,
            "aws:PrincipalIsAWSService": "true",
            "aws:PrincipalServiceName": "logs.amazonaws.com",
            "aws:SourceAccount": "1",
            "aws:SourceArn": "arn:x",
        }),
    );
    check(
        &Context::new().principal(&Principal::Anonymous, "aws"),
        &json!({"aws:PrincipalType": "Anonymous", "aws:userid": "anonymous", "aws:PrincipalArn": null}),
    );
}

#[test]
fn keys_of_a_request() {
    let now = Timestamp(1_795_378_026_989);
    let context = Context::new()
        .source_ip("::ffff:10.1.2.3".parse().unwrap())
        .current_time(now)
        .token_issue_time(Timestamp(0))
        .secure_transport(true)
        .multi_factor_auth_present(false)
        .user_agent("aws-cli")
        .requested_region("us-east-1")
        .resource_account("111122223333")
        .principal_tag("Team", "red")
        .request_tag("Stage", "test")
        .resource_tag("stage", "prod")
        .tag_keys(["Stage", "Owner"]);
    check(
        &context,
        &json!({
            "aws:SourceIp": "10.1.2.3",
            "aws:CurrentTime": "2026-11-22T20:07:06.989Z",
            "aws:EpochTime": "1795378026",
            "aws:TokenIssueTime": "1970-01-01T00:00:00Z",
            "aws:SecureTransport": "true",
            "aws:MultiFactorAuthPresent": "false",
            "aws:UserAgent": "aws-cli",
            "aws:RequestedRegion": "us-east-1",
            "aws:ResourceAccount": "111122223333",
            "aws:PrincipalTag/team": "red",
            "aws:requesttag/stage": "test",
            "aws:ResourceTag/Stage": "prod",
            "aws:TagKeys": ["Stage", "Owner"],
        }),
    );
    assert_eq!(context.single("aws:tagkeys"), None);
    assert_eq!(context.single("aws:sourceip").as_deref(), Some("10.1.2.3"));
}

#[test]
fn a_key_that_is_set_again_has_its_last_values() {
    let mut context = Context::new();
    context.set("a:B", "1");
    context.set_all("A:b", ["2", "3"]);
    context.set("a:a", true);
    check(&context, &json!({"a:b": ["2", "3"], "a:A": "true"}));
    context.set("a:b", 4);
    check(&context, &json!({"a:b": "4"}));
}
