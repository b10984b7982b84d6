//! Copying files: their SHA-256 is taken on the way, they are private to their owner, and durable.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};

use super::format::Sums;
use super::{BackupError, Progress, io_error};

const PIECE_BYTES: usize = 1 << 20;

/// A file to copy: where from, and its path in the copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) from: PathBuf,
    pub(super) path: String,
    pub(super) bytes: u64,
}

/// Every file below `dir`, ascending, as `prefix/…`; those that `skip` names are left out.
pub(super) fn files_below(dir: &Path, prefix: &str, skip: &[&str]) -> Result<Vec<Source>, BackupError> {
    let mut found = Vec::new();
    let mut open = vec![(dir.to_owned(), prefix.to_owned())];
    while let Some((dir, prefix)) = open.pop() {
        let entries = match fs::read_dir(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(io_error("list", &dir))?,
        };
        for entry in entries {
            let entry = entry.map_err(io_error("list", &dir))?;
            let from = entry.path();
            let meta = fs::metadata(&from).map_err(io_error("read", &from))?;
            let name = entry.file_name().into_string();
            let name = name.map_err(|_| io_error("name", &from)(io::ErrorKind::InvalidFilename.into()))?;
            let path = format!("{prefix}/{name}");
            if skip.iter().any(|skipped| name == *skipped) {
                continue;
            }
            if meta.is_dir() {
                open.push((from, path));
            } else if meta.is_file() {
                found.push(Source {
                    from,
                    path,
                    bytes: meta.len(),
                });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Copies files to below `to`; yields their sums and their bytes.
pub(super) fn copy_all(
    sources: &[Source],
    to: &Path,
    progress: &mut Progress,
) -> Result<(Sums, u64), BackupError> {
    let total = sources.iter().map(|source| source.bytes).sum();
    let (mut sums, mut done) = (Sums::new(), 0);
    for source in sources {
        let place = to.join(&source.path);
        if let Some(parent) = place.parent() {
            make_dir(parent)?;
        }
        let sum = copy(source, &place, &mut |bytes| {
            done += bytes;
            progress(done.min(total), total);
        })?;
        sums.insert(source.path.clone(), sum);
    }
    progress(total, total);
    Ok((sums, done))
}

/// Copies one file; yields its SHA-256 in hex.
fn copy(source: &Source, to: &Path, advance: &mut dyn FnMut(u64)) -> Result<String, BackupError> {
    let mut from = File::open(&source.from).map_err(io_error("read", &source.from))?;
    let mut file = create(to)?;
    let mut piece = vec![0; PIECE_BYTES];
    let mut digest = Context::new(&SHA256);
    loop {
        let read = match from.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(io_error("read", &source.from)(error)),
        };
        let bytes = piece.get(..read).unwrap_or_default();
        digest.update(bytes);
        file.write_all(bytes).map_err(io_error("write", to))?;
        advance(read as u64);
    }
    file.sync_all().map_err(io_error("sync", to))?;
    Ok(hex(digest))
}

/// Writes a small file; yields its SHA-256 in hex.
pub(super) fn write(to: &Path, bytes: &[u8]) -> Result<String, BackupError> {
    let mut file = create(to)?;
    file.write_all(bytes).map_err(io_error("write", to))?;
    file.sync_all().map_err(io_error("sync", to))?;
    Ok(sum_of(bytes))
}

/// The SHA-256 of bytes, in hex.
pub(super) fn sum_of(bytes: &[u8]) -> String {
    let mut digest = Context::new(&SHA256);
    digest.update(bytes);
    hex(digest)
}

fn hex(digest: Context) -> String {
    digest
        .finish()
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn create(path: &Path) -> Result<File, BackupError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path).map_err(io_error("make", path))
}

/// Makes a directory and those above it, private to their owner.
pub(super) fn make_dir(dir: &Path) -> Result<(), BackupError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(io_error("make", dir))
}

/// Makes the names below `dir` durable.
pub(super) fn sync_dirs(dir: &Path) -> Result<(), BackupError> {
    for entry in fs::read_dir(dir).map_err(io_error("list", dir))? {
        let path = entry.map_err(io_error("list", dir))?.path();
        if path.is_dir() {
            sync_dirs(&path)?;
        }
    }
    sync_dir(dir)
}

/// Makes the names in `dir` durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), BackupError> {
    let synced = File::open(dir).and_then(|handle| handle.sync_all());
    synced.map_err(io_error("sync", dir))
}

/// The directory that a path's name is in.
pub(super) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
