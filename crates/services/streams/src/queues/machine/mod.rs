//! A queue's state: which records were handed out, and what became of them. Pure: no I/O, and every time comes with
//! the command.
//!
//! ```text
//!  shard 0   ……… acknowledged ………  [7] ……… [12] [13] │ not handed out yet ───────▶
//!                                   records           cursor               tail
//! ```
//! A shard's *cursor* is one behind the newest record that was handed out. Below it, only records that are still
//! waited for are remembered: in flight, visible again, or dead letters. So the state is as large as what is not
//! acknowledged, however long the stream is. Each record is in one of four sets, from which it is taken in the order
//! of time:
//!
//! ```text
//!              receive                   time is up, received too often
//!  cursor ─────────────▶ live, hidden ─────────────────────────────────▶ dead, visible
//!                          │      ▲                                        │      ▲
//!             time is up   │      │ receive                        receive │      │ time is up
//!                          ▼      │                                        ▼      │
//!                        live, visible ◀───────── restore ──────────── dead, hidden
//! ```
//! An acknowledgement takes a record out of any of them, retention too.

pub(crate) mod command;
mod lane;
mod look;
mod receive;
mod settle;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use millrace_base::Timestamp;
use millrace_control::{Applied, Machine};
use millrace_log::Offset;
use serde::{Deserialize, Serialize};

pub(crate) use command::{Action, Command, Handed, Kind, Offer, Outcome, Receipt, Refusal};
pub(crate) use look::{Full, Levels};

use crate::state::{ShardIndex, Start};
use lane::{Due, Lane};

/// What a queue remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub(crate) struct QueueState {
    /// Where delivery began; nothing is handed out before it did. Its offsets became the cursors of `shards`.
    known: Option<ShardIndex>,
    shards: BTreeMap<ShardIndex, Consumed>,
    /// Time of the newest command. What is due by then is in the right set.
    time: Timestamp,
    /// What the newest command said.
    max_receives: Option<u32>,
    #[serde(skip)]
    live: Lane,
    #[serde(skip)]
    dead: Lane,
}

/// What is stored of it.
#[derive(Deserialize)]
struct Stored {
    known: Option<ShardIndex>,
    shards: BTreeMap<ShardIndex, Consumed>,
    time: Timestamp,
    max_receives: Option<u32>,
}

/// How far a shard is handed out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Consumed {
    cursor: Offset,
    records: BTreeMap<Offset, Held>,
}

/// A record that was handed out and is neither acknowledged nor gone. The names are short: a snapshot has many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    /// How often it was received since it was new or restored.
    #[serde(rename = "n")]
    receives: u32,
    /// When it was received first.
    #[serde(rename = "f")]
    first: Option<Timestamp>,
    /// When it becomes visible, or became it.
    #[serde(rename = "d")]
    due: Timestamp,
    /// Its newest receive; 0 where that was taken back.
    #[serde(rename = "r")]
    receive: u64,
    /// Whether it is a dead letter.
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    dead: bool,
}

impl From<Stored> for QueueState {
    fn from(stored: Stored) -> Self {
        let mut state = Self {
            known: stored.known,
            shards: stored.shards,
            time: stored.time,
            max_receives: stored.max_receives,
            live: Lane::default(),
            dead: Lane::default(),
        };
        for (shard, consumed) in &state.shards {
            for (offset, held) in &consumed.records {
                let lane = if held.dead {
                    &mut state.dead
                } else {
                    &mut state.live
                };
                let due = (held.due, *shard, *offset);
                if held.due <= state.time {
                    lane.visible.insert(due);
                } else {
                    lane.hidden.insert(due);
                }
            }
        }
        state
    }
}

impl Machine for QueueState {
    type Command = Command;
    type Outcome = Outcome;

    fn apply(&mut self, at: Applied, command: Command) -> Outcome {
        self.time = self.time.max(at.time);
        self.set_max_receives(command.max_receives);
        self.ripen();
        let outcome = match command.action {
            Action::Begin(start) => {
                self.begin(start);
                Outcome::Done
            }
            Action::Receive {
                limit,
                visibility_ms,
                offers,
            } => Outcome::Received(self.receive(at.index, limit, visibility_ms, &offers)),
            Action::ReceiveDead { limit, visibility_ms } => {
                Outcome::Received(self.receive_dead(at.index, limit, visibility_ms))
            }
            Action::Acknowledge { kind, receipts } => Outcome::Entries(
                receipts
                    .iter()
                    .map(|receipt| self.acknowledge(kind, receipt))
                    .collect(),
            ),
            Action::Hide { kind, receipts } => Outcome::Entries(
                receipts
                    .iter()
                    .map(|(receipt, millis)| self.hide(kind, receipt, *millis))
                    .collect(),
            ),
            Action::Restore { receipts } => {
                Outcome::Entries(receipts.iter().map(|receipt| self.restore(receipt)).collect())
            }
            Action::Release { receipts } => {
                for receipt in &receipts {
                    self.release(receipt);
                }
                Outcome::Done
            }
            Action::Drop {
                shards,
                before,
                records,
            } => {
                self.forget(&shards, &before, &records);
                Outcome::Done
            }
        };
        // A visibility timeout of nothing is over at once.
        self.ripen();
        outcome
    }
}

impl QueueState {
    fn begin(&mut self, start: Start) {
        if self.known.is_some() {
            return;
        }
        self.known = Some(start.known);
        let cursors = start.at.into_iter().map(|(shard, cursor)| {
            let consumed = Consumed {
                cursor,
                records: BTreeMap::new(),
            };
            (shard, consumed)
        });
        self.shards = cursors.collect();
    }

    /// The rule for dead letters may change at any time; what is visible is then looked at anew.
    fn set_max_receives(&mut self, max_receives: Option<u32>) {
        if self.max_receives == max_receives {
            return;
        }
        self.max_receives = max_receives;
        let visible = std::mem::take(&mut self.live.visible);
        self.live.hidden.extend(visible);
    }

    /// Moves what is due by now to the visible ones, and what was received too often to the dead letters.
    fn ripen(&mut self) {
        while let Some(due) = self.live.pop_due(self.time) {
            let max = self.max_receives;
            match self.held_mut(due.1, due.2) {
                Some(held) if is_dead(held, max) => {
                    held.dead = true;
                    self.dead.visible.insert(due);
                }
                Some(_) => {
                    self.live.visible.insert(due);
                }
                None => {}
            }
        }
        while let Some(due) = self.dead.pop_due(self.time) {
            self.dead.visible.insert(due);
        }
    }

    fn held_mut(&mut self, shard: ShardIndex, offset: Offset) -> Option<&mut Held> {
        self.shards.get_mut(&shard)?.records.get_mut(&offset)
    }

    fn held(&self, shard: ShardIndex, offset: Offset) -> Option<&Held> {
        self.shards.get(&shard)?.records.get(&offset)
    }

    /// The set of sets that a record is in.
    fn lane_mut(&mut self, dead: bool) -> &mut Lane {
        if dead { &mut self.dead } else { &mut self.live }
    }

    /// How many records are remembered.
    fn count(&self) -> usize {
        self.live.len() + self.dead.len()
    }
}

/// Whether a record that becomes visible is a dead letter.
fn is_dead(held: &Held, max_receives: Option<u32>) -> bool {
    max_receives.is_some_and(|max| held.receives >= max)
}
