//! Each operator and each rule of absence and several values, as tables.

use serde_json::{Value as Json, json};

use super::super::tests::{policy, with_keys};
use super::super::{Context, Effect, Kind, Principal, Request};
use super::{date, ip, number};

/// Whether a condition of these values holds for a key of this value; `null` is absent, a list has several values.
fn holds(operator: &str, wanted: &Json, found: &Json) -> bool {
    let document = json!({
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {"test:Key": wanted}}},
    });
    let mut keys = json!({"aws:username": "ana", "test:tags": ["x"], "test:Star": "a*", "test:Empty": ""});
    if !found.is_null() {
        keys["TEST:key"] = found.clone();
    }
    let context = with_keys(Context::new(), &keys);
    let request = Request {
        principal: &Principal::Anonymous,
        action: "a:b",
        resource: "*",
        context: &context,
    };
    policy(&document.to_string(), Kind::Identity).evaluate(&request) == Effect::Allow
}

fn check(operator: &str, rows: &[(Json, Json, bool)]) {
    for (wanted, found, expected) in rows {
        assert_eq!(
            holds(operator, wanted, found),
            *expected,
            "{operator} {wanted} of {found}"
        );
    }
}

/// The same of an operator and of its negation, for keys that are there.
fn check_both(operator: &str, negated: &str, rows: &[(Json, Json, bool)]) {
    check(operator, rows);
    let opposite: Vec<_> = rows.iter().map(|(w, f, e)| (w.clone(), f.clone(), !e)).collect();
    check(negated, &opposite);
}

#[test]
fn strings() {
    let exact = [
        (json!("a"), json!("a"), true),
        (json!("a"), json!("A"), false),
        (json!(["b", "a"]), json!("a"), true),
        (json!([]), json!("a"), false),
        (json!("a*"), json!("ab"), false),
        (json!("a*"), json!("a*"), true),
        (json!("${aws:username}"), json!("ana"), true),
        (json!("${aws:username}"), json!("${aws:username}"), false),
        (json!("${test:nothing}"), json!(""), false),
        (json!("${test:nothing, 'ana'}"), json!("ana"), true),
        (json!("${test:Empty}"), json!(""), false),
        (json!("${test:tags}"), json!("x"), false),
        (json!("${test:tags, 'y'}"), json!("y"), true),
        (json!("${$}{aws:username}"), json!("${aws:username}"), true),
        (json!(["${test:nothing}", "b"]), json!("b"), true),
        (json!(true), json!("true"), true),
        (json!(12), json!("12"), true),
    ];
    check_both("StringEquals", "StringNotEquals", &exact);
    let ignoring = [
        (json!("Straße"), json!("STRAßE"), true),
        (json!("a${aws:username}"), json!("AANA"), true),
        (json!("a*"), json!("ab"), false),
        (json!("a"), json!("b"), false),
    ];
    check_both("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", &ignoring);
    let like = [
        (json!("a*"), json!("abc"), true),
        (json!("a?c"), json!("abc"), true),
        (json!("a?c"), json!("ac"), false),
        (json!("A*"), json!("abc"), false),
        (json!("a${*}"), json!("abc"), false),
        (json!("a${*}"), json!("a*"), true),
        (json!("${test:Star}"), json!("abc"), false),
        (json!("${test:Star}"), json!("a*"), true),
        (json!("x-${aws:username}-*"), json!("x-ana-1"), true),
        (json!(["", "home/", "home/${aws:username}/"]), json!(""), true),
        (json!("*:b:*"), json!("a:b:c:d"), true),
    ];
    check_both("StringLike", "StringNotLike", &like);
}

#[test]
fn numbers() {
    let equal = [
        (json!("10"), json!("10"), true),
        (json!(10), json!("10.0"), true),
        (json!("10.50"), json!("10.5"), true),
        (json!("0.1"), json!("0.10000000000000001"), false),
        (json!("-3"), json!("-3"), true),
        (json!(10), json!(10), true),
        (json!(["1", "2"]), json!("2"), true),
        (json!("1"), json!("one"), false),
    ];
    check_both("NumericEquals", "NumericNotEquals", &equal);
    for (operator, less, same, more) in [
        ("NumericLessThan", true, false, false),
        ("NumericLessThanEquals", true, true, false),
        ("NumericGreaterThan", false, false, true),
        ("NumericGreaterThanEquals", false, true, true),
    ] {
        check(
            operator,
            &[
                (json!("10"), json!("9.999"), less),
                (json!("10"), json!("10"), same),
                (json!("10"), json!("10.001"), more),
                (json!("10"), json!("ten"), false),
                (json!("10"), Json::Null, false),
            ],
        );
    }
    for bad in [
        "",
        "-",
        "1.",
        ".5",
        "1e3",
        "0x1",
        "1,5",
        "123456789012345678901",
        "0.0000000001",
    ] {
        assert_eq!(number::Number::parse(bad), None, "{bad}");
    }
}

#[test]
fn dates() {
    let noon = "2026-01-31T12:00:00Z";
    let equal = [
        (json!(noon), json!("2026-01-31T13:00:00+01:00"), true),
        (json!(noon), json!("1769860800"), true),
        (json!("1769860800"), json!(noon), true),
        (json!("2026-01-31T12:00Z"), json!(noon), true),
        (json!("2026-01-31"), json!("2026-01-31T00:00:00Z"), true),
        (json!("2026-01"), json!("2026-01-01"), true),
        (json!("2026-01-31T12:00:00"), json!(noon), true),
        (json!(noon), json!("noon"), false),
    ];
    check_both("DateEquals", "DateNotEquals", &equal);
    for (operator, before, same, after) in [
        ("DateLessThan", true, false, false),
        ("DateLessThanEquals", true, true, false),
        ("DateGreaterThan", false, false, true),
        ("DateGreaterThanEquals", false, true, true),
    ] {
        check(
            operator,
            &[
                (json!(noon), json!("2026-01-31T11:59:59.999Z"), before),
                (json!(noon), json!(1_769_860_800), same),
                (json!(noon), json!("2026-01-31T12:00:00.001Z"), after),
                (json!(noon), Json::Null, false),
            ],
        );
    }
    // Four digits are seconds, not a year.
    assert_eq!(date::parse("2026"), Some(2_026_000));
    for bad in [
        "",
        "T",
        "2026-1-1",
        "2026-13-01",
        "2026-01-31T25:00Z",
        "99999999999999999999",
        "2026-01-31T12:00:00+1",
    ] {
        assert_eq!(date::parse(bad), None, "{bad}");
    }
}

#[test]
fn booleans_binaries_and_null() {
    check(
        "Bool",
        &[
            (json!("true"), json!(true), true),
            (json!(true), json!("True"), true),
            (json!("FALSE"), json!(false), true),
            (json!("true"), json!(false), false),
            (json!(["true", "false"]), json!(false), true),
            (json!("true"), json!("yes"), false),
            (json!("true"), Json::Null, false),
        ],
    );
    check(
        "BinaryEquals",
        &[
            (json!("QmluYXJ5"), json!("QmluYXJ5"), true),
            (json!("QmluYXJ5"), json!("qmluyxj5"), false),
            (json!("QmluYXJ5"), json!("Binary"), false),
            (json!("QmluYXJ5"), Json::Null, false),
        ],
    );
    check(
        "Null",
        &[
            (json!("true"), Json::Null, true),
            (json!(true), json!("x"), false),
            (json!("false"), json!("x"), true),
            (json!("false"), Json::Null, false),
            (json!("true"), json!([]), true),
            (json!(["true", "false"]), json!("x"), true),
        ],
    );
}

#[test]
fn addresses() {
    let rows = [
        (json!("203.0.113.0/24"), json!("203.0.113.255"), true),
        (json!("203.0.113.0/24"), json!("203.0.114.0"), false),
        (json!("203.0.113.7"), json!("203.0.113.7"), true),
        (json!("203.0.113.7"), json!("203.0.113.8"), false),
        (json!("203.0.113.7/24"), json!("203.0.113.8"), true),
        (json!("0.0.0.0/0"), json!("8.8.8.8"), true),
        (json!("0.0.0.0/0"), json!("::1"), false),
        (json!("::/0"), json!("::1"), true),
        (json!("::/0"), json!("8.8.8.8"), false),
        (json!("10.0.0.0/8"), json!("::ffff:10.1.2.3"), true),
        (
            json!("2001:DB8:1234:5678::/64"),
            json!("2001:db8:1234:5678:9::"),
            true,
        ),
        (
            json!("2001:DB8:1234:5678::/64"),
            json!("2001:db8:1234:5679::"),
            false,
        ),
        (json!("fe80::1"), json!("fe80::1"), true),
        (json!(["10.0.0.0/8", "::1/128"]), json!("::1"), true),
        (json!("10.0.0.0/8"), json!("host"), false),
    ];
    check_both("IpAddress", "NotIpAddress", &rows);
    for bad in [
        "",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/-1",
        "10.0.0.0/33",
        "::/129",
        "10.0.0.0/8/8",
        "10.0.0.0/+8",
        "*",
    ] {
        assert_eq!(ip::Range::parse(bad), None, "{bad}");
    }
}

#[test]
fn arns() {
    let rows = [
        (
            json!("arn:aws:sns:us-east-1:1:t"),
            json!("arn:aws:sns:us-east-1:1:t"),
            true,
        ),
        (
            json!("arn:aws:sns:us-east-1:1:T"),
            json!("arn:aws:sns:us-east-1:1:t"),
            false,
        ),
        (
            json!("arn:aws:sns:*:*:t*"),
            json!("arn:aws:sns:us-east-1:1:topic:x/y"),
            true,
        ),
        (
            json!("arn:aws:sns:*:t"),
            json!("arn:aws:sns:us-east-1:1:t"),
            false,
        ),
        (json!("arn:aws:sns:*:1:t"), json!("arn:aws:sns:a:b:1:t"), false),
        (
            json!("arn:aws:sns:us-east-?:1:t"),
            json!("arn:aws:sns:us-east-1:1:t"),
            true,
        ),
        (json!("*"), json!("arn:aws:sns:us-east-1:1:t"), true),
        (json!("*"), json!("no ARN"), false),
        (
            json!("arn:aws:iam::1:user/${aws:username}"),
            json!("arn:aws:iam::1:user/ana"),
            true,
        ),
        (
            json!("arn:aws:iam::1:user/${test:Star}"),
            json!("arn:aws:iam::1:user/ab"),
            false,
        ),
        (
            json!("arn:aws:iam::1:user/${test:none}"),
            json!("arn:aws:iam::1:user/"),
            false,
        ),
        (json!("${aws:username}"), json!("arn:aws:iam::1:user/ana"), false),
    ];
    // The two names of each mean the same.
    let parsed: Vec<_> = rows
        .iter()
        .filter(|(wanted, ..)| *wanted != json!("arn:aws:sns:*:t"))
        .cloned()
        .collect();
    for (operator, negated) in [
        ("ArnEquals", "ArnNotEquals"),
        ("ArnLike", "ArnNotLike"),
        ("ArnEquals", "ArnNotLike"),
    ] {
        check_both(operator, negated, &parsed);
    }
}

#[test]
fn absent_keys() {
    let (wanted, absent) = (json!("1"), Json::Null);
    for (operator, expected) in [
        ("StringEquals", false),
        ("StringNotEquals", true),
        ("StringLike", false),
        ("StringNotLike", true),
        ("StringEqualsIfExists", true),
        ("StringNotEqualsIfExists", true),
        ("NumericEquals", false),
        ("NumericNotEquals", true),
        ("NumericLessThanIfExists", true),
        ("DateNotEquals", true),
        ("DateLessThan", false),
        ("ForAllValues:StringEquals", true),
        ("ForAllValues:StringNotEquals", true),
        ("ForAllValues:NumericLessThan", true),
        ("ForAnyValue:StringEquals", false),
        ("ForAnyValue:StringNotEquals", false),
        ("ForAnyValue:StringEqualsIfExists", false),
        ("ForAnyValue:StringNotEqualsIfExists", false),
    ] {
        assert_eq!(holds(operator, &wanted, &absent), expected, "{operator}");
        // A key that can have several values and has none is absent too.
        assert_eq!(holds(operator, &wanted, &json!([])), expected, "{operator}");
    }
    for operator in [
        "BoolIfExists",
        "IpAddressIfExists",
        "ArnLikeIfExists",
        "BinaryEqualsIfExists",
    ] {
        let wanted = match operator {
            "BoolIfExists" => json!("true"),
            "IpAddressIfExists" => json!("10.0.0.0/8"),
            "ArnLikeIfExists" => json!("arn:aws:sns:*:*:*"),
            _ => json!("AAAA"),
        };
        assert!(holds(operator, &wanted, &absent), "{operator}");
        assert!(!holds(operator, &wanted, &json!("x")), "{operator}");
    }
}

#[test]
fn several_values() {
    let two = json!(["a", "b"]);
    for (operator, found, expected) in [
        ("ForAllValues:StringEquals", json!(["a", "b"]), true),
        ("ForAllValues:StringEquals", json!(["a", "c"]), false),
        ("ForAllValues:StringEquals", json!("a"), true),
        ("ForAllValues:StringEquals", json!(["", ""]), true),
        ("ForAllValues:StringEquals", json!(["", "c"]), false),
        ("ForAllValues:StringNotEquals", json!(["c", "d"]), true),
        ("ForAllValues:StringNotEquals", json!(["c", "a"]), false),
        ("ForAnyValue:StringEquals", json!(["c", "b"]), true),
        ("ForAnyValue:StringEquals", json!(["c", "d"]), false),
        ("ForAnyValue:StringEquals", json!(""), false),
        ("ForAnyValue:StringNotEquals", json!(["a", "c"]), true),
        ("ForAnyValue:StringNotEquals", json!(["a", "b"]), false),
        ("ForAnyValue:StringNotEquals", json!([""]), false),
        // Without a prefix: any value for the plain operator, and the opposite for the negated one.
        ("StringEquals", json!(["c", "b"]), true),
        ("StringEquals", json!(["c", "d"]), false),
        ("StringNotEquals", json!(["c", "b"]), false),
        ("StringNotEquals", json!(["c", "d"]), true),
    ] {
        assert_eq!(holds(operator, &two, &found), expected, "{operator} of {found}");
    }
}

#[test]
fn an_empty_list_in_the_policy_matches_nothing() {
    for (operator, found, expected) in [
        ("StringEquals", json!("a"), false),
        ("StringNotEquals", json!("a"), true),
        ("ForAllValues:StringEquals", json!(["a"]), false),
        ("ForAllValues:StringEquals", Json::Null, true),
        ("ForAnyValue:StringEquals", json!(["a"]), false),
        ("Null", json!("a"), false),
    ] {
        assert_eq!(
            holds(operator, &json!([]), &found),
            expected,
            "{operator} of {found}"
        );
    }
}
