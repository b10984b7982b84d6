//! Why the control plane has no answer.

use millrace_blob::BlobError;
use millrace_log::LogError;

/// Why a proposal has no outcome, or why the control plane does not open. A command that was proposed may or may
/// not have been applied, unless the error says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// The log refused it.
    #[error("the control log cannot take the command: {0}")]
    Log(#[from] LogError),
    /// Snapshots cannot be kept or read.
    #[error("the control plane's snapshots cannot be reached: {0}")]
    Blob(#[from] BlobError),
    /// A snapshot or a command in the log cannot be read.
    #[error("the control state cannot be restored: {0}")]
    Corrupt(String),
    /// Two parts were registered under one number; a mistake in the program.
    #[error("part {0} is registered twice: a number names one part for ever")]
    DuplicatePart(u16),
    /// The command was not proposed: its bytes exceed [`crate::limits::COMMAND_BYTES_MAX`].
    #[error(
        "the command has {bytes} bytes; at most {max} can be proposed: split the change into smaller ones"
    )]
    TooLarge {
        /// Its encoded size.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// The command was not proposed: [`crate::limits::PROPOSALS_MAX`] of this part wait already. Try again later.
    #[error("too many changes wait for the control log: try again later")]
    Overloaded,
    /// This node fell so far behind that it continued from a snapshot and did not see the outcome.
    #[error("the outcome was skipped: this node restored a newer snapshot while the command was under way")]
    Skipped,
    /// The control plane is starting or shutting down.
    #[error("the control plane is closed")]
    Closed,
}
