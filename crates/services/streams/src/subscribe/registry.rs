//! One live subscription per consumer and shard (API SubscribeToShard): a second call within five seconds of a
//! successful one is refused, a later one takes over and ends the first.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::error::StreamsError;
use crate::limits::{SUBSCRIPTION_TAKEOVER, SUBSCRIPTIONS_MAX};
use crate::state::{ShardIndex, StreamUid};

/// Consumer and shard.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot {
    pub(crate) stream: StreamUid,
    pub(crate) consumer: String,
    pub(crate) shard: ShardIndex,
}

#[derive(Debug)]
struct Live {
    id: u64,
    since: Duration,
    taken_over: watch::Sender<bool>,
}

/// The live subscriptions of this node.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    live: Mutex<(u64, HashMap<Slot, Live>)>,
}

/// A place in the registry.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) id: u64,
    /// Becomes true when another subscription took over.
    pub(crate) taken_over: watch::Receiver<bool>,
}

impl Registry {
    /// Claims a slot, taking it over from an older subscription.
    pub(crate) fn claim(&self, slot: &Slot, arn: &str, now: Duration) -> Result<Claim, StreamsError> {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, slots) = &mut *live;
        match slots.get(slot) {
            Some(held) if now.saturating_sub(held.since) < SUBSCRIPTION_TAKEOVER => {
                return Err(StreamsError::ResourceInUse(format!(
                    "Another active subscription exists for this consumer: {arn}"
                )));
            }
            Some(held) => {
                held.taken_over.send_replace(true);
            }
            None if slots.len() >= SUBSCRIPTIONS_MAX => {
                return Err(StreamsError::LimitExceeded(format!(
                    "This node has its {SUBSCRIPTIONS_MAX} subscriptions. End some of them or use another node."
                )));
            }
            None => {}
        }
        *next += 1;
        let (sender, taken_over) = watch::channel(false);
        slots.insert(
            slot.clone(),
            Live {
                id: *next,
                since: now,
                taken_over: sender,
            },
        );
        Ok(Claim {
            id: *next,
            taken_over,
        })
    }

    /// Gives a slot back, unless another subscription has it by now.
    pub(crate) fn release(&self, slot: &Slot, id: u64) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if live.1.get(slot).is_some_and(|held| held.id == id) {
            live.1.remove(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_waits_five_seconds_and_then_takes_over() {
        let registry = Registry::default();
        let slot = Slot {
            stream: StreamUid(1),
            consumer: "c".to_owned(),
            shard: ShardIndex(0),
        };
        let first = registry.claim(&slot, "arn", Duration::from_secs(10)).unwrap();
        assert!(
            registry
                .claim(&slot, "arn", Duration::from_millis(14_999))
                .is_err()
        );
        let second = registry.claim(&slot, "arn", Duration::from_secs(15)).unwrap();
        assert!(*first.taken_over.borrow());
        registry.release(&slot, first.id);
        assert!(
            registry.claim(&slot, "arn", Duration::from_secs(16)).is_err(),
            "the second still has it"
        );
        registry.release(&slot, second.id);
        assert!(registry.claim(&slot, "arn", Duration::from_secs(16)).is_ok());
    }
}
