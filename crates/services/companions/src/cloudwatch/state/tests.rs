//! The store: what merges, what expires, and that no bound is ever passed.

use proptest::prelude::*;

use super::*;
use crate::cloudwatch::limits::{METRIC_BYTES, POINT_BYTES, SPREAD_VALUES_MAX};

const NOW: u64 = 1_700_000_040;

fn tenant(account: &str) -> Tenant {
    Tenant {
        account: account.to_owned(),
        region: "r".to_owned(),
    }
}

fn id(name: &str) -> MetricId {
    MetricId::new("n".to_owned(), name.to_owned(), Vec::new())
}

fn sample(name: &str, second: u64, value: f64) -> Sample {
    Sample {
        id: id(name),
        unit: Unit::NONE,
        second,
        fine: false,
        measured: Measured::Values(vec![(value, 1.0)]),
    }
}

fn update(samples: Vec<Sample>) -> Update {
    Update {
        tenant: tenant("a"),
        samples,
    }
}

fn minutes(store: &Store, name: &str) -> Vec<(u64, f64, f64)> {
    let metric = store.metric(&tenant("a"), &id(name));
    let series = metric.iter().flat_map(|metric| metric.series.clone());
    let points: Vec<_> = series
        .flat_map(|series| {
            let points: Vec<_> = series
                .minutes
                .iter()
                .map(|(s, p)| (s, p.set.count, p.set.sum))
                .collect();
            points
        })
        .collect();
    points
}

#[test]
fn data_of_a_minute_are_one_aggregate() {
    let mut store = Store::default();
    let minute = NOW - NOW % 60;
    let samples = vec![
        sample("m", NOW, 1.0),
        sample("m", minute, 3.0),
        sample("m", minute - 60, 5.0),
        sample("m", minute + 59, 7.0),
    ];
    store.apply(NOW, &update(samples)).unwrap();
    assert_eq!(
        minutes(&store, "m"),
        [(minute - 60, 1.0, 5.0), (minute, 3.0, 11.0)]
    );
    assert_eq!(minutes(&store, "other"), []);
    let metric = store.metric(&tenant("a"), &id("m")).unwrap();
    assert_eq!(metric.series[0].seconds, Ring::default(), "of no high resolution");
}

#[test]
fn units_are_kept_apart_and_seconds_besides_minutes() {
    let mut store = Store::default();
    let mut fine = sample("m", NOW + 3, 1.0);
    fine.fine = true;
    let mut counted = sample("m", NOW, 2.0);
    counted.unit = Unit::of(millrace_api::cloudwatch::StandardUnit::Count);
    store.apply(NOW, &update(vec![fine, counted])).unwrap();
    let metric = store.metric(&tenant("a"), &id("m")).unwrap();
    let [count, none] = &metric.series[..] else {
        panic!("{metric:?}")
    };
    assert!(count.unit < none.unit, "in the order of preference");
    assert_eq!(count.seconds.iter().len(), 0);
    let seconds: Vec<u64> = none.seconds.iter().map(|(second, _)| second).collect();
    assert_eq!(seconds, [NOW + 3]);
    assert_eq!(none.minutes.iter().len(), 1);
}

#[test]
fn a_day_of_minutes_and_three_hours_of_seconds() {
    let mut store = Store::default();
    let fine = |second: u64| Sample {
        fine: true,
        ..sample("m", second, 1.0)
    };
    let too_old = vec![fine(NOW - 86_400 - 60), fine(NOW - 4 * 3600), fine(NOW)];
    store.apply(NOW, &update(too_old)).unwrap();
    let rings = |store: &Store| {
        store.metric(&tenant("a"), &id("m")).map_or((0, 0), |metric| {
            let series = &metric.series[0];
            (series.minutes.iter().len(), series.seconds.iter().len())
        })
    };
    assert_eq!(
        rings(&store),
        (2, 1),
        "the first was too old already, the second for its second"
    );
    store.advance(NOW + 3 * 3600 + 60);
    assert_eq!(rings(&store), (2, 0));
    store.advance(NOW + 21 * 3600);
    assert_eq!(rings(&store), (1, 0));
    store.advance(NOW + 25 * 3600);
    assert_eq!(store.size(), (0, 0), "a metric without data is forgotten");
    // Time never goes back.
    store.advance(NOW);
    assert_eq!(store.now(), NOW + 25 * 3600);
}

#[test]
fn a_full_store_refuses_new_metrics_and_goes_on_with_known_ones() {
    let bounds = Bounds {
        account_metrics: 2,
        metrics: 3,
        ..Bounds::default()
    };
    let mut store = Store::bounded(bounds);
    let of = |account: &str, names: &[&str]| Update {
        tenant: tenant(account),
        samples: names.iter().map(|name| sample(name, NOW, 1.0)).collect(),
    };
    store.apply(NOW, &of("a", &["x", "y", "x"])).unwrap();
    assert_eq!(store.apply(NOW, &of("a", &["x", "z"])), Err(Full::AccountMetrics));
    assert_eq!(minutes(&store, "x")[0].1, 2.0, "all or nothing");
    store.apply(NOW, &of("b", &["x"])).unwrap();
    assert_eq!(store.admits(&of("b", &["y"])), Err(Full::Metrics));
    store.apply(NOW, &of("a", &["x", "y"])).unwrap();
    assert_eq!(store.size().0, 3);
    // What is too old to be kept makes no metric.
    let old = update(vec![sample("z", NOW - 2 * 86_400, 1.0)]);
    store.apply(NOW, &old).unwrap();
    assert_eq!(store.size().0, 3);
    store.advance(NOW + 25 * 3600);
    let later = Update {
        samples: vec![sample("z", NOW + 25 * 3600, 1.0)],
        ..old
    };
    store.apply(NOW + 25 * 3600, &later).unwrap();
}

#[test]
fn the_oldest_minutes_make_room() {
    let bounds = Bounds {
        account_bytes: METRIC_BYTES + 2 + 100 * POINT_BYTES,
        ..Bounds::default()
    };
    let mut store = Store::bounded(bounds);
    for minute in 0..500 {
        let now = NOW + minute * 60;
        store.apply(now, &update(vec![sample("m", now, 1.0)])).unwrap();
        assert!(store.size().1 <= bounds.account_bytes, "{:?}", store.size());
    }
    let kept = minutes(&store, "m");
    assert!((80..=100).contains(&kept.len()), "{}", kept.len());
    assert_eq!(
        kept.last().unwrap().0,
        NOW - NOW % 60 + 499 * 60,
        "the newest stays"
    );
    // An account with as much as it may have gets no new metric, and the others do.
    let mut at_bound = Store::bounded(Bounds {
        account_bytes: 1,
        ..bounds
    });
    at_bound.apply(NOW, &update(vec![sample("m", NOW, 1.0)])).unwrap();
    assert_eq!(at_bound.size(), (0, 0), "not even one fits");
}

#[test]
fn a_clone_stays_as_it_was() {
    let mut store = Store::default();
    store.apply(NOW, &update(vec![sample("m", NOW, 1.0)])).unwrap();
    let before = store.clone();
    store
        .apply(NOW, &update(vec![sample("m", NOW, 1.0), sample("x", NOW, 1.0)]))
        .unwrap();
    assert_eq!(minutes(&before, "m")[0].1, 1.0);
    assert_eq!(before.size().0, 1);
}

fn any_update() -> impl Strategy<Value = Update> {
    let values = prop::collection::vec((0.1f64..9.0, 1.0f64..5.0), 1..8).prop_map(Measured::Values);
    let sets = (1.0f64..9.0, 0.0f64..9.0).prop_map(|(count, least)| {
        Measured::Set(StatisticSet {
            count,
            sum: count * (least + 1.0),
            min: least,
            max: least + 2.0,
        })
    });
    let measured = prop_oneof![3 => values, 1 => sets];
    let one = (0u8..6, 0u8..3, NOW - 90_000..NOW + 7200, any::<bool>(), measured);
    let sample = one.prop_map(|(name, unit, second, fine, measured)| Sample {
        id: id(&name.to_string()),
        unit: Unit::of_number(unit).unwrap(),
        second,
        fine,
        measured,
    });
    (0u8..2, prop::collection::vec(sample, 1..6)).prop_map(|(account, samples)| Update {
        tenant: tenant(&account.to_string()),
        samples,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bounds_hold_and_the_books_are_right(updates in prop::collection::vec((any_update(), 0u64..4000), 1..60)) {
        let bounds = Bounds { account_metrics: 4, account_bytes: 6000, metrics: 6, bytes: 9000 };
        let mut store = Store::bounded(bounds);
        let mut now = NOW;
        for (update, passed) in updates {
            now += passed;
            let admitted = {
                store.advance(now);
                store.admits(&update)
            };
            prop_assert_eq!(store.apply(now, &update), admitted);
            let (metrics, bytes) = store.size();
            prop_assert!(metrics <= bounds.metrics && bytes <= bounds.bytes);
            let mut counted = (0, 0);
            for (_, metrics) in store.tenants() {
                for (id, metric) in metrics {
                    prop_assert!(!metric.series.is_empty());
                    counted.0 += 1;
                    counted.1 += METRIC_BYTES + id.bytes();
                    for series in &metric.series {
                        prop_assert!(!series.is_empty());
                        for (start, point) in series.minutes.iter().chain(series.seconds.iter()) {
                            prop_assert!(start + 86_400 + 60 >= now - now % 60, "{} at {}", start, now);
                            counted.1 += point.bytes();
                        }
                    }
                }
            }
            prop_assert_eq!(counted, (metrics, bytes));
        }
    }

    #[test]
    fn sums_do_not_depend_on_how_data_come(values in prop::collection::vec(0u8..50, 1..300), cut in 1usize..150) {
        let pairs: Vec<(f64, f64)> = values.iter().map(|value| (f64::from(*value), 1.0)).collect();
        let mut whole: Option<Point> = None;
        for chunk in pairs.chunks(cut) {
            let point = Point::of(&Measured::Values(chunk.to_vec())).unwrap();
            match &mut whole {
                Some(whole) => whole.merge(&point),
                None => whole = Some(point),
            }
        }
        let whole = whole.unwrap();
        let mut sorted = pairs.clone();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        prop_assert_eq!(whole.set.count, pairs.len() as f64);
        prop_assert_eq!(whole.set.sum, pairs.iter().map(|p| p.0).sum::<f64>());
        prop_assert_eq!((whole.set.min, whole.set.max), (sorted[0].0, sorted[sorted.len() - 1].0));
        let kept = whole.spread.values(whole.set).unwrap();
        prop_assert!(kept.len() <= SPREAD_VALUES_MAX && kept.is_sorted_by(|a, b| a.0 < b.0));
        prop_assert_eq!(kept.iter().map(|p| p.1).sum::<f64>(), pairs.len() as f64);
        let distinct: std::collections::BTreeSet<u8> = values.iter().copied().collect();
        // No more than fifty distinct values: all are kept as they were.
        prop_assert_eq!(kept.len(), distinct.len());
    }
}
