//! What several operations ask for.

use millrace_api::Entries;
use millrace_api::kms::{EncryptionAlgorithmSpec, RecipientInfo};
use millrace_keys::{Context, KeyError};

use super::Asked;
use super::error::KmsError;
use super::limits::CONTEXT_BYTES_MAX;
use super::metadata::RESERVED;

impl Asked<'_> {
    /// A key that is named by its id or its ARN: what changes a key takes no alias.
    pub(super) fn key_id<'a>(&self, given: &'a str) -> Result<&'a str, KmsError> {
        if given.starts_with("alias/") {
            return Err(KeyError::NotFound(format!("Invalid keyId '{given}'")).into());
        }
        if given.starts_with("arn:") && !given.contains(":key/") {
            return Err(KmsError::InvalidArn(given.to_owned()));
        }
        Ok(given)
    }

    /// The account's and region's full name of what is named in its short form.
    pub(super) fn full(&self, name: &str) -> String {
        format!("{}{name}", self.realm)
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

/// Aliases of AWS are made by the server.
pub(super) fn hold_own_alias(alias: &str) -> Result<(), KmsError> {
    if alias.starts_with(RESERVED) {
        return Err(KmsError::ReservedAlias);
    }
    Ok(())
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
