//! Data keys that are ready for use: unwrapped when they are first needed, asked for again when the provider wants
//! that, and let go of when nobody uses them.
//!
//! One call at a time asks for one key; the others wait for its answer. A refusal is passed on for a second before the
//! provider is asked again. While the provider cannot be reached a key goes on being used for some time: a short
//! outage stops nobody.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64_simd::STANDARD;
use millrace_base::Rng;
use millrace_keys::{DataKey, KeyError, Nonces};

use super::{context, realm};
use crate::error::StreamsError;
use crate::limits::{
    DATA_KEY_IDLE, DATA_KEY_RETRY, DATA_KEY_STALE_MAX, DATA_KEYS_HELD_MAX, KEY_REFUSAL_HELD,
};
use crate::routing::StreamView;
use crate::service::Streams;
use crate::state::{
    Command, DataKeyEntry, DataKeyNumber, EncryptionCommand, StreamKey, StreamUid, WrappedKey,
};

type Id = (StreamUid, DataKeyNumber);

/// The data keys of this process.
#[derive(Debug, Default)]
pub(crate) struct DataKeys {
    slots: Mutex<HashMap<Id, Arc<Slot>>>,
}

/// A data key that can be used.
#[derive(Debug)]
pub(crate) struct ReadyKey {
    pub(crate) key: DataKey,
    pub(crate) nonces: Nonces,
    /// Bytes that this process sealed with it.
    pub(crate) sealed_bytes: AtomicU64,
}

/// What is known of a data key.
#[derive(Debug, Default)]
struct Slot {
    /// Held by whoever asks the provider.
    asking: tokio::sync::Mutex<()>,
    held: Mutex<Held>,
}

/// All times are monotonic.
#[derive(Debug, Default)]
struct Held {
    ready: Option<Arc<ReadyKey>>,
    /// When the provider last gave it.
    given: Duration,
    /// When and why the provider last did not.
    refused: Option<(KeyError, Duration)>,
    /// When somebody last wanted it.
    used: Duration,
    /// Until when it is not replaced, because somebody is about to.
    replacing: Duration,
}

impl DataKeys {
    /// Lets go of what nobody used for long.
    pub(crate) fn sweep(&self, now: Duration) {
        self.slots()
            .retain(|_, slot| now.saturating_sub(slot.held().used) < DATA_KEY_IDLE);
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<Id, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, id: Id) -> Arc<Slot> {
        let mut slots = self.slots();
        if let Some(slot) = slots.get(&id) {
            return Arc::clone(slot);
        }
        if slots.len() >= DATA_KEYS_HELD_MAX {
            let oldest = slots.iter().min_by_key(|(_, slot)| slot.held().used);
            if let Some(oldest) = oldest.map(|(id, _)| *id) {
                slots.remove(&oldest);
            }
        }
        Arc::clone(slots.entry(id).or_default())
    }
}

impl Slot {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// What can be said without asking the provider.
    fn answer(&mut self, now: Duration, fresh_for: Duration) -> Option<Result<Arc<ReadyKey>, KeyError>> {
        self.used = now;
        let age = now.saturating_sub(self.given);
        if let Some(ready) = self.ready.as_ref().filter(|_| age < fresh_for) {
            return Some(Ok(Arc::clone(ready)));
        }
        let (error, at) = self.refused.as_ref()?;
        if now.saturating_sub(*at) >= KEY_REFUSAL_HELD {
            return None;
        }
        let tolerable = error.is_passing() && age < DATA_KEY_STALE_MAX;
        Some(match &self.ready {
            Some(ready) if tolerable => Ok(Arc::clone(ready)),
            _ => Err(error.clone()),
        })
    }

    fn settle(&mut self, asked: Result<DataKey, KeyError>, now: Duration, rng: &dyn Rng) {
        match asked {
            Ok(key) => {
                // The same bytes as before: what counts nonces goes on counting.
                self.ready.get_or_insert_with(|| {
                    Arc::new(ReadyKey {
                        key,
                        nonces: Nonces::new(rng),
                        sealed_bytes: AtomicU64::new(0),
                    })
                });
                (self.given, self.refused) = (now, None);
            }
            Err(error) => {
                if !error.is_passing() {
                    self.ready = None;
                }
                self.refused = Some((error, now));
            }
        }
    }
}

impl Streams {
    /// A data key, ready for use.
    pub(super) async fn data_key(
        &self,
        view: &StreamView,
        number: DataKeyNumber,
        entry: &DataKeyEntry,
    ) -> Result<Arc<ReadyKey>, KeyError> {
        let slot = self.0.data_keys.slot((view.uid, number));
        let fresh_for = self.0.keys.fresh_for();
        if let Some(answer) = slot.held().answer(self.0.clock.monotonic(), fresh_for) {
            return answer;
        }
        let _asking = slot.asking.lock().await;
        if let Some(answer) = slot.held().answer(self.0.clock.monotonic(), fresh_for) {
            return answer;
        }
        let asked = self.unwrap_data_key(view, &entry.key).await;
        let now = self.0.clock.monotonic();
        let mut held = slot.held();
        let error = asked.as_ref().err().cloned();
        held.settle(asked, now, &*self.0.rng);
        // A provider whose keys are never fresh still gives one answer for one question.
        let answer = held.answer(now, fresh_for.max(Duration::from_nanos(1)));
        answer.unwrap_or_else(|| Err(error.unwrap_or_else(|| KeyError::Unavailable("no answer".to_owned()))))
    }

    async fn unwrap_data_key(&self, view: &StreamView, key: &WrappedKey) -> Result<DataKey, KeyError> {
        let wrapped = STANDARD.decode_to_vec(&key.wrapped).map_err(|_| {
            KeyError::Unavailable(format!("a data key of stream {} is not base64", view.key.name))
        })?;
        let unwrapped = self
            .0
            .keys
            .unwrap_key(&key.master, &wrapped, &context(&view.key))
            .await;
        match &unwrapped {
            Ok(_) => self.0.metrics.data_keys_unwrapped.add(1),
            Err(error) => self.key_failed(&view.key, error),
        }
        unwrapped
    }

    /// Makes a data key under the master key that a name means now.
    pub(crate) async fn make_data_key(
        &self,
        stream: &StreamKey,
        key_id: &str,
    ) -> Result<WrappedKey, KeyError> {
        let made = self
            .0
            .keys
            .make_key(&realm(stream), key_id, &context(stream))
            .await;
        match made {
            Ok(made) => {
                self.0.metrics.data_keys_made.add(1);
                Ok(WrappedKey {
                    master: made.master,
                    wrapped: STANDARD.encode_to_string(&made.wrapped),
                })
            }
            Err(error) => {
                self.key_failed(stream, &error);
                Err(error)
            }
        }
    }

    /// Lets a fresh data key take over, some time soon, unless somebody is at it. A master key that refuses does not
    /// stop the put that noticed: it stops all of them once the present data key has to be unwrapped again.
    pub(super) fn replace_data_key(&self, view: &StreamView, number: DataKeyNumber) {
        let slot = self.0.data_keys.slot((view.uid, number));
        let now = self.0.clock.monotonic();
        {
            let mut held = slot.held();
            if now < held.replacing {
                return;
            }
            held.replacing = now + DATA_KEY_RETRY;
        }
        let Some(key_id) = view.encryption.key_id.clone() else {
            return;
        };
        let (streams, stream, uid) = (self.clone(), view.key.clone(), view.uid);
        self.0.tasks.spawn_until_stop(async move {
            if let Err(error) = streams.next_data_key(&stream, uid, number, &key_id).await {
                tracing::warn!(%error, stream = %stream, "a data key could not be replaced, trying again later");
            }
        });
    }

    async fn next_data_key(
        &self,
        stream: &StreamKey,
        uid: StreamUid,
        after: DataKeyNumber,
        key_id: &str,
    ) -> Result<(), StreamsError> {
        let data_key = self.make_data_key(stream, key_id).await?;
        let command = EncryptionCommand::NextDataKey { uid, after, data_key };
        self.propose(Command::Encryption {
            key: stream.clone(),
            command,
        })
        .await?;
        Ok(())
    }

    fn key_failed(&self, stream: &StreamKey, error: &KeyError) {
        self.0.metrics.key_failures.add(1);
        tracing::warn!(%error, stream = %stream, "a master key refuses or cannot be reached");
    }
}

impl ReadyKey {
    /// Counts bytes that were sealed.
    pub(super) fn count(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.sealed_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use millrace_base::SeededRng;

    use super::*;

    const FRESH: Duration = Duration::from_secs(300);

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn given() -> Result<DataKey, KeyError> {
        Ok(DataKey::new(&[7; 32]).unwrap())
    }

    fn held(at: u64) -> Held {
        let mut held = Held::default();
        held.settle(given(), secs(at), &SeededRng::new(1));
        held
    }

    #[test]
    fn a_key_is_asked_for_again_when_it_is_no_longer_fresh() {
        let mut held = held(1000);
        let first = held.answer(secs(1299), FRESH).unwrap().unwrap();
        assert!(held.answer(secs(1300), FRESH).is_none());
        held.settle(given(), secs(1300), &SeededRng::new(2));
        let again = held.answer(secs(1599), FRESH).unwrap().unwrap();
        assert!(Arc::ptr_eq(&first, &again), "its nonces go on being counted");
    }

    #[test]
    fn a_refusal_is_told_for_a_second_and_takes_the_key_away() {
        let disabled = KeyError::Disabled("k is disabled.".to_owned());
        let mut held = held(1000);
        held.settle(Err(disabled.clone()), secs(1300), &SeededRng::new(1));
        assert_eq!(held.answer(secs(1300), FRESH).unwrap().unwrap_err(), disabled);
        assert!(held.ready.is_none());
        assert!(held.answer(secs(1301), FRESH).is_none(), "then it is asked again");
    }

    #[test]
    fn an_outage_is_bridged_for_a_while() {
        let outage = || Err(KeyError::Unavailable("nobody there".to_owned()));
        let mut held = held(1000);
        for at in [1300, 1899] {
            assert!(held.answer(secs(at), FRESH).is_none());
            held.settle(outage(), secs(at), &SeededRng::new(1));
            assert!(held.answer(secs(at), FRESH).unwrap().is_ok());
        }
        held.settle(outage(), secs(1900), &SeededRng::new(1));
        assert!(held.answer(secs(1900), FRESH).unwrap().is_err());
        held.settle(given(), secs(1901), &SeededRng::new(1));
        assert!(held.answer(secs(1901), FRESH).unwrap().is_ok());
        let mut never = Held::default();
        never.settle(outage(), secs(5), &SeededRng::new(1));
        assert!(never.answer(secs(5), FRESH).unwrap().is_err());
    }

    #[test]
    fn what_is_not_used_goes_and_what_is_too_much_too() {
        let keys = DataKeys::default();
        let id = |number: usize| (StreamUid(1), DataKeyNumber(u32::try_from(number).unwrap()));
        for number in 0..DATA_KEYS_HELD_MAX {
            keys.slot(id(number)).held().used = secs(number as u64);
        }
        keys.slot(id(DATA_KEYS_HELD_MAX)).held().used = secs(1_000_000);
        assert_eq!(keys.slots().len(), DATA_KEYS_HELD_MAX);
        assert!(
            !keys.slots().contains_key(&id(0)),
            "the one that was not used for longest"
        );
        keys.sweep(secs(1_000_000));
        assert_eq!(keys.slots().len(), 1);
    }
}
