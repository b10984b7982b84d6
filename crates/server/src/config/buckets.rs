//! `[buckets]`: where objects are delivered to.

use std::path::{Path, PathBuf};

use millrace_base::Secret;
use millrace_blob::{Buckets, S3, S3Credentials};

use super::error::ConfigError;
use super::keys::{Key, Kind};
use super::values::Values;

/// The section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketsConfig {
    /// What keeps the buckets.
    pub store: BucketStore,
    /// Whether a bucket that is a directory is made when it is first asked for.
    pub create: bool,
    /// Base address of the S3-compatible service; `None` for the region's own.
    pub endpoint: Option<String>,
    /// Whether a bucket is a part of the path rather than of the host's name.
    pub path_style: bool,
    /// Names the key that signs; `None` for the environment's credentials.
    pub access_key: Option<String>,
    /// Signs.
    pub secret_key: Option<Secret<String>>,
}

/// What keeps the buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketStore {
    /// Directories below the data directory.
    Local,
    /// An S3-compatible service.
    S3,
}

static STORE: Key = Key {
    name: "buckets.store",
    env: "MILLRACE_BUCKETS_STORE",
    default: "local",
    kind: Kind::Text,
    doc: "Where the buckets are that channels deliver to: \"local\" takes directories in buckets/ of the data \
          directory, \"s3\" an S3-compatible service.",
};
static CREATE: Key = Key {
    name: "buckets.create",
    env: "MILLRACE_BUCKETS_CREATE",
    default: "true",
    kind: Kind::Bool,
    doc: "Make a local bucket's directory when it is first asked for. With false a channel to a bucket that is not \
          there fails, as it does at AWS.",
};
static ENDPOINT: Key = Key {
    name: "buckets.endpoint",
    env: "MILLRACE_BUCKETS_ENDPOINT",
    default: "",
    kind: Kind::Text,
    doc: "Base address of the S3-compatible service, such as http://127.0.0.1:9000; without one, the region's own.",
};
static PATH_STYLE: Key = Key {
    name: "buckets.path_style",
    env: "MILLRACE_BUCKETS_PATH_STYLE",
    default: "true",
    kind: Kind::Bool,
    doc: "Write buckets into the path (endpoint/bucket/key) rather than into the host's name (bucket.endpoint/key).",
};
static ACCESS_KEY: Key = Key {
    name: "buckets.access_key",
    env: "MILLRACE_BUCKETS_ACCESS_KEY",
    default: "",
    kind: Kind::Text,
    doc: "Access key for the S3-compatible service; without one, the credentials of the environment (AWS_ACCESS_KEY_ID \
          and its kin, or the machine's role).",
};
static SECRET_KEY: Key = Key {
    name: "buckets.secret_key",
    env: "MILLRACE_BUCKETS_SECRET_KEY",
    default: "",
    kind: Kind::Secret,
    doc: "The access key's secret key.",
};

/// The section's keys.
pub(super) static KEYS: [&Key; 6] = [&STORE, &CREATE, &ENDPOINT, &PATH_STYLE, &ACCESS_KEY, &SECRET_KEY];

impl BucketsConfig {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        let buckets = Self {
            store: values.choice(&STORE, &[("local", BucketStore::Local), ("s3", BucketStore::S3)])?,
            create: values.parse(&CREATE)?,
            endpoint: values.text(&ENDPOINT),
            path_style: values.parse(&PATH_STYLE)?,
            access_key: values.text(&ACCESS_KEY),
            secret_key: values.secret(&SECRET_KEY),
        };
        let remote = buckets.endpoint.is_some() || buckets.access_key.is_some();
        let conflict = if buckets.access_key.is_some() != buckets.secret_key.is_some() {
            "buckets.access_key and buckets.secret_key belong together: set both or none"
        } else if remote && buckets.store == BucketStore::Local {
            "buckets.endpoint and buckets.access_key are for an S3-compatible service: set buckets.store = \"s3\""
        } else {
            return Ok(buckets);
        };
        Err(ConfigError::Conflict(conflict.to_owned()))
    }

    /// The buckets; local ones are in memory where there is no data directory.
    pub(crate) fn open(&self, data_dir: Option<&Path>) -> Buckets {
        match (self.store, data_dir) {
            (BucketStore::Local, None) => Buckets::memory(),
            (BucketStore::Local, Some(dir)) => {
                let dir: PathBuf = dir.join("buckets");
                Buckets::local(dir, self.create)
            }
            (BucketStore::S3, _) => {
                let keys = self.access_key.clone().zip(self.secret_key.clone());
                Buckets::s3(S3 {
                    endpoint: self.endpoint.clone(),
                    credentials: keys.map(|(access_key, secret_key)| S3Credentials {
                        access_key,
                        secret_key,
                        session_token: None,
                    }),
                    path_style: self.path_style,
                })
            }
        }
    }
}
