//! Signing keys: derived by four HMACs, remembered, since a client uses one for a whole day.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use millrace_base::Secret;
use ring::hmac::{HMAC_SHA256, Key, sign};

use super::TERMINATOR;
use crate::limits::SIGNING_KEYS_MAX;

/// Derives the signing key of a day, region and service.
pub(super) fn derive(secret: &str, date: &str, region: &str, service: &str) -> Key {
    let mut tag = sign(
        &Key::new(HMAC_SHA256, format!("AWS4{secret}").as_bytes()),
        date.as_bytes(),
    );
    for part in [region, service, TERMINATOR] {
        tag = sign(&Key::new(HMAC_SHA256, tag.as_ref()), part.as_bytes());
    }
    Key::new(HMAC_SHA256, tag.as_ref())
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Name {
    access_key: String,
    date: String,
    region: String,
    service: String,
}

struct Remembered {
    /// The secret it was derived from; a changed secret must not be served the old key.
    secret: Secret<String>,
    key: Key,
}

/// Derived keys, at most [`SIGNING_KEYS_MAX`].
#[derive(Default)]
pub(super) struct Cache {
    keys: RwLock<HashMap<Name, Remembered>>,
}

impl Cache {
    /// The key of that name, derived if it is not remembered; and whether it was.
    pub(super) fn key(&self, access_key: &str, secret: &str, scope: [&str; 3]) -> (Key, bool) {
        let [date, region, service] = scope.map(str::to_owned);
        let name = Name {
            access_key: access_key.to_owned(),
            date,
            region,
            service,
        };
        {
            let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = keys.get(&name).filter(|known| known.secret.expose() == secret) {
                return (known.key.clone(), true);
            }
        }
        (derive(secret, &name.date, &name.region, &name.service), false)
    }

    /// Remembers a key whose signature was good. Only then, or strangers could fill the cache with made-up scopes.
    pub(super) fn remember(&self, access_key: &str, secret: &str, scope: [&str; 3], key: Key) {
        let [date, region, service] = scope.map(str::to_owned);
        let name = Name {
            access_key: access_key.to_owned(),
            date,
            region,
            service,
        };
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= SIGNING_KEYS_MAX {
            // Deriving anew costs microseconds; a finer policy would cost more than it saves.
            keys.clear();
        }
        keys.insert(
            name,
            Remembered {
                secret: Secret::new(secret.to_owned()),
                key,
            },
        );
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cache")
    }
}
