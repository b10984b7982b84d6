//! What operators do with local keys; `aliases` has what they do with aliases. Every change is durable when the call returns.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use millrace_base::Timestamp;

use super::master::{Master, Material, Version};
use super::{LocalKeys, Ring};
use crate::limits::{DESCRIPTION_BYTES_MAX, MASTERS_MAX, VERSIONS_MAX};
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
    /// Whether its bytes come, or will come, from outside.
    pub imported: bool,
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
    /// There are as many as there can be; the sentence says of what.
    #[error("{0}")]
    Full(String),
    /// The alias is there already.
    #[error("An alias with the name {0} already exists")]
    Exists(String),
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
                let name = master.full_name();
                return Err(KeyError::InvalidState(format!("{name} does not wait for an import.")).into());
            }
            master.versions.push(Version {
                created: now,
                material: Material(material),
            });
            Ok(())
        })
    }

    /// One key, by any of its names. The default key of a realm is made if it is not there yet.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn show(&self, realm: &str, key: &str) -> Result<KeyInfo, KeyError> {
        let found = self.ring().find(realm, key).cloned();
        let master = match found {
            Err(KeyError::NotFound(_)) if self.is_default(realm, key) => self.make_default(realm)?,
            found => found?,
        };
        Ok(shown(&self.ring(), &master))
    }

    /// What a name means now; the default key is not made.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn full_name(&self, realm: &str, name: &str) -> Result<String, KeyError> {
        Ok(self.ring().find(realm, name)?.full_name())
    }

    /// The keys of a realm, or all of them.
    #[must_use]
    pub fn list(&self, realm: Option<&str>) -> Vec<KeyInfo> {
        let ring = self.ring();
        let mut aliases: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (alias, master) in &ring.aliases {
            aliases.entry(master).or_default().push(alias.clone());
        }
        let masters = ring.masters.iter();
        masters
            .filter(|(_, master)| realm.is_none_or(|realm| master.realm == realm))
            .map(|(name, master)| described(master, aliases.remove(name.as_str()).unwrap_or_default()))
            .collect()
    }

    /// Up to `most` ids of a realm's keys, in their order, from behind the id `after`.
    #[must_use]
    pub fn ids(&self, realm: &str, after: &str, most: usize) -> Vec<String> {
        let ring = self.ring();
        let start = Bound::Excluded(format!("{realm}key/{after}"));
        let masters = ring.masters.range((start, Bound::Unbounded));
        masters
            .take_while(|(_, master)| master.realm == realm)
            .map(|(_, master)| master.id.clone())
            .take(most)
            .collect()
    }

    /// Says something else about a key.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn set_description(&self, realm: &str, key: &str, description: &str) -> Result<KeyInfo, ManageError> {
        hold_description(description)?;
        self.change(realm, key, |master| {
            if master.deletion.is_some() {
                master.hold_usable()?;
            }
            master.description = description.to_owned();
            Ok(())
        })
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
            if master.imported {
                let name = master.full_name();
                return Err(refused(format!(
                    "{name} was imported and cannot make bytes of its own: import another key and point the alias to it"
                )));
            }
            if master.versions.len() >= VERSIONS_MAX {
                let name = master.full_name();
                return Err(ManageError::Full(format!(
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
                let name = master.full_name();
                return Err(KeyError::InvalidState(format!("{name} is not pending deletion.")).into());
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
            let sentence =
                format!("{name} cannot be removed: schedule its deletion first and wait until then.");
            return Err(KeyError::InvalidState(sentence).into());
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

    /// Removes every key whose wait is over; yields their full names.
    ///
    /// # Errors
    /// [`ManageError`], for the first key that cannot be removed.
    pub fn remove_due(&self) -> Result<Vec<String>, ManageError> {
        let now = self.clock.now();
        let is_due = |master: &Master| master.deletion.is_some_and(|at| at <= now);
        let due: Vec<_> = {
            let ring = self.ring();
            let masters = ring.masters.values().filter(|master| is_due(master));
            masters
                .map(|master| (master.realm.clone(), master.full_name()))
                .collect()
        };
        let mut removed = Vec::with_capacity(due.len());
        for (realm, name) in due {
            self.remove(&realm, &name)?;
            removed.push(name);
        }
        Ok(removed)
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
            return Err(ManageError::Full(format!(
                "there are {MASTERS_MAX} keys, the most there can be: remove some"
            )));
        }
        hold_description(description)?;
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
            imported: import,
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

    pub(super) fn written<T>(&self, written: Option<io::Result<T>>) -> Result<(), ManageError> {
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

fn hold_description(description: &str) -> Result<(), ManageError> {
    if description.len() > DESCRIPTION_BYTES_MAX {
        return Err(refused(format!(
            "a description has at most {DESCRIPTION_BYTES_MAX} bytes"
        )));
    }
    Ok(())
}

pub(super) fn info(ring: &Ring, name: &str) -> Result<KeyInfo, ManageError> {
    let gone = || KeyError::NotFound(format!("Key '{name}' does not exist"));
    let master = ring.masters.get(name).ok_or_else(gone)?;
    Ok(shown(ring, master))
}

fn shown(ring: &Ring, master: &Master) -> KeyInfo {
    let name = master.full_name();
    let aliases = ring.aliases.iter().filter(|(_, master)| **master == name);
    described(master, aliases.map(|(alias, _)| alias.clone()).collect())
}

fn described(master: &Master, aliases: Vec<String>) -> KeyInfo {
    KeyInfo {
        name: master.full_name(),
        id: master.id.clone(),
        aliases,
        description: master.description.clone(),
        state: master.state(),
        imported: master.imported,
        created: master.created,
        deletion: master.deletion,
        versions: master.versions.len(),
    }
}

pub(super) const fn refused(sentence: String) -> ManageError {
    ManageError::Refused(sentence)
}
