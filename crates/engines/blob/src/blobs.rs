//! The facade: whole objects under keys.
//!
//! **Atomic.** A reader sees the old object or the new one, never a part. **Durable.** In a local directory, `put`
//! returns after the file's bytes and every directory entry that leads to it are on stable storage. **Delete** is
//! not: after a crash a deleted object may be back, so a caller deletes only what may come back.

use std::fmt;
use std::ops::Range;
use std::path::Path as FsPath;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use millrace_base::Timestamp;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Attribute, Error as StoreError, ObjectStore, ObjectStoreExt, PutOptions};

use crate::BlobError;
use crate::key::check;
use crate::limits::LISTED_KEYS_MAX;

/// A store of objects. Clones share it.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    /// Whether the store keeps descriptions.
    describes: bool,
}

/// What a store may be told about an object; stores that do not keep it pass over it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// Media type.
    pub content_type: Option<&'static str>,
    /// How it is stored, in the store's words.
    pub storage_class: Option<String>,
}

/// An object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its whole key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was put.
    pub modified: Timestamp,
}

impl Blobs {
    /// Objects as files below `dir`, which is created if it is missing.
    ///
    /// # Errors
    /// [`BlobError::Directory`] when it cannot be made or used.
    pub fn local(dir: &FsPath) -> Result<Self, BlobError> {
        let refused = |detail: String| BlobError::Directory {
            dir: dir.display().to_string(),
            detail,
        };
        std::fs::create_dir_all(dir).map_err(|error| refused(error.to_string()))?;
        let store = LocalFileSystem::new_with_prefix(dir).map_err(|error| refused(error.to_string()))?;
        // Without this flag the store answers from the page cache, and a power cut takes the object back.
        Ok(Self {
            store: Arc::new(store.with_fsync(true)),
            describes: false,
        })
    }

    /// Objects in memory, for tests.
    #[must_use]
    pub fn memory() -> Self {
        Self {
            store: Arc::new(InMemory::new()),
            describes: true,
        }
    }

    pub(crate) fn of(store: Arc<dyn ObjectStore>, describes: bool) -> Self {
        Self { store, describes }
    }

    /// [`Blobs::put`], with a description.
    ///
    /// # Errors
    /// As of [`Blobs::put`].
    pub async fn put_described(
        &self,
        key: &str,
        bytes: Bytes,
        description: &Description,
    ) -> Result<(), BlobError> {
        let path = check(key)?;
        let mut options = PutOptions::default();
        if self.describes {
            if let Some(kind) = description.content_type {
                options.attributes.insert(Attribute::ContentType, kind.into());
            }
            if let Some(class) = &description.storage_class {
                options
                    .attributes
                    .insert(Attribute::StorageClass, class.clone().into());
            }
        }
        self.store
            .put_opts(&path, bytes.into(), options)
            .await
            .map_err(|error| failed(key, &error))?;
        Ok(())
    }

    /// Puts `bytes` under `key`, replacing what was there.
    ///
    /// # Errors
    /// [`BlobError::BadKey`] or [`BlobError::Store`]; after the latter the old or the new object is there.
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<(), BlobError> {
        let path = check(key)?;
        self.store
            .put(&path, bytes.into())
            .await
            .map_err(|error| failed(key, &error))?;
        Ok(())
    }

    /// The whole object.
    ///
    /// # Errors
    /// [`BlobError::NotFound`], [`BlobError::BadKey`] or [`BlobError::Store`].
    pub async fn get(&self, key: &str) -> Result<Bytes, BlobError> {
        let path = check(key)?;
        let object = self.store.get(&path).await.map_err(|error| failed(key, &error))?;
        object.bytes().await.map_err(|error| failed(key, &error))
    }

    /// The bytes `range` of an object; all of them must exist.
    ///
    /// # Errors
    /// [`BlobError::BadRange`] when the range is empty or ends behind the object, else as [`Blobs::get`].
    pub async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, BlobError> {
        let path = check(key)?;
        let outside = || BlobError::BadRange {
            key: key.to_owned(),
            start: range.start,
            end: range.end,
        };
        // Stores differ in what they do with a range that ends behind the object; the size decides here.
        let size = self
            .store
            .head(&path)
            .await
            .map_err(|error| failed(key, &error))?
            .size;
        if range.start >= range.end || range.end > size {
            return Err(outside());
        }
        self.store
            .get_range(&path, range)
            .await
            .map_err(|error| failed(key, &error))
    }

    /// All objects in the folder `prefix` and below, ascending by key; all there are if it is empty. A folder is
    /// whole parts of a key: `a/b` lists `a/b/c`, not `a/bc`.
    ///
    /// # Errors
    /// [`BlobError::TooMany`] beyond [`LISTED_KEYS_MAX`], [`BlobError::BadKey`] or [`BlobError::Store`].
    pub async fn list(&self, prefix: &str) -> Result<Vec<Blob>, BlobError> {
        let path = if prefix.is_empty() {
            None
        } else {
            Some(check(prefix.trim_end_matches('/'))?)
        };
        let mut listing = self.store.list(path.as_ref());
        let mut found = Vec::new();
        while let Some(object) = listing.try_next().await.map_err(|error| failed(prefix, &error))? {
            if found.len() == LISTED_KEYS_MAX {
                return Err(BlobError::TooMany {
                    prefix: prefix.to_owned(),
                    max: LISTED_KEYS_MAX,
                });
            }
            let millis = u64::try_from(object.last_modified.timestamp_millis()).unwrap_or_default();
            let key = object.location.as_ref().to_owned();
            found.push(Blob {
                key,
                size: object.size,
                modified: Timestamp(millis),
            });
        }
        found.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    /// Removes an object; one that is not there is no error.
    ///
    /// # Errors
    /// [`BlobError::BadKey`] or [`BlobError::Store`].
    pub async fn delete(&self, key: &str) -> Result<(), BlobError> {
        let path = check(key)?;
        match self.store.delete(&path).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(key, &error)),
        }
    }

    /// Whether an object is there.
    ///
    /// # Errors
    /// [`BlobError::BadKey`] or [`BlobError::Store`].
    pub async fn exists(&self, key: &str) -> Result<bool, BlobError> {
        let path: Path = check(key)?;
        match self.store.head(&path).await {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(failed(key, &error)),
        }
    }
}

fn failed(key: &str, error: &StoreError) -> BlobError {
    match error {
        StoreError::NotFound { .. } => BlobError::NotFound(key.to_owned()),
        other => BlobError::Store {
            key: key.to_owned(),
            detail: other.to_string(),
        },
    }
}

impl fmt::Debug for Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blobs({})", self.store)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn behaves(blobs: Blobs) {
        assert!(!blobs.exists("a/b").await.unwrap());
        assert_eq!(blobs.get("a/b").await, Err(BlobError::NotFound("a/b".to_owned())));
        blobs.put("a/b", Bytes::from_static(b"old")).await.unwrap();
        blobs.put("a/b", Bytes::from_static(b"0123456789")).await.unwrap();
        blobs.put("a/c/d", Bytes::new()).await.unwrap();
        blobs.put("a/cd", Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(blobs.get("a/b").await.unwrap(), "0123456789");
        assert_eq!(blobs.get("a/c/d").await.unwrap(), "");
        assert_eq!(blobs.get_range("a/b", 2..5).await.unwrap(), "234");
        assert_eq!(blobs.get_range("a/b", 9..10).await.unwrap(), "9");
        for range in [5..5, 8..11, 11..12, 10..11] {
            let error = blobs.get_range("a/b", range.clone()).await.unwrap_err();
            assert!(matches!(error, BlobError::BadRange { .. }), "{range:?}: {error}");
        }
        let keys = |found: Vec<Blob>| found.into_iter().map(|b| (b.key, b.size)).collect::<Vec<_>>();
        let all = [
            ("a/b".to_owned(), 10),
            ("a/c/d".to_owned(), 0),
            ("a/cd".to_owned(), 1),
        ];
        assert_eq!(keys(blobs.list("").await.unwrap()), all);
        assert_eq!(keys(blobs.list("a/c").await.unwrap()), all[1..2]);
        assert_eq!(keys(blobs.list("a/c/").await.unwrap()), all[1..2]);
        assert_eq!(blobs.list("nothing").await.unwrap(), []);
        blobs.delete("a/b").await.unwrap();
        blobs.delete("a/b").await.unwrap();
        assert!(!blobs.exists("a/b").await.unwrap());
        assert!(matches!(
            blobs.put("../x", Bytes::new()).await,
            Err(BlobError::BadKey { .. })
        ));
    }

    #[tokio::test]
    async fn memory_keeps_the_promise() {
        behaves(Blobs::memory()).await;
    }

    #[tokio::test]
    async fn a_directory_keeps_the_promise_and_leaves_no_staging_file() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("made/on/demand");
        behaves(Blobs::local(&root).unwrap()).await;
        let names: Vec<_> = std::fs::read_dir(root.join("a"))
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(names.len(), 2, "{names:?}");
        let again = Blobs::local(&root).unwrap();
        assert_eq!(again.get("a/cd").await.unwrap(), "x");
    }

    #[tokio::test]
    async fn a_file_in_the_way_is_explained() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Blobs::local(&file.path().join("below")).unwrap_err();
        assert!(error.to_string().contains("choose another directory"), "{error}");
    }
}
