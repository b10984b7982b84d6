//! A master key: all its versions, of which the newest wraps and every one unwraps.

use std::fmt;

use millrace_base::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::{KEY_BYTES, KeyError, KeyMaterial, KeyState};

/// A master key, as it is kept: a field is never renamed or reused, and a new one needs a default.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Master {
    /// What its full name begins with.
    pub(super) realm: String,
    /// A random UUID.
    pub(super) id: String,
    /// When it was made.
    pub(super) created: Timestamp,
    /// For people.
    #[serde(default)]
    pub(super) description: String,
    /// Whether it is switched on.
    pub(super) enabled: bool,
    /// When it may be deleted, where it waits for that.
    #[serde(default)]
    pub(super) deletion: Option<Timestamp>,
    /// Whether its bytes come from outside.
    #[serde(default)]
    pub(super) imported: bool,
    /// Version 1 first; none is ever removed. Empty while it waits for its import.
    pub(super) versions: Vec<Version>,
}

/// One generation of a master key's bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Version {
    /// When it was made.
    pub(super) created: Timestamp,
    /// Its bytes.
    pub(super) material: Material,
}

/// A master key's bytes; hex in its file.
#[derive(Clone)]
pub(super) struct Material(pub(super) KeyMaterial);

impl Master {
    pub(super) fn full_name(&self) -> String {
        format!("{}key/{}", self.realm, self.id)
    }

    pub(super) fn state(&self) -> KeyState {
        if self.deletion.is_some() {
            KeyState::PendingDeletion
        } else if self.versions.is_empty() {
            KeyState::PendingImport
        } else if self.enabled {
            KeyState::Enabled
        } else {
            KeyState::Disabled
        }
    }

    /// Refuses a key that cannot be used, in the words that key services use.
    pub(super) fn hold_usable(&self) -> Result<(), KeyError> {
        let name = self.full_name();
        match self.state() {
            KeyState::Enabled => Ok(()),
            KeyState::Disabled => Err(KeyError::Disabled(format!("{name} is disabled."))),
            KeyState::PendingDeletion => Err(KeyError::InvalidState(format!("{name} is pending deletion."))),
            KeyState::PendingImport => Err(KeyError::InvalidState(format!("{name} is pending import."))),
        }
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Material {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = Zeroizing::new(hex::encode(self.0.as_slice()));
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Material {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let mut material = Zeroizing::new([0; KEY_BYTES]);
        hex::decode_to_slice(text.as_bytes(), material.as_mut_slice())
            .map_err(|_| serde::de::Error::custom("key material is 64 digits of hex"))?;
        Ok(Self(material))
    }
}
