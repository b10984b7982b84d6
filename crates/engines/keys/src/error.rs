//! Why a provider does not do what it is asked, by what the caller would do differently.

/// A refusal. Each carries a sentence that names the key and says how it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key is switched off: switch it on.
    #[error("{0}")]
    Disabled(String),
    /// The key waits to be deleted or to be imported.
    #[error("{0}")]
    InvalidState(String),
    /// The key is not the caller's, or what is unwrapped was not wrapped by it in that context.
    #[error("{0}")]
    AccessDenied(String),
    /// No such key.
    #[error("{0}")]
    NotFound(String),
    /// Whoever asks the provider is not subscribed to it.
    #[error("{0}")]
    OptInRequired(String),
    /// The provider asks to slow down.
    #[error("{0}")]
    Throttled(String),
    /// The provider cannot be reached or failed.
    #[error("{0}")]
    Unavailable(String),
}

impl KeyError {
    /// Whether the same call may succeed soon without anybody doing anything.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Throttled(_) | Self::Unavailable(_))
    }
}
