//! What becomes of records that were handed out.

use millrace_base::Timestamp;
use millrace_log::Offset;

use super::{Held, Kind, QueueState, Receipt, Refusal};
use crate::limits::QUEUE_IN_FLIGHT_MAX;
use crate::state::ShardIndex;

impl QueueState {
    /// Takes a record out for good. One that is not there was acknowledged or is gone: it is never handed out again
    /// either way, so that a repeated call says the same. A record that became a dead letter after its newest receive
    /// may still be acknowledged with the handle of that receive: it was processed, if late.
    pub(super) fn acknowledge(&mut self, kind: Kind, receipt: &Receipt) -> Result<(), Refusal> {
        match self.newest(receipt) {
            Err(Refusal::Gone) => return Ok(()),
            Err(other) => return Err(other),
            Ok(held) if kind == Kind::Dead && !held.dead => return Err(Refusal::Restored),
            Ok(_) => {}
        }
        self.remove(receipt.shard, receipt.offset);
        Ok(())
    }

    /// Starts a record's visibility timeout anew; also of one whose timeout is over, as long as nobody received it
    /// since.
    pub(super) fn hide(&mut self, kind: Kind, receipt: &Receipt, millis: u64) -> Result<(), Refusal> {
        let held = self.newest(receipt)?;
        match kind {
            Kind::Live if held.dead => return Err(Refusal::Dead),
            Kind::Dead if !held.dead => return Err(Refusal::Restored),
            Kind::Live | Kind::Dead => {}
        }
        let (shard, offset, dead) = (receipt.shard, receipt.offset, held.dead);
        let before = (held.due, shard, offset);
        let more = !dead && self.live.visible.contains(&before);
        if more && self.live.hidden.len() >= QUEUE_IN_FLIGHT_MAX {
            return Err(Refusal::Full);
        }
        let due = Timestamp(self.time.0.saturating_add(millis));
        if let Some(held) = self.held_mut(shard, offset) {
            held.due = due;
        }
        self.move_to(before, dead, (due, shard, offset), dead);
        Ok(())
    }

    /// Makes a dead letter a record like others that was never received. A repeated call says the same.
    pub(super) fn restore(&mut self, receipt: &Receipt) -> Result<(), Refusal> {
        let held = self.newest(receipt)?;
        if !held.dead {
            return Ok(());
        }
        let (now, shard, offset) = (self.time, receipt.shard, receipt.offset);
        let before = (held.due, shard, offset);
        if let Some(held) = self.held_mut(shard, offset) {
            held.dead = false;
            held.receives = 0;
            held.due = now;
        }
        self.move_to(before, true, (now, shard, offset), false);
        Ok(())
    }

    /// Lets go of records that the stream has no more.
    pub(super) fn forget(
        &mut self,
        shards: &[ShardIndex],
        before: &[(ShardIndex, Offset)],
        records: &[(ShardIndex, Offset)],
    ) {
        for (shard, bound) in before {
            let Some(consumed) = self.shards.get_mut(shard) else {
                continue;
            };
            consumed.cursor = consumed.cursor.max(*bound);
            let gone: Vec<Offset> = consumed
                .records
                .range(..bound)
                .map(|(offset, _)| *offset)
                .collect();
            for offset in gone {
                self.remove(*shard, offset);
            }
        }
        for (shard, offset) in records {
            self.remove(*shard, *offset);
        }
        for shard in shards {
            let all = self.shards.get(shard).map(|consumed| &consumed.records);
            let all: Vec<Offset> = all.into_iter().flatten().map(|(offset, _)| *offset).collect();
            for offset in all {
                self.remove(*shard, offset);
            }
            self.shards.remove(shard);
        }
    }

    fn remove(&mut self, shard: ShardIndex, offset: Offset) {
        let Some(consumed) = self.shards.get_mut(&shard) else {
            return;
        };
        if let Some(held) = consumed.records.remove(&offset) {
            self.lane_mut(held.dead).remove(&(held.due, shard, offset));
        }
    }

    /// The record of a receipt, if that is its newest.
    fn newest(&self, receipt: &Receipt) -> Result<&Held, Refusal> {
        let held = self.held(receipt.shard, receipt.offset).ok_or(Refusal::Gone)?;
        if held.receive == receipt.receive {
            Ok(held)
        } else {
            Err(Refusal::Stale)
        }
    }
}
