//! The known credentials.

use std::collections::HashMap;

use millrace_wire::sigv4::AuthError;
use ring::digest::{SHA256, digest};

use crate::config::Credential;

/// Credentials by access key.
#[derive(Debug)]
pub(super) struct Store {
    known: HashMap<String, Credential>,
}

impl Store {
    pub(super) fn new(credentials: Vec<Credential>) -> Self {
        let known = credentials
            .into_iter()
            .map(|c| (c.access_key.clone(), c))
            .collect();
        Self { known }
    }

    /// The credential of this key, if the session token is the one that belongs to it.
    pub(super) fn find(&self, access_key: &str, token: Option<&str>) -> Result<&Credential, AuthError> {
        let credential = self.known.get(access_key).ok_or(AuthError::UnknownKey)?;
        let right = match (&credential.session_token, token) {
            (None, None) => true,
            // Digests, so that the time it takes to compare says nothing about the token.
            (Some(right), Some(given)) => {
                digest(&SHA256, right.expose().as_bytes()).as_ref()
                    == digest(&SHA256, given.as_bytes()).as_ref()
            }
            _ => false,
        };
        if right {
            Ok(credential)
        } else {
            Err(AuthError::UnknownKey)
        }
    }
}
