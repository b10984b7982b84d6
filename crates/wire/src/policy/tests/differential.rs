//! Held against an independent evaluator, the crate `iam-rs`, on generated policies and requests.
//!
//! It decides one identity-based policy. Where it is known to differ from AWS's documentation, the generator leaves that
//! out – each for a reason that is named here:
//!
//! - `ARN_STARS_STAY`: a star of a resource never leaves its part of the ARN there; generated stars need not.
//! - `ARN_IS_TEXT`: ArnEquals compares texts there, and ArnLike whole texts; only `ArnLike` is generated, for values
//!   whose parts have no colons.
//! - `VARIABLES`: a variable without a value is an empty text there, and a star in a value is a wildcard; generated
//!   variables always have a plain value.
//! - `SETS`: ForAllValues and ForAnyValue of anything but texts are always false there; they are generated for texts.
//! - `SEVERAL`: without a prefix any of several values decides there for negated operators as well; several values are
//!   generated for keys that are compared with a prefix.
//! - `EMPTY`: a key whose value is an empty text is not absent for a prefix there; no value is empty.
//! - `EMPTY_LIST`: it refuses a policy with an empty list of values.
//! - `YEARS`: a date without a time is no date there.

use iam_rs::{
    Arn, Context as TheirContext, ContextValue, Decision, IAMPolicy, IAMRequest, PolicyEvaluator, PrincipalId,
};
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::super::{Context, Effect, Kind, Request};
use super::{policy, principal, with_keys};

const ANA: &str = "arn:aws:iam::111122223333:user/ana";

/// Keys of the context and what they can be; `None` is absent.
fn context() -> impl Strategy<Value = Json> {
    let text = prop::option::of("[ab]{1,3}".prop_map(Json::from));
    let number = prop::option::of((-3i64..3, 0u8..3).prop_map(|(n, f)| json!(format!("{n}.{f}"))));
    let date = prop::option::of((1u8..4).prop_map(|day| json!(format!("2026-01-0{day}T00:00:00Z"))));
    let flag = prop::option::of(any::<bool>().prop_map(Json::from));
    let address = prop::option::of(prop_oneof![
        (0u8..4, 0u8..4).prop_map(|(a, b)| json!(format!("10.{a}.0.{b}"))),
        (0u8..4).prop_map(|a| json!(format!("2001:db8::{a}"))),
    ]);
    let arn = prop::option::of("arn:aws:sns:(us|eu)-east-1:[12]:[ab]{1,2}".prop_map(Json::from));
    let list =
        prop::option::of(prop::collection::vec("[ab]{1,2}".prop_map(Json::from), 0..4).prop_map(Json::from));
    (text, number, date, flag, address, arn, list).prop_map(
        |(text, number, date, flag, address, arn, list)| {
            let named = [
                ("t:Text", text),
                ("t:Number", number),
                ("t:Date", date),
                ("t:Flag", flag),
                ("t:Address", address),
                ("t:Arn", arn),
                ("t:List", list),
                ("aws:username", Some(json!("ab"))),
            ];
            let present = named
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), value?)));
            Json::Object(present.collect())
        },
    )
}

fn values(one: impl Strategy<Value = Json> + 'static) -> BoxedStrategy<Json> {
    prop::collection::vec(one, 1..4)
        .prop_map(|mut list| {
            if list.len() == 1 {
                list.remove(0)
            } else {
                Json::from(list)
            }
        })
        .boxed()
}

fn operators(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let name = prop::sample::select(names);
    (name, any::<bool>())
        .prop_map(|(name, optional)| format!("{name}{}", if optional { "IfExists" } else { "" }))
}

/// An operator, its key and its values.
fn condition() -> impl Strategy<Value = (String, &'static str, Json)> {
    const TEXT: &[&str] = &[
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
    ];
    const NUMBER: &[&str] = &[
        "NumericEquals",
        "NumericNotEquals",
        "NumericLessThan",
        "NumericLessThanEquals",
        "NumericGreaterThan",
        "NumericGreaterThanEquals",
    ];
    const DATE: &[&str] = &[
        "DateEquals",
        "DateNotEquals",
        "DateLessThan",
        "DateLessThanEquals",
        "DateGreaterThan",
        "DateGreaterThanEquals",
    ];
    let text = || "[abA*?]{1,3}".prop_map(Json::from);
    let number = (-3i64..3, 0u8..3).prop_map(|(n, f)| json!(format!("{n}.{f}")));
    let date = (1u8..4).prop_map(|day| json!(format!("2026-01-0{day}T00:00:00Z")));
    let address = prop_oneof![
        (0u8..4, prop::sample::select(vec![8, 16, 24, 32]))
            .prop_map(|(a, p)| json!(format!("10.{a}.0.0/{p}"))),
        (0u8..4).prop_map(|a| json!(format!("2001:db8::{a}"))),
        Just(json!("2001:db8::/32")),
    ];
    let arn = "arn:aws:sns:(us|eu|\\*)-east-[1?]:[12*]:[ab*?]{1,2}".prop_map(Json::from);
    let sets = (
        prop::sample::select(vec!["ForAllValues:", "ForAnyValue:"]),
        prop::sample::select(TEXT),
    );
    prop_oneof![
        (operators(TEXT), values(text())).prop_map(|(name, values)| (name, "T:text", values)),
        (sets, values(text())).prop_map(|((set, name), values)| (format!("{set}{name}"), "t:List", values)),
        (operators(NUMBER), values(number)).prop_map(|(name, values)| (name, "t:Number", values)),
        (operators(DATE), values(date)).prop_map(|(name, values)| (name, "t:Date", values)),
        (operators(&["Bool"]), any::<bool>()).prop_map(|(name, value)| (name, "t:Flag", json!(value))),
        (operators(&["IpAddress", "NotIpAddress"]), values(address)).prop_map(|(name, values)| (
            name,
            "t:Address",
            values
        )),
        (operators(&["ArnLike", "ArnNotLike"]), values(arn))
            .prop_map(|(name, values)| (name, "t:Arn", values)),
        (
            prop::sample::select(vec!["t:Text", "t:List", "t:Date"]),
            any::<bool>()
        )
            .prop_map(|(key, value)| ("Null".to_owned(), key, json!(value.to_string()))),
    ]
}

fn one_or_some(one: impl Strategy<Value = String> + 'static) -> BoxedStrategy<Json> {
    values(one.prop_map(Json::from))
}

fn statement() -> impl Strategy<Value = Json> {
    let action = prop_oneof![
        Just("*".to_owned()),
        "(kinesis|KINESIS|sts):(Put|Get|\\*|[PG]\\*|\\?et|P?ut\\*)".prop_map(|s| s),
    ];
    let resource = prop_oneof![
        Just("*".to_owned()),
        "arn:aws:kinesis:(us-east-1|eu-west-1|\\*):(1{12}|2{12}|\\*):stream/[ab*?]{1,3}",
        Just("arn:aws:kinesis:*:*:stream/${aws:username}*".to_owned()),
        Just("arn:aws:kinesis:*:*:stream/${t:None, 'a'}?".to_owned()),
    ];
    (
        any::<bool>(),
        (any::<bool>(), one_or_some(action)),
        (any::<bool>(), one_or_some(resource)),
        prop::collection::vec(condition(), 0..3),
    )
        .prop_map(
            |(denies, (not_action, action), (not_resource, resource), conditions)| {
                let mut block = Map::new();
                for (operator, key, values) in conditions {
                    let keys = block.entry(operator).or_insert_with(|| json!({}));
                    keys[key] = values;
                }
                let mut statement = Map::new();
                statement.insert("Effect".into(), json!(if denies { "Deny" } else { "Allow" }));
                statement.insert(if not_action { "NotAction" } else { "Action" }.into(), action);
                statement.insert(
                    if not_resource { "NotResource" } else { "Resource" }.into(),
                    resource,
                );
                if !block.is_empty() {
                    statement.insert("Condition".into(), Json::Object(block));
                }
                Json::Object(statement)
            },
        )
}

fn theirs(document: &str, action: &str, resource: &str, keys: &Json) -> Effect {
    let mut context = TheirContext::new();
    for (key, value) in keys.as_object().unwrap() {
        let value = match value {
            Json::String(text) => ContextValue::String(text.clone()),
            Json::Bool(flag) => ContextValue::Boolean(*flag),
            Json::Array(list) => {
                ContextValue::StringList(list.iter().map(|v| v.as_str().unwrap().to_owned()).collect())
            }
            other => panic!("{other}"),
        };
        context.insert(key.clone(), value);
    }
    let policy: IAMPolicy = serde_json::from_str(document).unwrap();
    let who = iam_rs::Principal::Aws(PrincipalId::String(ANA.to_owned()));
    let request = IAMRequest::new_with_context(who, action, Arn::parse(resource).unwrap(), context);
    match PolicyEvaluator::with_policies(vec![policy])
        .evaluate(&request)
        .unwrap()
        .decision
    {
        Decision::Allow => Effect::Allow,
        Decision::Deny => Effect::Deny,
        Decision::NotApplicable => Effect::Silent,
    }
}

fn ours(document: &str, action: &str, resource: &str, keys: &Json) -> Effect {
    let who = principal(ANA);
    let context = with_keys(Context::new(), keys);
    policy(document, Kind::Identity).evaluate(&Request {
        principal: &who,
        action,
        resource,
        context: &context,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn both_say_the_same(
        statements in prop::collection::vec(statement(), 1..4),
        keys in context(),
        action in "(kinesis|sts):(Put|Get|Putting)",
        resource in "arn:aws:kinesis:(us-east-1|eu-west-1):(1{12}|2{12}):stream/[ab]{1,3}",
    ) {
        // An empty list of values is an absent key here; there it is a key with no values. ForAllValues and ForAnyValue
        // come to the same, Null does not.
        let mut keys = keys;
        if keys["t:List"] == json!([]) {
            keys.as_object_mut().unwrap().remove("t:List");
        }
        let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        let (a, b) = (ours(&document, &action, &resource, &keys), theirs(&document, &action, &resource, &keys));
        prop_assert_eq!(a, b, "{} to {} with {} under {}", action, resource, keys, document);
    }
}

/// The generator must reach every outcome, or agreement would mean little.
#[test]
fn generated_requests_have_every_outcome() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = [0usize; 3];
    for _ in 0..600 {
        let keys = context().new_tree(&mut runner).unwrap().current();
        let statement = statement().new_tree(&mut runner).unwrap().current();
        let document = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
        let effect = ours(
            &document,
            "kinesis:Put",
            "arn:aws:kinesis:us-east-1:111111111111:stream/ab",
            &keys,
        );
        seen[match effect {
            Effect::Allow => 0,
            Effect::Deny => 1,
            Effect::Silent => 2,
        }] += 1;
    }
    assert!(seen.iter().all(|count| *count > 30), "{seen:?}");
}
