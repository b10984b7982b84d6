//! Resharding plans: which shards are born from which parents, in the order of their indices.
//!
//! Every birth is a real split (one parent, two births) or a real merge (two adjacent parents, one birth), as the
//! Kinesis API reference describes for SplitShard, MergeShards and UpdateShardCount. A birth's parents are open
//! shards or earlier births of the same plan.

use super::HashRange;
use crate::state::ShardIndex;

/// An open shard, as a plan sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Piece {
    /// Its index.
    pub index: ShardIndex,
    /// Its hash keys.
    pub range: HashRange,
}

/// A shard to be born.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Birth {
    /// Its index.
    pub index: ShardIndex,
    /// Its hash keys.
    pub range: HashRange,
    /// `ParentShardId`.
    pub parent: ShardIndex,
    /// `AdjacentParentShardId`, after a merge.
    pub adjacent_parent: Option<ShardIndex>,
}

/// Collects births and hands out indices.
#[derive(Debug)]
pub struct Planner {
    next: u32,
    births: Vec<Birth>,
}

impl Planner {
    /// A planner whose first birth has index `next`.
    #[must_use]
    pub const fn new(next: ShardIndex) -> Self {
        Self {
            next: next.0,
            births: Vec::new(),
        }
    }

    /// The plan.
    #[must_use]
    pub fn finish(self) -> Vec<Birth> {
        self.births
    }

    fn birth(&mut self, range: HashRange, parent: ShardIndex, adjacent_parent: Option<ShardIndex>) -> Piece {
        let index = ShardIndex(self.next);
        self.next = self.next.saturating_add(1);
        self.births.push(Birth {
            index,
            range,
            parent,
            adjacent_parent,
        });
        Piece { index, range }
    }

    /// Splits `piece` so that the upper part starts at `at`; `None` when a part would be empty.
    pub fn split(&mut self, piece: Piece, at: u128) -> Option<[Piece; 2]> {
        let parts = piece.range.split(at)?;
        Some(parts.map(|range| self.birth(range, piece.index, None)))
    }

    /// Merges two adjacent pieces, in either order; `parent` becomes `ParentShardId`. `None` when they are not
    /// adjacent.
    pub fn merge(&mut self, parent: Piece, adjacent: Piece) -> Option<Piece> {
        let range = if parent.range.touches(adjacent.range) {
            HashRange {
                start: parent.range.start,
                end: adjacent.range.end,
            }
        } else if adjacent.range.touches(parent.range) {
            HashRange {
                start: adjacent.range.start,
                end: parent.range.end,
            }
        } else {
            return None;
        };
        Some(self.birth(range, parent.index, Some(adjacent.index)))
    }

    /// Brings `open`, which tiles the whole space, to `target` ranges of the same size: first every shard is split
    /// at the new bounds that lie inside it, then the parts of each new range are merged. Both go by halves, so
    /// that the longest line of descent grows with the logarithm of the number of steps.
    pub fn uniform(&mut self, open: &[Piece], target: u32) {
        let goals = HashRange::uniform(target);
        let mut open = open.to_vec();
        open.sort_by_key(|piece| piece.range.start);
        let mut parts = Vec::with_capacity(open.len().max(goals.len()));
        for piece in open {
            let first = goals.partition_point(|goal| goal.start <= piece.range.start);
            let behind = goals.partition_point(|goal| goal.start <= piece.range.end);
            self.split_at_all(piece, goals.get(first..behind).unwrap_or_default(), &mut parts);
        }
        let mut rest = parts.as_slice();
        for goal in goals {
            let inside = rest.partition_point(|part| part.range.end <= goal.end);
            let (group, behind) = rest.split_at(inside);
            rest = behind;
            self.merge_all(group);
        }
    }

    fn split_at_all(&mut self, piece: Piece, bounds: &[HashRange], parts: &mut Vec<Piece>) {
        let middle = bounds.len() / 2;
        let halves = bounds
            .get(middle)
            .and_then(|bound| self.split(piece, bound.start));
        let Some([lower, upper]) = halves else {
            parts.push(piece);
            return;
        };
        self.split_at_all(lower, bounds.get(..middle).unwrap_or_default(), parts);
        self.split_at_all(upper, bounds.get(middle + 1..).unwrap_or_default(), parts);
    }

    fn merge_all(&mut self, group: &[Piece]) -> Option<Piece> {
        match group {
            [] => None,
            [one] => Some(*one),
            many => {
                let (lower, upper) = many.split_at(many.len() / 2);
                let (lower, upper) = (self.merge_all(lower)?, self.merge_all(upper)?);
                self.merge(lower, upper)
            }
        }
    }
}
