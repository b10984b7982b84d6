//! What operators do with local keys. Every change is durable when the call returns.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use millrace_base::Timestamp;

use super::master::{Master, Material, Version};
use super::{LocalKeys, Ring};
use crate::limits::{ALIAS_BYTES_MAX, ALIASES_MAX, DESCRIPTION_BYTES_MAX, MASTERS_MAX, VERSIONS_MAX};
use crate::{KeyError, KeyMaterial, KeyState};

/// A master key, for people. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its full name.
    pub name: String,
    /// Its name within its realm.
    pub id: String,
    /// Its aliases' full names.
    pub aliases: Vec<String>,
    /// For people.
    pub description: String,
    /// How it is.
    pub state: KeyState,
    /// When it was made.
    pub created: Timestamp,
    /// When it may be deleted, where it waits for that.
    pub deletion: Option<Timestamp>,
    /// How many versions it has; the newest wraps.
    pub versions: usize,
}

/// Why a key was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// There is no such key, or it is in the wrong state.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What was asked for cannot be; the sentence says why.
    #[error("{0}")]
    Refused(String),
    /// It cannot be written; the change may or may not be there after a restart.
    #[error("cannot write in the key directory {path}: {source}")]
    Io {
        /// The directory.
        path: String,
        /// The operating system's reason.
        source: io::Error,
    },
}

impl LocalKeys {
    /// Makes a master key: with bytes of its own, or without, waiting for [`LocalKeys::import`].
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn create(&self, realm: &str, description: &str, import: bool) -> Result<KeyInfo, ManageError> {
        let mut ring = self.ring();
        let name = self.add(&mut ring, realm, description, import)?;
        info(&ring, &name)
    }

    /// Gives a key that waits for it its bytes.
    ///
    /// # Errors
    /// [`ManageError`]; a key that has bytes keeps them.
    pub fn import(&self, realm: &str, key: &str, material: KeyMaterial) -> Result<KeyInfo, ManageError> {
        let now = self.clock.now();
        self.change(realm, key, |master| {
            if master.state() != KeyState::PendingImport {
                return Err(refused(format!(
                    "{} does not wait for an import",
                    master.full_name()
                )));
            }
            master.versions.push(Version {
                created: now,
                material: Material(material),
            });
            Ok(())
        })
    }

    /// The keys of a realm, or all of them.
    #[must_use]
    pub fn list(&self, realm: Option<&str>) -> Vec<KeyInfo> {
        let ring = self.ring();
        let masters = ring.masters.iter();
        masters
            .filter(|(_, master)| realm.is_none_or(|realm| master.realm == realm))
            .filter_map(|(name, _)| info(&ring, name).ok())
            .collect()
    }

    /// Switches a key on or off.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn set_enabled(&self, realm: &str, key: &str, enabled: bool) -> Result<KeyInfo, ManageError> {
        self.change(realm, key, |master| {
            match master.state() {
                KeyState::Enabled | KeyState::Disabled => master.enabled = enabled,
                KeyState::PendingDeletion | KeyState::PendingImport => master.hold_usable()?,
            }
            Ok(())
        })
    }

    /// Gives a key new bytes. What older versions wrapped can still be unwrapped.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn rotate(&self, realm: &str, key: &str) -> Result<KeyInfo, ManageError> {
        let version = Version {
            created: self.clock.now(),
            material: Material(self.material()),
        };
        self.change(realm, key, |master| {
            master.hold_usable()?;
            if master.versions.len() >= VERSIONS_MAX {
                let name = master.full_name();
                return Err(refused(format!(
                    "{name} has {VERSIONS_MAX} versions, the most there can be: make another key and point the alias to it"
                )));
            }
            master.versions.push(version);
            Ok(())
        })
    }

    /// Puts a key out of use at once and lets it be removed after `wait`.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn schedule_deletion(&self, realm: &str, key: &str, wait: Duration) -> Result<KeyInfo, ManageError> {
        let at = self.clock.now().plus(wait);
        self.change(realm, key, |master| {
            if master.deletion.is_some() {
                master.hold_usable()?;
            }
            master.deletion = Some(at);
            Ok(())
        })
    }

    /// Takes a deletion back. The key is switched off then.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn cancel_deletion(&self, realm: &str, key: &str) -> Result<KeyInfo, ManageError> {
        self.change(realm, key, |master| {
            if master.deletion.take().is_none() {
                return Err(refused(format!(
                    "{} is not pending deletion.",
                    master.full_name()
                )));
            }
            master.enabled = false;
            Ok(())
        })
    }

    /// Removes a key for ever, once its wait is over; its aliases go with it. Nothing that it wrapped can be read again.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn remove(&self, realm: &str, key: &str) -> Result<(), ManageError> {
        let mut ring = self.ring();
        let master = Arc::clone(ring.find(realm, key)?);
        let name = master.full_name();
        if master.deletion.is_none_or(|at| at > self.clock.now()) {
            return Err(refused(format!(
                "{name} cannot be removed: schedule its deletion first and wait until then"
            )));
        }
        let mut aliases = ring.aliases.clone();
        aliases.retain(|_, master| *master != name);
        if aliases != ring.aliases {
            self.written(self.directory.as_ref().map(|dir| dir.put_aliases(&aliases)))?;
            ring.aliases = aliases;
        }
        self.written(self.directory.as_ref().map(|dir| dir.remove(&master)))?;
        ring.masters.remove(&name);
        tracing::warn!(key = name, "a master key was removed for ever");
        Ok(())
    }

    /// Lets `alias` (`alias/NAME`) mean `key` from now on, whatever it meant before. What was wrapped stays with its key.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn set_alias(&self, realm: &str, alias: &str, key: &str) -> Result<KeyInfo, ManageError> {
        hold_alias(alias)?;
        let mut ring = self.ring();
        let name = ring.find(realm, key)?.full_name();
        self.point(&mut ring, realm, alias, &name)?;
        info(&ring, &name)
    }

    /// Takes an alias away.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn remove_alias(&self, realm: &str, alias: &str) -> Result<(), ManageError> {
        let mut ring = self.ring();
        let full = format!("{realm}{alias}");
        let mut aliases = ring.aliases.clone();
        if aliases.remove(&full).is_none() {
            return Err(KeyError::NotFound(format!("Alias {full} is not found.")).into());
        }
        self.written(self.directory.as_ref().map(|dir| dir.put_aliases(&aliases)))?;
        ring.aliases = aliases;
        Ok(())
    }

    /// The default key of a realm; made if it is not there yet.
    pub(super) fn make_default(&self, realm: &str) -> Result<Arc<Master>, KeyError> {
        let mut ring = self.ring();
        let alias = self.default_alias.as_deref().unwrap_or_default();
        // Another call may have been quicker.
        if let Ok(found) = ring.find(realm, alias) {
            return Ok(Arc::clone(found));
        }
        let made = self
            .add(
                &mut ring,
                realm,
                "The default key, made when it was first used",
                false,
            )
            .and_then(|name| {
                self.point(&mut ring, realm, alias, &name)?;
                Ok(name)
            });
        match made {
            Ok(_) => ring.find(realm, alias).map(Arc::clone),
            Err(error) => {
                tracing::error!(%error, "the default key cannot be made");
                Err(KeyError::Unavailable(format!(
                    "The key {realm}{alias} cannot be made: {error}"
                )))
            }
        }
    }

    /// Makes a key; yields its full name.
    fn add(
        &self,
        ring: &mut Ring,
        realm: &str,
        description: &str,
        import: bool,
    ) -> Result<String, ManageError> {
        if ring.masters.len() >= MASTERS_MAX {
            return Err(refused(format!(
                "there are {MASTERS_MAX} keys, the most there can be: remove some"
            )));
        }
        if description.len() > DESCRIPTION_BYTES_MAX {
            return Err(refused(format!(
                "a description has at most {DESCRIPTION_BYTES_MAX} bytes"
            )));
        }
        let created = self.clock.now();
        let versions = if import {
            Vec::new()
        } else {
            vec![Version {
                created,
                material: Material(self.material()),
            }]
        };
        let master = Master {
            realm: realm.to_owned(),
            id: self.rng.uuid(),
            created,
            description: description.to_owned(),
            enabled: true,
            deletion: None,
            versions,
        };
        let name = master.full_name();
        self.written(self.directory.as_ref().map(|dir| dir.put(&master)))?;
        ring.masters.insert(name.clone(), Arc::new(master));
        tracing::info!(
            key = name,
            "a master key was made: include the key directory in the backup"
        );
        Ok(name)
    }

    fn point(&self, ring: &mut Ring, realm: &str, alias: &str, name: &str) -> Result<(), ManageError> {
        let full = format!("{realm}{alias}");
        if ring.aliases.len() >= ALIASES_MAX && !ring.aliases.contains_key(&full) {
            return Err(refused(format!(
                "there are {ALIASES_MAX} aliases, the most there can be: remove some"
            )));
        }
        let mut aliases = ring.aliases.clone();
        aliases.insert(full, name.to_owned());
        self.written(self.directory.as_ref().map(|dir| dir.put_aliases(&aliases)))?;
        ring.aliases = aliases;
        Ok(())
    }

    /// Changes a key: its file first, then what this process knows.
    fn change(
        &self,
        realm: &str,
        key: &str,
        change: impl FnOnce(&mut Master) -> Result<(), ManageError>,
    ) -> Result<KeyInfo, ManageError> {
        let mut ring = self.ring();
        let mut master = Master::clone(ring.find(realm, key)?);
        change(&mut master)?;
        self.written(self.directory.as_ref().map(|dir| dir.put(&master)))?;
        let name = master.full_name();
        ring.masters.insert(name.clone(), Arc::new(master));
        info(&ring, &name)
    }

    fn written<T>(&self, written: Option<io::Result<T>>) -> Result<(), ManageError> {
        written.transpose().map(drop).map_err(|source| ManageError::Io {
            path: self
                .directory
                .as_ref()
                .map(|dir| dir.path().display().to_string())
                .unwrap_or_default(),
            source,
        })
    }
}

fn info(ring: &Ring, name: &str) -> Result<KeyInfo, ManageError> {
    let master = ring
        .masters
        .get(name)
        .ok_or_else(|| KeyError::NotFound(format!("Key '{name}' does not exist")))?;
    let aliases = ring.aliases.iter().filter(|(_, master)| *master == name);
    Ok(KeyInfo {
        name: name.to_owned(),
        id: master.id.clone(),
        aliases: aliases.map(|(alias, _)| alias.clone()).collect(),
        description: master.description.clone(),
        state: master.state(),
        created: master.created,
        deletion: master.deletion,
        versions: master.versions.len(),
    })
}

fn hold_alias(alias: &str) -> Result<(), ManageError> {
    let name = alias.strip_prefix("alias/").unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-');
    // What looks like a key's full name could not be told from one.
    if name.is_empty() || alias.len() > ALIAS_BYTES_MAX || !name.bytes().all(plain) {
        return Err(refused(format!(
            "{alias} is no alias: it is alias/NAME with letters, digits, '/', '_' and '-', of at most {ALIAS_BYTES_MAX} \
             characters"
        )));
    }
    Ok(())
}

const fn refused(sentence: String) -> ManageError {
    ManageError::Refused(sentence)
}
