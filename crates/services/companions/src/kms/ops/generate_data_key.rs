//! GenerateDataKey: random bytes, in plain and wrapped.

use bytes::Bytes;
use millrace_api::kms::{DataKeySpec, GenerateDataKeyRequest, GenerateDataKeyResponse};
use millrace_keys::{Context, KeyError};
use millrace_wire::Reply;

use crate::kms::request::{context, hold_plain};
use crate::kms::{Asked, KmsError, ciphertext};

pub(super) fn call(asked: &Asked<'_>) -> Result<Reply, KmsError> {
    let input: GenerateDataKeyRequest = asked.input()?;
    let key_id = asked.key(&input.key_id)?;
    hold_plain(input.grant_tokens.as_ref(), input.recipient.as_ref())?;
    let length = length(input.key_spec.as_ref(), input.number_of_bytes)?;
    let context = context(input.encryption_context)?;
    let mut key = vec![0; length];
    asked.rng.fill(&mut key);
    let (blob, name) = wrap(asked, &key_id, &key, &context)?;
    if input.dry_run == Some(true) {
        return Err(KmsError::DryRun);
    }
    asked.answer(GenerateDataKeyResponse {
        ciphertext_blob: Some(Bytes::from(blob)),
        plaintext: Some(Bytes::from(key)),
        key_id: Some(name),
        ..GenerateDataKeyResponse::default()
    })
}

/// Bytes of the data key: by its kind or by a number, not by both (API GenerateDataKey).
pub(super) fn length(spec: Option<&DataKeySpec>, bytes: Option<i32>) -> Result<usize, KmsError> {
    match (spec, bytes) {
        (Some(DataKeySpec::Aes128), None) => Ok(16),
        (Some(_), None) => Ok(32),
        (None, Some(bytes)) => {
            usize::try_from(bytes).map_err(|_| KmsError::Invalid("NumberOfBytes must be positive".to_owned()))
        }
        _ => Err(KmsError::Invalid(
            "Please specify either number of bytes or key spec.".to_owned(),
        )),
    }
}

/// Wraps a secret; yields the ciphertext and the key's ARN.
pub(super) fn wrap(
    asked: &Asked<'_>,
    key: &str,
    secret: &[u8],
    context: &Context,
) -> Result<(Vec<u8>, String), KmsError> {
    let (wrapped, name) = asked.keys.wrap(&asked.realm, key, secret, context)?;
    let id = name.rsplit('/').next().unwrap_or_default();
    let blob = ciphertext::join(id, &wrapped)
        .ok_or_else(|| KeyError::Unavailable(format!("the id of {name} is no UUID")))?;
    Ok((blob, name))
}
