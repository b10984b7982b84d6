//! Records are handed out, and given back.

use millrace_base::Timestamp;
use millrace_log::Offset;

use super::{Due, Handed, Held, Offer, QueueState, Receipt};
use crate::limits::{QUEUE_IN_FLIGHT_MAX, QUEUE_RECORDS_MAX};
use crate::state::ShardIndex;

impl QueueState {
    pub(super) fn receive(
        &mut self,
        number: u64,
        limit: u32,
        visibility_ms: u64,
        offers: &[Offer],
    ) -> Vec<Handed> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut handed = Vec::new();
        while handed.len() < limit && self.live.hidden.len() < QUEUE_IN_FLIGHT_MAX {
            let Some(due) = self.live.visible.pop_first() else {
                break;
            };
            handed.extend(self.hand_out(due, number, visibility_ms));
        }
        for offer in offers {
            while handed.len() < limit
                && self.live.hidden.len() < QUEUE_IN_FLIGHT_MAX
                && self.count() < QUEUE_RECORDS_MAX
            {
                let Some(offset) = self.advance(offer) else { break };
                let due = (self.time, offer.shard, offset);
                handed.extend(self.hand_out(due, number, visibility_ms));
            }
        }
        handed
    }

    pub(super) fn receive_dead(&mut self, number: u64, limit: u32, visibility_ms: u64) -> Vec<Handed> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut handed = Vec::new();
        while handed.len() < limit {
            let Some(due) = self.dead.visible.pop_first() else {
                break;
            };
            handed.extend(self.hand_out(due, number, visibility_ms));
        }
        handed
    }

    /// The next record of a shard that was not handed out yet, from now on remembered.
    fn advance(&mut self, offer: &Offer) -> Option<Offset> {
        let known = self.known?;
        if offer.shard >= known {
            // It was born behind the start, or the start is at the very beginning.
            self.shards.entry(offer.shard).or_default();
        }
        let consumed = self.shards.get_mut(&offer.shard)?;
        let offset = consumed.cursor.max(offer.start);
        if offset >= offer.end {
            return None;
        }
        consumed.cursor = offset.saturating_add(1);
        let held = Held {
            receives: 0,
            first: None,
            due: Timestamp(0),
            receive: 0,
            dead: false,
        };
        consumed.records.insert(offset, held);
        Some(offset)
    }

    /// Hides a record that is in no set and makes this its newest receive.
    fn hand_out(&mut self, (_, shard, offset): Due, receive: u64, visibility_ms: u64) -> Option<Handed> {
        let now = self.time;
        let held = self.held_mut(shard, offset)?;
        held.receives = held.receives.saturating_add(1);
        held.due = Timestamp(now.0.saturating_add(visibility_ms));
        held.receive = receive;
        let first = *held.first.get_or_insert(now);
        let (due, dead, receives) = ((held.due, shard, offset), held.dead, held.receives);
        self.lane_mut(dead).hidden.insert(due);
        let receipt = Receipt {
            shard,
            offset,
            receive,
        };
        Some(Handed {
            receipt,
            receives,
            first,
        })
    }

    /// Takes the newest receive of a record back: it is visible again as if it had not happened.
    pub(super) fn release(&mut self, receipt: &Receipt) {
        let Receipt {
            shard,
            offset,
            receive,
        } = *receipt;
        let now = self.time;
        let Some(held) = self
            .held_mut(shard, offset)
            .filter(|held| held.receive == receive)
        else {
            return;
        };
        let (before, dead) = ((held.due, shard, offset), held.dead);
        held.receives = held.receives.saturating_sub(1);
        if held.receives == 0 {
            held.first = None;
        }
        held.receive = 0;
        held.due = now;
        self.move_to(before, dead, (now, shard, offset), dead);
    }

    /// Moves a record between the sets; where it is due by now, ripening makes it visible.
    pub(super) fn move_to(&mut self, before: Due, was_dead: bool, after: Due, dead: bool) {
        self.lane_mut(was_dead).remove(&before);
        self.lane_mut(dead).hidden.insert(after);
    }

    /// Shards with the oldest record that is remembered of each.
    pub(crate) fn oldest(&self) -> impl Iterator<Item = (ShardIndex, Option<Offset>)> {
        self.shards.iter().map(|(shard, consumed)| {
            let oldest = consumed.records.first_key_value();
            (*shard, oldest.map(|(offset, _)| *offset))
        })
    }
}
