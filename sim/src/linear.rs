//! Linearizability of the control plane: the search of Wing and Gong with the memory of Lowe, one stream name at a
//! time, which suffices because linearizability is local (Herlihy and Wing).
//!
//! The model of a stream is a small state machine. What happens without a caller – a creation, a reshard, a deletion
//! that ends – may happen in it at any moment. A call whose answer was lost may have happened, or not.

use std::collections::{BTreeSet, HashSet};

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    Create(u32),
    Delete,
    Describe,
    List,
    Retain { hours: u32, more: bool },
    Split(u32),
    Merge(u32, u32),
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    NotFound,
    InUse,
    Invalid,
    /// Refused for want of something the model does not have; it changed nothing.
    Limit,
    Seen {
        phase: Phase,
        open: u32,
        hours: u32,
    },
    Shards(BTreeSet<u32>),
    /// The answer was lost, or leaves it open.
    Unknown,
}

/// One call of the control plane.
#[derive(Clone, Debug)]
pub struct Control {
    pub stream: String,
    pub call: Call,
    pub invoked: u64,
    pub returned: Option<u64>,
    pub outcome: Outcome,
}

/// Where a stream is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    Creating,
    Active,
    Updating,
    Deleting,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Stream {
    phase: Phase,
    open: BTreeSet<u32>,
    next: u32,
    hours: u32,
    /// What the reshard under way closes and bears.
    change: (Vec<u32>, Vec<u32>),
}

type State = Option<Stream>;

/// What the search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is an order that explains every answer.
    Linearizable,
    /// There is none; the longest explained beginning ends before one of these calls.
    Broken(String),
    /// The search was given up.
    Undecided,
}

/// Most states that are looked at.
const STATES_MAX: usize = 400_000;

/// Looks for an order of one stream's calls.
pub fn check(mut calls: Vec<Control>) -> Verdict {
    calls.sort_by_key(|call| call.invoked);
    let needed = calls
        .iter()
        .filter(|call| call.outcome != Outcome::Unknown)
        .count();
    let mut seen: HashSet<(Vec<bool>, State)> = HashSet::new();
    let mut stack: Vec<(Vec<bool>, State, usize)> = vec![(vec![false; calls.len()], None, 0)];
    let mut best = (0, String::new());
    while let Some((taken, state, done)) = stack.pop() {
        if done == needed {
            return Verdict::Linearizable;
        }
        if seen.len() > STATES_MAX {
            return Verdict::Undecided;
        }
        if !seen.insert((taken.clone(), state.clone())) {
            continue;
        }
        if let Some(next) = settled(&state) {
            stack.push((taken.clone(), Some(next).flatten(), done));
        }
        let due = calls
            .iter()
            .zip(&taken)
            .filter(|(call, taken)| !**taken && call.outcome != Outcome::Unknown)
            .filter_map(|(call, _)| call.returned)
            .min()
            .unwrap_or(u64::MAX);
        for (at, call) in calls.iter().enumerate() {
            if taken[at] || call.invoked > due {
                continue;
            }
            let Some(next) = explained(&state, call) else {
                continue;
            };
            let mut taken = taken.clone();
            taken[at] = true;
            let done = done + usize::from(call.outcome != Outcome::Unknown);
            stack.push((taken, next, done));
        }
        if done >= best.0 {
            let waiting = calls
                .iter()
                .zip(&taken)
                .filter(|(call, taken)| !**taken && call.invoked <= due);
            let waiting: Vec<String> = waiting.map(|(call, _)| format!("{call:?}")).collect();
            best = (
                done,
                format!("after {done} calls, in state {state:?}: {}", waiting.join("; ")),
            );
        }
    }
    Verdict::Broken(best.1)
}

/// The state after what happens by itself; `None` when nothing does.
fn settled(state: &State) -> Option<State> {
    let stream = state.as_ref()?;
    let mut next = stream.clone();
    match stream.phase {
        Phase::Active => return None,
        Phase::Deleting => return Some(None),
        Phase::Creating | Phase::Updating => next.phase = Phase::Active,
    }
    let (closed, born) = std::mem::take(&mut next.change);
    next.open.retain(|shard| !closed.contains(shard));
    next.open.extend(born);
    Some(Some(next))
}

/// The state after a call, if that can have been its answer.
fn explained(state: &State, call: &Control) -> Option<State> {
    let unknown = call.outcome == Outcome::Unknown;
    match (&call.outcome, state) {
        (Outcome::Limit, _) => return Some(state.clone()),
        (Outcome::NotFound, None) if !matches!(call.call, Call::Create(_)) => return Some(None),
        _ => {}
    }
    let done = unknown || call.outcome == Outcome::Done;
    let Some(stream) = state else {
        return match call.call {
            Call::Create(shards) if done => Some(Some(Stream {
                phase: Phase::Creating,
                open: (0..shards).collect(),
                next: shards,
                hours: 24,
                change: Default::default(),
            })),
            _ => None,
        };
    };
    let refused = || Some(state.clone());
    let (active, mut next) = (stream.phase == Phase::Active, stream.clone());
    match (&call.call, &call.outcome) {
        (Call::Create(_), Outcome::InUse) => return refused(),
        (Call::Delete, Outcome::InUse) if stream.phase == Phase::Deleting => return refused(),
        (Call::Delete, _) if done && stream.phase != Phase::Deleting => {
            next.phase = Phase::Deleting;
            next.change = Default::default();
            return Some(Some(next));
        }
        (Call::Describe, Outcome::Seen { phase, open, hours }) => {
            let same = *phase == stream.phase
                && usize::try_from(*open) == Ok(stream.open.len())
                && *hours == stream.hours;
            return if same { refused() } else { None };
        }
        (Call::List, Outcome::Shards(open)) => {
            let listed = matches!(stream.phase, Phase::Active | Phase::Updating);
            return if listed && *open == stream.open {
                refused()
            } else {
                None
            };
        }
        (Call::List, Outcome::InUse) => {
            let listed = matches!(stream.phase, Phase::Active | Phase::Updating);
            return if listed { None } else { refused() };
        }
        (Call::Retain { .. } | Call::Split(_) | Call::Merge(..), Outcome::InUse) if !active => {
            return refused();
        }
        _ => {}
    }
    changed(stream, call, done).map(Some)
}

/// Changes of an active stream, and why they may be refused.
fn changed(stream: &Stream, call: &Control, done: bool) -> Option<Stream> {
    if stream.phase != Phase::Active {
        return None;
    }
    let mut next = stream.clone();
    let possible = match &call.call {
        Call::Retain { hours, more } => {
            next.hours = *hours;
            if *more {
                *hours >= stream.hours
            } else {
                *hours <= stream.hours
            }
        }
        Call::Split(shard) => {
            next.change = (vec![*shard], vec![stream.next, stream.next + 1]);
            (next.phase, next.next) = (Phase::Updating, stream.next + 2);
            stream.open.contains(shard)
        }
        Call::Merge(one, other) => {
            next.change = (vec![*one, *other], vec![stream.next]);
            (next.phase, next.next) = (Phase::Updating, stream.next + 1);
            stream.open.contains(one) && stream.open.contains(other)
        }
        Call::Create(_) | Call::Delete | Call::Describe | Call::List => return None,
    };
    let refused = matches!(call.outcome, Outcome::Invalid | Outcome::NotFound);
    // The model does not know hash keys: a split or a merge may be refused because of them.
    let by_keys = matches!(call.call, Call::Split(_) | Call::Merge(..));
    match (possible, done, refused) {
        (true, true, _) => Some(next),
        (false, _, true) => Some(stream.clone()),
        (true, _, true) if by_keys => Some(stream.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(call: Call, invoked: u64, returned: u64, outcome: Outcome) -> Control {
        Control {
            stream: "s".to_owned(),
            call,
            invoked,
            returned: Some(returned),
            outcome,
        }
    }

    fn seen(phase: Phase, open: u32, hours: u32) -> Outcome {
        Outcome::Seen { phase, open, hours }
    }

    #[test]
    fn a_history_with_an_order_is_accepted() {
        let calls = vec![
            call(Call::Create(2), 1, 2, Outcome::Done),
            call(Call::Describe, 3, 4, seen(Phase::Creating, 2, 24)),
            call(
                Call::Retain {
                    hours: 48,
                    more: true,
                },
                5,
                9,
                Outcome::Done,
            ),
            call(Call::Describe, 6, 7, seen(Phase::Active, 2, 48)),
            call(Call::Split(0), 10, 11, Outcome::Done),
            call(Call::List, 12, 13, Outcome::Shards([1, 2, 3].into())),
            call(Call::Delete, 14, 15, Outcome::Unknown),
            call(Call::Describe, 16, 17, Outcome::NotFound),
        ];
        assert_eq!(check(calls), Verdict::Linearizable);
    }

    #[test]
    fn a_stale_answer_and_a_lost_change_are_not() {
        let stale = vec![
            call(Call::Create(1), 1, 2, Outcome::Done),
            call(Call::Describe, 3, 4, seen(Phase::Active, 1, 24)),
            call(
                Call::Retain {
                    hours: 48,
                    more: true,
                },
                5,
                6,
                Outcome::Done,
            ),
            call(Call::Describe, 7, 8, seen(Phase::Active, 1, 24)),
        ];
        assert!(matches!(check(stale), Verdict::Broken(_)));
        let back = vec![
            call(Call::Create(1), 1, 2, Outcome::Done),
            call(Call::Describe, 3, 4, seen(Phase::Active, 1, 24)),
            call(Call::Describe, 5, 6, seen(Phase::Creating, 1, 24)),
        ];
        assert!(matches!(check(back), Verdict::Broken(_)));
    }
}
