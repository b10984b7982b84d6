//! A queue as one would write it who has few records and much time: a list, looked through from end to end.

use std::collections::BTreeMap;

use millrace_base::Timestamp;
use millrace_log::Offset;

use super::super::command::{Action, Handed, Kind, Offer, Outcome, Receipt, Refusal};
use crate::state::ShardIndex;

#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) shard: ShardIndex,
    pub(super) offset: Offset,
    pub(super) receives: u32,
    first: Option<Timestamp>,
    due: Timestamp,
    receive: u64,
    pub(super) dead: bool,
    pub(super) over: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    /// Every record that was ever handed out.
    pub(super) records: Vec<Record>,
    /// First offset that may be handed out.
    pub(super) begin: BTreeMap<ShardIndex, Offset>,
    pub(super) now: Timestamp,
}

impl Model {
    pub(super) fn apply(&mut self, number: u64, max_receives: Option<u32>, action: &Action) -> Outcome {
        self.bury(max_receives);
        let outcome = match action {
            Action::Begin(_) => Outcome::Done,
            Action::Receive {
                limit,
                visibility_ms,
                offers,
            } => {
                let found = self.found(usize::try_from(*limit).unwrap(), offers);
                Outcome::Received(self.hand_out(&found, number, *visibility_ms))
            }
            Action::ReceiveDead { limit, visibility_ms } => {
                let mut found = self.visible(true);
                found.truncate(usize::try_from(*limit).unwrap());
                Outcome::Received(self.hand_out(&found, number, *visibility_ms))
            }
            Action::Acknowledge { kind, receipts } => Outcome::Entries(
                receipts
                    .iter()
                    .map(|receipt| self.acknowledge(*kind, receipt))
                    .collect(),
            ),
            Action::Hide { kind, receipts } => Outcome::Entries(
                receipts
                    .iter()
                    .map(|(receipt, millis)| self.hide(*kind, receipt, *millis))
                    .collect(),
            ),
            Action::Restore { receipts } => {
                Outcome::Entries(receipts.iter().map(|receipt| self.restore(receipt)).collect())
            }
            Action::Release { receipts } => {
                for receipt in receipts {
                    self.release(receipt);
                }
                Outcome::Done
            }
            Action::Drop {
                shards,
                before,
                records,
            } => {
                self.forget(shards, before, records);
                Outcome::Done
            }
        };
        self.bury(max_receives);
        outcome
    }

    fn forget(
        &mut self,
        shards: &[ShardIndex],
        before: &[(ShardIndex, Offset)],
        records: &[(ShardIndex, Offset)],
    ) {
        for record in &mut self.records {
            let at = (record.shard, record.offset);
            record.over |= shards.contains(&record.shard)
                || before
                    .iter()
                    .any(|(shard, bound)| *shard == at.0 && at.1 < *bound)
                || records.contains(&at);
        }
        for (shard, bound) in before {
            if let Some(begin) = self.begin.get_mut(shard) {
                *begin = (*begin).max(*bound);
            }
        }
    }

    /// Positions of what is handed out: what is visible, then what is new.
    fn found(&mut self, limit: usize, offers: &[Offer]) -> Vec<usize> {
        let mut found = self.visible(false);
        found.truncate(limit);
        for offer in offers {
            for offset in offer.start..offer.end {
                if found.len() < limit && self.is_new(offer, offset) {
                    self.records.push(Record {
                        shard: offer.shard,
                        offset,
                        receives: 0,
                        first: None,
                        due: self.now,
                        receive: 0,
                        dead: false,
                        over: false,
                    });
                    found.push(self.records.len() - 1);
                }
            }
        }
        found
    }

    fn release(&mut self, receipt: &Receipt) {
        let now = self.now;
        if let Ok(record) = self.newest(receipt) {
            record.receives -= 1;
            record.receive = 0;
            record.due = now;
            if record.receives == 0 {
                record.first = None;
            }
        }
    }

    /// Whoever is visible and was received too often is a dead letter.
    fn bury(&mut self, max_receives: Option<u32>) {
        for record in &mut self.records {
            record.dead |= record.due <= self.now && max_receives.is_some_and(|max| record.receives >= max);
        }
    }

    fn is_new(&self, offer: &Offer, offset: Offset) -> bool {
        offset >= self.begin.get(&offer.shard).copied().unwrap_or(0)
            && !self
                .records
                .iter()
                .any(|record| record.shard == offer.shard && record.offset >= offset)
    }

    /// Positions of the visible ones, the one that is so for longest first.
    fn visible(&self, dead: bool) -> Vec<usize> {
        let mut found: Vec<usize> = (0..self.records.len())
            .filter(|i| {
                let record = &self.records[*i];
                !record.over && record.dead == dead && record.due <= self.now
            })
            .collect();
        found.sort_by_key(|i| {
            let record = &self.records[*i];
            (record.due, record.shard, record.offset)
        });
        found
    }

    fn hand_out(&mut self, found: &[usize], number: u64, visibility_ms: u64) -> Vec<Handed> {
        let now = self.now;
        let mut handed = Vec::new();
        for i in found {
            let record = &mut self.records[*i];
            record.receives += 1;
            record.receive = number;
            record.due = Timestamp(now.0 + visibility_ms);
            handed.push(Handed {
                receipt: Receipt {
                    shard: record.shard,
                    offset: record.offset,
                    receive: number,
                },
                receives: record.receives,
                first: *record.first.get_or_insert(now),
            });
        }
        handed
    }

    fn newest(&mut self, receipt: &Receipt) -> Result<&mut Record, Refusal> {
        let record = self
            .records
            .iter_mut()
            .find(|record| record.shard == receipt.shard && record.offset == receipt.offset && !record.over)
            .ok_or(Refusal::Gone)?;
        if record.receive == receipt.receive {
            Ok(record)
        } else {
            Err(Refusal::Stale)
        }
    }

    fn acknowledge(&mut self, kind: Kind, receipt: &Receipt) -> Result<(), Refusal> {
        match self.newest(receipt) {
            Err(Refusal::Gone) => Ok(()),
            Err(other) => Err(other),
            Ok(record) if kind == Kind::Dead && !record.dead => Err(Refusal::Restored),
            Ok(record) => {
                record.over = true;
                Ok(())
            }
        }
    }

    fn hide(&mut self, kind: Kind, receipt: &Receipt, millis: u64) -> Result<(), Refusal> {
        let due = Timestamp(self.now.0 + millis);
        let record = self.newest(receipt)?;
        match (kind, record.dead) {
            (Kind::Live, true) => Err(Refusal::Dead),
            (Kind::Dead, false) => Err(Refusal::Restored),
            _ => {
                record.due = due;
                Ok(())
            }
        }
    }

    fn restore(&mut self, receipt: &Receipt) -> Result<(), Refusal> {
        let now = self.now;
        let record = self.newest(receipt)?;
        if record.dead {
            (record.dead, record.receives, record.due) = (false, 0, now);
        }
        Ok(())
    }
}
