//! Buckets: stores of objects by name, that their owner made and others put objects into.
//!
//! Either every bucket is a directory below one directory, or all are an S3-compatible service's. Which one, the
//! configuration says; whoever delivers to a bucket does not know.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use millrace_base::Secret;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{ClientOptions, Error as StoreError, ObjectStore, RetryConfig};

use crate::limits::{BUCKETS_OPEN_MAX, REQUEST_PATIENCE, RETRY_PATIENCE};
use crate::{BlobError, Blobs};

/// Where the S3-compatible service is and who asks.
#[derive(Clone, Debug)]
pub struct S3 {
    /// Base address, such as `http://127.0.0.1:9000`; `None` for the region's own.
    pub endpoint: Option<String>,
    /// Signs requests; `None` for the environment's credentials.
    pub credentials: Option<S3Credentials>,
    /// Whether a bucket is a part of the path rather than of the host's name.
    pub path_style: bool,
}

/// Keys of an S3-compatible service.
#[derive(Clone, Debug)]
pub struct S3Credentials {
    /// Names the key.
    pub access_key: String,
    /// Signs requests.
    pub secret_key: Secret<String>,
    /// Of temporary keys.
    pub session_token: Option<Secret<String>>,
}

/// What tells one bucket from another, and how its objects are put.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Where it lies.
    pub region: String,
    /// A key of the service's key management that encrypts its objects.
    pub key: Option<String>,
}

#[derive(Debug)]
enum Kind {
    Memory,
    Local { dir: PathBuf, create: bool },
    S3(S3),
}

/// All buckets. Clones share them.
#[derive(Clone)]
pub struct Buckets {
    kind: Arc<Kind>,
    open: Arc<Mutex<HashMap<Bucket, Blobs>>>,
}

impl Buckets {
    fn new(kind: Kind) -> Self {
        Self {
            kind: Arc::new(kind),
            open: Arc::default(),
        }
    }

    /// Buckets in memory, each there when it is first asked for.
    #[must_use]
    pub fn memory() -> Self {
        Self::new(Kind::Memory)
    }

    /// Buckets as directories below `dir`; with `create` each is there when it is first asked for.
    #[must_use]
    pub fn local(dir: PathBuf, create: bool) -> Self {
        Self::new(Kind::Local { dir, create })
    }

    /// Buckets of an S3-compatible service.
    #[must_use]
    pub fn s3(options: S3) -> Self {
        Self::new(Kind::S3(options))
    }

    /// A bucket that is there.
    ///
    /// # Errors
    /// [`BlobError::NoBucket`] where it is not there or not to be reached with these credentials;
    /// [`BlobError::BadKey`] for a name that can be none; [`BlobError::Directory`] and [`BlobError::Store`] where
    /// the same call may succeed later.
    pub async fn open(&self, bucket: &Bucket) -> Result<Blobs, BlobError> {
        let open = || self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(blobs) = open().get(bucket) {
            return Ok(blobs.clone());
        }
        let blobs = self.make(bucket).await?;
        let mut open = open();
        if open.len() >= BUCKETS_OPEN_MAX {
            // Handles are cheap to make again; in memory they are all there is.
            if !matches!(*self.kind, Kind::Memory) {
                open.clear();
            }
        }
        Ok(open.entry(bucket.clone()).or_insert(blobs).clone())
    }

    async fn make(&self, bucket: &Bucket) -> Result<Blobs, BlobError> {
        check(&bucket.name)?;
        match &*self.kind {
            Kind::Memory => Ok(Blobs::memory()),
            Kind::Local { dir, create } => {
                if bucket.key.is_some() {
                    return Err(no_bucket(
                        bucket,
                        "a directory has no key management: leave the key out",
                    ));
                }
                let dir = dir.join(&bucket.name);
                if !create && !dir.is_dir() {
                    let wanted = format!("there is no directory {}: make it", dir.display());
                    return Err(no_bucket(bucket, &wanted));
                }
                Blobs::local(&dir)
            }
            Kind::S3(options) => {
                let store = s3(bucket, options)?;
                reach(bucket, &store).await?;
                Ok(Blobs::of(Arc::new(store), true))
            }
        }
    }
}

impl fmt::Debug for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buckets({:?})", self.kind)
    }
}

fn s3(bucket: &Bucket, options: &S3) -> Result<impl ObjectStore + use<>, BlobError> {
    // TLS takes the process's provider; the first one to install it wins, and all are the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = match &options.credentials {
        None => AmazonS3Builder::from_env(),
        Some(credentials) => {
            let builder = AmazonS3Builder::new()
                .with_access_key_id(&credentials.access_key)
                .with_secret_access_key(credentials.secret_key.expose());
            match &credentials.session_token {
                Some(token) => builder.with_token(token.expose()),
                None => builder,
            }
        }
    };
    builder = builder
        .with_bucket_name(&bucket.name)
        .with_region(&bucket.region)
        .with_virtual_hosted_style_request(!options.path_style)
        .with_client_options(ClientOptions::new().with_timeout(REQUEST_PATIENCE))
        .with_retry(RetryConfig {
            retry_timeout: RETRY_PATIENCE,
            ..RetryConfig::default()
        });
    if let Some(endpoint) = &options.endpoint {
        builder = builder
            .with_endpoint(endpoint)
            .with_allow_http(endpoint.starts_with("http://"));
    }
    if let Some(key) = &bucket.key {
        builder = builder.with_sse_kms_encryption(key);
    }
    builder
        .build()
        .map_err(|error| no_bucket(bucket, &error.to_string()))
}

/// Lists at most one object: what a bucket that is not there, or not ours, refuses.
async fn reach(bucket: &Bucket, store: &impl ObjectStore) -> Result<(), BlobError> {
    let mut listing = store.list(Some(&Path::from("millrace-looks-whether-this-bucket-is-there")));
    match listing.next().await {
        None | Some(Ok(_)) => Ok(()),
        Some(Err(
            error @ (StoreError::NotFound { .. }
            | StoreError::PermissionDenied { .. }
            | StoreError::Unauthenticated { .. }),
        )) => Err(no_bucket(bucket, &error.to_string())),
        Some(Err(error)) => {
            let detail = error.to_string();
            // The library tells a missing object, but not a missing bucket.
            if detail.contains("NoSuchBucket") {
                return Err(no_bucket(
                    bucket,
                    "the service says NoSuchBucket: make it, or name another",
                ));
            }
            Err(BlobError::Store {
                key: bucket.name.clone(),
                detail,
            })
        }
    }
}

fn no_bucket(bucket: &Bucket, detail: &str) -> BlobError {
    BlobError::NoBucket {
        bucket: bucket.name.clone(),
        detail: detail.to_owned(),
    }
}

/// A bucket's name is one part of a path and of a host's name.
fn check(name: &str) -> Result<(), BlobError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'_');
    let ends = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if (3..=63).contains(&name.len())
        && name.bytes().all(plain)
        && ends(name.bytes().next())
        && ends(name.bytes().last())
    {
        return Ok(());
    }
    Err(BlobError::BadKey {
        key: name.chars().take(100).collect(),
        rule: "a bucket has 3 to 63 lower-case letters, digits, dots, hyphens and underscores, and starts and ends \
               with a letter or a digit",
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn bucket(name: &str) -> Bucket {
        Bucket {
            name: name.to_owned(),
            region: "us-east-1".to_owned(),
            key: None,
        }
    }

    #[tokio::test]
    async fn buckets_are_directories() {
        let dir = tempfile::tempdir().unwrap();
        let strict = Buckets::local(dir.path().to_owned(), false);
        let error = strict.open(&bucket("mine")).await.unwrap_err();
        assert!(matches!(error, BlobError::NoBucket { .. }), "{error}");
        let lenient = Buckets::local(dir.path().to_owned(), true);
        let blobs = lenient.open(&bucket("mine")).await.unwrap();
        blobs.put("a/b", Bytes::from_static(b"1")).await.unwrap();
        assert_eq!(std::fs::read(dir.path().join("mine/a/b")).unwrap(), b"1");
        assert!(
            strict
                .open(&bucket("mine"))
                .await
                .unwrap()
                .exists("a/b")
                .await
                .unwrap()
        );
        let with_key = Bucket {
            key: Some("alias/x".to_owned()),
            ..bucket("mine")
        };
        assert!(matches!(
            lenient.open(&with_key).await,
            Err(BlobError::NoBucket { .. })
        ));
    }

    #[tokio::test]
    async fn a_bucket_in_memory_is_the_same_one_each_time() {
        let buckets = Buckets::memory();
        let blobs = buckets.open(&bucket("one")).await.unwrap();
        blobs.put("a", Bytes::from_static(b"1")).await.unwrap();
        assert!(
            buckets
                .open(&bucket("one"))
                .await
                .unwrap()
                .exists("a")
                .await
                .unwrap()
        );
        assert!(
            !buckets
                .open(&bucket("two"))
                .await
                .unwrap()
                .exists("a")
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn names_stay_within_their_directory() {
        let buckets = Buckets::memory();
        for name in ["..", "a/b", "ab", "-ab", "ab.", "ABC", "a b", "", "a\0b"] {
            assert!(matches!(
                buckets.open(&bucket(name)).await,
                Err(BlobError::BadKey { .. })
            ));
        }
    }
}
