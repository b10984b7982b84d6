//! What clients were told, kept outside the server: every acknowledgement, refusal and unanswered request.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::client::Trouble;
use crate::records::Name;

/// What a client was told of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// In which shard.
    pub shard: String,
    /// Its sequence number.
    pub number: String,
    /// What [`Journal::clock`] showed when the answer was there.
    pub at: u64,
}

/// See the module. Shared by all writers of a scenario.
#[derive(Debug, Default)]
pub struct Journal {
    acked: Mutex<HashMap<Name, Ack>>,
    /// Asked for, and neither acknowledged nor refused.
    unanswered: Mutex<HashSet<Name>>,
    refused: Mutex<HashSet<Name>>,
    /// How often, by error code.
    refusals: Mutex<BTreeMap<String, u64>>,
    /// A refusal as it was worded, by error code.
    wordings: Mutex<BTreeMap<String, Trouble>>,
    /// The next number of each writer.
    numbers: Mutex<Vec<&'static AtomicU32>>,
    acknowledged: AtomicU64,
    /// Latest moment at which a request was sent that was then acknowledged, nanoseconds of the monotonic clock.
    newest_acked: AtomicU64,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Journal {
    /// The next `count` names of a writer.
    pub fn names(&self, writer: u32, count: u32) -> Vec<Name> {
        let counter = {
            let mut numbers = held(&self.numbers);
            while numbers.len() <= writer as usize {
                // A scenario has a handful of writers.
                numbers.push(Box::leak(Box::new(AtomicU32::new(0))));
            }
            numbers[writer as usize]
        };
        let first = counter.fetch_add(count, Ordering::Relaxed);
        (first..first + count)
            .map(|number| Name { writer, number })
            .collect()
    }

    /// Whether a record of that name was ever sent.
    pub fn was_sent(&self, name: Name) -> bool {
        let numbers = held(&self.numbers);
        let counter = numbers.get(name.writer as usize);
        counter.is_some_and(|counter| name.number < counter.load(Ordering::Relaxed))
    }

    /// Notes an acknowledgement of a request that was sent at `sent`, nanoseconds of the monotonic clock.
    pub fn acknowledge(&self, name: Name, ack: Ack, sent: u64) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        held(&self.acked).insert(name, ack);
        self.newest_acked.fetch_max(sent, Ordering::Relaxed);
    }

    /// Notes a refusal of these records.
    pub fn refuse(&self, names: &[Name], trouble: &Trouble) {
        *held(&self.refusals).entry(trouble.code().to_owned()).or_default() += 1;
        held(&self.wordings)
            .entry(trouble.code().to_owned())
            .or_insert_with(|| trouble.clone());
        held(&self.refused).extend(names);
    }

    /// Notes that there was no answer.
    pub fn miss(&self, names: &[Name]) {
        held(&self.unanswered).extend(names);
    }

    /// Takes back [`Journal::miss`]: the answer came after all.
    pub fn answered(&self, name: Name) {
        held(&self.unanswered).remove(&name);
    }

    /// Acknowledgements since the last call.
    pub fn take_acked(&self) -> HashMap<Name, Ack> {
        std::mem::take(&mut held(&self.acked))
    }

    /// How many records were acknowledged in all.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Records whose request had no answer.
    pub fn unanswered(&self) -> HashSet<Name> {
        held(&self.unanswered).clone()
    }

    /// How many records had no answer.
    pub fn unanswered_count(&self) -> usize {
        held(&self.unanswered).len()
    }

    /// Refused records.
    pub fn refused(&self) -> HashSet<Name> {
        held(&self.refused).clone()
    }

    /// Refused requests, by error code.
    pub fn refusals(&self) -> BTreeMap<String, u64> {
        held(&self.refusals).clone()
    }

    /// One refusal of every error code.
    pub fn wordings(&self) -> Vec<Trouble> {
        held(&self.wordings).values().cloned().collect()
    }

    /// When the last request was sent that was acknowledged later, nanoseconds of the monotonic clock.
    pub fn newest_acked(&self) -> u64 {
        self.newest_acked.load(Ordering::Relaxed)
    }
}
