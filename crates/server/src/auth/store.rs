//! The known credentials.

use std::collections::HashMap;
use std::sync::Arc;

use millrace_base::Secret;
use millrace_wire::Identity;
use millrace_wire::sigv4::AuthError;
use ring::digest::{SHA256, digest};

use crate::config::Credential;

/// Credentials by access key.
#[derive(Debug)]
pub(super) struct Store {
    known: HashMap<String, Configured>,
}

/// A key and whom it belongs to.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) secret: Arc<Secret<String>>,
    pub(super) identity: Arc<Identity>,
}

/// A key of an account's owner: those are what is configured.
#[derive(Debug)]
struct Configured {
    known: Known,
    session_token: Option<Secret<String>>,
}

impl Store {
    pub(super) fn new(credentials: Vec<Credential>) -> Self {
        let one = |credential: Credential| {
            let known = Known {
                secret: Arc::new(credential.secret_key),
                identity: Identity::root(&credential.account),
            };
            let session_token = credential.session_token;
            (credential.access_key, Configured { known, session_token })
        };
        Self {
            known: credentials.into_iter().map(one).collect(),
        }
    }

    /// Whom this key belongs to, if the session token is the one that belongs to it.
    pub(super) fn find(&self, access_key: &str, token: Option<&str>) -> Result<Known, AuthError> {
        let configured = self.known.get(access_key).ok_or(AuthError::UnknownKey)?;
        let right = match (&configured.session_token, token) {
            (None, None) => true,
            // Digests, so that the time it takes to compare says nothing about the token.
            (Some(right), Some(given)) => {
                digest(&SHA256, right.expose().as_bytes()).as_ref()
                    == digest(&SHA256, given.as_bytes()).as_ref()
            }
            _ => false,
        };
        if right {
            Ok(configured.known.clone())
        } else {
            Err(AuthError::UnknownKey)
        }
    }
}
