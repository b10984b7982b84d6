//! What a service writes to have replicated state.

use millrace_base::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A deterministic state machine. State and commands travel as JSON: fields may be added with a serde default,
/// never given a new meaning.
pub trait Machine: Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// A change that was decided outside: every time, id and random number it needs is inside it.
    type Command: Serialize + DeserializeOwned + Send + 'static;

    /// What the proposer gets back; other nodes drop it.
    type Outcome: Send + 'static;

    /// Applies one command. Pure: the same state and command give the same state and outcome on every node and at
    /// every replay. It must not panic and has no error of its own: a refusal is an outcome that changed nothing.
    fn apply(&mut self, at: Applied, command: Self::Command) -> Self::Outcome;
}

/// Where in the log a command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its position in the control log.
    pub index: u64,
    /// The log's append time; never goes back from one command to the next.
    pub time: Timestamp,
}
