//! What operators do with aliases of local keys. Every change is durable when the call returns.

use std::ops::Bound;

use super::manage::{ManageError, info, refused};
use super::{KeyInfo, LocalKeys, Ring};
use crate::KeyError;
use crate::limits::{ALIAS_BYTES_MAX, ALIASES_MAX};

/// What an alias begins with.
const PREFIX: &str = "alias/";

/// What an alias has to be before it is pointed somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alias {
    /// It must not be there.
    New,
    /// It must be there.
    Known,
    /// Whatever it meant before, if anything.
    Any,
}

impl LocalKeys {
    /// Lets `alias` (`alias/NAME`) mean `key` from now on. What was wrapped stays with its key.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn point_alias(
        &self,
        realm: &str,
        (alias, wanted): (&str, Alias),
        key: &str,
    ) -> Result<KeyInfo, ManageError> {
        hold_alias(alias)?;
        let mut ring = self.ring();
        let full = format!("{realm}{alias}");
        match (ring.aliases.contains_key(&full), wanted) {
            (true, Alias::New) => return Err(ManageError::Exists(full)),
            (false, Alias::Known) => return Err(not_found(&full)),
            _ => {}
        }
        let name = ring.find(realm, key)?.full_name();
        self.point(&mut ring, realm, alias, &name)?;
        info(&ring, &name)
    }

    /// [`LocalKeys::point_alias`] with [`Alias::Any`].
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn set_alias(&self, realm: &str, alias: &str, key: &str) -> Result<KeyInfo, ManageError> {
        self.point_alias(realm, (alias, Alias::Any), key)
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
            return Err(not_found(&full));
        }
        self.written(self.directory.as_ref().map(|dir| dir.put_aliases(&aliases)))?;
        ring.aliases = aliases;
        Ok(())
    }

    /// Up to `most` aliases of a realm as `alias/NAME`, in their order, from behind the alias `after`, each with the full
    /// name of its key; of one key, where its full name is given.
    #[must_use]
    pub fn aliases(
        &self,
        realm: &str,
        key: Option<&str>,
        (after, most): (&str, usize),
    ) -> Vec<(String, String)> {
        let ring = self.ring();
        let from = if after.is_empty() { PREFIX } else { after };
        let start = Bound::Excluded(format!("{realm}{from}"));
        let aliases = ring.aliases.range((start, Bound::Unbounded));
        aliases
            .map_while(|(full, master)| Some((full.strip_prefix(realm)?.to_owned(), master.clone())))
            .take_while(|(alias, _)| alias.starts_with(PREFIX))
            .filter(|(_, master)| key.is_none_or(|key| key == master))
            .take(most)
            .collect()
    }

    /// Writes what an alias means from now on.
    pub(super) fn point(
        &self,
        ring: &mut Ring,
        realm: &str,
        alias: &str,
        name: &str,
    ) -> Result<(), ManageError> {
        let full = format!("{realm}{alias}");
        if ring.aliases.len() >= ALIASES_MAX && !ring.aliases.contains_key(&full) {
            return Err(ManageError::Full(format!(
                "there are {ALIASES_MAX} aliases, the most there can be: remove some"
            )));
        }
        let mut aliases = ring.aliases.clone();
        aliases.insert(full, name.to_owned());
        self.written(self.directory.as_ref().map(|dir| dir.put_aliases(&aliases)))?;
        ring.aliases = aliases;
        Ok(())
    }
}

fn not_found(full: &str) -> ManageError {
    KeyError::NotFound(format!("Alias {full} is not found.")).into()
}

fn hold_alias(alias: &str) -> Result<(), ManageError> {
    let name = alias.strip_prefix(PREFIX).unwrap_or_default();
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
