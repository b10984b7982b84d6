//! Patterns of the models, with texts they take and texts they do not.

use super::*;

fn matches(pattern: &str, text: &str) -> bool {
    Pattern::parse(pattern)
        .unwrap_or_else(|e| panic!("{pattern}: {e}"))
        .matches(text)
}

/// A pattern, texts it takes and texts it does not.
type Case = (&'static str, &'static [&'static str], &'static [&'static str]);

const CASES: &[Case] = &[
    ("[a-zA-Z0-9_.-]+", &["a", "a-b_c.9"], &["", "a b", "é", "a\n"]),
    (
        "0|([1-9]\\d{0,38})",
        &["0", "1", "340282366920938463463374607431768211455"],
        &["", "00", "01", "-1"],
    ),
    ("^(0|([1-9]\\d{0,128}))$", &["0", "49"], &["049", "0\n"]),
    (
        "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+",
        &[
            "arn:aws:kinesis:us-east-1:000000000000:stream/x",
            "arn:aws-cn:kinesis::000000000000:stream/x/y:z",
        ],
        &[
            "arn:aws:kinesis:us-east-1:00000000000:stream/x",
            "arn:aws:kinesis:r:000000000000:stream/x y",
        ],
    ),
    (
        "^(arn):aws.*:kinesis:.*:\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer\\/[a-zA-Z0-9_.-]+:[0-9]+",
        &["arn:aws:kinesis:r:123456789012:stream/s/consumer/c:17"],
        &[
            "arn:aws:kinesis:r:123456789012:stream/s/consumer/c:17x",
            "arn:aws:kinesis:r:123456789012:stream/s",
        ],
    ),
    (
        "[a-z0-9]{20}-[a-z0-9]{3}",
        &["abcdefghij0123456789-abc"],
        &["abcdefghij012345678-abc"],
    ),
    (
        "arn:aws:kinesisanalytics:[a-z]{2}-[a-z]+-\\d{1}+:\\d{12}+:application/[a-zA-Z0-9_.-]{1,128}",
        &["arn:aws:kinesisanalytics:us-east-1:123456789012:application/a"],
        &["arn:aws:kinesisanalytics:us-east-1:1:application/a"],
    ),
    ("^$|[a-zA-Z/_]+", &["", "Europe/Zurich"], &["1"]),
    ("[\\u0001-\\uFFFF]*", &["", "é\n"], &["\0", "😀"]),
    ("^(?!\\s*$).+", &["a", " a"], &["", "  "]),
    ("[^:*]*", &["", "ab"], &["a:b", "*"]),
    (
        "^(?!aws:)[\\p{L}\\p{Z}\\p{N}_.:\\/=+\\-@%]*$",
        &["", "é 1\u{a0}²%"],
        &["aws:x", "a\tb", "a;b", "😀"],
    ),
    (
        "jdbc:(redshift|postgresql)://((?!-)[A-Za-z0-9-]{1,63}(?<!-)\\.)+(redshift(-serverless)?)\\.([a-zA-Z0-9\\.\\-]+):\\d{1,5}/[a-zA-Z0-9_$-]+",
        &["jdbc:redshift://a.b-c.redshift.amazonaws.com:5439/dev"],
        &[
            "jdbc:redshift://-a.redshift.amazonaws.com:5439/dev",
            "jdbc:redshift://a-.redshift.amazonaws.com:5439/dev",
        ],
    ),
    (
        ".+?\\.snowflakecomputing\\.com",
        &["x.snowflakecomputing.com"],
        &[".snowflakecomputing.com", "xsnowflakecomputing.com"],
    ),
    (
        "^(?:[A-Za-z0-9+\\/]{4})*(?:[A-Za-z0-9+\\/]{2}==|[A-Za-z0-9+\\/]{3}=)?$",
        &["", "QUJD", "QUI=", "QQ=="],
        &["QUJ", "Q==="],
    ),
    ("[a-zA-Z0-9/!-_.*'()]+", &["!#09A_"], &["`", "~"]),
    ("[^-\\s<>&]*", &["ab"], &["a-b", "a b"]),
    ("^(?=^\\$)(?=^\\S+$).*$", &["$", "$.a[0]"], &["a", "$ a", ""]),
    ("((?!^\\d+$)^[0-9a-zA-Z-_]+$)", &["a1", "1-"], &["12", "", "a b"]),
    ("(?!^[0-9]+$)([a-zA-Z0-9-_]+)", &["v1"], &["1"]),
    (
        "(^(?!(system\\x2e)))(^[_a-zA-Z0-9])([^$]*)",
        &["a", "systems"],
        &["system.x", "a$", ""],
    ),
    (
        "$|kafka://([^.]([a-zA-Z0-9\\-_.]{0,248}))|arn:.*",
        &["", "kafka://t", "arn:"],
        &["x", "kafka://."],
    ),
    ("[0-9A-Za-z\\.\\-_]*(?<!\\.)", &["a.b", ""], &["a."]),
    (
        "(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()",
        &["", "arn::kms:x"],
        &["arn:"],
    ),
    ("[\\s\\S]*", &["", "a\nb"], &[]),
    (".*", &["", "abc"], &["a\nb", "a\u{2028}b"]),
    ("\\p{Print}+", &["a ~"], &["a\t", "é"]),
    (
        "[\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF\\r\\n\\t]*",
        &["é😀\n", ""],
        &["\u{b}"],
    ),
    ("[\\p{L}\\p{N}\\p{P}]*", &["aé1-!"], &["a b", "a+b"]),
    ("[,;:|\\t ]", &[",", "\t"], &["", ",,"]),
    (
        "(?!((^[ ]+.*)|(.*([\\u0000-\\u001f]|[\\u007f-\\u009f]|[:/|])+.*)|(.*[ ]+$))).+",
        &["a b"],
        &[" a", "a ", "a:b", ""],
    ),
    (
        "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
        &["01234567-89ab-cdef-0123-456789abcdef"],
        &["0"],
    ),
    (
        "([0-9a-f]{16})+",
        &["0123456789abcdef0123456789abcdef"],
        &["0123456789abcdef0", ""],
    ),
    (
        "\\$(\\.[a-zA-Z0-9_.@\\[\\]\\(\\)-]+)*",
        &["$", "$.a.b[0]"],
        &["$a", "a"],
    ),
    (
        "[\\w\\-\\.\\+]+/[\\w\\-\\.\\+]+(,[\\w\\-\\.\\+]+/[\\w\\-\\.\\+]+)*",
        &["video/h264,audio/aac"],
        &["video", "video/h264,"],
    ),
];
#[test]
fn patterns_of_the_models() {
    for (pattern, yes, no) in CASES {
        for text in *yes {
            assert!(matches(pattern, text), "{pattern} should match {text:?}");
        }
        for text in *no {
            assert!(!matches(pattern, text), "{pattern} should not match {text:?}");
        }
    }
}

#[test]
fn counts_are_exact() {
    for (len, ok) in [(0, false), (1, false), (2, true), (5, true), (6, false)] {
        assert_eq!(matches("a{2,5}", &"a".repeat(len)), ok, "{len}");
        assert_eq!(matches("(ab){2,5}", &"ab".repeat(len)), ok, "{len}");
        assert_eq!(matches("x?a{2,5}", &"a".repeat(len)), ok, "{len}");
    }
    assert!(matches("a{2,}b", "aaaab"));
    assert!(!matches("a{2,}b", "ab"));
}

/// Patterns and texts that send a backtracking matcher into exponential time.
#[test]
fn time_is_bounded() {
    let text = format!("{}!", "a".repeat(5_000));
    assert!(!matches("(a+)+", &text));
    assert!(!matches("(a|aa|a?)*b", &text[..800]));
    assert!(!matches(".*a.*a.*a.*a.*b", &text));
    assert!(matches("([a-z!]|x)*", &text));
    let long = "x".repeat(3 << 20);
    assert!(matches("[\\u0020-\\uD7FF]*", &long));
    assert!(matches(".*\\S.*", &long));
}

#[test]
fn what_is_not_understood_is_said() {
    for pattern in [
        "(",
        ")",
        "[",
        "a{2",
        "a{3,2}",
        "*",
        "(?<x>a)",
        "\\q",
        "\\p{Greek}",
        "[[a]]",
        "[b-a]",
        "(?<=a*)b",
        "^*",
        "\\u12",
    ] {
        assert!(Pattern::parse(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn a_table_s_pattern_is_taken_apart_once() {
    static SOURCE: &str = "a+b";
    assert!(std::ptr::eq(compiled(SOURCE), compiled(SOURCE)));
    assert!(compiled(SOURCE).matches("aab"));
    assert!(
        compiled("(not a pattern").matches("anything"),
        "it lets everything pass rather than refuse everything"
    );
}
