//! Looking through the blob store: snapshots of the control plane and of queues, checkpoints of the metrics; and through
//! the directory of master keys.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use millrace_blob::{Blob, BlobError, Blobs};
use millrace_companions::cloudwatch::check_checkpoints;
use millrace_control::snapshot::{Snapshot, Unusable};
use millrace_keys::local::{OpenError, look};
use millrace_log::{LogId, Tail};

use super::names::Names;
use super::report::{Checked, Finding, Severity};
use crate::backup::position_of;
use crate::commands::CONTROL_LOG;

/// What the snapshots are.
#[derive(Debug)]
pub(super) struct Snapshots {
    pub(super) findings: Vec<Finding>,
    /// The control plane's whole ones, in memory.
    pub(super) control: Blobs,
    /// Position of the newest of those.
    pub(super) newest: u64,
}

/// Looks at every snapshot.
pub(super) async fn snapshots(
    blobs: &Blobs,
    logs: &BTreeMap<LogId, Tail>,
    checked: &mut Checked,
) -> Result<Snapshots, BlobError> {
    let mut snapshots = Snapshots {
        findings: Vec::new(),
        control: Blobs::memory(),
        newest: 0,
    };
    let mut usable: BTreeMap<LogId, bool> = BTreeMap::new();
    for blob in blobs.list("control").await? {
        note(checked, &blob);
        let Some((log, index)) = position_of(&blob.key) else {
            snapshots.aside(&blob.key);
            continue;
        };
        let Some(tail) = logs.get(&log) else {
            let detail = format!("is of log {}, which is not there", log.0);
            snapshots.add("snapshot-ahead", &blob.key, &detail);
            continue;
        };
        let bytes = match blobs.get(&blob.key).await {
            Ok(bytes) => bytes,
            Err(error) => {
                snapshots.add("unreadable", &blob.key, &format!("cannot be read: {error}"));
                continue;
            }
        };
        match sound(&bytes, index) {
            Err(why) => snapshots.add("snapshot", &blob.key, &format!("is damaged: {why}")),
            Ok(()) if index > tail.end => {
                let detail = format!("is of position {index}, but its log ends at {}", tail.end);
                snapshots.add("snapshot-ahead", &blob.key, &detail);
            }
            Ok(()) => {
                *usable.entry(log).or_default() |= index >= tail.start;
                if log == CONTROL_LOG {
                    snapshots.newest = snapshots.newest.max(index);
                    snapshots.control.put(&blob.key, bytes).await?;
                }
            }
        }
        usable.entry(log).or_default();
    }
    usable.entry(CONTROL_LOG).or_default();
    for (log, usable) in usable {
        if let Some(tail) = logs.get(&log).filter(|tail| tail.start > 0 && !usable) {
            let detail = format!(
                "has no whole snapshot that the log continues, which starts at {}",
                tail.start
            );
            snapshots.add("snapshot-missing", &format!("control/{:016x}", log.0), &detail);
        }
    }
    for blob in blobs.list("cloudwatch").await? {
        note(checked, &blob);
    }
    for (key, wrong) in check_checkpoints(blobs.clone()).await? {
        if let Some(why) = wrong {
            snapshots.add("checkpoint", &key, &format!("cannot be used: {why}"));
        }
    }
    Ok(snapshots)
}

fn note(checked: &mut Checked, blob: &Blob) {
    checked.files += 1;
    checked.bytes += blob.size;
    checked.snapshots += 1;
}

fn sound(bytes: &Bytes, index: u64) -> Result<(), String> {
    match Snapshot::decode(bytes) {
        Ok(snapshot) if snapshot.index == index => Ok(()),
        Ok(snapshot) => Err(format!("it is of position {}", snapshot.index)),
        Err(Unusable::Damaged(why) | Unusable::Unknown(why)) => Err(why),
    }
}

impl Snapshots {
    fn add(&mut self, kind: &'static str, key: &str, detail: &str) {
        let finding = Finding::new(Severity::Damage, kind, format!("blobs/{key}"));
        self.findings.push(finding.saying(detail));
    }

    fn aside(&mut self, key: &str) {
        let finding = Finding::new(Severity::Notice, "snapshot-aside", format!("blobs/{key}"));
        self.findings
            .push(finding.saying("is no snapshot that is used, such as a damaged one that was set aside"));
    }
}

/// Looks at every master key in `dir`, and whether those that streams need are there.
pub(super) fn keys(dir: &Path, names: &Names, checked: &mut Checked) -> Vec<Finding> {
    let shown = |path: &Path| path.display().to_string();
    let seen = match look(dir) {
        Ok(seen) => seen,
        Err(OpenError::Directory { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Vec::new()
        }
        Err(error) => {
            let finding = Finding::new(Severity::Damage, "unreadable", shown(dir));
            return vec![finding.saying(error.to_string())];
        }
    };
    let mut findings = Vec::new();
    let mut there = Vec::new();
    for file in seen {
        checked.files += 1;
        checked.bytes += file.bytes;
        checked.keys += 1;
        let kind = match &file.key {
            Ok(name) => {
                there.extend(name.clone());
                continue;
            }
            Err(OpenError::Exposed { .. }) => "key-exposed",
            Err(_) => "key",
        };
        let detail = file.key.err().map(|error| error.to_string()).unwrap_or_default();
        findings.push(Finding::new(Severity::Damage, kind, shown(&file.path)).saying(detail));
    }
    for (master, needed) in names.masters.iter().filter(|(master, _)| !there.contains(master)) {
        let detail = format!("has no key {master}, which {needed} are encrypted under");
        findings.push(Finding::new(Severity::Damage, "key-missing", shown(dir)).saying(detail));
    }
    findings
}
