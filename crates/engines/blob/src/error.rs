//! Why a blob call failed.

/// What went wrong, by what the caller would do differently.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// There is nothing under this key.
    #[error("there is no blob '{0}'")]
    NotFound(String),
    /// The key breaks the rules; the caller's mistake.
    #[error("'{key}' cannot name a blob: {rule}")]
    BadKey {
        /// What was asked for.
        key: String,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// The bucket is not there, or not for whoever asks.
    #[error("the bucket '{bucket}' cannot be used: {detail}")]
    NoBucket {
        /// Which.
        bucket: String,
        /// Why, and what to do.
        detail: String,
    },
    /// The range lies outside of the blob or is empty.
    #[error("bytes {start}..{end} do not lie inside of blob '{key}'")]
    BadRange {
        /// Whose.
        key: String,
        /// First byte asked for.
        start: u64,
        /// One behind the last byte asked for.
        end: u64,
    },
    /// The folder holds more keys than a listing returns.
    #[error("there are more than {max} blobs under '{prefix}': list a narrower folder")]
    TooMany {
        /// What was listed.
        prefix: String,
        /// The bound.
        max: usize,
    },
    /// The directory of the store cannot be used.
    #[error("cannot keep blobs in '{dir}': {detail}; choose another directory or correct its permissions")]
    Directory {
        /// Which.
        dir: String,
        /// The operating system's words.
        detail: String,
    },
    /// The store failed; the same call may succeed later.
    #[error("the blob store failed on '{key}': {detail}")]
    Store {
        /// Whose.
        key: String,
        /// The store's words.
        detail: String,
    },
}
