//! What several operations ask for.

use millrace_api::Entries;
use millrace_api::kms::{EncryptionAlgorithmSpec, RecipientInfo};
use millrace_keys::{Context, KeyError};
use millrace_wire::access::Target;

use super::Asked;
use super::error::KmsError;
use super::limits::CONTEXT_BYTES_MAX;
use super::metadata::RESERVED;

impl Asked<'_> {
    /// The full name of a key that is named in any way, for a caller that may do to it what it asks for. What means
    /// nothing is returned as it was given. There is no other way to a key, so that no operation can forget to ask.
    pub(super) fn key(&self, given: &str) -> Result<String, KmsError> {
        let meant = match self.keys.full_name(&self.realm, given) {
            Ok(name) => name,
            Err(KeyError::NotFound(_)) => given.to_owned(),
            Err(error) => return Err(error.into()),
        };
        self.authorize(&self.full(&meant))?;
        Ok(meant)
    }

    /// The same for what takes no alias.
    pub(super) fn key_by_id(&self, given: &str) -> Result<String, KmsError> {
        if given.starts_with("alias/") {
            return Err(KeyError::NotFound(format!("Invalid keyId '{given}'")).into());
        }
        if given.starts_with("arn:") && !given.contains(":key/") {
            return Err(KmsError::InvalidArn(given.to_owned()));
        }
        self.key(given)
    }

    /// An alias of the caller's own that it may do to what it asks for, and to the key that the alias means.
    pub(super) fn alias(&self, name: &str) -> Result<(), KmsError> {
        self.authorize(&self.full(name))?;
        if name.starts_with(RESERVED) {
            return Err(KmsError::ReservedAlias);
        }
        match self.keys.full_name(&self.realm, name) {
            Ok(key) => self.authorize(&key),
            Err(_) => Ok(()),
        }
    }

    /// That the caller may do what is about no key.
    pub(super) fn account(&self) -> Result<(), KmsError> {
        Ok(self.caller.authorize(&Target::account(&self.caller.account))?)
    }

    fn authorize(&self, arn: &str) -> Result<(), KmsError> {
        let arn = || arn.to_owned();
        Ok(self.caller.authorize(&Target::new(&self.caller.account, &arn))?)
    }

    /// The full name of what may be written in its short form.
    pub(super) fn full(&self, name: &str) -> String {
        if name.starts_with("arn:") {
            name.to_owned()
        } else if name.starts_with("alias/") || name.starts_with("key/") {
            format!("{}{name}", self.realm)
        } else {
            format!("{}key/{name}", self.realm)
        }
    }
}

/// The encryption context.
pub(super) fn context(given: Option<Entries<String>>) -> Result<Context, KmsError> {
    let pairs = given.map(|entries| entries.0).unwrap_or_default();
    let bytes: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > CONTEXT_BYTES_MAX {
        return Err(KmsError::Invalid(format!(
            "EncryptionContext has {bytes} bytes; it may have {CONTEXT_BYTES_MAX}"
        )));
    }
    Ok(Context::from_iter(pairs))
}

/// Grants and enclaves are not there.
pub(super) fn hold_plain(
    grants: Option<&Vec<String>>,
    recipient: Option<&RecipientInfo>,
) -> Result<(), KmsError> {
    if grants.is_some_and(|tokens| !tokens.is_empty()) {
        return Err(unsupported("Grants", "GrantTokens"));
    }
    if recipient.is_some() {
        return Err(unsupported("Attested recipients", "Recipient"));
    }
    Ok(())
}

/// Keys are symmetric.
pub(super) fn hold_algorithm(given: Option<&EncryptionAlgorithmSpec>) -> Result<(), KmsError> {
    match given {
        None | Some(EncryptionAlgorithmSpec::SymmetricDefault) => Ok(()),
        Some(other) => Err(KmsError::Unsupported(format!(
            "EncryptionAlgorithm {} is for asymmetric keys, which Millrace does not have: leave it out",
            other.as_str()
        ))),
    }
}

/// The first entries of a page, and whether there are more.
pub(super) fn page<T>(mut found: Vec<T>, most: usize) -> (Vec<T>, bool) {
    let more = found.len() > most;
    found.truncate(most);
    (found, more)
}

/// How many entries a page has; the API's constraint bounds it from below.
pub(super) fn page_size(limit: Option<i32>, (usual, most): (usize, usize)) -> usize {
    limit.map_or(usual, |limit| usize::try_from(limit).unwrap_or(usual).min(most))
}

/// The refusal of a parameter.
pub(super) fn unsupported(what: &str, parameter: &str) -> KmsError {
    KmsError::Unsupported(format!(
        "{what} are not supported by Millrace: leave {parameter} out"
    ))
}
