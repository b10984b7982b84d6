//! Users, roles, keys and policies: pure commands, a pure `apply`.
//!
//! Users and roles are alike in most ways and are both a [`Holder`] of policies.

mod command;

use std::collections::{BTreeMap, BTreeSet};

use millrace_base::Timestamp;
use millrace_control::{Applied, Machine};
use millrace_wire::policy::chars;
use serde::{Deserialize, Serialize};

pub use command::{Command, Of};

use crate::error::AccessError;
use crate::limits::{
    ATTACHED_MAX, INLINE_MAX, KEYS_MAX, POLICIES_MAX, ROLE_INLINE_CHARS_MAX, ROLES_MAX,
    USER_INLINE_CHARS_MAX, USERS_MAX,
};
use crate::managed;

/// What applying a command gives.
pub type Outcome = Result<(), AccessError>;

/// A user, or a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// `/`, or `/division/`.
    pub path: String,
    /// `AIDA…` of a user, `AROA…` of a role; never used twice.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Its own policies, by name.
    #[serde(default)]
    pub inline: BTreeMap<String, String>,
    /// ARNs of the managed policies that are attached to it.
    #[serde(default)]
    pub attached: BTreeSet<String>,
    /// What a role has besides.
    #[serde(default)]
    pub role: Option<Role>,
}

/// What a role has besides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its trust policy.
    pub trust: String,
    /// For people.
    pub description: String,
    /// The longest session, in seconds.
    pub max_secs: i32,
}

/// A managed policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Managed {
    /// `/`, or `/division/`.
    pub path: String,
    /// `ANPA…`; never used twice.
    pub id: String,
    /// For people.
    pub description: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its document.
    pub text: String,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// An access key of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// The user's account.
    pub account: String,
    /// The user's name.
    pub user: String,
    /// Its secret, sealed; base64.
    pub sealed: String,
    /// Whether it can be used.
    pub active: bool,
    /// When it was made.
    pub created: Timestamp,
}

/// The data key that secrets are sealed with, wrapped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrapped {
    /// Full name of the master key.
    pub master: String,
    /// Base64.
    pub key: String,
}

/// What an account has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// By name.
    pub users: BTreeMap<String, Holder>,
    /// By name.
    pub roles: BTreeMap<String, Holder>,
    /// By name.
    pub policies: BTreeMap<String, Managed>,
}

/// The service's part of the control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessState {
    key: Option<Wrapped>,
    accounts: BTreeMap<String, Account>,
    /// By access key id.
    keys: BTreeMap<String, AccessKey>,
}

impl Account {
    /// Its users, or its roles.
    #[must_use]
    pub fn holders(&self, of: Of) -> &BTreeMap<String, Holder> {
        match of {
            Of::User => &self.users,
            Of::Role => &self.roles,
        }
    }

    fn holders_mut(&mut self, of: Of) -> &mut BTreeMap<String, Holder> {
        match of {
            Of::User => &mut self.users,
            Of::Role => &mut self.roles,
        }
    }
}

impl AccessState {
    /// What secrets are sealed with; `None` before the first secret.
    #[must_use]
    pub const fn key(&self) -> Option<&Wrapped> {
        self.key.as_ref()
    }

    /// What an account has; `None` where nothing was made in it.
    #[must_use]
    pub fn account(&self, account: &str) -> Option<&Account> {
        self.accounts.get(account)
    }

    /// A user or role.
    ///
    /// # Errors
    /// [`AccessError::Missing`]
    pub fn holder(&self, account: &str, of: Of, name: &str) -> Result<&Holder, AccessError> {
        let holders = self.accounts.get(account).map(|account| account.holders(of));
        holders
            .and_then(|holders| holders.get(name))
            .ok_or_else(|| of.missing(name))
    }

    /// An access key.
    #[must_use]
    pub fn access_key(&self, id: &str) -> Option<&AccessKey> {
        self.keys.get(id)
    }

    /// The access keys of a user, by id.
    pub fn keys_of<'a>(
        &'a self,
        account: &'a str,
        user: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a AccessKey)> {
        self.keys
            .iter()
            .filter(move |(_, key)| key.account == account && key.user == user)
    }

    fn holder_mut(&mut self, account: &str, of: Of, name: &str) -> Result<&mut Holder, AccessError> {
        let account = self.accounts.get_mut(account);
        account
            .and_then(|account| account.holders_mut(of).get_mut(name))
            .ok_or_else(|| of.missing(name))
    }

    fn create(&mut self, account: &str, of: Of, name: String, holder: Holder) -> Outcome {
        let holders = self
            .accounts
            .entry(account.to_owned())
            .or_default()
            .holders_mut(of);
        let most = match of {
            Of::User => USERS_MAX,
            Of::Role => ROLES_MAX,
        };
        if holders.contains_key(&name) {
            return Err(AccessError::Exists(format!("{} with name {name}", of.noun())));
        }
        if holders.len() >= most {
            return Err(limit(&format!("{}s in the account", of.noun()), most));
        }
        holders.insert(name, holder);
        Ok(())
    }

    fn delete(&mut self, account: &str, of: Of, name: &str) -> Outcome {
        let holder = self.holder(account, of, name)?;
        let has = |what: &str| {
            Err(AccessError::InUse(format!(
                "Cannot delete entity, must {what} first."
            )))
        };
        if !holder.attached.is_empty() {
            return has("detach all policies");
        }
        if !holder.inline.is_empty() {
            return has("delete policies");
        }
        if of == Of::User && self.keys_of(account, name).next().is_some() {
            return has("delete access keys");
        }
        if let Some(account) = self.accounts.get_mut(account) {
            account.holders_mut(of).remove(name);
        }
        Ok(())
    }

    fn set_inline(
        &mut self,
        account: &str,
        (of, name): (Of, &str),
        policy: String,
        text: Option<String>,
    ) -> Outcome {
        let holder = self.holder_mut(account, of, name)?;
        match text {
            Some(text) => {
                if holder.inline.len() >= INLINE_MAX && !holder.inline.contains_key(&policy) {
                    return Err(limit("inline policies of one identity", INLINE_MAX));
                }
                let most = match of {
                    Of::User => USER_INLINE_CHARS_MAX,
                    Of::Role => ROLE_INLINE_CHARS_MAX,
                };
                let others = holder.inline.iter().filter(|(known, _)| **known != policy);
                let sum: usize = others.map(|(_, text)| chars(text)).sum();
                if sum + chars(&text) > most {
                    let what = format!("characters of all inline policies of one {}", of.kind());
                    return Err(limit(&what, most));
                }
                holder.inline.insert(policy, text);
                Ok(())
            }
            None => match holder.inline.remove(&policy) {
                Some(_) => Ok(()),
                None => Err(no_inline(of, name, &policy)),
            },
        }
    }

    fn attach(&mut self, account: &str, (of, name): (Of, &str), arn: String, attach: bool) -> Outcome {
        if attach {
            managed::document(self, account, &arn)?;
        }
        let holder = self.holder_mut(account, of, name)?;
        if !attach {
            return match holder.attached.remove(&arn) {
                true => Ok(()),
                false => Err(AccessError::Missing(format!("Policy {arn} attached to {name}"))),
            };
        }
        if holder.attached.len() >= ATTACHED_MAX && !holder.attached.contains(&arn) {
            return Err(limit("policies attached to one identity", ATTACHED_MAX));
        }
        holder.attached.insert(arn);
        Ok(())
    }

    fn create_policy(&mut self, account: &str, name: String, policy: Managed) -> Outcome {
        let policies = &mut self.accounts.entry(account.to_owned()).or_default().policies;
        if policies.contains_key(&name) {
            return Err(AccessError::Exists(format!("A policy called {name}")));
        }
        if policies.len() >= POLICIES_MAX {
            return Err(limit("policies in the account", POLICIES_MAX));
        }
        policies.insert(name, policy);
        Ok(())
    }

    fn delete_policy(&mut self, account: &str, name: &str, arn: &str) -> Outcome {
        let missing = || AccessError::Missing(format!("Policy {arn}"));
        let own = self.accounts.get_mut(account).ok_or_else(missing)?;
        let mut holders = own.users.values().chain(own.roles.values());
        if holders.any(|holder| holder.attached.contains(arn)) {
            return Err(AccessError::InUse(
                "Cannot delete a policy attached to entities.".to_owned(),
            ));
        }
        own.policies.remove(name).map(drop).ok_or_else(missing)
    }

    fn create_key(&mut self, id: String, key: AccessKey) -> Outcome {
        self.holder(&key.account, Of::User, &key.user)?;
        if self.keys_of(&key.account, &key.user).count() >= KEYS_MAX {
            return Err(limit("access keys of one user", KEYS_MAX));
        }
        self.keys.insert(id, key);
        Ok(())
    }

    /// Changes a key of this user, or removes it.
    fn set_key(&mut self, (account, user): (&str, &str), id: &str, active: Option<bool>) -> Outcome {
        let key = self.keys.get_mut(id);
        let key = key.filter(|key| key.account == account && key.user == user);
        let key = key.ok_or_else(|| AccessError::Missing(format!("The Access Key with id {id}")))?;
        match active {
            Some(active) => key.active = active,
            None => {
                self.keys.remove(id);
            }
        }
        Ok(())
    }
}

/// That an identity has no inline policy of that name.
pub(crate) fn no_inline(of: Of, name: &str, policy: &str) -> AccessError {
    AccessError::Missing(format!(
        "The {} policy {policy} of {name}",
        of.noun().to_lowercase()
    ))
}

fn limit(what: &str, most: usize) -> AccessError {
    AccessError::LimitExceeded(format!("Cannot exceed quota: at most {most} {what}."))
}

impl Machine for AccessState {
    type Command = Command;
    type Outcome = Outcome;

    fn apply(&mut self, _at: Applied, command: Command) -> Outcome {
        match command {
            // Of several nodes the first one wins.
            Command::Init { key } => {
                self.key.get_or_insert(key);
                Ok(())
            }
            Command::Create {
                account,
                of,
                name,
                holder,
            } => self.create(&account, of, name, *holder),
            Command::Delete { account, of, name } => self.delete(&account, of, &name),
            Command::SetTrust { account, name, text } => {
                let role = self.holder_mut(&account, Of::Role, &name)?;
                if let Some(role) = &mut role.role {
                    role.trust = text;
                }
                Ok(())
            }
            Command::SetInline {
                account,
                of,
                name,
                policy,
                text,
            } => self.set_inline(&account, (of, &name), policy, text),
            Command::Attach {
                account,
                of,
                name,
                arn,
                attach,
            } => self.attach(&account, (of, &name), arn, attach),
            Command::CreatePolicy {
                account,
                name,
                policy,
            } => self.create_policy(&account, name, *policy),
            Command::DeletePolicy { account, name, arn } => self.delete_policy(&account, &name, &arn),
            Command::CreateKey { id, key } => self.create_key(id, key),
            Command::SetKey {
                account,
                user,
                id,
                active,
            } => self.set_key((&account, &user), &id, active),
        }
    }
}
