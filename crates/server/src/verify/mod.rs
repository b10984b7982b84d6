//! `doctor --verify`: a look through a whole data directory that no server has open. Nothing in it is changed.
//!
//! The log engine looks at its files and tells damage by log and offset; here that becomes streams, shards and sequence
//! numbers, by replaying the control plane from what could be read. Besides, it holds the parts against each other: logs
//! that the control plane names are there, snapshots belong to their logs, master keys that are needed exist.

mod advice;
mod names;
mod objects;
mod repair;
mod report;

use std::io;
use std::path::{Path, PathBuf};

use millrace_blob::{BlobError, Blobs};
use millrace_log::FrozenLog;
use millrace_log::disk::{Disk, ReadOnlyDisk};
use millrace_log::embedded::verify::{Report, verify as verify_log};

use crate::commands::CONTROL_LOG;
use names::Names;
use objects::Snapshots;
pub use repair::{Repaired, repair};
pub use report::{Affected, Checked, Finding, GivesUp, Owner, Severity, Verified};

/// Told of bytes that were read and of all there are.
pub type Progress = Box<dyn FnMut(u64, u64) + Send>;

/// Why a data directory was not looked through.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// There is none.
    #[error(
        "{dir} holds no data of a server ({source}): name the directory that the server has, with --data-dir"
    )]
    NoData {
        /// Which.
        dir: String,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A server has it open.
    #[error(
        "a server has {0} open, and what it is writing cannot be told from damage: stop the server first, or make a backup \
         ('millrace admin backup') and verify that one's data/"
    )]
    InUse(String),
    /// Nothing is damaged that could be given up.
    #[error("there is nothing to repair: no acknowledged batch of the write-ahead log is damaged")]
    NothingToRepair,
    /// Something else is damaged.
    #[error("this cannot be repaired, because {file} {detail}: restore a backup")]
    BeyondRepair {
        /// What.
        file: String,
        /// How.
        detail: String,
    },
    /// The directory cannot be read at all.
    #[error("cannot read {file}: {source}")]
    Io {
        /// What.
        file: String,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The blob store cannot be read at all.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

/// Looks through the data directory `dir`; its master keys are in `keys`, or in `keys/` of it.
///
/// # Errors
/// [`VerifyError`]; damage is none, but what is reported.
pub async fn verify(dir: &Path, keys: Option<&Path>, progress: Progress) -> Result<Verified, VerifyError> {
    let log_dir = dir.join("log");
    let no_data = |source| VerifyError::NoData {
        dir: dir.display().to_string(),
        source,
    };
    let disk = ReadOnlyDisk::open(log_dir.clone()).map_err(no_data)?;
    let failed = |source| VerifyError::Io {
        file: log_dir.display().to_string(),
        source,
    };
    let held = disk.lock().map_err(failed)?;
    let Some(held) = held else {
        return Err(VerifyError::InUse(dir.display().to_string()));
    };
    let report = look_through(disk, progress).await.map_err(failed)?;
    let verified = whole(dir, keys, report).await;
    drop(held);
    verified
}

async fn look_through(disk: ReadOnlyDisk, mut progress: Progress) -> io::Result<Report> {
    let look = move || verify_log(&disk, &[CONTROL_LOG], &mut *progress);
    tokio::task::spawn_blocking(look)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Everything but the log's own bytes.
async fn whole(dir: &Path, keys: Option<&Path>, mut report: Report) -> Result<Verified, VerifyError> {
    let mut checked = Checked::of(&report.checked, report.logs.len());
    let blobs = match dir.join("blobs") {
        blobs if blobs.is_dir() => Blobs::local(&blobs)?,
        _ => Blobs::memory(),
    };
    let snapshots = objects::snapshots(&blobs, &report.logs, &mut checked).await?;
    let kept = report.kept.pop();
    let (names, control) = names(kept, &snapshots).await;
    let mut findings: Vec<Finding> = report.findings.iter().map(|found| told(found, &names)).collect();
    findings.extend(control);
    findings.extend(snapshots.findings);
    findings.extend(missing(&report, &names));
    let keys = keys.map_or_else(|| dir.join("keys"), PathBuf::from);
    findings.extend(objects::keys(&keys, &names, &mut checked));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    checked.streams = names.streams;
    let gives_up = report.cut_off.map(|cut_off| GivesUp {
        batch: cut_off.batch,
        batches: cut_off.batches,
        records: cut_off.records.iter().map(|lost| names.affected(lost)).collect(),
    });
    Ok(Verified {
        checked,
        findings,
        gives_up,
    })
}

/// Whose logs are whose, and what is wrong where the control plane cannot be replayed to its end.
async fn names(log: Option<FrozenLog>, snapshots: &Snapshots) -> (Names, Option<Finding>) {
    let Some(log) = log else {
        return (Names::none(), None);
    };
    // Damage is told with the block that has it; here it only costs what came behind it.
    let log = log.until_first_gap(snapshots.newest);
    match Names::of(log, snapshots.control.clone()).await {
        Ok(names) => (names, None),
        Err(error) => {
            let finding = Finding::new(Severity::Damage, "control-plane", "log/");
            let detail = format!(
                "holds a control plane that cannot be replayed, so that logs have numbers only: {error}"
            );
            (Names::none(), Some(finding.saying(detail)))
        }
    }
}

/// A finding of the log engine in the words of users.
fn told(found: &millrace_log::embedded::verify::Finding, names: &Names) -> Finding {
    Finding {
        offset: found.offset,
        bytes: found.bytes,
        detail: found.detail.clone(),
        affected: found.lost.iter().map(|lost| names.affected(lost)).collect(),
        ..Finding::new(
            found.kind.severity().into(),
            found.kind.as_str(),
            format!("log/{}", found.file),
        )
    }
}

/// Logs that should be there, and logs that nobody knows.
fn missing(report: &Report, names: &Names) -> Vec<Finding> {
    if names.streams.is_none() {
        return Vec::new();
    }
    let gone = names
        .all()
        .filter(|(log, known)| known.is_due && !report.logs.contains_key(*log));
    let mut findings: Vec<Finding> = gone
        .map(|(log, known)| {
            let detail = format!("has no log {}, which belongs to {}", log.0, known.owner);
            Finding::new(Severity::Damage, "log-missing", "log/MANIFEST").saying(detail)
        })
        .collect();
    let orphans = report
        .logs
        .keys()
        .filter(|log| matches!(names.owner(**log), Owner::Unknown { .. }));
    findings.extend(orphans.map(|log| {
        let detail = format!(
            "has log {}, which belongs to nothing that the control plane knows",
            log.0
        );
        Finding::new(Severity::Notice, "log-orphan", "log/MANIFEST").saying(detail)
    }));
    findings
}
