//! The two files that make a directory a backup.

use std::collections::BTreeMap;
use std::path::Path;

use millrace_base::Timestamp;
use millrace_wire::timestamp::iso8601;
use serde::{Deserialize, Serialize};

use super::BackupError;

pub(super) const DESCRIPTION: &str = "backup.json";
pub(super) const SUMS: &str = "SHA256SUMS";
/// The folder that becomes a data directory.
pub(super) const DATA: &str = "data";
const FORMAT: &str = "millrace-backup";
/// The only version so far.
const VERSION: u32 = 1;
/// Digits of a SHA-256 in hex.
const DIGEST_DIGITS: usize = 64;

/// What a backup is, as JSON. A field is never renamed or given a new meaning, and a new one needs a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Description {
    format: String,
    version: u32,
    /// When it was asked for, in ISO 8601.
    pub(super) made: String,
    /// The version of the program that made it.
    pub(super) program: String,
    /// The last batch of the write-ahead log that is in it.
    pub(super) batch: u64,
    /// Whether master keys are in it.
    pub(super) master_keys: bool,
    /// Files below `data/`, and their bytes.
    pub(super) files: u64,
    pub(super) bytes: u64,
}

impl Description {
    pub(super) fn new(made: Timestamp, batch: u64) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            made: iso8601(i64::try_from(made.0).unwrap_or(i64::MAX)),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            batch,
            master_keys: false,
            files: 0,
            bytes: 0,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        // There is nothing in it that has no JSON form.
        let mut json = serde_json::to_vec_pretty(self).unwrap_or_default();
        json.push(b'\n');
        json
    }

    pub(super) fn decode(dir: &Path, bytes: &[u8]) -> Result<Self, BackupError> {
        let refused = |why: String| BackupError::NoBackup {
            dir: dir.display().to_string(),
            why,
        };
        let description: Self = serde_json::from_slice(bytes)
            .map_err(|error| refused(format!("its {DESCRIPTION} cannot be read: {error}")))?;
        if description.format != FORMAT || description.version != VERSION {
            return Err(refused(format!(
                "its {DESCRIPTION} says {} version {}, this program knows {FORMAT} version {VERSION}: use the program that made it, \
                 or a newer one",
                description.format, description.version
            )));
        }
        Ok(description)
    }
}

/// SHA-256 in hex, by path.
pub(super) type Sums = BTreeMap<String, String>;

/// As `sha256sum` writes it.
pub(super) fn encode_sums(sums: &Sums) -> String {
    sums.iter()
        .map(|(path, sum)| format!("{sum}  {path}\n"))
        .collect()
}

/// Reads what [`encode_sums`] wrote; a path that could lead elsewhere is refused.
pub(super) fn decode_sums(text: &str) -> Result<Sums, BackupError> {
    let mut sums = Sums::new();
    for (number, line) in text.lines().enumerate() {
        let wrong = || BackupError::Damaged(format!("line {} of {SUMS} is none", number + 1));
        let (sum, path) = line.split_once("  ").ok_or_else(wrong)?;
        let digest = sum.len() == DIGEST_DIGITS && sum.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !digest || !is_plain(path) || sums.insert(path.to_owned(), sum.to_owned()).is_some() {
            return Err(wrong());
        }
    }
    Ok(sums)
}

/// Whether a path is that of a file which a backup has.
fn is_plain(path: &str) -> bool {
    let mut parts = path.split('/');
    let begins = path == DESCRIPTION || parts.next() == Some(DATA);
    begins
        && path
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_read_back_and_paths_stay_inside() {
        let sum = "a".repeat(64);
        let sums: Sums = [("backup.json", &sum), ("data/log/MANIFEST", &sum)]
            .map(|(path, sum)| (path.to_owned(), sum.clone()))
            .into();
        let text = encode_sums(&sums);
        assert_eq!(text, format!("{sum}  backup.json\n{sum}  data/log/MANIFEST\n"));
        assert_eq!(decode_sums(&text).unwrap(), sums);
        for path in [
            "../x",
            "data/../../x",
            "/etc/passwd",
            "data//x",
            "",
            "data/.",
            "other",
        ] {
            assert!(decode_sums(&format!("{sum}  {path}\n")).is_err(), "{path}");
        }
        assert!(decode_sums("abc  data/x\n").is_err());
        assert!(decode_sums(&format!("{text}{text}")).is_err());
    }

    #[test]
    fn another_version_is_refused_with_a_sentence() {
        let description = Description::new(Timestamp(0), 7);
        let bytes = description.encode();
        assert_eq!(Description::decode(Path::new("b"), &bytes).unwrap(), description);
        let newer = String::from_utf8(bytes)
            .unwrap()
            .replace("\"version\": 1", "\"version\": 2");
        let error = Description::decode(Path::new("b"), newer.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("version 2"), "{error}");
    }
}
