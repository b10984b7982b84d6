//! `[keys]`: where the master keys are that encrypted streams need.

use std::path::{Path, PathBuf};
use std::time::Duration;

use millrace_base::Secret;

use super::error::ConfigError;
use super::keys::{Key, Kind};
use super::values::Values;

/// Its name within the data directory, where nobody names another.
const DIR_NAME: &str = "keys";

/// The section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysConfig {
    /// The directory of local master keys; `None` for one within the data directory.
    pub dir: Option<PathBuf>,
    /// The key service that has the master keys; `None` where they are local.
    pub kms: Option<KmsConfig>,
}

/// A key service that speaks the KMS API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsConfig {
    /// Its base address.
    pub endpoint: String,
    /// The region that is signed for; `None` for that of each stream.
    pub region: Option<String>,
    /// Names the key that signs.
    pub access_key: String,
    /// Signs.
    pub secret_key: Secret<String>,
    /// The token of a temporary access key.
    pub session_token: Option<Secret<String>>,
    /// PEM file with the certificates to trust; `None` for the system's.
    pub ca: Option<PathBuf>,
    /// What is asked for where a stream names `alias/aws/kinesis`; `None` for that very alias.
    pub default_key: Option<String>,
    /// How long a data key may be used before it is decrypted again.
    pub cache: Duration,
}

static DIR: Key = Key {
    name: "keys.dir",
    env: "MILLRACE_KEYS_DIR",
    default: "",
    kind: Kind::Text,
    doc: "The directory of the master keys that encrypted streams need; without one, keys/ in the data directory. Better \
          on another disk than the data, and in the backup: who loses it loses every record that was encrypted.",
};
static ENDPOINT: Key = Key {
    name: "keys.kms_endpoint",
    env: "MILLRACE_KEYS_KMS_ENDPOINT",
    default: "",
    kind: Kind::Text,
    doc: "Base address of a key service that speaks the KMS API, such as https://kms.eu-central-1.amazonaws.com: the \
          master keys are there, and none here. Records that were encrypted with local keys can then not be read.",
};
static REGION: Key = Key {
    name: "keys.kms_region",
    env: "MILLRACE_KEYS_KMS_REGION",
    default: "",
    kind: Kind::Text,
    doc: "The region of the key service; without one, that of each stream.",
};
static ACCESS_KEY: Key = Key {
    name: "keys.kms_access_key",
    env: "MILLRACE_KEYS_KMS_ACCESS_KEY",
    default: "",
    kind: Kind::Text,
    doc: "Access key for the key service. It needs kms:GenerateDataKey, kms:Decrypt and kms:DescribeKey.",
};
static SECRET_KEY: Key = Key {
    name: "keys.kms_secret_key",
    env: "MILLRACE_KEYS_KMS_SECRET_KEY",
    default: "",
    kind: Kind::Secret,
    doc: "The access key's secret key.",
};
static SESSION_TOKEN: Key = Key {
    name: "keys.kms_session_token",
    env: "MILLRACE_KEYS_KMS_SESSION_TOKEN",
    default: "",
    kind: Kind::Secret,
    doc: "The session token of a temporary access key. It is not renewed.",
};
static CA: Key = Key {
    name: "keys.kms_ca",
    env: "MILLRACE_KEYS_KMS_CA",
    default: "",
    kind: Kind::Text,
    doc: "PEM file with the certificates that the key service's is trusted by; without one, the system's.",
};
static DEFAULT_KEY: Key = Key {
    name: "keys.kms_default_key",
    env: "MILLRACE_KEYS_KMS_DEFAULT_KEY",
    default: "",
    kind: Kind::Text,
    doc: "Id, alias or ARN of the key that is used for streams whose KeyId is alias/aws/kinesis. At AWS that alias is for \
          the service alone, so name a key of your own.",
};
static CACHE: Key = Key {
    name: "keys.kms_cache_secs",
    env: "MILLRACE_KEYS_KMS_CACHE_SECS",
    default: "300",
    kind: Kind::Number,
    doc: "Seconds that a data key is used before the key service is asked for it again. A key that is disabled there \
          stops its streams after at most so long.",
};

/// The section's keys.
pub(super) static KEYS: [&Key; 9] = [
    &DIR,
    &ENDPOINT,
    &REGION,
    &ACCESS_KEY,
    &SECRET_KEY,
    &SESSION_TOKEN,
    &CA,
    &DEFAULT_KEY,
    &CACHE,
];

impl KeysConfig {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        let conflict = |text: &str| Err(ConfigError::Conflict(text.to_owned()));
        let dir = values.text(&DIR).map(PathBuf::from);
        let (access_key, secret_key) = (values.text(&ACCESS_KEY), values.secret(&SECRET_KEY));
        let session_token = values.secret(&SESSION_TOKEN);
        let cache = values.seconds(&CACHE)?;
        let Some(endpoint) = values.text(&ENDPOINT) else {
            if access_key.is_some() || secret_key.is_some() || session_token.is_some() {
                return conflict(
                    "keys.kms_access_key and its kin are for a key service: set keys.kms_endpoint",
                );
            }
            return Ok(Self { dir, kms: None });
        };
        if dir.is_some() {
            return conflict(
                "keys.dir keeps the master keys here and keys.kms_endpoint elsewhere: set one of them",
            );
        }
        let (Some(access_key), Some(secret_key)) = (access_key, secret_key) else {
            return conflict("keys.kms_endpoint needs keys.kms_access_key and keys.kms_secret_key, both");
        };
        Ok(Self {
            dir,
            kms: Some(KmsConfig {
                endpoint,
                region: values.text(&REGION),
                access_key,
                secret_key,
                session_token,
                ca: values.text(&CA).map(PathBuf::from),
                default_key: values.text(&DEFAULT_KEY),
                cache,
            }),
        })
    }

    /// The directory of local master keys; `None` where they are in memory, as everything is.
    pub(crate) fn local_dir(&self, data_dir: Option<&Path>) -> Option<PathBuf> {
        self.dir
            .clone()
            .or_else(|| data_dir.map(|dir| dir.join(DIR_NAME)))
    }
}
