//! The command's half of a backup: it asks the server for a state, or opens the store of one that is stopped, and copies.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millrace_base::{Clock, Rng, SystemClock, SystemRng};
use millrace_log::EmbeddedLog;
use millrace_log::embedded::OpenError as LogOpenError;
use serde::Serialize;

use super::copy::{Source, copy_all, files_below, make_dir, parent_of, sync_dir, sync_dirs, write};
use super::format::{DATA, DESCRIPTION, Description, SUMS, encode_sums};
use super::socket::{Asked, Held, ask};
use super::stage::{Staged, clear, stage};
use super::{BackupError, Progress, beside, io_error};
use crate::config::Config;
use crate::supervisor::{OpenError, open_log};

/// What is to be in a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Master keys, where they are in a directory.
    pub master_keys: bool,
}

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Where.
    pub backup: PathBuf,
    /// When it was asked for.
    pub made: String,
    /// Whether the server was running.
    pub online: bool,
    /// Files, without the two that describe it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether master keys are in it.
    pub master_keys: bool,
}

/// Where what is copied comes from.
enum Origin {
    Running(Held),
    Stopped(EmbeddedLog, Staged),
}

/// Makes a backup of the server with this configuration, running or stopped, in a new directory `target`.
///
/// # Errors
/// [`BackupError`]; nothing is left then.
pub async fn backup(
    config: &Config,
    target: &Path,
    wanted: Wanted,
    mut progress: Progress,
) -> Result<Taken, BackupError> {
    let data = config.storage.dir().ok_or(BackupError::InMemory)?.to_owned();
    if !data.join("log").join("MANIFEST").exists() {
        return Err(BackupError::NoData(data.display().to_string()));
    }
    let partial = begin(&data, target)?;
    let seams: (Arc<dyn Clock>, Arc<dyn Rng>) = (Arc::new(SystemClock::new()), Arc::new(SystemRng));
    let made = seams.0.now();
    let taken = async {
        let origin = origin(config, &data, seams).await?;
        let (staged, keys) = match &origin {
            Origin::Running(held) => (held.staged.clone(), held.keys.clone()),
            Origin::Stopped(_, staged) => (staged.clone(), local_keys(config, &data)),
        };
        let mut description = Description::new(made, staged.batch);
        let keys = keys.filter(|_| wanted.master_keys);
        let place = partial.clone();
        let tls = data.join("tls");
        let copied = tokio::task::spawn_blocking(move || {
            let sources = sources(&staged.dir, keys.as_deref(), &tls)?;
            description.master_keys = sources.iter().any(|source| source.path.starts_with("data/keys/"));
            fill(description, &sources, &place, &mut progress)
        });
        let description = copied
            .await
            .map_err(|error| io_error("copy to", &partial)(io::Error::other(error)))??;
        let online = matches!(origin, Origin::Running(_));
        if let Origin::Stopped(log, _) = origin {
            log.close().await;
            clear(&data).map_err(io_error("remove what was staged in", &data))?;
        }
        Ok((description, online))
    };
    match taken.await {
        Ok((description, online)) => {
            fs::rename(&partial, target).map_err(io_error("rename", &partial))?;
            sync_dir(parent_of(target))?;
            Ok(Taken {
                backup: target.to_owned(),
                made: description.made,
                online,
                files: description.files,
                bytes: description.bytes,
                master_keys: description.master_keys,
            })
        }
        Err(error) => {
            // Half a backup is none.
            let _ = fs::remove_dir_all(&partial);
            Err(error)
        }
    }
}

/// Makes the directory that becomes the backup when it is whole.
fn begin(data: &Path, target: &Path) -> Result<PathBuf, BackupError> {
    if target.symlink_metadata().is_ok() {
        return Err(BackupError::InTheWay(target.display().to_string()));
    }
    let parent = parent_of(target);
    let parent = fs::canonicalize(parent).map_err(io_error("find", parent))?;
    let data = fs::canonicalize(data).map_err(io_error("find", data))?;
    if parent.starts_with(&data) {
        return Err(BackupError::Within(target.display().to_string()));
    }
    let partial = beside(target, ".partial");
    if partial.symlink_metadata().is_ok() {
        return Err(BackupError::Leftover(partial.display().to_string()));
    }
    make_dir(&partial)?;
    Ok(partial)
}

/// Asks the running server, or opens the store that no server has.
async fn origin(
    config: &Config,
    data: &Path,
    seams: (Arc<dyn Clock>, Arc<dyn Rng>),
) -> Result<Origin, BackupError> {
    let dir = data.to_owned();
    let asked = tokio::task::spawn_blocking(move || ask(&dir)).await;
    let asked = asked.unwrap_or_else(|error| Err(io::Error::other(error)));
    let nobody = match asked.map_err(io_error("ask the server of", data))? {
        Asked::Held(held) => return Ok(Origin::Running(held)),
        Asked::Refused(why) => return Err(BackupError::Refused(why)),
        Asked::Nobody(error) => error,
    };
    let log = match open_log(&config.storage, &seams.0, &seams.1).await {
        Ok((_, Some(log))) => log,
        Ok((_, None)) => return Err(BackupError::InMemory),
        Err(OpenError::Log {
            source: LogOpenError::Locked(_),
        }) => {
            return Err(BackupError::Unreachable {
                dir: data.display().to_string(),
                source: nobody,
            });
        }
        Err(error) => return Err(Box::new(error).into()),
    };
    let staged = stage(&log, data).await;
    let staged = staged.map_err(|error| BackupError::Refused(error.to_string()))?;
    // Nobody else has it.
    let log = Arc::into_inner(log).ok_or_else(|| BackupError::Refused("the store is in use".to_owned()))?;
    Ok(Origin::Stopped(log, staged))
}

fn local_keys(config: &Config, data: &Path) -> Option<PathBuf> {
    let local = config.keys.kms.is_none();
    local.then(|| config.keys.local_dir(Some(data))).flatten()
}

/// Everything that is copied. Master keys last: what is staged needs no key that came later.
fn sources(staged: &Path, keys: Option<&Path>, tls: &Path) -> Result<Vec<Source>, BackupError> {
    let mut sources = files_below(staged, DATA, &[])?;
    sources.extend(files_below(tls, &format!("{DATA}/tls"), &[])?);
    if let Some(keys) = keys {
        let mut keys = files_below(keys, &format!("{DATA}/keys"), &["LOCK"])?;
        keys.retain(|source| !source.path.ends_with(".new"));
        sources.extend(keys);
    }
    Ok(sources)
}

/// Copies everything into the directory, and describes it.
fn fill(
    mut description: Description,
    sources: &[Source],
    place: &Path,
    progress: &mut Progress,
) -> Result<Description, BackupError> {
    let (mut sums, bytes) = copy_all(sources, place, progress)?;
    (description.files, description.bytes) = (sources.len() as u64, bytes);
    let sum = write(&place.join(DESCRIPTION), &description.encode())?;
    sums.insert(DESCRIPTION.to_owned(), sum);
    write(&place.join(SUMS), encode_sums(&sums).as_bytes())?;
    sync_dirs(place)?;
    Ok(description)
}
