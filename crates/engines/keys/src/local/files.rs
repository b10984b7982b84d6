//! The directory of local keys.
//!
//! ```text
//! KEYS/LOCK            locked (flock) by the process that has the directory open
//! KEYS/key-<uuid>      one master key: {"realm", "id", "created" (ms), "description", "enabled", "deletion",
//!                      "imported", "versions": [{"created", "material": 64 digits of hex}, …]}, version 1 first
//! KEYS/aliases         {"<full alias>": "<full name of a key>", …}
//! KEYS/*.new           something unfinished; written over
//! ```
//! A file is one line `millrace-keys 1 <CRC-32C of the rest, 8 digits of hex>` and then JSON. Each is written beside its
//! place, synced and renamed, the directory synced behind it: it is the old one or the new one, never half. Only the
//! owner may read them (0600); a file that others can read is refused.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::master::Master;
use crate::limits::FILE_BYTES_MAX;

const FORMAT: &str = "millrace-keys 1 ";
const ALIASES: &str = "aliases";
const KEY_PREFIX: &str = "key-";

/// Why a directory of keys does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be made, listed or locked.
    #[error("cannot use the key directory {path}: {source}")]
    Directory {
        /// Which.
        path: String,
        /// The operating system's reason.
        source: io::Error,
    },
    /// Another process has it open.
    #[error(
        "the key directory {0} is open in another process: stop that one, or give this one a directory of its own"
    )]
    Locked(String),
    /// A file cannot be read.
    #[error("cannot read the key file {path}: {source}")]
    Unreadable {
        /// Which.
        path: String,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A file is not what was written.
    #[error(
        "the key file {path} is damaged ({detail}): bring it back from a backup; what was sealed under it cannot be read \
         without it"
    )]
    Damaged {
        /// Which.
        path: String,
        /// How.
        detail: String,
    },
    /// Others can read it.
    #[error(
        "the key file {path} can be read by others (mode {mode:o}): chmod 600 it, and make a new key if others did read it"
    )]
    Exposed {
        /// Which.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
}

/// An open directory.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Locked for as long as it is open.
    _lock: File,
}

/// All keys, and all aliases.
pub(super) type Loaded = (Vec<Master>, BTreeMap<String, String>);

impl Directory {
    /// Makes the directory if it is missing, and locks it.
    pub(super) fn open(path: PathBuf) -> Result<Self, OpenError> {
        let unusable = |source| OpenError::Directory {
            path: path.display().to_string(),
            source,
        };
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(unusable)?;
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600);
        let lock = options.open(path.join("LOCK")).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked(path.display().to_string())),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    /// Reads everything that is there.
    pub(super) fn load(&self) -> Result<Loaded, OpenError> {
        let unusable = |source| OpenError::Directory {
            path: self.path.display().to_string(),
            source,
        };
        let mut masters = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(unusable)? {
            let path = entry.map_err(unusable)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let Some(id) = name.strip_prefix(KEY_PREFIX).filter(|id| !id.ends_with(".new")) else {
                continue;
            };
            let master: Master = read(&path)?;
            if master.id != id {
                return Err(damaged(&path, format!("it holds the key {}", master.id)));
            }
            masters.push(master);
        }
        let aliases = self.path.join(ALIASES);
        let aliases = if aliases.exists() {
            read(&aliases)?
        } else {
            BTreeMap::new()
        };
        Ok((masters, aliases))
    }

    /// Writes a master key, durably.
    pub(super) fn put(&self, master: &Master) -> io::Result<PathBuf> {
        self.write(&self.place(master), master)
    }

    /// Writes the aliases, durably.
    pub(super) fn put_aliases(&self, aliases: &BTreeMap<String, String>) -> io::Result<PathBuf> {
        self.write(&self.path.join(ALIASES), aliases)
    }

    /// Removes a master key for ever.
    pub(super) fn remove(&self, master: &Master) -> io::Result<()> {
        fs::remove_file(self.place(master))?;
        File::open(&self.path)?.sync_all()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn place(&self, master: &Master) -> PathBuf {
        self.path.join(format!("{KEY_PREFIX}{}", master.id))
    }

    fn write(&self, path: &Path, value: &impl Serialize) -> io::Result<PathBuf> {
        let json = Zeroizing::new(serde_json::to_vec_pretty(value)?);
        let head = format!("{FORMAT}{:08x}\n", crc32c::crc32c(&json));
        let staging = path.with_extension("new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&staging)?;
        // A left-over may have been made by somebody else.
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(head.as_bytes())?;
        file.write_all(&json)?;
        file.sync_all()?;
        fs::rename(&staging, path)?;
        File::open(&self.path)?.sync_all()?;
        Ok(path.to_owned())
    }
}

/// A key file, as [`look`] saw it.
#[derive(Debug)]
pub struct Seen {
    /// Which.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// The full name of the key in it, `None` for the aliases; or what is wrong with it.
    pub key: Result<Option<String>, OpenError>,
}

/// Looks at every file of a directory of keys, which may be open elsewhere: each is always whole. Changes nothing.
///
/// # Errors
/// [`OpenError::Directory`].
pub fn look(dir: &Path) -> Result<Vec<Seen>, OpenError> {
    let unusable = |source| OpenError::Directory {
        path: dir.display().to_string(),
        source,
    };
    let mut seen = Vec::new();
    for entry in fs::read_dir(dir).map_err(unusable)? {
        let path = entry.map_err(unusable)?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let key = if name == ALIASES {
            read::<BTreeMap<String, String>>(&path).map(|_| None)
        } else {
            let Some(id) = name.strip_prefix(KEY_PREFIX).filter(|id| !id.ends_with(".new")) else {
                continue;
            };
            read::<Master>(&path).and_then(|master| {
                if master.id == id {
                    Ok(Some(master.full_name()))
                } else {
                    Err(damaged(&path, format!("it holds the key {}", master.id)))
                }
            })
        };
        let bytes = fs::metadata(&path).map_or(0, |meta| meta.len());
        seen.push(Seen { path, bytes, key });
    }
    seen.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(seen)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, OpenError> {
    let unreadable = |source| OpenError::Unreadable {
        path: path.display().to_string(),
        source,
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let meta = file.metadata().map_err(unreadable)?;
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(OpenError::Exposed {
            path: path.display().to_string(),
            mode,
        });
    }
    if meta.len() > FILE_BYTES_MAX {
        return Err(damaged(path, format!("it has {} bytes", meta.len())));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0) + 1));
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    parse(&bytes).map_err(|detail| damaged(path, detail))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let end = bytes
        .iter()
        .position(|b| *b == b'\n')
        .ok_or("its first line is not whole")?;
    let (head, json) = bytes.split_at(end);
    let json = json.strip_prefix(b"\n").unwrap_or(json);
    let head = std::str::from_utf8(head).map_err(|_| "its first line is no text")?;
    let sum = head
        .strip_prefix(FORMAT)
        .ok_or("it is of another format, perhaps of a newer version")?;
    if u32::from_str_radix(sum, 16).ok() != Some(crc32c::crc32c(json)) {
        return Err("its checksum does not fit".to_owned());
    }
    serde_json::from_slice(json).map_err(|error| error.to_string())
}

fn damaged(path: &Path, detail: String) -> OpenError {
    OpenError::Damaged {
        path: path.display().to_string(),
        detail,
    }
}
