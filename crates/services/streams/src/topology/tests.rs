//! Ranges tile, plans keep the tiling, filters cover exactly.

use std::collections::BTreeMap;

use millrace_base::Timestamp;
use proptest::prelude::*;

use super::cover::{Life, is_exact};
use super::plan::Planner;
use super::{Birth, HashRange, Piece};
use crate::state::ShardIndex;

fn pieces(ranges: &[HashRange]) -> Vec<Piece> {
    (0u32..)
        .zip(ranges)
        .map(|(i, range)| Piece {
            index: ShardIndex(i),
            range: *range,
        })
        .collect()
}

/// What is open after a plan; checks that every birth is a real split or merge of what was open at that step.
fn play(open: &[Piece], births: &[Birth]) -> BTreeMap<ShardIndex, HashRange> {
    let mut open: BTreeMap<ShardIndex, HashRange> = open.iter().map(|p| (p.index, p.range)).collect();
    let mut rest = births;
    while let Some(first) = rest.first() {
        if let Some(adjacent) = first.adjacent_parent {
            let (a, b) = (
                open.remove(&first.parent).unwrap(),
                open.remove(&adjacent).unwrap(),
            );
            let (low, high) = if a.start < b.start { (a, b) } else { (b, a) };
            assert!(low.touches(high));
            assert_eq!(
                first.range,
                HashRange {
                    start: low.start,
                    end: high.end
                }
            );
            assert!(open.insert(first.index, first.range).is_none());
            rest = &rest[1..];
        } else {
            let [lower, upper] = [rest[0], rest[1]];
            assert_eq!((lower.parent, upper.adjacent_parent), (upper.parent, None));
            let parent = open.remove(&lower.parent).unwrap();
            assert_eq!(parent.split(upper.range.start), Some([lower.range, upper.range]));
            open.insert(lower.index, lower.range);
            open.insert(upper.index, upper.range);
            rest = &rest[2..];
        }
        assert!(is_exact(open.values().copied()));
    }
    open
}

#[test]
fn uniform_ranges_are_those_of_the_service() {
    let four = HashRange::uniform(4);
    assert_eq!(four[1].start, 85_070_591_730_234_615_865_843_651_857_942_052_864);
    assert_eq!(four[3].end, u128::MAX);
    let three = HashRange::uniform(3);
    assert_eq!(three[0].end, 113_427_455_640_312_821_154_458_202_477_256_070_484);
    assert_eq!(HashRange::uniform(1), vec![HashRange::ALL]);
    assert!(HashRange::uniform(0).is_empty());
}

#[test]
fn a_range_reads_back_and_refuses_nonsense() {
    let json = serde_json::to_string(&HashRange::ALL).unwrap();
    assert_eq!(json, r#"["0","340282366920938463463374607431768211455"]"#);
    assert_eq!(serde_json::from_str::<HashRange>(&json).unwrap(), HashRange::ALL);
    assert!(serde_json::from_str::<HashRange>(r#"["2","1"]"#).is_err());
}

#[test]
fn doubling_is_splits_and_halving_is_merges() {
    let mut planner = Planner::new(ShardIndex(2));
    planner.uniform(&pieces(&HashRange::uniform(2)), 4);
    let births = planner.finish();
    assert_eq!(births.len(), 4);
    assert!(births.iter().all(|birth| birth.adjacent_parent.is_none()));
    assert_eq!(births[0].index, ShardIndex(2));

    let mut planner = Planner::new(ShardIndex(4));
    planner.uniform(&pieces(&HashRange::uniform(4)), 2);
    let births = planner.finish();
    assert_eq!(births.len(), 2);
    assert!(births.iter().all(|birth| birth.adjacent_parent.is_some()));
}

#[test]
fn what_is_uniform_already_needs_nothing() {
    let mut planner = Planner::new(ShardIndex(3));
    planner.uniform(&pieces(&HashRange::uniform(3)), 3);
    assert_eq!(planner.finish(), Vec::new());
}

#[test]
fn merges_and_splits_that_cannot_be_are_refused() {
    let mut planner = Planner::new(ShardIndex(9));
    let three = pieces(&HashRange::uniform(3));
    assert_eq!(planner.merge(three[0], three[2]), None);
    assert_eq!(planner.merge(three[1], three[1]), None);
    assert_eq!(planner.split(three[1], three[1].range.start), None);
    assert_eq!(planner.split(three[1], three[2].range.start), None);
    assert!(planner.merge(three[1], three[0]).is_some(), "either order");
    assert_eq!(planner.finish().len(), 1);
}

#[test]
fn a_step_of_a_larger_reshard_never_lives() {
    let at = |ms| Timestamp(ms);
    let step = Life {
        created: at(5),
        closed: Some(at(5)),
    };
    assert!(!step.at(at(4)) && !step.at(at(5)) && !step.at(at(6)));
    let parent = Life {
        created: at(1),
        closed: Some(at(5)),
    };
    let child = Life {
        created: at(5),
        closed: None,
    };
    for time in 1..9 {
        assert!(
            parent.at(at(time)) != child.at(at(time)),
            "exactly one lives at {time}"
        );
    }
    assert!(parent.from(at(5)) && !parent.from(at(6)));
}

proptest! {
    #[test]
    fn uniform_ranges_tile_and_differ_by_less_than_their_number(count in 1u32..2000) {
        let ranges = HashRange::uniform(count);
        prop_assert_eq!(ranges.len(), usize::try_from(count).unwrap());
        prop_assert!(is_exact(ranges.iter().copied()));
        let sizes = ranges.iter().map(|r| r.end - r.start);
        prop_assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= u128::from(count));
    }

    #[test]
    fn scaling_ends_uniform_from_anywhere(
        mut bounds in proptest::collection::btree_set(1u128.., 0..40),
        target in 1u32..60,
        aligned in 1u32..12,
    ) {
        // Some bounds coincide with goals, some do not.
        bounds.extend(HashRange::uniform(aligned).iter().map(|r| r.start).filter(|start| *start > 0));
        let mut open = Vec::new();
        let mut rest = HashRange::ALL;
        for bound in bounds {
            let [lower, upper] = rest.split(bound).unwrap();
            open.push(lower);
            rest = upper;
        }
        open.push(rest);
        let open = pieces(&open);
        let mut planner = Planner::new(ShardIndex(u32::try_from(open.len()).unwrap()));
        planner.uniform(&open, target);
        let births = planner.finish();
        let mut after: Vec<HashRange> = play(&open, &births).into_values().collect();
        after.sort();
        prop_assert_eq!(after, HashRange::uniform(target));
    }
}
