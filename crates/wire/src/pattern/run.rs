//! Matching by sets of positions: from where a node may start to where it may end.

use std::collections::BTreeSet;

use super::Node;
use super::charset::CharSet;
use crate::limits::PATTERN_STEPS_MAX;

/// Whether the node takes the whole text.
pub(super) fn matches(node: &Node, text: &[char]) -> bool {
    let mut run = Run { text, steps: 0 };
    run.ends(node, vec![0]).last() == Some(&text.len())
}

/// How many steps the text takes.
#[cfg(test)]
pub(super) fn steps(node: &Node, text: &[char]) -> usize {
    let mut run = Run { text, steps: 0 };
    run.ends(node, vec![0]);
    run.steps
}

/// Positions in ascending order, each once.
type Positions = Vec<usize>;

struct Run<'a> {
    text: &'a [char],
    steps: usize,
}

impl Run<'_> {
    /// Where the node may end, from where it may start. Empty once the steps are used up.
    fn ends(&mut self, node: &Node, starts: Positions) -> Positions {
        self.steps += 1 + starts.len();
        if starts.is_empty() || self.steps > PATTERN_STEPS_MAX {
            return Vec::new();
        }
        match node {
            Node::Empty => starts,
            Node::Chars { set, min, max } => self.chars(set, *min, *max, &starts),
            Node::Repeat { node, min, max } => self.repeat(node, *min, *max, starts),
            Node::Sequence(nodes) => nodes.iter().fold(starts, |starts, node| self.ends(node, starts)),
            Node::Choice(nodes) => {
                let mut ends: Positions = nodes
                    .iter()
                    .flat_map(|node| self.ends(node, starts.clone()))
                    .collect();
                ends.sort_unstable();
                ends.dedup();
                ends
            }
            Node::Start => starts.into_iter().filter(|p| *p == 0).collect(),
            Node::End => starts.into_iter().filter(|p| *p == self.text.len()).collect(),
            Node::Look {
                node,
                behind,
                negative,
            } => starts
                .into_iter()
                .filter(|p| self.looks(node, *behind, *p) != *negative)
                .collect(),
        }
    }

    /// `min` to `max` characters of the set. Each character is looked at about once, however many starts there are:
    /// `run_end` is how far the characters from the latest start are known to belong to the set.
    fn chars(&mut self, set: &CharSet, min: usize, max: usize, starts: &[usize]) -> Positions {
        let mut ends = Positions::new();
        let mut run_end = 0;
        for &start in starts {
            run_end = run_end.max(start);
            let limit = start.saturating_add(max).min(self.text.len());
            while run_end < limit && self.text.get(run_end).is_some_and(|c| set.contains(*c)) {
                run_end += 1;
                self.steps += 1;
            }
            let first = ends
                .last()
                .map_or(0, |last| last + 1)
                .max(start.saturating_add(min));
            ends.extend(first..=run_end.min(limit));
        }
        self.steps += ends.len();
        ends
    }

    fn repeat(&mut self, node: &Node, min: usize, max: usize, starts: Positions) -> Positions {
        let mut frontier = starts;
        for _ in 0..min {
            frontier = self.ends(node, frontier);
            if frontier.is_empty() {
                return frontier;
            }
        }
        // A position reached with fewer rounds is never worse, so each needs to be continued from only once.
        let mut reached: BTreeSet<usize> = frontier.iter().copied().collect();
        for _ in min..max {
            frontier = self
                .ends(node, frontier)
                .into_iter()
                .filter(|p| reached.insert(*p))
                .collect();
            if frontier.is_empty() {
                break;
            }
        }
        reached.into_iter().collect()
    }

    fn looks(&mut self, node: &Node, behind: Option<usize>, at: usize) -> bool {
        match behind {
            None => !self.ends(node, vec![at]).is_empty(),
            Some(width) => at
                .checked_sub(width)
                .is_some_and(|start| self.ends(node, vec![start]).last() == Some(&at)),
        }
    }
}
