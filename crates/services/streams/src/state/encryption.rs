//! Whether a stream's new records are encrypted, and the data keys that its records were ever encrypted with.
//!
//! Data keys are here only as their master key wrapped them. They are numbered, never used again under a number, and
//! kept until no record within retention can need them. A start takes its first data key along, so that whoever
//! settles it has nothing to ask anybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use millrace_base::Timestamp;
use millrace_control::Applied;
use serde::{Deserialize, Serialize};

use super::{Changed, Outcome, Phase, Stream, StreamKey, StreamUid, StreamsState};
use crate::error::StreamsError;
use crate::limits::{DATA_KEY_SLACK, DATA_KEYS_MAX, Quotas, SCALING_WINDOW};

/// A data key's number within its stream; never used twice in one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DataKeyNumber(pub u32);

/// A data key, wrapped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedKey {
    /// Full name of the master key that wrapped it.
    pub master: String,
    /// What unwraps to it, in base64. No secret without the master key.
    pub wrapped: String,
}

/// A data key of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataKeyEntry {
    /// The key.
    #[serde(flatten)]
    pub key: WrappedKey,
    /// Since when it encrypts.
    pub since: Timestamp,
    /// When it ceased to.
    pub until: Option<Timestamp>,
}

/// How a stream's records are encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    /// The master key's name as StartStreamEncryption was given it, while new records are encrypted.
    pub key_id: Option<String>,
    /// Every data key that records within retention may need.
    pub data_keys: BTreeMap<DataKeyNumber, DataKeyEntry>,
    /// Number of the next data key.
    pub next: DataKeyNumber,
    /// When StartStreamEncryption was accepted within the last day.
    pub starts: Vec<Timestamp>,
    /// When StopStreamEncryption was accepted within the last day.
    pub stops: Vec<Timestamp>,
}

/// What becomes of a stream's encryption when it is active again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncryptionChange {
    /// New records are encrypted.
    Start {
        /// The master key's name as it was given.
        key_id: String,
        /// The first data key under it.
        data_key: WrappedKey,
    },
    /// New records are not encrypted.
    Stop,
}

/// What may happen to a stream's encryption. Stored within [`super::Command`], under the same rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncryptionCommand {
    /// StartStreamEncryption, StopStreamEncryption.
    Change {
        /// To what.
        change: EncryptionChange,
        /// What a stream may have.
        quotas: Quotas,
    },
    /// The stream was UPDATING for long enough.
    Settled {
        /// This stream, and no later one of that name.
        uid: StreamUid,
    },
    /// A fresh data key takes over.
    NextDataKey {
        /// This stream, and no later one of that name.
        uid: StreamUid,
        /// The one that it follows; where that is another by now nothing changes.
        after: DataKeyNumber,
        /// The key.
        data_key: WrappedKey,
    },
    /// Data keys that only records older than retention need.
    ForgetDataKeys {
        /// This stream, and no later one of that name.
        uid: StreamUid,
    },
}

impl Encryption {
    /// The data key for new records; none where they are not encrypted.
    #[must_use]
    pub fn current(&self) -> Option<(DataKeyNumber, &DataKeyEntry)> {
        self.key_id.as_ref()?;
        let (number, entry) = self.data_keys.last_key_value()?;
        Some((*number, entry))
    }

    /// The data keys that no record written at `oldest` or later can need. A writer on another node may be a little
    /// behind.
    pub fn forgettable(&self, oldest: Timestamp) -> impl Iterator<Item = DataKeyNumber> {
        let horizon = oldest.minus(DATA_KEY_SLACK);
        let over = move |entry: &DataKeyEntry| entry.until.is_some_and(|until| until <= horizon);
        let numbers = self.data_keys.iter().filter(move |(_, entry)| over(entry));
        numbers.map(|(number, _)| *number)
    }

    fn add(&mut self, at: Timestamp, key: WrappedKey) {
        self.retire(at);
        let entry = DataKeyEntry {
            key,
            since: at,
            until: None,
        };
        self.data_keys.insert(self.next, entry);
        self.next = DataKeyNumber(self.next.0.saturating_add(1));
    }

    fn retire(&mut self, at: Timestamp) {
        if let Some(mut last) = self.data_keys.last_entry() {
            last.get_mut().until.get_or_insert(at);
        }
    }

    fn is_full(&self) -> bool {
        self.data_keys.len() >= DATA_KEYS_MAX || self.next.0 == u32::MAX
    }
}

impl StreamsState {
    pub(super) fn change_encryption(
        &mut self,
        at: Applied,
        key: &StreamKey,
        command: EncryptionCommand,
    ) -> Outcome {
        match command {
            EncryptionCommand::Change { change, quotas } => {
                let stream = self.active_mut(key)?;
                begin(at.time, key, stream, change, quotas)?;
            }
            EncryptionCommand::Settled { uid } => {
                if let Some(stream) = self.stream_mut(key).filter(|stream| stream.uid == uid) {
                    settle(at.time, stream);
                }
            }
            EncryptionCommand::NextDataKey { uid, after, data_key } => {
                if let Some(stream) = self.stream_mut(key).filter(|stream| stream.uid == uid) {
                    let encryption = Arc::make_mut(&mut stream.encryption);
                    let follows = encryption.current().is_some_and(|(number, _)| number == after);
                    if follows && !encryption.is_full() {
                        encryption.add(at.time, data_key);
                    }
                }
            }
            EncryptionCommand::ForgetDataKeys { uid } => {
                if let Some(stream) = self.stream_mut(key).filter(|stream| stream.uid == uid) {
                    let oldest = stream.oldest(at.time);
                    let encryption = Arc::make_mut(&mut stream.encryption);
                    let forgotten: Vec<_> = encryption.forgettable(oldest).collect();
                    for number in forgotten {
                        encryption.data_keys.remove(&number);
                    }
                }
            }
        }
        Ok(Changed::Done)
    }
}

/// Checks a change and lets the stream become UPDATING.
fn begin(
    now: Timestamp,
    key: &StreamKey,
    stream: &mut Stream,
    change: EncryptionChange,
    quotas: Quotas,
) -> Result<(), StreamsError> {
    let (encryption, operation) = (&stream.encryption, change.operation());
    let (times, allowed) = match &change {
        EncryptionChange::Start { .. } => {
            if encryption.is_full() {
                return Err(StreamsError::LimitExceeded(format!(
                    "Stream {} under account {} has {DATA_KEYS_MAX} data keys, the most there can be: they go when the \
                     records that need them are older than retention.",
                    key.name, key.account
                )));
            }
            (&encryption.starts, quotas.encryptions_per_day)
        }
        EncryptionChange::Stop => {
            if encryption.key_id.is_none() {
                return Err(StreamsError::NotEncrypted(key.clone()));
            }
            (&encryption.stops, quotas.encryptions_per_day)
        }
    };
    let is_recent = |time: &Timestamp| now.since(*time) < SCALING_WINDOW;
    let mut recent: Vec<Timestamp> = times.iter().copied().filter(is_recent).collect();
    if recent.len() >= usize::try_from(allowed).unwrap_or(usize::MAX) {
        return Err(StreamsError::LimitExceeded(format!(
            "{operation} was called {} times for stream {} under account {} within 24 hours; the limit is {allowed}.",
            recent.len(),
            key.name,
            key.account
        )));
    }
    recent.push(now);
    let encryption = Arc::make_mut(&mut stream.encryption);
    match &change {
        EncryptionChange::Start { .. } => encryption.starts = recent,
        EncryptionChange::Stop => encryption.stops = recent,
    }
    stream.phase = Phase::Encrypting(change);
    Ok(())
}

/// Lets a change take effect.
fn settle(now: Timestamp, stream: &mut Stream) {
    let Phase::Encrypting(change) = &stream.phase else {
        return;
    };
    let encryption = Arc::make_mut(&mut stream.encryption);
    match change {
        EncryptionChange::Start { key_id, data_key } => {
            encryption.key_id = Some(key_id.clone());
            encryption.add(now, data_key.clone());
        }
        EncryptionChange::Stop => {
            encryption.key_id = None;
            encryption.retire(now);
        }
    }
    stream.phase = Phase::Active;
}

impl EncryptionChange {
    /// The operation that asks for it.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::Start { .. } => "StartStreamEncryption",
            Self::Stop => "StopStreamEncryption",
        }
    }
}
