//! What a proposer sees of a queue before it proposes: a look that finds nothing costs no command.

use millrace_base::Timestamp;
use millrace_log::Offset;

use super::{Kind, QueueState, is_dead};
use crate::limits::{QUEUE_IN_FLIGHT_MAX, QUEUE_RECORDS_MAX};
use crate::state::ShardIndex;

/// What could be handed out now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// Records that were handed out before; more than were asked about are not counted.
    pub(crate) again: usize,
    /// New records that there is room for.
    pub(crate) room: usize,
    /// When the next record becomes visible.
    pub(crate) next: Option<Timestamp>,
}

/// How much a queue holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Levels {
    /// Visible again.
    pub(crate) visible: usize,
    /// In flight.
    pub(crate) in_flight: usize,
    /// Visible dead letters.
    pub(crate) dead: usize,
}

/// Which bound is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// [`QUEUE_IN_FLIGHT_MAX`]
    InFlight,
    /// [`QUEUE_RECORDS_MAX`]
    Held,
}

impl QueueState {
    /// What could be handed out at `now`, by which dead letters would come after `max_receives`; counted up to
    /// `wanted`.
    pub(crate) fn look(&self, kind: Kind, now: Timestamp, max_receives: Option<u32>, wanted: usize) -> Look {
        let next = self.live.next(now);
        match kind {
            Kind::Live => {
                let free = |in_flight: usize, max: usize| max.saturating_sub(in_flight);
                let due = self.live.due(now).filter(|due| !self.dies(due, max_receives));
                let again = self.live.visible.len() + due.take(wanted).count();
                // What is due but not yet said to be counts as in flight: it is handed out first anyway.
                let room = free(self.live.hidden.len(), QUEUE_IN_FLIGHT_MAX)
                    .min(free(self.count(), QUEUE_RECORDS_MAX));
                Look {
                    again: again.min(wanted),
                    room,
                    next,
                }
            }
            Kind::Dead => {
                let dying = self.live.due(now).filter(|due| self.dies(due, max_receives));
                let due = self.dead.due(now).chain(dying);
                let again = self.dead.visible.len() + due.take(wanted).count();
                // Whatever becomes visible may become a dead letter then.
                let next = next.into_iter().chain(self.dead.next(now)).min();
                Look {
                    again: again.min(wanted),
                    room: 0,
                    next,
                }
            }
        }
    }

    /// The first record of a shard that was not handed out yet; `None` for a shard that nothing is delivered from.
    pub(crate) fn cursor(&self, shard: ShardIndex) -> Option<Offset> {
        match self.shards.get(&shard) {
            Some(consumed) => Some(consumed.cursor),
            None => (shard >= self.known?).then_some(0),
        }
    }

    /// How much it holds at `now`.
    pub(crate) fn levels(&self, now: Timestamp, max_receives: Option<u32>) -> Levels {
        let due = self.live.due(now).count();
        let dying = self
            .live
            .due(now)
            .filter(|due| self.dies(due, max_receives))
            .count();
        Levels {
            visible: self.live.visible.len() + due - dying,
            in_flight: self.live.hidden.len() - due,
            dead: self.dead.visible.len() + dying + self.dead.due(now).count(),
        }
    }

    /// The bound, if there is one, because of which nothing new is handed out.
    pub(crate) fn full(&self, now: Timestamp) -> Option<Full> {
        let due = self.live.due(now).count();
        if self.live.hidden.len() - due >= QUEUE_IN_FLIGHT_MAX {
            return Some(Full::InFlight);
        }
        (self.count() >= QUEUE_RECORDS_MAX).then_some(Full::Held)
    }

    fn dies(&self, (_, shard, offset): &super::Due, max_receives: Option<u32>) -> bool {
        self.held(*shard, *offset)
            .is_some_and(|held| is_dead(held, max_receives))
    }
}
