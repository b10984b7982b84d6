//! Decrypt: the ciphertext says which key made it; a KeyId in the request has to be that one.

use bytes::Bytes;
use millrace_api::kms::{DecryptRequest, DecryptResponse, EncryptionAlgorithmSpec};
use millrace_keys::KeyError;
use millrace_wire::Reply;

use crate::kms::request::{context, hold_algorithm, hold_plain, unsupported};
use crate::kms::{Asked, KmsError, ciphertext};

pub(super) fn call(asked: &Asked<'_>) -> Result<Reply, KmsError> {
    let input: DecryptRequest = asked.input()?;
    hold_algorithm(input.encryption_algorithm.as_ref())?;
    if input
        .dry_run_modifiers
        .as_ref()
        .is_some_and(|given| !given.is_empty())
    {
        return Err(unsupported("Modifiers of a dry run", "DryRunModifiers"));
    }
    hold_plain(input.grant_tokens.as_ref(), input.recipient.as_ref())?;
    let blob = input.ciphertext_blob.unwrap_or_default();
    let (id, wrapped) = ciphertext::split(&blob).ok_or(KmsError::InvalidCiphertext)?;
    let name = asked.full(&format!("key/{id}"));
    asked.key(&name)?;
    if let Some(given) = &input.key_id {
        let meant = asked.keys.full_name(&asked.realm, given)?;
        if meant != name {
            return Err(KmsError::IncorrectKey);
        }
    }
    let context = context(input.encryption_context)?;
    let secret = match asked.keys.unwrap(&name, wrapped, &context) {
        Ok(secret) => secret,
        Err(KeyError::AccessDenied(_)) => return Err(KmsError::InvalidCiphertext),
        // Whether another account or region has such a key is nobody's business here.
        Err(KeyError::NotFound(_)) => return Err(KmsError::Key(not_here())),
        Err(error) => return Err(error.into()),
    };
    if input.dry_run == Some(true) {
        return Err(KmsError::DryRun);
    }
    asked.answer(DecryptResponse {
        key_id: Some(name),
        plaintext: Some(Bytes::copy_from_slice(&secret)),
        encryption_algorithm: Some(EncryptionAlgorithmSpec::SymmetricDefault),
        ..DecryptResponse::default()
    })
}

fn not_here() -> KeyError {
    KeyError::AccessDenied(
        "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are \
         not allowed to access."
            .to_owned(),
    )
}
