//! What is refused, where, and in which words; and what is taken.

use super::super::{Kind, Policy};
use crate::limits::{
    POLICY_DEPTH_MAX, POLICY_IDENTITY_CHARS_MAX, POLICY_RESOURCE_BYTES_MAX, POLICY_TEXT_BYTES_MAX,
};

const GOOD: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kinesis:PutRecord", "Resource": "*"}]}"#;

/// The error begins with a place and has some words.
fn check(kind: Kind, text: &str, place: &str, words: &str) {
    let error = Policy::parse(text, kind)
        .err()
        .unwrap_or_else(|| panic!("taken: {text}"));
    assert_eq!(error.path, place, "{error}\n{text}");
    assert!(error.message.contains(words), "{error}\n{text}");
    let shown = error.to_string();
    assert!(shown.len() < 1500, "{} bytes: {shown}", shown.len());
}

/// The same of one statement, whose members are given.
fn statement(kind: Kind, members: &str, place: &str, words: &str) {
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{{{members}}}]}}"#);
    let place = match place {
        "" => "Statement[0]".to_owned(),
        place => format!("Statement[0].{place}"),
    };
    check(kind, &text, &place, words);
}

#[test]
fn documents() {
    let id = Kind::Identity;
    check(
        id,
        "",
        "",
        "Syntax errors in policy. The policy is not valid JSON: it ends too early at byte 0",
    );
    check(id, "{", "", "Syntax errors in policy.");
    check(id, &format!("{GOOD} x"), "", "there is more behind its end");
    check(id, "[]", "", "must be an object, not a list");
    check(id, "{}", "Statement", "Statement is missing");
    check(id, r#"{"Statement": []}"#, "Statement", "at least one statement");
    check(
        id,
        r#"{"Statement": [3]}"#,
        "Statement[0]",
        "must be an object, not a number",
    );
    check(
        id,
        r#"{"Statement": "x"}"#,
        "Statement",
        "must be an object, not a string",
    );
    check(
        id,
        r#"{"statement": {}}"#,
        "",
        "'statement' is no element of a policy; there are Version, Id, Statement",
    );
    check(
        id,
        r#"{"Version": "2012-10-18", "Statement": {}}"#,
        "Version",
        "must be \"2012-10-17\"",
    );
    check(
        id,
        r#"{"Version": 2012, "Statement": {}}"#,
        "Version",
        "must be a string, not a number",
    );
    check(id, r#"{"Id": 1, "Statement": {}}"#, "Id", "must be a string");
    check(
        id,
        r#"{"Id": "a", "Id": "b", "Statement": {}}"#,
        "",
        "'Id' is there twice",
    );
    let twice = r#"{"Statement": [
        {"Sid": "a", "Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Sid": "a", "Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;
    check(id, twice, "Statement", "must be unique. 'a' is there twice");
}

/// Members of a statement, of which `$REST` are an action and a resource, `$P` an effect and everyone.
const ELEMENTS: [(Kind, &str, &str, &str); 22] = [
    (IDENTITY, "$REST", "Effect", "Effect is missing"),
    (
        IDENTITY,
        r#""Effect": "allow", $REST"#,
        "Effect",
        "\"Allow\" or \"Deny\"",
    ),
    (
        IDENTITY,
        r#""Effect": true, $REST"#,
        "Effect",
        "must be a string, not a truth value",
    ),
    (
        IDENTITY,
        r#""Effect": "Allow", "Effects": 1, $REST"#,
        "",
        "'Effects' is no element of a statement",
    ),
    (
        IDENTITY,
        r#""Effect": "Allow", "Effect": "Deny", $REST"#,
        "",
        "'Effect' is there twice",
    ),
    (
        IDENTITY,
        r#""Sid": "a b", "Effect": "Allow", $REST"#,
        "Sid",
        "letters and digits",
    ),
    (
        IDENTITY,
        r#"$P, $REST"#,
        "Principal",
        "should not specify a principal",
    ),
    (
        RESOURCE,
        r#""Effect": "Allow", $REST"#,
        "",
        "Missing required field Principal",
    ),
    (
        RESOURCE,
        r#"$P, "NotPrincipal": "*", $REST"#,
        "",
        "Principal and NotPrincipal exclude each other",
    ),
    (
        IDENTITY,
        r#""Effect": "Allow", "Resource": "*""#,
        "",
        "must contain actions",
    ),
    (
        IDENTITY,
        r#""Effect": "Allow", "Action": [], "Resource": "*""#,
        "Action",
        "must contain actions",
    ),
    (
        IDENTITY,
        r#""Effect": "Allow", "Action": "a:b""#,
        "",
        "must contain resources",
    ),
    (
        IDENTITY,
        r#""Effect": "Allow", "Action": "a:b", "Resource": []"#,
        "Resource",
        "must contain resources",
    ),
    (
        IDENTITY,
        r#""Effect": "Allow", "NotAction": "a:b", $REST"#,
        "",
        "Action and NotAction exclude each other",
    ),
    (
        IDENTITY,
        r#""Effect": "Allow", "NotResource": "*", $REST"#,
        "",
        "exclude each other",
    ),
    (
        IDENTITY,
        r#""Effect": "Allow", "Action": ["a:b", null]"#,
        "Action[1]",
        "must be a string, not null",
    ),
    (
        TRUST,
        r#""Effect": "Allow", "Action": "sts:AssumeRole""#,
        "",
        "Missing required field Principal",
    ),
    (
        TRUST,
        r#"$P, "Action": "sts:AssumeRole", "Resource": "*""#,
        "Resource",
        "prohibited field Resource",
    ),
    (
        TRUST,
        r#"$P, "Action": "sts:GetCallerIdentity""#,
        "Action",
        "only specify STS AssumeRole actions",
    ),
    (
        TRUST,
        r#"$P, "Action": ["sts:TagSession", "*"]"#,
        "Action[1]",
        "only specify STS AssumeRole actions",
    ),
    (
        TRUST,
        r#"$P, "Action": "sts:*""#,
        "Action",
        "only specify STS AssumeRole actions",
    ),
    (
        TRUST,
        r#"$P, "NotAction": "sts:AssumeRole""#,
        "NotAction",
        "lists its actions with Action",
    ),
];
const IDENTITY: Kind = Kind::Identity;
const RESOURCE: Kind = Kind::Resource;
const TRUST: Kind = Kind::Trust;

#[test]
fn elements() {
    for (kind, members, place, words) in ELEMENTS {
        let members = members
            .replace("$REST", r#""Action": "kinesis:PutRecord", "Resource": "*""#)
            .replace("$P", r#""Effect": "Allow", "Principal": "*""#);
        statement(kind, &members, place, words);
    }
}

#[test]
fn actions_resources_and_principals() {
    for (action, words) in [
        (
            "PutRecord",
            "must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. Write for instance kinesis:PutRecord",
        ),
        ("a:b:c", "can contain only one colon"),
        ("kin*:Put", "Vendor kin* is not valid"),
        (":Put", "Vendor  is not valid"),
        ("kinesis:", "names no action"),
        ("kinesis:Put Record", "names no action"),
    ] {
        let members = format!(r#""Effect": "Allow", "Action": ["kinesis:*", "{action}"], "Resource": "*""#);
        statement(Kind::Identity, &members, "Action[1]", words);
    }
    for (resource, words) in [
        ("orders", "Resource orders must be in ARN format or \\\"*\\\"."),
        ("", "must be in ARN format"),
        ("arn", "must be in ARN format"),
        (
            "arn:azure:kinesis:x:1:stream/y",
            "Partition \\\"azure\\\" is not valid",
        ),
        (
            "arn:aws",
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
        ("arn:aws:kinesis", "Resource vendor must be fully qualified"),
        (
            "arn:aws:*:us-east-1:1:x",
            "Resource vendor must be fully qualified",
        ),
        (
            "arn:aws:kinesis:us-east-1:${aws:PrincipalAccount}:stream/x",
            "behind the fifth colon",
        ),
        (
            "arn:aws:kinesis:r:1:stream/${aws:username",
            "begins a policy variable that has no end",
        ),
        ("arn:aws:kinesis:r:1:stream/${}", "names no key"),
        ("arn:aws:kinesis:r:1:stream/${aws:username, x}", "single quotes"),
        ("arn:aws:kinesis:r:1:stream/${aws:user name}", "names no key"),
    ] {
        let members = format!(r#""Effect": "Allow", "Action": "*", "Resource": "{resource}""#);
        statement(Kind::Identity, &members, "Resource", &words.replace("\\\"", "\""));
    }
    for (principal, place, words) in [
        (r#""ana""#, "", "Write \"*\" for everyone"),
        ("[]", "", "must be an object, not a list"),
        ("{}", "", "Name at least one"),
        (r#"{"AWS": []}"#, ".AWS", "Name at least one"),
        (
            r#"{"AWS": ["111122223333", "ana"]}"#,
            ".AWS[1]",
            "Invalid principal in policy: \"AWS\":\"ana\".",
        ),
        (
            r#"{"AWS": "arn:aws:iam::111122223333:user/*"}"#,
            ".AWS",
            "a wildcard stands alone",
        ),
        (
            r#"{"AWS": "arn:aws:iam::1:user/ana"}"#,
            ".AWS",
            "Invalid principal",
        ),
        (
            r#"{"AWS": "arn:aws:iam::111122223333:group/g"}"#,
            ".AWS",
            "Invalid principal",
        ),
        (
            r#"{"AWS": "arn:aws:iam::111122223333:user"}"#,
            ".AWS",
            "Invalid principal",
        ),
        (
            r#"{"AWS": "arn:aws:sts::111122223333:assumed-role/r"}"#,
            ".AWS",
            "Invalid principal",
        ),
        (r#"{"AWS": "AIDAEXAMPLE"}"#, ".AWS", "Invalid principal"),
        (
            r#"{"Service": "*"}"#,
            ".Service",
            "such as firehose.amazonaws.com",
        ),
        (r#"{"aws": "*"}"#, ".aws", "'aws' is no kind of principal"),
    ] {
        let members =
            format!(r#""Effect": "Allow", "Principal": {principal}, "Action": "*", "Resource": "*""#);
        statement(Kind::Resource, &members, &format!("Principal{place}"), words);
    }
}

const CONDITIONS: [(&str, &str, &str); 18] = [
    (
        r#"{"StringEqual": {"a:b": "c"}}"#,
        ".StringEqual",
        "'StringEqual' is no condition operator",
    ),
    (
        r#"{"stringequals": {"a:b": "c"}}"#,
        ".stringequals",
        "StringEquals is, with these capitals",
    ),
    (
        r#"{"ForAll:StringEquals": {"a:b": "c"}}"#,
        ".ForAll:StringEquals",
        "is no condition operator",
    ),
    (
        r#"{"NullIfExists": {"a:b": "true"}}"#,
        ".NullIfExists",
        "write \"Null\" alone",
    ),
    (r#"{"StringEquals": "a"}"#, ".StringEquals", "must be an object"),
    (
        r#"{"StringEquals": {"sourceip": "c"}}"#,
        ".StringEquals.sourceip",
        "must be prefaced by a vendor",
    ),
    (
        r#"{"StringEquals": {"a:b": null}}"#,
        ".StringEquals.a:b",
        "not null",
    ),
    (
        r#"{"StringEquals": {"a:b": ["x", {}]}}"#,
        ".StringEquals.a:b[1]",
        "not an object",
    ),
    (
        r#"{"NumericEquals": {"a:b": "one"}}"#,
        ".NumericEquals.a:b",
        "must be a number, not 'one'",
    ),
    (
        r#"{"NumericEquals": {"a:b": "1e3"}}"#,
        ".NumericEquals.a:b",
        "must be a number",
    ),
    (
        r#"{"DateEquals": {"a:b": "today"}}"#,
        ".DateEquals.a:b",
        "must be a point in time",
    ),
    (
        r#"{"DateEquals": {"a:b": "2026-02-30"}}"#,
        ".DateEquals.a:b",
        "must be a point in time",
    ),
    (
        r#"{"Bool": {"a:b": "yes"}}"#,
        ".Bool.a:b",
        "must be true or false, not 'yes'",
    ),
    (
        r#"{"Null": {"a:b": ["true", "x"]}}"#,
        ".Null.a:b[1]",
        "must be true or false",
    ),
    (
        r#"{"BinaryEquals": {"a:b": "%%"}}"#,
        ".BinaryEquals.a:b",
        "must be base64",
    ),
    (
        r#"{"IpAddress": {"a:b": "10.0.0.0/33"}}"#,
        ".IpAddress.a:b",
        "203.0.113.0/24",
    ),
    (r#"{"IpAddress": {"a:b": "10.0.0"}}"#, ".IpAddress.a:b", "CIDR"),
    (
        r#"{"ArnLike": {"a:b": "arn:aws:sns:x"}}"#,
        ".ArnLike.a:b",
        "'arn:aws:sns:x' is no ARN",
    ),
];

#[test]
fn conditions() {
    for (condition, place, words) in CONDITIONS {
        let members =
            format!(r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {condition}"#);
        statement(Kind::Identity, &members, &format!("Condition{place}"), words);
    }
}

#[test]
fn bounds() {
    let sized = |n: usize| GOOD.replace("PutRecord", &"P".repeat(n));
    let fits =
        POLICY_IDENTITY_CHARS_MAX - GOOD.split_whitespace().collect::<String>().len() + "PutRecord".len();
    assert!(Policy::parse(&sized(fits), Kind::Identity).is_ok());
    check(
        Kind::Identity,
        &sized(fits + 1),
        "",
        "has 10241 characters that are no white space, and 10240 are allowed",
    );
    let padded = format!("{GOOD}{}", " ".repeat(20_000));
    let parsed = Policy::parse(&padded, Kind::Identity).unwrap();
    assert_eq!(parsed.chars(), GOOD.split_whitespace().collect::<String>().len());
    check(
        Kind::Resource,
        &" ".repeat(POLICY_RESOURCE_BYTES_MAX + 1),
        "",
        "20480 are allowed",
    );
    check(Kind::Trust, &"x".repeat(4097), "", "4096 are allowed");
    check(
        Kind::Identity,
        &" ".repeat(POLICY_TEXT_BYTES_MAX + 1),
        "",
        "131072 are allowed",
    );
    let deep = format!(
        "{}{}",
        "[".repeat(POLICY_DEPTH_MAX + 1),
        "]".repeat(POLICY_DEPTH_MAX + 1)
    );
    let error = Policy::parse(&deep, Kind::Identity).unwrap_err();
    assert!(error.message.contains("nested deeper than 8 levels"), "{error}");
    check(
        Kind::Identity,
        &format!("[{}1]", "1,".repeat(8192 / 2)),
        "",
        "must be an object",
    );
    check(
        Kind::Resource,
        &format!("[{}1]", "1,".repeat(9000)),
        "",
        "more than 8192 values",
    );
    let wide = format!(
        r#""Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::*{}?*""#,
        "a".repeat(64)
    );
    statement(
        Kind::Identity,
        &wide,
        "Resource",
        "more than 64 characters with a '?' among them",
    );
}

#[test]
fn what_looks_odd_and_is_taken() {
    for (kind, text) in [
        (Kind::Identity, GOOD.replace("2012-10-17", "2008-10-17")),
        (
            Kind::Identity,
            GOOD.replace("\"Version\": \"2012-10-17\", ", "\"Id\": \"x y\", "),
        ),
        (Kind::Identity, GOOD.replace("kinesis:PutRecord", "*:*")),
        (
            Kind::Identity,
            GOOD.replace(
                "\"Resource\": \"*\"",
                "\"Resource\": [\"arn:aws:s3:::*\", \"arn:*:iam::*:role/*\"]",
            ),
        ),
        (
            Kind::Identity,
            GOOD.replace("\"Resource\"", "\"Condition\": {}, \"Resource\""),
        ),
        (
            Kind::Identity,
            GOOD.replace(
                "\"Resource\"",
                "\"Condition\": {\"Bool\": {\"a:b\": [true, \"FALSE\"]}}, \"Resource\"",
            ),
        ),
        (
            Kind::Identity,
            GOOD.replace(
                "\"Resource\"",
                "\"Condition\": {\"StringEquals\": {\"a:b\": []}}, \"Resource\"",
            ),
        ),
        (
            Kind::Identity,
            GOOD.replace("\"Effect\"", "\"Sid\": \"\", \"Effect\""),
        ),
        (
            Kind::Resource,
            GOOD.replace(
                "\"Effect\"",
                "\"Sid\": \"a b\", \"Principal\": {\"CanonicalUser\": \"x\"}, \"Effect\"",
            ),
        ),
    ] {
        let parsed = Policy::parse(&text, kind).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!((parsed.text(), parsed.kind()), (text.as_str(), kind));
    }
}
