//! The files: `audit.jsonl` is written, `audit.1.jsonl` is the newest full one.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Appends lines and turns the file over.
#[derive(Debug)]
pub(super) struct Writer {
    dir: PathBuf,
    file: File,
    size: u64,
    file_max: u64,
    files_max: u32,
}

impl Writer {
    /// Opens the newest file to append to it. Entries are for the server's user alone.
    pub(super) fn open(dir: &Path, file_max: u64, files_max: u32) -> io::Result<Self> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)?;
        let file = newest(dir)?;
        Ok(Self {
            size: file.metadata()?.len(),
            dir: dir.to_owned(),
            file,
            file_max,
            files_max,
        })
    }

    /// Appends a line, to a new file if this one is full.
    pub(super) fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self.size > 0 && self.size.saturating_add(length) > self.file_max {
            self.turn()?;
        }
        self.file.write_all(line)?;
        self.size = self.size.saturating_add(length);
        Ok(())
    }

    fn turn(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        let name = |number: u32| self.dir.join(format!("audit.{number}.jsonl"));
        for number in (1..self.files_max).rev() {
            let older = if number + 1 == self.files_max {
                // The oldest makes room.
                match std::fs::remove_file(name(number)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => continue,
                }
            } else {
                name(number + 1)
            };
            rename(&name(number), &older)?;
        }
        if self.files_max > 1 {
            rename(&self.dir.join(NEWEST), &name(1))?;
        } else {
            std::fs::remove_file(self.dir.join(NEWEST))?;
        }
        self.file = newest(&self.dir)?;
        self.size = 0;
        Ok(())
    }
}

const NEWEST: &str = "audit.jsonl";

fn newest(dir: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(dir.join(NEWEST))
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dir: &Path, name: &str) -> Option<String> {
        std::fs::read_to_string(dir.join(name)).ok()
    }

    #[test]
    fn full_files_turn_over_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let mut writer = Writer::open(dir, 8, 3).unwrap();
        for line in ["one\n", "two\n", "3\n", "four\n", "five\n", "six\n"] {
            writer.write(line.as_bytes()).unwrap();
        }
        assert_eq!(read(dir, "audit.jsonl").unwrap(), "six\n");
        assert_eq!(read(dir, "audit.1.jsonl").unwrap(), "five\n");
        assert_eq!(read(dir, "audit.2.jsonl").unwrap(), "3\nfour\n");
        assert_eq!(read(dir, "audit.3.jsonl"), None);
        drop(writer);
        let mut again = Writer::open(dir, 8, 3).unwrap();
        again.write(b"7\n").unwrap();
        assert_eq!(read(dir, "audit.jsonl").unwrap(), "six\n7\n");
    }

    #[test]
    fn one_file_is_enough() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::open(dir.path(), 4, 1).unwrap();
        writer.write(b"one\n").unwrap();
        writer.write(b"two\n").unwrap();
        assert_eq!(read(dir.path(), "audit.jsonl").unwrap(), "two\n");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
