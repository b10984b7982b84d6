//! Expressions against values computed by hand.

use proptest::prelude::*;

use super::*;
use crate::cloudwatch::query::Window;

fn line(points: &[(u64, f64)]) -> Timeline {
    Timeline {
        label: "m".to_owned(),
        period: 60,
        points: points.to_vec(),
    }
}

fn run(text: &str) -> Result<Quantity, String> {
    let metrics = [
        ("m1".to_owned(), line(&[(0, 1.0), (60, 2.0), (180, 4.0)])),
        ("m2".to_owned(), line(&[(0, 10.0), (60, 0.0), (120, 30.0)])),
        ("none".to_owned(), line(&[])),
    ];
    let mut lookup = |id: &str| {
        let found = metrics.iter().find(|(known, _)| known == id);
        found
            .map(|(_, one)| Quantity::One(one.clone()))
            .ok_or_else(|| format!("there is no '{id}'"))
    };
    let work = Work::new(500_000);
    let mut context = Context {
        lookup: &mut lookup,
        metrics: &metrics,
        window: Window {
            start: 0,
            end: 300,
            period: 60,
        },
        until: 300,
        work: &work,
    };
    evaluate(&parse(text)?, &mut context)
}

fn scalar(text: &str) -> f64 {
    match run(text) {
        Ok(Quantity::Scalar(value)) => value,
        other => panic!("{text}: {other:?}"),
    }
}

fn points(text: &str) -> Vec<(u64, f64)> {
    match run(text) {
        Ok(Quantity::One(one)) => one.points,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn numbers_and_precedence() {
    for (text, expected) in [
        ("1+2*3", 7.0),
        ("(1+2)*3", 9.0),
        ("2^3^2", 512.0),
        ("-2^2", 4.0),
        ("10-4-3", 3.0),
        ("8/4/2", 1.0),
        ("1 < 2 && 2 < 1 || 3 >= 3", 1.0),
        ("1 == 1 AND 1 != 1", 0.0),
        (" 1.5e2 + .5 ", 150.5),
        ("ABS(-3) + CEIL(1.2) + floor(1.8)", 6.0),
        ("LOG10(1000)", 3.0),
    ] {
        assert!((scalar(text) - expected).abs() < 1e-9, "{text}: {}", scalar(text));
    }
}

#[test]
fn time_lines_meet_where_both_have_values() {
    assert_eq!(points("m1+m2"), [(0, 11.0), (60, 2.0)]);
    assert_eq!(points("100*m1"), [(0, 100.0), (60, 200.0), (180, 400.0)]);
    assert_eq!(points("m1/m2"), [(0, 0.1)], "a division by zero is no datapoint");
    assert_eq!(points("-m1"), [(0, -1.0), (60, -2.0), (180, -4.0)]);
    assert_eq!(points("m1 > 1"), [(0, 0.0), (60, 1.0), (180, 1.0)]);
}

#[test]
fn summaries_of_one_and_of_several() {
    assert_eq!(scalar("SUM(m1)"), 7.0);
    assert_eq!(scalar("AVG(m2)"), 40.0 / 3.0);
    assert_eq!((scalar("MIN(m2)"), scalar("MAX(m2)")), (0.0, 30.0));
    assert_eq!(scalar("STDDEV(m2)"), (1400.0f64 / 9.0).sqrt());
    assert_eq!(scalar("DATAPOINT_COUNT(m1)"), 3.0);
    assert_eq!(scalar("DATAPOINT_COUNT(none)"), 0.0);
    assert!(scalar("AVG(none)").is_nan());
    assert_eq!(
        points("SUM([m1,m2])"),
        [(0, 11.0), (60, 2.0), (120, 30.0), (180, 4.0)]
    );
    assert_eq!(
        points("MAX(METRICS())"),
        [(0, 10.0), (60, 2.0), (120, 30.0), (180, 4.0)]
    );
    assert_eq!(
        points("AVG(METRICS(\"m\"))"),
        [(0, 5.5), (60, 1.0), (120, 30.0), (180, 4.0)]
    );
    assert_eq!(
        points("SUM(METRICS(\"2\")*2)"),
        [(0, 20.0), (60, 0.0), (120, 60.0)]
    );
    assert_eq!(scalar("METRIC_COUNT(METRICS())"), 3.0);
    assert_eq!(scalar("METRIC_COUNT(REMOVE_EMPTY(METRICS()))"), 2.0);
    assert_eq!(points("FIRST([m2, m1])"), points("m2"));
    assert_eq!(points("LAST([m2, m1])"), points("m1"));
}

#[test]
fn changes_over_time() {
    assert_eq!(points("DIFF(m1)"), [(60, 1.0), (180, 2.0)]);
    assert_eq!(points("DIFF_TIME(m1)"), [(60, 60.0), (180, 120.0)]);
    assert_eq!(points("RATE(m1)*60"), [(60, 1.0), (180, 1.0)]);
    assert_eq!(points("RUNNING_SUM(m1)"), [(0, 1.0), (60, 3.0), (180, 7.0)]);
    assert_eq!(scalar("PERIOD(m1)"), 60.0);
    assert_eq!(points("m2/PERIOD(m2)"), [(0, 1.0 / 6.0), (60, 0.0), (120, 0.5)]);
}

#[test]
fn holes_are_filled() {
    assert_eq!(
        points("FILL(m1, 0)"),
        [(0, 1.0), (60, 2.0), (120, 0.0), (180, 4.0), (240, 0.0)]
    );
    assert_eq!(
        points("FILL(m1, REPEAT)"),
        [(0, 1.0), (60, 2.0), (120, 2.0), (180, 4.0), (240, 4.0)]
    );
    assert_eq!(
        points("FILL(m1, LINEAR)"),
        [(0, 1.0), (60, 2.0), (120, 3.0), (180, 4.0)]
    );
    assert_eq!(
        points("FILL(m1, m2)"),
        [(0, 1.0), (60, 2.0), (120, 30.0), (180, 4.0)]
    );
    assert_eq!(points("FILL(none, 7)").len(), 5);
    assert_eq!(points("FILL(none, REPEAT)"), []);
    assert_eq!(points("TIME_SERIES(3)").len(), 5);
}

#[test]
fn choices() {
    assert_eq!(points("IF(m1 > 1, m1, 0)"), [(0, 0.0), (60, 2.0), (180, 4.0)]);
    assert_eq!(points("IF(m1 > 1, m1)"), [(60, 2.0), (180, 4.0)]);
    assert_eq!(points("IF(m1 > 1, m2, m1)"), [(0, 1.0), (60, 0.0)]);
    assert_eq!(points("IF(1, m1, m2)"), points("m1"));
    assert_eq!(points("IF(0, m1, m2)"), points("m2"));
    assert_eq!(points("IF(0, m1)"), []);
}

#[test]
fn what_is_wrong_is_said() {
    for (text, why) in [
        ("", "ends too early"),
        ("m1+", "ends too early"),
        ("(m1", "')' is missing at the end"),
        ("m1 m2", "'m2' is unexpected"),
        ("m1 $ 2", "'$' is not understood"),
        ("1.2.3", "'1.2.3' is no number"),
        ("nope*2", "there is no 'nope'"),
        ("SEARCH('{AWS/Kinesis}', 'Sum', 60)", "SEARCH is not supported"),
        (
            "ANOMALY_DETECTION_BAND(m1)",
            "the function ANOMALY_DETECTION_BAND is not supported",
        ),
        ("SUM(m1, m2)", "SUM takes one argument"),
        ("SUM(1)", "not of a number"),
        ("METRICS()+METRICS()", "two lists"),
        ("[1]", "not of numbers"),
        ("'text'", "the text 'text'"),
        ("\"open", "a text has no end"),
        ("FILL(m1)", "FILL takes"),
    ] {
        let error = run(text).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn depth_and_work_are_bounded() {
    assert!(run(&"(".repeat(2000)).unwrap_err().contains("nested deeper"));
    assert!(run(&"-".repeat(2000)).unwrap_err().contains("nested deeper"));
    assert!(
        run(&format!("1{}", "+1".repeat(900)))
            .unwrap_err()
            .contains("nested deeper")
    );
    assert!(
        run(&format!("1{}", "^1".repeat(900)))
            .unwrap_err()
            .contains("nested deeper")
    );
    let many = format!("[{}m1]", "METRICS(),".repeat(50));
    let more = format!("SUM([{many},{many},{many},{many},{many},{many}])");
    assert!(run(&more).is_ok());
    let much = format!("SUM([{}m1])", format!("{more},").repeat(4));
    assert!(
        run(&much).unwrap_err().contains("more datapoints"),
        "{}",
        run(&much).is_ok()
    );
}

proptest! {
    #[test]
    fn any_expression_is_read_without_a_panic(text in "[a-z0-9.+*/^()\\[\\],<>=&|\"' -]{0,60}") {
        let _ = run(&text);
    }

    #[test]
    fn words_are_read_without_a_panic(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "m1", "m2", "FILL", "IF", "SUM", "METRICS", "REPEAT", "(", ")", ",", "[", "]", "+", "-", "1", "\"m\"",
            ]),
            0..20,
        )
    ) {
        let _ = run(&words.join(" "));
    }
}
