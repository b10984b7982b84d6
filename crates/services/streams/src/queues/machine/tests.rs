//! What a queue promises, and the same as a slow model says it.

mod model;

use std::collections::{BTreeMap, BTreeSet};

use millrace_base::Timestamp;
use millrace_control::{Applied, Machine};
use model::Model;
use proptest::prelude::*;

use super::*;
use crate::limits::{QUEUE_IN_FLIGHT_MAX, QUEUE_RECORDS_MAX};
use crate::queues::machine::look::Full;

const SHARD: ShardIndex = ShardIndex(0);

/// A queue, the time, and the number of the next command.
#[derive(Debug, Default)]
struct Bench {
    state: QueueState,
    now: u64,
    number: u64,
    max_receives: Option<u32>,
}

impl Bench {
    fn begun() -> Self {
        let mut bench = Self {
            now: 1_000,
            ..Self::default()
        };
        assert_eq!(bench.apply(Action::Begin(Start::default())), Outcome::Done);
        bench
    }

    fn apply(&mut self, action: Action) -> Outcome {
        let at = Applied {
            index: self.number,
            time: Timestamp(self.now),
        };
        self.number += 1;
        let max_receives = self.max_receives;
        self.state.apply(at, Command { max_receives, action })
    }

    fn received(&mut self, action: Action) -> Vec<Handed> {
        match self.apply(action) {
            Outcome::Received(handed) => handed,
            other => panic!("{other:?}"),
        }
    }

    /// Receives from the first shard, which has `end` records.
    fn receive(&mut self, limit: u32, visibility_ms: u64, end: Offset) -> Vec<Handed> {
        let offers = vec![Offer {
            shard: SHARD,
            start: 0,
            end,
        }];
        self.received(Action::Receive {
            limit,
            visibility_ms,
            offers,
        })
    }

    fn dead(&mut self, limit: u32, visibility_ms: u64) -> Vec<Handed> {
        self.received(Action::ReceiveDead { limit, visibility_ms })
    }

    fn one(&mut self, action: Action) -> Result<(), Refusal> {
        match self.apply(action) {
            Outcome::Entries(results) => {
                assert_eq!(results.len(), 1);
                results[0]
            }
            other => panic!("{other:?}"),
        }
    }

    fn acknowledge(&mut self, kind: Kind, handed: Handed) -> Result<(), Refusal> {
        let receipts = vec![handed.receipt];
        self.one(Action::Acknowledge { kind, receipts })
    }

    fn hide(&mut self, kind: Kind, handed: Handed, millis: u64) -> Result<(), Refusal> {
        let receipts = vec![(handed.receipt, millis)];
        self.one(Action::Hide { kind, receipts })
    }

    fn restore(&mut self, handed: Handed) -> Result<(), Refusal> {
        let receipts = vec![handed.receipt];
        self.one(Action::Restore { receipts })
    }
}

fn offsets(handed: &[Handed]) -> Vec<Offset> {
    handed.iter().map(|handed| handed.receipt.offset).collect()
}

#[test]
fn nothing_is_handed_out_before_the_beginning_is_known() {
    let mut bench = Bench::default();
    assert_eq!(bench.receive(10, 1, 5), []);
    let start = Start {
        known: ShardIndex(2),
        at: [(SHARD, 3)].into(),
    };
    bench.apply(Action::Begin(start));
    bench.apply(Action::Begin(Start::default()));
    let all = [0, 1, 2].map(|shard| Offer {
        shard: ShardIndex(shard),
        start: 0,
        end: 5,
    });
    let handed = bench.received(Action::Receive {
        limit: 10,
        visibility_ms: 1,
        offers: all.to_vec(),
    });
    let seen: Vec<_> = handed
        .iter()
        .map(|handed| (handed.receipt.shard.0, handed.receipt.offset))
        .collect();
    // The first from where it was said, the second not at all, the third – born later – from its first record.
    assert_eq!(seen, [(0, 3), (0, 4), (2, 0), (2, 1), (2, 2), (2, 3), (2, 4)]);
}

#[test]
fn a_record_comes_again_when_its_time_is_up_and_not_before() {
    let mut bench = Bench::begun();
    let first = bench.receive(2, 30_000, 3);
    assert_eq!(offsets(&first), [0, 1]);
    assert_eq!(offsets(&bench.receive(10, 30_000, 3)), [2]);
    bench.now += 29_999;
    assert_eq!(bench.receive(10, 30_000, 3), []);
    assert_eq!(bench.acknowledge(Kind::Live, first[1]), Ok(()));
    bench.now += 1;
    let again = bench.receive(10, 30_000, 3);
    assert_eq!(offsets(&again), [0, 2]);
    assert_eq!((again[0].receives, again[0].first), (2, Timestamp(1_000)));
    assert_ne!(again[0].receipt, first[0].receipt);
    assert_eq!(bench.acknowledge(Kind::Live, first[0]), Err(Refusal::Stale));
    assert_eq!(bench.hide(Kind::Live, first[0], 0), Err(Refusal::Stale));
    assert_eq!(bench.acknowledge(Kind::Live, again[0]), Ok(()));
    assert_eq!(bench.acknowledge(Kind::Live, again[0]), Ok(()), "a repeated call");
    assert_eq!(
        bench.acknowledge(Kind::Live, first[0]),
        Ok(()),
        "it is never handed out again"
    );
    assert_eq!(bench.hide(Kind::Live, again[0], 0), Err(Refusal::Gone));
}

#[test]
fn a_timeout_that_is_over_counts_until_somebody_else_receives() {
    let mut bench = Bench::begun();
    let handed = bench.receive(1, 1_000, 1);
    bench.now += 5_000;
    assert_eq!(bench.hide(Kind::Live, handed[0], 1_000), Ok(()));
    assert_eq!(bench.receive(10, 1_000, 1), []);
    bench.now += 1_000;
    assert_eq!(bench.hide(Kind::Live, handed[0], 0), Ok(()));
    assert_eq!(bench.acknowledge(Kind::Live, handed[0]), Ok(()));
    assert_eq!(bench.receive(10, 1_000, 1), []);
}

#[test]
fn what_is_received_too_often_is_a_dead_letter_until_it_is_restored() {
    let mut bench = Bench::begun();
    bench.max_receives = Some(2);
    for receives in 1..=2 {
        assert_eq!(bench.receive(1, 1_000, 1)[0].receives, receives);
        assert_eq!(bench.dead(10, 1_000), [], "in flight, it is no dead letter");
        bench.now += 1_000;
    }
    assert_eq!(bench.receive(10, 1_000, 1), []);
    let dead = bench.dead(10, 1_000);
    assert_eq!((offsets(&dead), dead[0].receives), (vec![0], 3));
    assert_eq!(bench.dead(10, 1_000), []);
    assert_eq!(bench.hide(Kind::Live, dead[0], 0), Err(Refusal::Dead));
    assert_eq!(bench.hide(Kind::Dead, dead[0], 0), Ok(()));
    let dead = bench.dead(10, 60_000);
    assert_eq!(bench.restore(dead[0]), Ok(()));
    assert_eq!(bench.restore(dead[0]), Ok(()), "a repeated call");
    assert_eq!(bench.acknowledge(Kind::Dead, dead[0]), Err(Refusal::Restored));
    assert_eq!(bench.hide(Kind::Dead, dead[0], 0), Err(Refusal::Restored));
    for receives in 1..=2 {
        assert_eq!(bench.receive(1, 0, 1)[0].receives, receives);
    }
    assert_eq!(bench.receive(1, 0, 1), []);
    let dead = bench.dead(10, 0);
    assert_eq!(bench.acknowledge(Kind::Dead, dead[0]), Ok(()));
    assert_eq!(bench.dead(10, 0), []);
    assert_eq!(bench.state.count(), 0);
}

#[test]
fn a_late_acknowledgement_reaches_a_dead_letter() {
    let mut bench = Bench::begun();
    bench.max_receives = Some(1);
    let handed = bench.receive(1, 1_000, 1);
    bench.now += 1_000;
    assert_eq!(bench.hide(Kind::Live, handed[0], 1_000), Err(Refusal::Dead));
    assert_eq!(bench.acknowledge(Kind::Live, handed[0]), Ok(()));
    assert_eq!(bench.dead(10, 0), []);
}

#[test]
fn the_rule_for_dead_letters_may_change() {
    let mut bench = Bench::begun();
    for _ in 0..3 {
        bench.receive(1, 0, 1);
    }
    bench.max_receives = Some(3);
    assert_eq!(bench.receive(1, 0, 1), []);
    bench.max_receives = None;
    assert_eq!(bench.receive(1, 0, 1), [], "a dead letter stays one");
    assert_eq!(bench.dead(1, 0).len(), 1);
}

#[test]
fn in_flight_records_are_bounded_and_so_is_what_is_remembered() {
    let mut bench = Bench::begun();
    bench.max_receives = Some(1);
    let max = u32::try_from(QUEUE_IN_FLIGHT_MAX).unwrap();
    let end = 3 * u64::from(max);
    let flying = bench.receive(max + 5, 1_000, end);
    assert_eq!(flying.len(), QUEUE_IN_FLIGHT_MAX);
    let now = Timestamp(bench.now);
    assert_eq!(bench.state.full(now), Some(Full::InFlight));
    assert_eq!(bench.receive(10, 1_000, end), []);
    assert_eq!(bench.acknowledge(Kind::Live, flying[7]), Ok(()));
    assert_eq!(bench.receive(10, 1_000, end).len(), 1);
    // They become dead letters, which do not count as in flight but are remembered.
    bench.now += 1_000;
    assert_eq!(bench.receive(max, 1_000, end).len(), QUEUE_IN_FLIGHT_MAX);
    bench.now += 1_000;
    assert_eq!(bench.receive(10, 1_000, end), []);
    assert_eq!(bench.state.count(), QUEUE_RECORDS_MAX);
    let now = Timestamp(bench.now);
    assert_eq!(bench.state.full(now), Some(Full::Held));
    assert_eq!(bench.state.look(Kind::Live, now, Some(1), 10).room, 0);
    // To restore is to bring back; what is visible again may not all be in flight at once either.
    let dead = bench.dead(max + 5, 0);
    for handed in &dead {
        assert_eq!(bench.restore(*handed), Ok(()));
    }
    assert_eq!(bench.receive(max + 5, 1_000, end).len(), QUEUE_IN_FLIGHT_MAX);
    let Some(visible) = bench.state.live.visible.first().copied() else {
        panic!("five are left");
    };
    let receipt = Receipt {
        shard: visible.1,
        offset: visible.2,
        receive: bench.state.held(visible.1, visible.2).unwrap().receive,
    };
    let receipts = vec![(receipt, 1_000)];
    let kind = Kind::Live;
    assert_eq!(bench.one(Action::Hide { kind, receipts }), Err(Refusal::Full));
}

#[test]
fn what_the_stream_has_no_more_is_forgotten() {
    let mut bench = Bench::begun();
    let handed = bench.receive(10, 1_000, 10);
    bench.apply(Action::Drop {
        shards: Vec::new(),
        before: vec![(SHARD, 8)],
        records: vec![(SHARD, 9)],
    });
    bench.now += 1_000;
    assert_eq!(offsets(&bench.receive(10, 1_000, 10)), [8]);
    assert_eq!(bench.acknowledge(Kind::Live, handed[3]), Ok(()));
    // The cursor passes over what is trimmed before it is handed out.
    let offers = vec![Offer {
        shard: SHARD,
        start: 20,
        end: 22,
    }];
    let handed = bench.received(Action::Receive {
        limit: 10,
        visibility_ms: 1_000,
        offers,
    });
    assert_eq!(offsets(&handed), [20, 21]);
    let shards = vec![SHARD];
    bench.apply(Action::Drop {
        shards,
        before: Vec::new(),
        records: Vec::new(),
    });
    assert_eq!((bench.state.count(), bench.state.shards.len()), (0, 0));
}

#[test]
fn a_receive_that_is_taken_back_does_not_count() {
    let mut bench = Bench::begun();
    bench.max_receives = Some(1);
    let handed = bench.receive(1, 1_000, 1);
    let receipts = vec![handed[0].receipt];
    bench.apply(Action::Release { receipts });
    bench.now += 7;
    let again = bench.receive(1, 1_000, 1);
    assert_eq!((again[0].receives, again[0].first), (1, Timestamp(1_007)));
    assert_eq!(bench.acknowledge(Kind::Live, handed[0]), Err(Refusal::Stale));
}

#[test]
fn the_form_of_commands_and_snapshots_stays_readable() {
    let text = r#"{"max_receives":6,"action":{"receive":{"limit":10,"visibility_ms":30000,"offers":[{"shard":1,"start":0,"end":9}]}}}"#;
    let command: Command = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&command).unwrap(), text);
    let text = r#"{"max_receives":null,"action":{"hide":{"kind":"dead","receipts":[[{"shard":1,"offset":2,"receive":3},5]]}}}"#;
    let command: Command = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&command).unwrap(), text);
    let text = r#"{"known":4,"shards":{"0":{"cursor":3,"records":{"1":{"n":2,"f":5,"d":9,"r":7},"2":{"n":6,"f":5,"d":90,"r":8,"x":true}}}},"time":10,"max_receives":6}"#;
    let state: QueueState = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&state).unwrap(), text);
    assert_eq!((state.live.visible.len(), state.dead.hidden.len()), (1, 1));
}

/// What happens in the property test; numbers pick among what there is.
#[derive(Clone, Debug)]
enum Step {
    Put {
        shard: u32,
        records: u64,
    },
    Receive {
        limit: u32,
        visibility_ms: u64,
        from: u32,
    },
    ReceiveDead {
        limit: u32,
        visibility_ms: u64,
    },
    Acknowledge {
        pick: usize,
        kind: Kind,
    },
    Hide {
        pick: usize,
        kind: Kind,
        millis: u64,
    },
    Restore {
        pick: usize,
    },
    Release {
        pick: usize,
    },
    Trim {
        shard: u32,
        by: u64,
    },
    Pass {
        millis: u64,
    },
    Limit {
        max_receives: Option<u32>,
    },
    Reload,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![4 => Just(Kind::Live), 1 => Just(Kind::Dead)];
    let millis = prop_oneof![Just(0u64), 1u64..50];
    let step = prop_oneof![
        3 => (0u32..3, 1u64..4).prop_map(|(shard, records)| Step::Put { shard, records }),
        6 => (1u32..5, millis.clone(), 0u32..3)
            .prop_map(|(limit, visibility_ms, from)| Step::Receive { limit, visibility_ms, from }),
        3 => (1u32..5, millis.clone()).prop_map(|(limit, visibility_ms)| Step::ReceiveDead { limit, visibility_ms }),
        4 => (any::<usize>(), kind.clone()).prop_map(|(pick, kind)| Step::Acknowledge { pick, kind }),
        2 => (any::<usize>(), kind, millis).prop_map(|(pick, kind, millis)| Step::Hide { pick, kind, millis }),
        2 => any::<usize>().prop_map(|pick| Step::Restore { pick }),
        1 => any::<usize>().prop_map(|pick| Step::Release { pick }),
        1 => (0u32..3, 1u64..3).prop_map(|(shard, by)| Step::Trim { shard, by }),
        4 => (1u64..40).prop_map(|millis| Step::Pass { millis }),
        1 => prop::option::of(1u32..4).prop_map(|max_receives| Step::Limit { max_receives }),
        1 => Just(Step::Reload),
    ];
    prop::collection::vec(step, 1..80)
}

/// The queue and the model beside each other.
struct Pair {
    bench: Bench,
    model: Model,
    tails: BTreeMap<u32, (Offset, Offset)>,
    /// Every receive there was, with the kind of its operation.
    receipts: Vec<Receipt>,
    acknowledged: BTreeSet<(ShardIndex, Offset)>,
}

impl Pair {
    fn both(&mut self, action: Action) -> Outcome {
        self.model.now = Timestamp(self.bench.now);
        let number = self.bench.number;
        let expected = self.model.apply(number, self.bench.max_receives, &action);
        let given = self.bench.apply(action);
        assert_eq!(given, expected);
        let records = self.model.records.iter().filter(|record| !record.over).count();
        assert_eq!(self.bench.state.count(), records);
        if let Outcome::Received(handed) = &given {
            for handed in handed {
                let at = (handed.receipt.shard, handed.receipt.offset);
                assert!(!self.acknowledged.contains(&at), "{at:?} was acknowledged");
                self.receipts.push(handed.receipt);
            }
        }
        given
    }

    fn offers(&self, from: u32) -> Vec<Offer> {
        let offer = |(shard, (start, end)): (&u32, &(Offset, Offset))| Offer {
            shard: ShardIndex(*shard),
            start: *start,
            end: *end,
        };
        let mut offers: Vec<Offer> = self.tails.iter().map(offer).collect();
        let middle = usize::try_from(from).unwrap() % offers.len().max(1);
        offers.rotate_left(middle);
        offers
    }

    fn picked(&self, pick: usize) -> Option<Receipt> {
        let at = pick.checked_rem(self.receipts.len())?;
        self.receipts.get(at).copied()
    }

    fn step(&mut self, step: &Step) {
        match step.clone() {
            Step::Put { shard, records } => self.tails.entry(shard).or_default().1 += records,
            Step::Receive {
                limit,
                visibility_ms,
                from,
            } => self.receive(limit, visibility_ms, from),
            Step::ReceiveDead { limit, visibility_ms } => {
                let look = self.look(Kind::Dead, limit);
                let handed = self.handed(Action::ReceiveDead { limit, visibility_ms });
                assert_eq!(handed.len(), look, "a look says what a receive gives");
            }
            Step::Acknowledge { pick, kind } => {
                let acknowledge = |receipts| Action::Acknowledge { kind, receipts };
                if let Some((receipt, Ok(()))) = self.settle(pick, acknowledge) {
                    self.acknowledged.insert((receipt.shard, receipt.offset));
                }
            }
            Step::Hide { pick, kind, millis } => {
                self.settle(pick, |receipts| Action::Hide {
                    kind,
                    receipts: receipts.into_iter().map(|receipt| (receipt, millis)).collect(),
                });
            }
            Step::Restore { pick } => {
                self.settle(pick, |receipts| Action::Restore { receipts });
            }
            Step::Release { pick } => {
                // A proposer gives back only what it was just handed.
                let fresh = |receipt: &Receipt| receipt.receive + 1 == self.bench.number;
                if let Some(receipt) = self.picked(pick).filter(fresh) {
                    let receipts = vec![receipt];
                    self.both(Action::Release { receipts });
                }
            }
            Step::Trim { shard, by } => self.trim(shard, by),
            Step::Pass { millis } => self.bench.now += millis,
            Step::Limit { max_receives } => {
                self.bench.max_receives = max_receives;
                self.drop_before(Vec::new());
            }
            Step::Reload => {
                let json = serde_json::to_string(&self.bench.state).unwrap();
                let back: QueueState = serde_json::from_str(&json).unwrap();
                assert_eq!(back, self.bench.state);
                self.bench.state = back;
            }
        }
    }

    fn receive(&mut self, limit: u32, visibility_ms: u64, from: u32) {
        let offers = self.offers(from);
        let again = self.look(Kind::Live, limit);
        let new = |offer: &Offer| {
            let cursor = self.bench.state.cursor(offer.shard).unwrap();
            offer.end.saturating_sub(cursor.max(offer.start))
        };
        let new: u64 = offers.iter().map(new).sum();
        let handed = self.handed(Action::Receive {
            limit,
            visibility_ms,
            offers,
        });
        let expected = (again as u64).saturating_add(new).min(u64::from(limit));
        assert_eq!(handed.len() as u64, expected, "a look says what a receive gives");
    }

    fn trim(&mut self, shard: u32, by: u64) {
        if let Some((start, end)) = self.tails.get_mut(&shard) {
            *start = (*start + by).min(*end);
            let before = vec![(ShardIndex(shard), *start)];
            self.model.begin.entry(ShardIndex(shard)).or_default();
            self.drop_before(before);
        }
    }

    fn drop_before(&mut self, before: Vec<(ShardIndex, Offset)>) {
        self.both(Action::Drop {
            shards: Vec::new(),
            before,
            records: Vec::new(),
        });
    }

    fn handed(&mut self, action: Action) -> Vec<Handed> {
        match self.both(action) {
            Outcome::Received(handed) => handed,
            other => panic!("{other:?}"),
        }
    }

    /// Does something with a receipt, if there is one; yields it and what came of it.
    fn settle(
        &mut self,
        pick: usize,
        action: impl FnOnce(Vec<Receipt>) -> Action,
    ) -> Option<(Receipt, Result<(), Refusal>)> {
        let receipt = self.picked(pick)?;
        match self.both(action(vec![receipt])) {
            Outcome::Entries(results) => Some((receipt, results[0])),
            other => panic!("{other:?}"),
        }
    }

    fn look(&self, kind: Kind, limit: u32) -> usize {
        let (now, max) = (Timestamp(self.bench.now), self.bench.max_receives);
        self.bench
            .state
            .look(kind, now, max, usize::try_from(limit).unwrap())
            .again
    }

    /// Receives and acknowledges until nothing comes any more; yields what came.
    fn drain(&mut self) -> BTreeSet<(ShardIndex, Offset)> {
        self.bench.now += 1_000;
        let mut seen = BTreeSet::new();
        for kind in [Kind::Live, Kind::Dead] {
            loop {
                let (limit, visibility_ms, offers) = (7, 1_000, self.offers(0));
                let handed = self.handed(match kind {
                    Kind::Live => Action::Receive {
                        limit,
                        visibility_ms,
                        offers,
                    },
                    Kind::Dead => Action::ReceiveDead { limit, visibility_ms },
                });
                if handed.is_empty() {
                    break;
                }
                for handed in handed {
                    let receipts = vec![handed.receipt];
                    self.both(Action::Acknowledge { kind, receipts });
                    assert!(seen.insert((handed.receipt.shard, handed.receipt.offset)));
                }
            }
        }
        seen
    }
}

proptest! {
    #[test]
    fn a_queue_is_what_the_model_says_and_loses_nothing(steps in steps(), max_receives in prop::option::of(1u32..4)) {
        let mut bench = Bench::begun();
        bench.max_receives = max_receives;
        let mut pair = Pair {
            bench,
            model: Model::default(),
            tails: BTreeMap::new(),
            receipts: Vec::new(),
            acknowledged: BTreeSet::new(),
        };
        for step in &steps {
            pair.step(step);
        }
        let expected: BTreeSet<(ShardIndex, Offset)> = pair
            .tails
            .iter()
            .flat_map(|(shard, (start, end))| (*start..*end).map(|offset| (ShardIndex(*shard), offset)))
            .filter(|at| !pair.acknowledged.contains(at))
            .collect();
        prop_assert_eq!(pair.drain(), expected);
        prop_assert_eq!(pair.bench.state.count(), 0);
    }
}
