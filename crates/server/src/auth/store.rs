//! The known credentials.

use std::collections::HashMap;
use std::sync::Arc;

use millrace_wire::Identity;
use millrace_wire::sigv4::AuthError;
use ring::digest::{SHA256, digest};

use crate::config::Credential;

/// Credentials by access key.
#[derive(Debug)]
pub(super) struct Store {
    known: HashMap<String, Known>,
}

/// A credential and whom it belongs to.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) credential: Credential,
    pub(super) identity: Arc<Identity>,
}

impl Known {
    /// What is configured are keys of accounts' owners.
    fn owner(credential: Credential) -> Self {
        Self {
            identity: Identity::root(&credential.account),
            credential,
        }
    }
}

impl Store {
    pub(super) fn new(credentials: Vec<Credential>) -> Self {
        let known = credentials
            .into_iter()
            .map(|c| (c.access_key.clone(), Known::owner(c)))
            .collect();
        Self { known }
    }

    /// The credential of this key, if the session token is the one that belongs to it.
    pub(super) fn find(&self, access_key: &str, token: Option<&str>) -> Result<&Known, AuthError> {
        let known = self.known.get(access_key).ok_or(AuthError::UnknownKey)?;
        let right = match (&known.credential.session_token, token) {
            (None, None) => true,
            // Digests, so that the time it takes to compare says nothing about the token.
            (Some(right), Some(given)) => {
                digest(&SHA256, right.expose().as_bytes()).as_ref()
                    == digest(&SHA256, given.as_bytes()).as_ref()
            }
            _ => false,
        };
        if right {
            Ok(known)
        } else {
            Err(AuthError::UnknownKey)
        }
    }
}
