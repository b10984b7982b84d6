//! GenerateDataKeyWithoutPlaintext: random bytes, wrapped only.

use bytes::Bytes;
use millrace_api::kms::{GenerateDataKeyWithoutPlaintextRequest, GenerateDataKeyWithoutPlaintextResponse};
use millrace_wire::Reply;

use super::generate_data_key::{length, wrap};
use crate::kms::request::{context, hold_plain};
use crate::kms::{Asked, KmsError};

pub(super) fn call(asked: &Asked<'_>) -> Result<Reply, KmsError> {
    let input: GenerateDataKeyWithoutPlaintextRequest = asked.input()?;
    let key_id = asked.key(&input.key_id)?;
    hold_plain(input.grant_tokens.as_ref(), None)?;
    let length = length(input.key_spec.as_ref(), input.number_of_bytes)?;
    let context = context(input.encryption_context)?;
    let mut key = vec![0; length];
    asked.rng.fill(&mut key);
    let (blob, name) = wrap(asked, &key_id, &key, &context)?;
    if input.dry_run == Some(true) {
        return Err(KmsError::DryRun);
    }
    asked.answer(GenerateDataKeyWithoutPlaintextResponse {
        ciphertext_blob: Some(Bytes::from(blob)),
        key_id: Some(name),
        ..GenerateDataKeyWithoutPlaintextResponse::default()
    })
}
