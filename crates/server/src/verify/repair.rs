//! `doctor --repair`: gives up what the write-ahead log holds from a damaged batch on, where a person has said so.
//!
//! Everything else that keeps a server from starting – a sealed file that is gone, a damaged MANIFEST – wants a backup.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use millrace_log::disk::{Disk as _, RealDisk};
use millrace_log::embedded::verify::{Report, cut, verify as verify_log};
use serde::Serialize;

use super::report::{Finding, Severity, Verified};
use super::{Progress, VerifyError, verify};
use crate::backup::position_of;

/// What a repair came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// Whether it was done.
    pub done: bool,
    /// Copies of what was changed, from the data directory on.
    pub copies: Vec<String>,
    /// Snapshots that were ahead of what is left, under their new names.
    pub set_aside: Vec<String>,
    /// What was found: before, or where it was done, behind it.
    pub verified: Verified,
}

/// Repairs the data directory `dir`, if `accepted` is what it gives up; else it only looks.
///
/// # Errors
/// [`VerifyError`], also where there is nothing to repair or nothing can be repaired.
pub async fn repair(
    dir: &Path,
    keys: Option<&Path>,
    accepted: bool,
    progress: Progress,
) -> Result<Repaired, VerifyError> {
    let verified = verify(dir, keys, progress).await?;
    let Some(batch) = verified.gives_up.as_ref().map(|gives_up| gives_up.batch) else {
        return Err(VerifyError::NothingToRepair);
    };
    if let Some(other) = verified.findings.iter().find(|finding| is_beyond(finding)) {
        return Err(VerifyError::BeyondRepair {
            file: other.file.clone(),
            detail: other.detail.clone(),
        });
    }
    let mut repaired = Repaired {
        done: accepted,
        copies: Vec::new(),
        set_aside: Vec::new(),
        verified,
    };
    if accepted {
        let data = dir.to_owned();
        let cut = tokio::task::spawn_blocking(move || change(&data, batch)).await;
        let changed = cut.unwrap_or_else(|error| Err(failed(dir)(io::Error::other(error))))?;
        (repaired.copies, repaired.set_aside) = changed;
        repaired.verified = verify(dir, keys, Box::new(|_, _| {})).await?;
    }
    Ok(repaired)
}

fn failed(dir: &Path) -> impl FnOnce(io::Error) -> VerifyError + use<> {
    let file = dir.display().to_string();
    move |source| VerifyError::Io { file, source }
}

/// Whether it keeps a server from starting and cannot be given up.
fn is_beyond(finding: &Finding) -> bool {
    finding.severity == Severity::Damage
        && matches!(
            finding.kind,
            "manifest"
                | "manifest-edit"
                | "file-missing"
                | "file-length"
                | "file-footer"
                | "records-missing"
                | "wal-order"
                | "unreadable"
                | "snapshot-missing"
        )
}

/// Cuts the log, then sets aside what is ahead of it.
fn change(dir: &Path, batch: u64) -> Result<(Vec<String>, Vec<String>), VerifyError> {
    let log = dir.join("log");
    let disk = RealDisk::open(log.clone()).map_err(failed(&log))?;
    let held = disk.lock().map_err(failed(&log))?;
    let _held = held.ok_or_else(|| VerifyError::InUse(dir.display().to_string()))?;
    let copies = cut(&disk, batch).map_err(failed(&log))?;
    let report = verify_log(&disk, &[], &mut |_, _| {}).map_err(failed(&log))?;
    let blobs = dir.join("blobs");
    let aside = set_aside(&blobs, &report).map_err(failed(&blobs))?;
    let copies = copies.iter().map(|copy| format!("log/{copy}")).collect();
    Ok((copies, aside))
}

/// Renames snapshots and checkpoints that their logs do not reach any more: they would be taken for good ones when the
/// logs have grown past them again.
fn set_aside(blobs: &Path, report: &Report) -> io::Result<Vec<String>> {
    let mut renamed = Vec::new();
    for kind in ["control", "cloudwatch"] {
        for folder in listed(&blobs.join(kind))? {
            for path in listed(&folder)? {
                let name = |path: &Path| {
                    path.file_name()
                        .unwrap_or_default()
                        .to_string_lossy()
                        .into_owned()
                };
                let key = format!("{kind}/{}/{}", name(&folder), name(&path));
                let ahead = position_of(&key).is_some_and(|(log, position)| {
                    report.logs.get(&log).is_none_or(|tail| position > tail.end)
                });
                if ahead {
                    fs::rename(&path, folder.join(format!("{}.ahead", name(&path))))?;
                    renamed.push(format!("blobs/{key}.ahead"));
                }
            }
            fs::File::open(&folder)?.sync_all()?;
        }
    }
    Ok(renamed)
}

fn listed(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    entries.map(|entry| Ok(entry?.path())).collect()
}
