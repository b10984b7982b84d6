//! Encrypt: up to 4096 bytes under the key itself.

use bytes::Bytes;
use millrace_api::kms::{EncryptRequest, EncryptResponse, EncryptionAlgorithmSpec};
use millrace_wire::Reply;

use super::generate_data_key::wrap;
use crate::kms::request::{context, hold_algorithm, hold_plain};
use crate::kms::{Asked, KmsError};

pub(super) fn call(asked: &Asked<'_>) -> Result<Reply, KmsError> {
    let input: EncryptRequest = asked.input()?;
    let key_id = asked.key(&input.key_id)?;
    hold_plain(input.grant_tokens.as_ref(), None)?;
    hold_algorithm(input.encryption_algorithm.as_ref())?;
    let context = context(input.encryption_context)?;
    let (blob, name) = wrap(asked, &key_id, &input.plaintext, &context)?;
    if input.dry_run == Some(true) {
        return Err(KmsError::DryRun);
    }
    asked.answer(EncryptResponse {
        ciphertext_blob: Some(Bytes::from(blob)),
        key_id: Some(name),
        encryption_algorithm: Some(EncryptionAlgorithmSpec::SymmetricDefault),
    })
}
