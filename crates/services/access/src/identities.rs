//! From an access key to whom it belongs to.
//!
//! Identities are put together when a key is first used and kept until anything in the state changes: a permission that
//! was taken away is gone with the next call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millrace_base::{Secret, Timestamp};
use millrace_wire::Identity;
use millrace_wire::policy::{Policy, Principal};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::error::AccessError;
use crate::limits::{IDENTITIES_MAX, TOKEN_CHARS_MAX};
use crate::managed;
use crate::seal::Purpose;
use crate::service::Access;
use crate::state::{AccessState, Holder, Of};

/// A key that is known.
#[derive(Clone, Debug)]
pub struct Found {
    /// What requests are signed with.
    pub secret: Arc<Secret<String>>,
    /// Who signs with it.
    pub identity: Arc<Identity>,
    /// When it ends, where it is temporary.
    expires: Option<Timestamp>,
}

/// Why nobody is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// No such key, or a token that is none of it.
    Key,
    /// The session is over.
    Expired,
}

/// What a session token says; sealed, so that it need not be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The access key that it belongs to: `ASIA…`.
    pub(crate) key: String,
    pub(crate) secret: String,
    pub(crate) account: String,
    /// Whose session it is.
    pub(crate) of: SessionOf,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
    /// Documents of the session's policies; absent where none were passed.
    pub(crate) policies: Option<Vec<String>>,
}

/// Whose session it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SessionOf {
    /// The account's owner.
    Root,
    /// A user.
    User {
        name: String,
        /// The user's, so that a later user of that name is another one.
        id: String,
    },
    /// A role that was assumed.
    Role {
        name: String,
        /// The role's, so that a later role of that name is another one.
        id: String,
        session: String,
    },
}

/// Identities that are ready.
#[derive(Debug, Default)]
pub(crate) struct Identities(Mutex<Ready>);

#[derive(Debug, Default)]
struct Ready {
    /// The state that they are of.
    revision: u64,
    /// By access key, and by what its token hashes to.
    found: HashMap<(String, Option<[u8; 32]>), Found>,
}

impl Identities {
    /// What is ready at a revision of the state; all of an earlier one is forgotten.
    fn at(&self, revision: u64) -> MutexGuard<'_, Ready> {
        let mut ready = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ready.revision != revision || ready.found.len() >= IDENTITIES_MAX {
            ready.revision = revision;
            ready.found.clear();
        }
        ready
    }
}

fn hash(token: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    bytes
}

impl Access {
    /// Whom an access key belongs to; `token` is the session token that came with it.
    ///
    /// # Errors
    /// [`Unknown`]
    pub fn find(&self, access_key: &str, token: Option<&str>, now: Timestamp) -> Result<Found, Unknown> {
        if token.is_some_and(|token| token.len() > TOKEN_CHARS_MAX) {
            return Err(Unknown::Key);
        }
        let place = (access_key.to_owned(), token.map(hash));
        let revision = self.revision();
        let known = self.0.identities.at(revision).found.get(&place).cloned();
        let found = match known {
            Some(found) => found,
            None => {
                let found = match token {
                    None => self.of_user(access_key)?,
                    Some(token) => self.of_session(access_key, token)?,
                };
                self.0.identities.at(revision).found.insert(place, found.clone());
                found
            }
        };
        match found.expires {
            Some(expires) if now >= expires => Err(Unknown::Expired),
            _ => Ok(found),
        }
    }

    fn of_user(&self, access_key: &str) -> Result<Found, Unknown> {
        self.0.deps.control.read(|state| {
            let key = state.access_key(access_key).filter(|key| key.active);
            let key = key.ok_or(Unknown::Key)?;
            let secret = self
                .0
                .sealer
                .open(Purpose::Secret, &key.sealed)
                .ok_or(Unknown::Key)?;
            let identity = user(state, &key.account, &key.user).map_err(|_| Unknown::Key)?;
            Ok(Found {
                secret: Arc::new(Secret::new(secret)),
                identity: Arc::new(identity),
                expires: None,
            })
        })
    }

    fn of_session(&self, access_key: &str, token: &str) -> Result<Found, Unknown> {
        let text = self.0.sealer.open(Purpose::Token, token).ok_or(Unknown::Key)?;
        let claims: Claims = serde_json::from_str(&text).map_err(|_| Unknown::Key)?;
        if claims.key != access_key {
            return Err(Unknown::Key);
        }
        let identity = self.0.deps.control.read(|state| session(state, &claims));
        Ok(Found {
            identity: Arc::new(identity.map_err(|_| Unknown::Key)?),
            secret: Arc::new(Secret::new(claims.secret)),
            expires: Some(claims.expires),
        })
    }
}

/// A name with its path, as principals have it.
pub(crate) fn full_name(holder: &Holder, name: &str) -> String {
    format!("{}{name}", holder.path.trim_start_matches('/'))
}

fn with_policies(state: &AccessState, account: &str, holder: &Holder, identity: &mut Identity) {
    let own = holder.inline.values().map(|text| managed::compiled(text));
    // A policy that is attached cannot be deleted; one that is gone all the same may have denied something.
    let attached = holder.attached.iter().map(|arn| match managed::document(state, account, arn) {
        Ok(text) => managed::compiled(text),
        Err(error) => {
            tracing::error!(%error, arn, "an attached policy is not there: its holders are let through nowhere");
            Policy::deny_everything()
        }
    });
    identity.policies = own.chain(attached).collect();
}

fn user(state: &AccessState, account: &str, name: &str) -> Result<Identity, AccessError> {
    let holder = state.holder(account, Of::User, name)?;
    let principal = Principal::User {
        account: account.to_owned(),
        name: full_name(holder, name),
    };
    let mut identity = Identity::new(principal, &*holder.id);
    with_policies(state, account, holder, &mut identity);
    Ok(identity)
}

/// Whose session it is, with the permissions that the user or role has now.
fn session(state: &AccessState, claims: &Claims) -> Result<Identity, AccessError> {
    let account = &claims.account;
    let mut identity = match &claims.of {
        SessionOf::Root => Identity::new(
            Principal::Root {
                account: account.clone(),
            },
            &**account,
        ),
        SessionOf::User { name, id } => {
            let identity = user(state, account, name)?;
            if identity.user_id() != id {
                return Err(Of::User.missing(name));
            }
            identity
        }
        SessionOf::Role { name, id, session } => {
            let holder = state.holder(account, Of::Role, name)?;
            if holder.id != *id {
                return Err(Of::Role.missing(name));
            }
            let principal = Principal::AssumedRole {
                account: account.clone(),
                role: full_name(holder, name),
                session: session.clone(),
            };
            let mut identity = Identity::new(principal, format!("{id}:{session}"));
            with_policies(state, account, holder, &mut identity);
            identity
        }
    };
    identity.issued = Some(claims.issued);
    let passed = claims.policies.as_ref();
    identity.session = passed.map(|texts| texts.iter().map(|text| managed::compiled(text)).collect());
    Ok(identity)
}
