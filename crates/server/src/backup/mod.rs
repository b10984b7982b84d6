//! Backups of a server, while it runs or is stopped, and restoring them.
//!
//! The server stages a consistent copy of its state below its own data directory – second names of files that never
//! change, so that this takes no space and no time – and the command copies from there, with its own hands and its own
//! permissions. They talk through a socket in the data directory, which only the server's user can reach: whoever can
//! ask for a backup can read every record anyway. `docs/adr/0009` says why, `stage` why what is staged fits together.
//!
//! ```text
//! BACKUP/backup.json    what it is: version, time, program, what is in it
//! BACKUP/SHA256SUMS     of backup.json and every file below data/, as sha256sum writes and checks it
//! BACKUP/data/          a data directory: log/, blobs/, keys/ unless they were left out, tls/
//! ```

mod copy;
mod format;
mod restore;
mod socket;
mod stage;
mod take;

use std::io;
use std::path::{Path, PathBuf};

use millrace_log::LogId;

pub use restore::{Restored, restore};
pub(crate) use socket::AdminSocket;
pub use take::{Taken, Wanted, backup};

use crate::supervisor::OpenError;

/// Told of bytes that were copied and of all there are.
pub type Progress = Box<dyn FnMut(u64, u64) + Send>;

/// The name of what a restore has not finished, in the data directory.
pub(crate) const UNFINISHED: &str = ".restoring";

/// Why there is no backup, or why it was not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to back up.
    #[error(
        "{0} holds no data of a server: name the directory that the server has, with --data-dir or --config"
    )]
    NoData(String),
    /// The configuration keeps everything in memory.
    #[error("storage.data_dir is :memory:, and what is in memory cannot be backed up or restored")]
    InMemory,
    /// Something is in the way.
    #[error("{0} is there already: name a directory that is not, in one that is")]
    InTheWay(String),
    /// A former attempt was cut off.
    #[error("{0} is left of a backup or a restore that was cut off: remove it, if none is under way")]
    Leftover(String),
    /// The target is within what is backed up.
    #[error("{0} is within the data directory: name one elsewhere, best on another disk")]
    Within(String),
    /// The data directory has something in it.
    #[error(
        "{0} is not empty: restore into a new or an empty directory, and keep the old one until all is well"
    )]
    NotEmpty(String),
    /// The server does not take the question.
    #[error("the server did not make a backup: {0}")]
    Refused(String),
    /// The server has the directory, but cannot be reached.
    #[error(
        "a server has {dir} open but does not answer at {dir}/admin.sock ({source}): run this as the server's user on the \
         server's machine, or stop the server"
    )]
    Unreachable {
        /// The data directory.
        dir: String,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The store of a stopped server does not open.
    #[error(transparent)]
    Open(#[from] Box<OpenError>),
    /// The directory is no backup.
    #[error("{dir} is no backup: {why}")]
    NoBackup {
        /// Which.
        dir: String,
        /// What is missing.
        why: String,
    },
    /// The backup is not what was written.
    #[error("the backup is damaged, nothing was restored: {0}")]
    Damaged(String),
    /// A file cannot be read or written.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: String,
        /// The operating system's reason.
        source: io::Error,
    },
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BackupError + use<> {
    let path = path.display().to_string();
    move |source| BackupError::Io { doing, path, source }
}

/// `path` with something behind its name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

/// The log that a snapshot or checkpoint belongs to, and its position there: `kind/<log, hex>/<position, 20 digits>…`.
pub(crate) fn position_of(key: &str) -> Option<(LogId, u64)> {
    let mut parts = key.split('/');
    let (kind, log, name) = (parts.next()?, parts.next()?, parts.next()?);
    let log = u64::from_str_radix(log, 16).ok().filter(|_| log.len() == 16)?;
    let (digits, rest) = name.split_at_checked(20)?;
    let fits = match kind {
        "control" => rest == ".snapshot" && parts.next().is_none(),
        "cloudwatch" => rest.is_empty() || rest == ".checkpoint",
        _ => false,
    };
    let position = digits.bytes().all(|digit| digit.is_ascii_digit());
    (fits && position).then_some(())?;
    Some((LogId(log), digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_snapshots_tell_their_log_and_position() {
        for (key, expected) in [
            (
                "control/0000000000000000/00000000000000000042.snapshot",
                Some((0, 42)),
            ),
            (
                "cloudwatch/0200000000000000/00000000000000000007.checkpoint",
                Some((2 << 56, 7)),
            ),
            (
                "cloudwatch/0200000000000000/00000000000000000007/00001",
                Some((2 << 56, 7)),
            ),
            (
                "control/0000000000000000/00000000000000000042.snapshot.damaged",
                None,
            ),
            ("control/0000000000000000/00000000000000000042.snapshot#1", None),
            ("control/0/00000000000000000042.snapshot", None),
            ("control/0000000000000000/42.snapshot", None),
            ("other/0000000000000000/00000000000000000042.snapshot", None),
            ("control", None),
            ("", None),
        ] {
            let expected = expected.map(|(log, position)| (LogId(log), position));
            assert_eq!(position_of(key), expected, "{key}");
        }
    }

    #[test]
    fn a_name_is_put_beside_another() {
        for (path, expected) in [
            ("/a/b", "/a/b.partial"),
            ("b", "b.partial"),
            ("a/b/", "a/b.partial"),
        ] {
            assert_eq!(beside(Path::new(path), ".partial"), Path::new(expected));
        }
    }
}
