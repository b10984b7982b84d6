//! DescribeKey, by any of its names. The default key is made when it is asked for.

use millrace_api::kms::{DescribeKeyRequest, DescribeKeyResponse};
use millrace_wire::Reply;

use crate::kms::request::hold_plain;
use crate::kms::{Asked, KmsError, metadata};

pub(super) fn call(asked: &Asked<'_>) -> Result<Reply, KmsError> {
    let input: DescribeKeyRequest = asked.input()?;
    let key = asked.key(&input.key_id)?;
    hold_plain(input.grant_tokens.as_ref(), None)?;
    let info = asked.keys.show(&asked.realm, &key)?;
    asked.answer(DescribeKeyResponse {
        key_metadata: Some(metadata::of(info)),
    })
}
