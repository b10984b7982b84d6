//! Master keys with bytes of one's own: written into the key directory while no server has it open.

use std::sync::Arc;

use millrace_base::{Clock, Rng, SystemClock, SystemRng};
use millrace_keys::local::{ManageError, OpenError};
use millrace_keys::{KEY_BYTES, KeyMaterial};

use crate::config::Config;
use crate::roles::open_local_keys;

/// Why a key has no bytes.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// They are too few or too many.
    #[error(
        "the key material has {0} bytes; it must have {KEY_BYTES}, as 'openssl rand -out FILE 32' makes it"
    )]
    Length(usize),
    /// The configuration keeps no keys in a directory.
    #[error("there is no key directory: {0}")]
    NoDirectory(&'static str),
    /// The directory cannot be opened; while a server runs, it has it.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// No key of that name waits for its bytes.
    #[error(
        "there is no key '{0}' in the key directory: name it by its id or its ARN, as 'create --import' printed them"
    )]
    Unknown(String),
    /// The key was not changed.
    #[error(transparent)]
    Manage(#[from] ManageError),
}

/// Gives the key that waits for them its bytes; yields its ARN. `key` is its id or its ARN.
///
/// # Errors
/// [`ImportError`]; then the key is as it was.
pub fn import_key(config: &Config, key: &str, material: &[u8]) -> Result<String, ImportError> {
    let bytes: [u8; KEY_BYTES] = material
        .try_into()
        .map_err(|_| ImportError::Length(material.len()))?;
    let material = KeyMaterial::new(bytes);
    if config.keys.kms.is_some() {
        return Err(ImportError::NoDirectory(
            "keys.kms_endpoint names a key service; import the bytes there",
        ));
    }
    let dir = config.keys.local_dir(config.storage.dir());
    let dir = dir.ok_or(ImportError::NoDirectory("storage.data_dir is :memory:"))?;
    let seams: (Arc<dyn Clock>, Arc<dyn Rng>) = (Arc::new(SystemClock::new()), Arc::new(SystemRng));
    let keys = open_local_keys(Some(dir), seams)?;
    let all = keys.list(None);
    let found = all.into_iter().find(|info| info.id == key || info.name == key);
    let name = found.ok_or_else(|| ImportError::Unknown(key.to_owned()))?.name;
    // The name is the realm, and behind it key/ID.
    let realm = name.split_once("key/").map_or("", |(realm, _)| realm);
    Ok(keys.import(realm, &name, material)?.name)
}
