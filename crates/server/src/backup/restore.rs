//! Making a data directory of a backup: everything is copied aside and held against its sums, then moved into place.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::copy::{copy_all, files_below, make_dir, parent_of, sum_of, sync_dir, sync_dirs};
use super::format::{DATA, DESCRIPTION, Description, SUMS, Sums, decode_sums};
use super::{BackupError, Progress, UNFINISHED, beside, io_error};

/// Damaged files that are named in one sentence.
const NAMED_MAX: usize = 10;

/// A backup that was restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The data directory.
    pub data_dir: PathBuf,
    /// When the backup was made.
    pub made: String,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether master keys were in it; they are in `keys/` now.
    pub master_keys: bool,
}

/// Restores a backup into `data_dir`, which must be missing or empty. Blocks.
///
/// # Errors
/// [`BackupError`]; then `data_dir` is as it was.
pub fn restore(backup: &Path, data_dir: &Path, progress: &mut Progress) -> Result<Restored, BackupError> {
    let (description, sums) = read(backup)?;
    let aside = place_for(data_dir)?;
    make_dir(&aside)?;
    let restored = fill(backup, &aside, &sums, progress).and_then(|bytes| {
        sync_dirs(&aside)?;
        move_into_place(&aside, data_dir)?;
        Ok(Restored {
            data_dir: data_dir.to_owned(),
            made: description.made,
            files: sums.len() as u64 - 1,
            bytes,
            master_keys: description.master_keys,
        })
    });
    if restored.is_err() {
        // What was copied is worth nothing, and the sentence says why.
        let _ = fs::remove_dir_all(&aside);
    }
    restored
}

/// What the backup says it is.
fn read(backup: &Path) -> Result<(Description, Sums), BackupError> {
    let text = |name: &str| {
        let path = backup.join(name);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(BackupError::NoBackup {
                dir: backup.display().to_string(),
                why: format!("it has no {name}"),
            }),
            read => read.map_err(io_error("read", &path)),
        }
    };
    let bytes = text(DESCRIPTION)?;
    let description = Description::decode(backup, &bytes)?;
    let sums = text(SUMS)?;
    let sums = std::str::from_utf8(&sums)
        .map_err(|_| BackupError::Damaged(format!("{SUMS} is no text")))
        .and_then(decode_sums)?;
    if sums.get(DESCRIPTION) != Some(&sum_of(&bytes)) {
        return Err(BackupError::Damaged(format!(
            "{DESCRIPTION} does not have its checksum"
        )));
    }
    Ok((description, sums))
}

/// Where to copy to: beside a directory that is not there yet, within one that is there and empty, since that may be
/// where another file system is mounted.
fn place_for(data_dir: &Path) -> Result<PathBuf, BackupError> {
    let inside = data_dir.join(UNFINISHED);
    let place = match fs::read_dir(data_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => beside(data_dir, UNFINISHED),
        Err(error) => return Err(io_error("use", data_dir)(error)),
        Ok(mut entries) => {
            if inside.exists() {
                return Err(BackupError::Leftover(inside.display().to_string()));
            }
            // What a fresh file system has of itself.
            if entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() != "lost+found")) {
                return Err(BackupError::NotEmpty(data_dir.display().to_string()));
            }
            inside
        }
    };
    if place.symlink_metadata().is_ok() {
        return Err(BackupError::Leftover(place.display().to_string()));
    }
    Ok(place)
}

/// Copies every file, and holds it against its sum; yields the bytes.
fn fill(backup: &Path, aside: &Path, sums: &Sums, progress: &mut Progress) -> Result<u64, BackupError> {
    let mut sources = files_below(&backup.join(DATA), DATA, &[])?;
    let there: BTreeSet<&str> = sources.iter().map(|source| &*source.path).collect();
    let listed: BTreeSet<&str> = sums
        .keys()
        .map(|path| &**path)
        .filter(|path| *path != DESCRIPTION)
        .collect();
    let mut wrong: Vec<String> = listed
        .difference(&there)
        .map(|path| format!("{path} is missing"))
        .collect();
    wrong.extend(
        there
            .difference(&listed)
            .map(|path| format!("{path} is not listed in {SUMS}")),
    );
    refuse(&wrong)?;
    // data/log/x becomes log/x.
    for source in &mut sources {
        source.path = source.path.split_off(DATA.len() + 1);
    }
    let (copied, bytes) = copy_all(&sources, aside, progress)?;
    let differs = |(path, sum): (&String, &String)| {
        let path = format!("{DATA}/{path}");
        (sums.get(&path) != Some(sum)).then(|| format!("{path} does not have its checksum"))
    };
    let wrong: Vec<String> = copied.iter().filter_map(differs).collect();
    refuse(&wrong)?;
    Ok(bytes)
}

fn refuse(wrong: &[String]) -> Result<(), BackupError> {
    if wrong.is_empty() {
        return Ok(());
    }
    let mut text = wrong
        .iter()
        .take(NAMED_MAX)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if let Some(more) = wrong.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
        text.push_str(&format!(", and {more} more"));
    }
    Err(BackupError::Damaged(text))
}

/// The last step. Within an existing directory it takes several: a server does not start before the last is done.
fn move_into_place(aside: &Path, data_dir: &Path) -> Result<(), BackupError> {
    if !aside.starts_with(data_dir) {
        fs::rename(aside, data_dir).map_err(io_error("rename", aside))?;
        return sync_dir(parent_of(data_dir));
    }
    for entry in fs::read_dir(aside).map_err(io_error("list", aside))? {
        let entry = entry.map_err(io_error("list", aside))?;
        let to = data_dir.join(entry.file_name());
        fs::rename(entry.path(), &to).map_err(io_error("rename", &entry.path()))?;
    }
    sync_dir(data_dir)?;
    fs::remove_dir(aside).map_err(io_error("remove", aside))?;
    sync_dir(data_dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::copy::write;
    use crate::backup::format::encode_sums;
    use millrace_base::Timestamp;

    fn sample(dir: &Path) -> PathBuf {
        let backup = dir.join("backup");
        make_dir(&backup.join("data/log")).unwrap();
        let mut sums = Sums::new();
        for (path, text) in [("data/log/MANIFEST", "tables"), ("data/log/seg-1", "records")] {
            sums.insert(
                path.to_owned(),
                write(&backup.join(path), text.as_bytes()).unwrap(),
            );
        }
        let description = Description::new(Timestamp(0), 7).encode();
        sums.insert(
            DESCRIPTION.to_owned(),
            write(&backup.join(DESCRIPTION), &description).unwrap(),
        );
        write(&backup.join(SUMS), encode_sums(&sums).as_bytes()).unwrap();
        backup
    }

    fn quiet() -> Progress {
        Box::new(|_, _| {})
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_backup_becomes_a_directory_new_or_empty() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let backup = sample(dir.path());
        for name in ["new", "empty"] {
            let data = dir.path().join(name);
            if name == "empty" {
                fs::create_dir(&data).unwrap();
            }
            let restored = restore(&backup, &data, &mut quiet()).unwrap();
            assert_eq!((restored.files, restored.bytes), (2, 13));
            assert_eq!(names(&data), ["log"]);
            assert_eq!(fs::read(data.join("log/seg-1")).unwrap(), b"records");
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(
                (mode(&data.join("log")), mode(&data.join("log/seg-1"))),
                (0o700, 0o600)
            );
            let again = restore(&backup, &data, &mut quiet()).unwrap_err();
            assert!(matches!(again, BackupError::NotEmpty(_)), "{again}");
        }
        assert_eq!(names(dir.path()), ["backup", "empty", "new"]);
    }

    #[test]
    fn damage_is_named_and_nothing_is_restored() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        type Damage = fn(&Path);
        let cases: [(&str, Damage); 6] = [
            ("data/log/seg-1 does not have", |b| {
                fs::write(b.join("data/log/seg-1"), "recorts").unwrap();
            }),
            ("data/log/seg-1 is missing", |b| {
                fs::remove_file(b.join("data/log/seg-1")).unwrap();
            }),
            ("data/log/x is not listed", |b| {
                fs::write(b.join("data/log/x"), "x").unwrap();
            }),
            ("backup.json does not have", |b| {
                let text = fs::read_to_string(b.join(DESCRIPTION)).unwrap();
                fs::write(b.join(DESCRIPTION), text.replace("\"batch\": 7", "\"batch\": 8")).unwrap();
            }),
            ("line 1 of SHA256SUMS", |b| {
                fs::write(b.join(SUMS), "x\n").unwrap();
            }),
            ("no SHA256SUMS", |b| fs::remove_file(b.join(SUMS)).unwrap()),
        ];
        for (expected, damage) in cases {
            let backup = sample(dir.path());
            damage(&backup);
            let error = restore(&backup, &data, &mut quiet()).unwrap_err().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
            assert_eq!(names(dir.path()), ["backup"], "{expected}");
            fs::remove_dir_all(&backup).unwrap();
        }
    }
}
