//! The server's half of a backup: a consistent state under second names, in `log/backup/` of the data directory.
//!
//! **Why it fits together.** All state is in logs of one engine, and the engine's snapshot cuts all of them between the
//! same two groups: what was acknowledged before the question is in it, a log that another one speaks of is in it, a
//! shard that was sealed before its children came to be is sealed. Beside the logs there are only the snapshots of the
//! control plane and of queues, and the checkpoints of the metrics, in the blob store; each is the state at one position
//! of a log, and never changes. They are taken *behind* the cut, and those of a later position are left out: a log
//! that is restored would otherwise end before its own snapshot. The log is trimmed only behind a kept snapshot, so that
//! at the cut there was one that the log continues. It can only be missing here if newer ones took its place in the
//! meantime; that is looked at, and then the cut is made anew. Master keys are copied last: a data key is in a log only
//! after its master key was on the disk.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use millrace_log::embedded::{Snapshot, SnapshotError};
use millrace_log::{EmbeddedLog, LogId, Tail};

use super::position_of;
use crate::commands::CONTROL_LOG;
use crate::limits::STAGE_ATTEMPTS;

/// A state that can be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Staged {
    /// Where; it goes when the copy is made.
    pub(crate) dir: PathBuf,
    /// The last batch of the write-ahead log that is in it.
    pub(crate) batch: u64,
}

/// Why nothing was staged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StageError {
    /// The engine gave no snapshot.
    #[error(transparent)]
    Log(#[from] SnapshotError),
    /// The file system refuses.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Snapshots were replaced faster than they could be taken hold of.
    #[error("the snapshots of the control plane changed too fast: try again")]
    Restless,
}

type Logs = BTreeMap<LogId, Tail>;

/// Where a state is staged: on the file system of the log.
fn place(data_dir: &Path) -> PathBuf {
    data_dir.join("log").join("backup")
}

/// Removes what is staged, or was left.
pub(crate) fn clear(data_dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(place(data_dir)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Stages the state of now.
pub(crate) async fn stage(log: &EmbeddedLog, data_dir: &Path) -> Result<Staged, StageError> {
    for _ in 0..STAGE_ATTEMPTS {
        clear(data_dir)?;
        let dir = place(data_dir);
        make_dir(&dir.join("log"))?;
        let (from, to) = (data_dir.join("log"), dir.join("log"));
        let (logs, batch) = log.snapshot(move |snapshot| hold(snapshot, &from, &to)).await?;
        let (blobs, staged) = (data_dir.join("blobs"), dir.join("blobs"));
        let linked = tokio::task::spawn_blocking(move || {
            let replicated = link_objects(&blobs, &staged, &logs)?;
            drop_half_checkpoints(&staged.join("cloudwatch"))?;
            has_snapshots(&staged, &logs, &replicated)
        });
        if linked.await.map_err(io::Error::other)?? {
            return Ok(Staged { dir, batch });
        }
    }
    clear(data_dir)?;
    Err(StageError::Restless)
}

/// Gives the snapshot's files second names. Nothing of the engine goes meanwhile.
fn hold(snapshot: &Snapshot, from: &Path, to: &Path) -> io::Result<(Logs, u64)> {
    for (name, _) in &snapshot.files {
        fs::hard_link(from.join(name), to.join(name)).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!(
                    "{} cannot be given a second name ({error}): a backup of a running server needs a file system with hard \
                     links; stop the server and copy the directory, or use the file system's own snapshots",
                    from.join(name).display()
                ),
            )
        })?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(to.join("MANIFEST"))?.write_all(&snapshot.manifest)?;
    Ok((snapshot.logs.clone(), snapshot.batch))
}

/// Gives second names to the objects in `from` that are not ahead of their logs; yields the folders of replicated states.
fn link_objects(from: &Path, to: &Path, logs: &Logs) -> io::Result<Vec<String>> {
    make_dir(to)?;
    let mut replicated = vec![format!("{:016x}", CONTROL_LOG.0)];
    replicated.extend(listed(&from.join("control"))?);
    for kind in ["control", "cloudwatch"] {
        for folder in listed(&from.join(kind))? {
            let (from, to) = (from.join(kind).join(&folder), to.join(kind).join(&folder));
            let mut names = listed(&from)?;
            // The heads of checkpoints before their parts: of those that are there all parts are written.
            names.sort_by_key(|name| !name.contains('.'));
            for name in names {
                let position = position_of(&format!("{kind}/{folder}/{name}"));
                let contained =
                    position.is_some_and(|(log, at)| logs.get(&log).is_some_and(|tail| at <= tail.end));
                if contained {
                    make_dir(&to)?;
                    link_tree(&from.join(&name), &to.join(&name))?;
                }
            }
        }
    }
    Ok(replicated)
}

fn link_tree(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        make_dir(to)?;
        for name in listed(from)? {
            link_tree(&from.join(&name), &to.join(&name))?;
        }
        return Ok(());
    }
    match fs::hard_link(from, to) {
        // It was replaced by a newer one.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => fs::copy(from, to).map(drop),
        done => done,
    }
}

/// Removes checkpoints of which a part went before it could be taken hold of: an older one is whole.
fn drop_half_checkpoints(kind: &Path) -> io::Result<()> {
    for folder in listed(kind)? {
        let folder = kind.join(folder);
        for name in listed(&folder)? {
            let Some(position) = name.strip_suffix(".checkpoint") else {
                continue;
            };
            let head = fs::read_to_string(folder.join(&name)).unwrap_or_default();
            let parts = head.lines().next().and_then(|line| line.split_once(" parts="));
            let parts: u32 = parts.and_then(|(_, parts)| parts.parse().ok()).unwrap_or(0);
            let whole = (0..parts).all(|part| folder.join(position).join(format!("{part:05}")).exists());
            if !whole {
                fs::remove_file(folder.join(&name))?;
            }
        }
    }
    Ok(())
}

/// Whether each replicated state can be restored: its log is whole from the beginning, or continues a snapshot.
fn has_snapshots(staged: &Path, logs: &Logs, replicated: &[String]) -> io::Result<bool> {
    let control = staged.join("control");
    for folder in replicated {
        let Some(tail) = u64::from_str_radix(folder, 16)
            .ok()
            .and_then(|log| logs.get(&LogId(log)))
        else {
            continue;
        };
        let names = listed(&control.join(folder))?;
        let usable = names.iter().any(|name| {
            position_of(&format!("control/{folder}/{name}"))
                .is_some_and(|(_, position)| (tail.start..=tail.end).contains(&position))
        });
        if tail.start > 0 && !usable {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What is in a directory; nothing where there is none.
fn listed(dir: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let names = entries.map(|entry| Ok(entry?.file_name().into_string().ok()));
    let mut names: Vec<String> = names
        .filter_map(io::Result::transpose)
        .collect::<io::Result<_>>()?;
    names.sort_unstable();
    Ok(names)
}

fn make_dir(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(start: u64, end: u64) -> Tail {
        Tail {
            start,
            end,
            ..Tail::default()
        }
    }

    fn put(dir: &Path, keys: &[&str]) {
        for key in keys {
            let path = dir.join(key);
            make_dir(path.parent().unwrap()).unwrap();
            fs::write(&path, "millrace-metrics 1 now=1 parts=2\n").unwrap();
        }
    }

    fn below(dir: &Path) -> Vec<String> {
        let names = listed(dir).unwrap().into_iter();
        let paths = names.map(|name| dir.join(name));
        paths
            .flat_map(|path| {
                if path.is_dir() {
                    below(&path)
                } else {
                    vec![path.display().to_string()]
                }
            })
            .collect()
    }

    #[test]
    fn only_what_the_logs_reach_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let zeros = "0000000000000000";
        put(
            &from,
            &[
                &format!("control/{zeros}/00000000000000000010.snapshot"),
                &format!("control/{zeros}/00000000000000000020.snapshot"),
                &format!("control/{zeros}/00000000000000000021.snapshot"),
                &format!("control/{zeros}/00000000000000000005.snapshot.damaged"),
                "control/0100000000000009/00000000000000000001.snapshot",
                "cloudwatch/0200000000000000/00000000000000000003.checkpoint",
                "cloudwatch/0200000000000000/00000000000000000003/00000",
                "cloudwatch/0200000000000000/00000000000000000003/00001",
                "cloudwatch/0200000000000000/00000000000000000004.checkpoint",
                "cloudwatch/0200000000000000/00000000000000000004/00000",
                "cloudwatch/0200000000000000/00000000000000000009.checkpoint",
                "cloudwatch/0200000000000000/00000000000000000009/00000",
            ],
        );
        let logs: Logs = [(LogId(0), tail(15, 20)), (LogId(2 << 56), tail(2, 5))].into();
        let replicated = link_objects(&from, &to, &logs).unwrap();
        drop_half_checkpoints(&to.join("cloudwatch")).unwrap();
        let prefix = format!("{}/", to.display());
        let taken: Vec<String> = below(&to).iter().map(|path| path.replace(&prefix, "")).collect();
        assert_eq!(
            taken,
            [
                "cloudwatch/0200000000000000/00000000000000000003/00000",
                "cloudwatch/0200000000000000/00000000000000000003/00001",
                "cloudwatch/0200000000000000/00000000000000000003.checkpoint",
                "cloudwatch/0200000000000000/00000000000000000004/00000",
                "control/0000000000000000/00000000000000000010.snapshot",
                "control/0000000000000000/00000000000000000020.snapshot",
            ]
        );
        assert!(has_snapshots(&to, &logs, &replicated).unwrap());
        // Replaced by newer ones in the meantime: the log begins behind what is left, or there is nothing left.
        fs::remove_file(to.join(format!("control/{zeros}/00000000000000000020.snapshot"))).unwrap();
        assert!(!has_snapshots(&to, &logs, &replicated).unwrap());
        let whole: Logs = [(LogId(0), tail(0, 20)), (LogId(1 << 56 | 9), tail(0, 3))].into();
        assert!(has_snapshots(&to, &whole, &replicated).unwrap());
        let trimmed: Logs = [(LogId(0), tail(0, 20)), (LogId(1 << 56 | 9), tail(2, 3))].into();
        assert!(!has_snapshots(&to, &trimmed, &replicated).unwrap());
    }
}
