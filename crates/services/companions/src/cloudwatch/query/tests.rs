//! Statistics against values computed by hand.

use proptest::prelude::*;

use super::*;
use crate::cloudwatch::state::{Measured, Series, StatisticSet, Unit};

const NOW: u64 = 1_700_000_040;

fn series(data: &[(u64, bool, Measured)]) -> Series {
    let mut series = Series::new(Unit::NONE);
    for (second, fine, measured) in data {
        series.add(NOW, *second, *fine, measured);
    }
    series
}

fn values(values: &[f64]) -> Measured {
    Measured::Values(values.iter().map(|value| (*value, 1.0)).collect())
}

fn window(start: u64, end: u64, period: u64) -> Window {
    Window { start, end, period }
}

fn one(name: &str, measured: Measured) -> Option<f64> {
    let series = series(&[(NOW, false, measured)]);
    let buckets = buckets(&series, window(NOW - 60, NOW + 60, 60));
    Statistic::parse(name).unwrap().of(&buckets[0])
}

#[test]
fn statistics_of_known_values() {
    let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
    for (name, expected) in [
        ("SampleCount", 100.0),
        ("Sum", 5050.0),
        ("Average", 50.5),
        ("Minimum", 1.0),
        ("Maximum", 100.0),
        ("p0", 1.0),
        ("p50", 50.0),
        ("p99", 99.0),
        ("p99.5", 100.0),
        ("p100", 100.0),
        ("tm90", 45.5),
        ("TM(10%:90%)", 50.5),
        ("TM(:90%)", 45.5),
        ("TM(90%:)", 95.5),
        ("TM(10:20)", 15.5),
        ("iqm", 50.5),
        ("TC(10:20)", 10.0),
        ("tc80", 80.0),
        ("TS(98:)", 199.0),
        ("TS(:2)", 3.0),
        ("PR(:30)", 30.0),
        ("PR(10:30)", 20.0),
        ("WM(:50)", 37.75),
        ("WM(0%:50%)", 37.75),
    ] {
        let got = one(name, values(&hundred)).unwrap();
        assert!((got - expected).abs() < 1e-9, "{name}: {got}");
    }
    assert_eq!(one("TM(200:300)", values(&hundred)), None, "nothing is within");
    assert_eq!(one("TC(200:300)", values(&hundred)), Some(0.0));
}

#[test]
fn counts_weigh() {
    let data = Measured::Values(vec![(10.0, 97.0), (1.0, 2.0), (100.0, 1.0)]);
    assert_eq!(one("p2", data.clone()), Some(1.0));
    assert_eq!(one("p3", data.clone()), Some(10.0));
    assert_eq!(one("p99", data.clone()), Some(10.0));
    assert_eq!(one("p99.1", data.clone()), Some(100.0));
    assert_eq!(one("SampleCount", data.clone()), Some(100.0));
    assert_eq!(one("tm99", data), Some((2.0 + 970.0) / 99.0));
}

#[test]
fn names_that_are_none() {
    for name in [
        "",
        "p",
        "p101",
        "p-1",
        "p1e1",
        "p99.12345678901",
        "tm",
        "xx99",
        "pr99",
        "PR(1%:2%)",
        "TM(1%:2)",
        "TM(5:5)",
        "TM(9%:1%)",
        "TM(:)",
        "TM(a:b)",
        "TM(1:2",
        "sum",
        "TM(inf:)",
    ] {
        assert_eq!(Statistic::parse(name), None, "{name}");
    }
}

#[test]
fn sets_without_values_have_no_percentiles() {
    let set = |count, sum, min, max| Measured::Set(StatisticSet { count, sum, min, max });
    assert_eq!(one("p50", set(3.0, 9.0, 1.0, 5.0)), None);
    assert_eq!(one("Average", set(3.0, 9.0, 1.0, 5.0)), Some(3.0));
    assert_eq!(one("p50", set(3.0, 9.0, 3.0, 3.0)), Some(3.0), "all are the same");
    let mixed = series(&[
        (NOW, false, values(&[1.0])),
        (NOW, false, set(2.0, 3.0, 1.0, 2.0)),
    ]);
    let buckets = buckets(&mixed, window(NOW - 60, NOW + 60, 60));
    assert_eq!(Statistic::Percentile(50.0).of(&buckets[0]), None);
}

#[test]
fn periods_begin_at_the_start() {
    let minutes: Vec<_> = (0..10)
        .map(|i| (NOW - 600 + i * 60, false, values(&[1.0])))
        .collect();
    let series = series(&minutes);
    let starts = |window| -> Vec<(u64, f64)> {
        let buckets = buckets(&series, window);
        buckets
            .iter()
            .map(|bucket| (bucket.start, bucket.set.sum))
            .collect()
    };
    let from = NOW - 600;
    assert_eq!(starts(window(from, NOW, 300)), [(from, 5.0), (from + 300, 5.0)]);
    assert_eq!(
        starts(window(from + 60, NOW - 60, 180)),
        [(from + 60, 3.0), (from + 240, 3.0), (from + 420, 2.0)]
    );
}

#[test]
fn seconds_for_short_periods_and_minutes_where_there_are_none() {
    let minute = NOW - NOW % 60;
    let series = series(&[
        (minute - 60, false, values(&[7.0])),
        (minute, true, values(&[1.0])),
        (minute + 9, true, values(&[2.0])),
        (minute + 10, true, values(&[3.0])),
    ]);
    let buckets = buckets(&series, window(minute - 60, minute + 60, 10));
    let found: Vec<(u64, f64)> = buckets.iter().map(|b| (b.start, b.set.sum)).collect();
    assert_eq!(found, [(minute - 60, 7.0), (minute, 3.0), (minute + 10, 3.0)]);
}

#[test]
fn windows_are_rounded() {
    let new = |start, end, period| Window::new(start, end, period);
    assert_eq!(new(90_500, 200_001, 60), window(60, 201, 60));
    assert_eq!(new(97_500, 200_000, 10), window(90, 200, 10));
    assert_eq!(new(97_500, 200_000, 300), window(60, 200, 300));
    assert_eq!(new(-5, -1, 60), window(0, 0, 60));
    let cut = new(60_000, i64::MAX, 3600).with_data(millrace_base::Timestamp(NOW * 1000));
    assert_eq!((cut.start - 60) % 3600, 0, "periods stay where they are");
    assert!(cut.len() <= 28, "{cut:?}");
    assert!([1, 5, 10, 20, 30, 60, 120, 86_400].into_iter().all(is_period));
    assert!(![0, -60, 2, 45, 61].into_iter().any(is_period));
}

proptest! {
    #[test]
    fn percentiles_are_values_in_order(mut data in prop::collection::vec(-1e6f64..1e6, 1..90)) {
        let measured = values(&data);
        data.sort_unstable_by(f64::total_cmp);
        let mut before = f64::NEG_INFINITY;
        for percent in [0, 1, 10, 25, 50, 75, 90, 99, 100] {
            let value = one(&format!("p{percent}"), measured.clone()).unwrap();
            prop_assert!(data.contains(&value) && value >= before);
            let at_most = data.iter().filter(|v| **v <= value).count();
            prop_assert!(at_most * 100 >= percent * data.len());
            before = value;
        }
    }

    /// Beyond the bound values are joined, but what they come to stays close.
    #[test]
    fn many_values_stay_close(data in prop::collection::vec(1.0f64..1000.0, 400..700)) {
        let mut series = Series::new(Unit::NONE);
        for chunk in data.chunks(150) {
            series.add(NOW, NOW, false, &values(chunk));
        }
        let mut sorted = data.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let buckets = buckets(&series, window(NOW - 60, NOW + 60, 60));
        let kept = buckets[0].values().unwrap();
        prop_assert!(kept.len() <= 100);
        prop_assert_eq!(buckets[0].set.count, data.len() as f64);
        let mean = kept.iter().map(|(v, c)| v * c).sum::<f64>() / data.len() as f64;
        let exact = data.iter().sum::<f64>() / data.len() as f64;
        prop_assert!((mean - exact).abs() < 1e-6 * exact);
        for percent in [10usize, 50, 90, 99] {
            let rank = (percent * data.len()).div_ceil(100).max(1) - 1;
            let estimate = Statistic::Percentile(percent as f64).of(&buckets[0]).unwrap();
            // Within a few neighbours of the exact rank, either way.
            let slack = data.len() / 20;
            let low = sorted[rank.saturating_sub(slack)];
            let high = sorted[(rank + slack).min(data.len() - 1)];
            prop_assert!((low..=high).contains(&estimate), "p{}: {} not in {}..{}", percent, estimate, low, high);
        }
    }

    #[test]
    fn any_name_is_read_without_a_panic(name in "[a-zA-Z0-9().:%-]{0,12}") {
        let _ = Statistic::parse(&name);
    }
}
