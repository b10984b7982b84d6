//! The trait every provider implements, and the words it is made of.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::{DataKey, KeyError};

/// A result that arrives later.
pub type Pending<T> = Pin<Box<dyn Future<Output = Result<T, KeyError>> + Send>>;

/// What a data key is for, as names and values. A data key is unwrapped only in the context that it was made in. No
/// secret: providers may write it into their audit logs.
pub type Context = BTreeMap<String, String>;

/// Master keys, which wrap data keys and are themselves never seen.
///
/// **Names.** A master key lives in a realm, an opaque text that its full name begins with: `REALM key/ID`, without the
/// space. In its realm it can be called by its full name, by `ID`, by an alias `alias/NAME` and by an alias's full name
/// `REALM alias/NAME`. A full name is for ever; an alias may come to mean another key.
///
/// **Envelopes.** `make_key` yields a fresh random data key in two forms: ready for use, and wrapped by the master key so
/// that it can be stored anywhere. `unwrap_key` turns the second form into the first, as long as the master key can be
/// used, also after the master key was rotated. Wrapped bytes that were changed, that another master key wrapped, or
/// that belong into another context are [`KeyError::AccessDenied`].
///
/// **States.** A master key that is disabled is [`KeyError::Disabled`] for both calls, one that waits for its deletion or
/// its import [`KeyError::InvalidState`], one that is not there [`KeyError::NotFound`]. When it is enabled again,
/// everything that it ever wrapped can be unwrapped again.
///
/// **Time.** A call ends within seconds: a provider bounds its own waiting and its own tries.
pub trait Keys: Send + Sync + fmt::Debug {
    /// What `name` means in `realm` now, in whatever state that is.
    fn describe_key(&self, realm: &str, name: &str) -> Pending<Description>;

    /// Makes a data key under the master key that `name` means in `realm` now.
    fn make_key(&self, realm: &str, name: &str, context: &Context) -> Pending<Made>;

    /// Unwraps what [`Keys::make_key`] wrapped under `master`.
    fn unwrap_key(&self, master: &str, wrapped: &[u8], context: &Context) -> Pending<DataKey>;

    /// How long a data key may be used before it has to be unwrapped again. A master key that is disabled stops what
    /// it wrapped after that time.
    fn fresh_for(&self) -> Duration;
}

/// A master key, for whoever wants to know what a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its full name.
    pub master: String,
    /// How it is.
    pub state: KeyState,
}

/// How a master key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It can be used.
    Enabled,
    /// It is switched off.
    Disabled,
    /// It waits to be deleted; that can be taken back.
    PendingDeletion,
    /// It has no key material yet.
    PendingImport,
}

/// A data key that was made.
#[derive(Debug)]
pub struct Made {
    /// Ready for use.
    pub key: DataKey,
    /// Wrapped; to be stored.
    pub wrapped: Vec<u8>,
    /// Full name of the master key that wrapped it.
    pub master: String,
}
