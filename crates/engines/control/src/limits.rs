//! The bounds of the control plane.

/// Largest encoded command, in bytes.
pub const COMMAND_BYTES_MAX: usize = 1 << 20;

/// Most proposals of one part that wait for their outcome.
pub const PROPOSALS_MAX: usize = 16_384;

/// Bytes of commands that one read of the log asks for; at most twice this is held at a time.
pub const READ_BYTES: usize = 4 << 20;

/// Commands that one read of the log asks for.
pub const READ_COMMANDS: usize = 4096;

/// Largest snapshot that is read back, in bytes.
pub const SNAPSHOT_BYTES_MAX: u64 = 4 << 30;

/// Requests for a snapshot that wait for the applier.
pub const SNAPSHOT_REQUESTS_MAX: usize = 4;

/// Snapshots that are kept. The log is trimmed behind the oldest of them, so that each can be started from.
pub const SNAPSHOTS_KEPT: usize = 2;

/// Attempts to start from a snapshot while other nodes trim the log behind newer ones.
pub const RESTORE_ATTEMPTS: usize = 5;
