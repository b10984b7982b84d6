//! Decisions that follow from AWS's documentation, kept as data.

use serde_json::Value as Json;

use super::super::{Context, Decision, Grants, Kind, Policy, Request, decide};
use super::{policy, principal, with_keys};

#[test]
fn decisions_of_the_documentation() {
    let text = include_str!("../../../testdata/policy/cases.json");
    let cases: Vec<Json> = serde_json::from_str(text).unwrap();
    assert!(cases.len() >= 140, "{}", cases.len());
    for case in &cases {
        check(case);
    }
}

fn check(case: &Json) {
    let text = |name: &str| case[name].as_str().unwrap_or_else(|| panic!("{name} of {case}"));
    let parse = |json: &Json, kind: Kind| policy(&json.to_string(), kind);
    let list = |name: &str| -> Option<Vec<Policy>> {
        let policies = case.get(name)?.as_array().unwrap();
        Some(policies.iter().map(|json| parse(json, Kind::Identity)).collect())
    };
    let (identity, boundary, session) = (list("identity"), list("boundary"), list("session"));
    let of_resource = case
        .get("resource_policy")
        .map(|json| parse(json, Kind::Resource));
    let trust = case.get("trust_policy").map(|json| parse(json, Kind::Trust));
    let who = principal(text("principal"));
    let nothing = Json::Null;
    let context = with_keys(
        Context::new().principal(&who, "aws"),
        case.get("context").unwrap_or(&nothing),
    );
    let request = Request {
        principal: &who,
        action: text("action"),
        resource: text("resource"),
        context: &context,
    };
    let grants = Grants {
        identity: identity.as_deref().unwrap_or_default(),
        boundary: boundary.as_deref(),
        session: session.as_deref(),
        resource: of_resource.as_ref().or(trust.as_ref()),
    };
    let found = match decide(&grants, text("account"), &request) {
        Decision::Allow => "allow".to_owned(),
        Decision::Deny(denial) => denial.message(&who.arn("aws"), request.action, request.resource),
    };
    let expected = text("expect");
    let same = match expected {
        "allow" => found == "allow",
        explicit if explicit.starts_with("explicit") => found.ends_with(&format!(" with an {explicit}")),
        missing => found.ends_with(&format!(
            " because {missing} allows the {} action",
            request.action
        )),
    };
    assert!(same, "{}: {found}, not {expected}", text("name"));
}
