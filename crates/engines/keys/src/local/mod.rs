//! Master keys in a directory of their own, or in memory.
//!
//! Each master key is a file that only its owner can read (`files` draws its bytes); aliases are one more. **Who loses
//! these files loses everything that was ever sealed under them, and who can read them can read it**: they belong into
//! the backup, and best not onto the disk that the sealed bytes are on. One process has a directory open at a time.
//!
//! Calls of [`Keys`] are answered from memory at once. What changes a key ([`LocalKeys::create`] and its neighbours in
//! `manage`) writes its file, durably, before it returns, and so does the first use of the default key of a realm. There
//! are few such calls, and they may block for as long as a disk takes to sync.

mod aliases;
mod files;
mod manage;
mod master;
#[cfg(test)]
mod tests;
mod wrap;

use std::collections::BTreeMap;
use std::fmt;
use std::future::ready;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millrace_base::{Clock, Rng};
use zeroize::Zeroizing;

pub use aliases::Alias;
pub use files::{OpenError, Seen, look};
pub use manage::{KeyInfo, ManageError};

use crate::limits::SECRET_BYTES_MAX;
use crate::{Context, DataKey, Description, KEY_BYTES, KeyError, KeyMaterial, Keys, Made, Pending};
use files::Directory;
use master::Master;

/// How long what was unwrapped may be used: to ask again costs a microsecond, and a key that is disabled should stop soon.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// What local keys run on.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where they are kept; `None` for memory only.
    pub dir: Option<PathBuf>,
    /// The alias of each realm's default key, such as `alias/default`: a key with that alias is made when it is first
    /// used.
    pub default_alias: Option<String>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, fit for secrets.
    pub rng: Arc<dyn Rng>,
}

/// Master keys of this process.
pub struct LocalKeys {
    ring: Mutex<Ring>,
    directory: Option<Directory>,
    default_alias: Option<String>,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
}

/// All keys and all aliases, by full name.
#[derive(Default)]
struct Ring {
    masters: BTreeMap<String, Arc<Master>>,
    aliases: BTreeMap<String, String>,
}

impl LocalKeys {
    /// Opens the directory, which is made if it is missing.
    ///
    /// # Errors
    /// [`OpenError`]: a file is damaged, others can read it, or another process has the directory open.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let Options {
            dir,
            default_alias,
            clock,
            rng,
        } = options;
        let mut ring = Ring::default();
        let directory = match dir {
            None => None,
            Some(dir) => {
                let directory = Directory::open(dir)?;
                let (masters, aliases) = directory.load()?;
                ring.masters = masters
                    .into_iter()
                    .map(|master| (master.full_name(), Arc::new(master)))
                    .collect();
                ring.aliases = aliases;
                Some(directory)
            }
        };
        Ok(Self {
            ring: Mutex::new(ring),
            directory,
            default_alias,
            clock,
            rng,
        })
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn material(&self) -> KeyMaterial {
        let mut material = Zeroizing::new([0; KEY_BYTES]);
        self.rng.fill(material.as_mut_slice());
        material
    }

    /// The master key that a name means, and that can be used.
    fn usable(&self, realm: &str, name: &str) -> Result<Arc<Master>, KeyError> {
        let found = self.ring().find(realm, name).cloned();
        let master = match found {
            Err(KeyError::NotFound(_)) if self.is_default(realm, name) => self.make_default(realm)?,
            found => found?,
        };
        master.hold_usable()?;
        Ok(master)
    }

    fn is_default(&self, realm: &str, name: &str) -> bool {
        self.default_alias
            .as_deref()
            .is_some_and(|alias| name == alias || name.strip_prefix(realm) == Some(alias))
    }

    /// Wraps a secret of at most [`SECRET_BYTES_MAX`] under the master key that `name` means in `realm` now; yields the
    /// wrapped bytes and the key's full name.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn wrap(
        &self,
        realm: &str,
        name: &str,
        secret: &[u8],
        context: &Context,
    ) -> Result<(Vec<u8>, String), KeyError> {
        let master = self.usable(realm, name)?;
        if secret.len() > SECRET_BYTES_MAX {
            let sentence = format!(
                "a secret of {} bytes is longer than {SECRET_BYTES_MAX}",
                secret.len()
            );
            return Err(KeyError::InvalidState(sentence));
        }
        let wrapped = wrap::wrap(&master, secret, context, &*self.rng)?;
        Ok((wrapped, master.full_name()))
    }

    /// Unwraps what [`LocalKeys::wrap`] or [`Keys::make_key`] wrapped under `master`.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn unwrap(
        &self,
        master: &str,
        wrapped: &[u8],
        context: &Context,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let found = self.ring().masters.get(master).cloned();
        let master = found.ok_or_else(|| KeyError::NotFound(format!("Key '{master}' does not exist")))?;
        master.hold_usable()?;
        wrap::unwrap(&master, wrapped, context)
    }

    fn make(&self, realm: &str, name: &str, context: &Context) -> Result<Made, KeyError> {
        let material = self.material();
        let (wrapped, master) = self.wrap(realm, name, material.as_slice(), context)?;
        let key = DataKey::new(material.as_slice()).ok_or_else(denied)?;
        Ok(Made { key, wrapped, master })
    }
}

impl Ring {
    /// The master key that `name` means in `realm`.
    fn find(&self, realm: &str, name: &str) -> Result<&Arc<Master>, KeyError> {
        let here = name.strip_prefix(realm).unwrap_or(name);
        if let Some(alias) = here.strip_prefix("alias/") {
            let full = format!("{realm}alias/{alias}");
            let master = self
                .aliases
                .get(&full)
                .and_then(|master| self.masters.get(master));
            return master.ok_or_else(|| KeyError::NotFound(format!("Alias {full} is not found.")));
        }
        // A full name of another realm says nothing about whether there is such a key.
        if here.contains("key/") && !here.starts_with("key/") || here.contains("alias/") {
            return Err(denied());
        }
        let id = here.strip_prefix("key/").unwrap_or(here);
        let full = format!("{realm}key/{id}");
        self.masters.get(&full).ok_or_else(|| {
            KeyError::NotFound(if is_id(id) {
                format!("Key '{full}' does not exist")
            } else {
                format!("Invalid keyId '{id}'")
            })
        })
    }
}

impl Keys for LocalKeys {
    fn describe_key(&self, realm: &str, name: &str) -> Pending<Description> {
        let described = self.ring().find(realm, name).map(|master| Description {
            master: master.full_name(),
            state: master.state(),
        });
        Box::pin(ready(described))
    }

    fn make_key(&self, realm: &str, name: &str, context: &Context) -> Pending<Made> {
        Box::pin(ready(self.make(realm, name, context)))
    }

    fn unwrap_key(&self, master: &str, wrapped: &[u8], context: &Context) -> Pending<DataKey> {
        let unwrapped = self.unwrap(master, wrapped, context);
        Box::pin(ready(
            unwrapped.and_then(|material| DataKey::new(&material).ok_or_else(denied)),
        ))
    }

    fn fresh_for(&self) -> Duration {
        FRESH_FOR
    }
}

impl fmt::Debug for LocalKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKeys")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// Whether a text looks like an id, so that a typing error can be told from a key that is gone.
fn is_id(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// What whoever must not know whether a key is there is told.
fn denied() -> KeyError {
    KeyError::AccessDenied(
        "The ciphertext refers to a key that does not exist, does not exist in this region, or you are not allowed to \
         access."
            .to_owned(),
    )
}

fn broken(master: &Master) -> KeyError {
    KeyError::Unavailable(format!("{} cannot wrap", master.full_name()))
}
