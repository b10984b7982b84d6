//! GetSessionToken.

use millrace_api::sts::{GetSessionTokenRequest, GetSessionTokenResponse};
use millrace_wire::policy::Principal;
use millrace_wire::{ApiError, Caller};

use super::{claims, issue, seconds};
use crate::error::AccessError;
use crate::identities::SessionOf;
use crate::limits::{USER_SESSION_SECS, USER_SESSION_SECS_MAX};
use crate::service::Access;

pub(super) async fn call(
    access: &Access,
    caller: &Caller,
    input: GetSessionTokenRequest,
) -> Result<GetSessionTokenResponse, AccessError> {
    let of = match caller.identity.principal() {
        Principal::Root { .. } if caller.identity.issued.is_none() => SessionOf::Root,
        Principal::User { .. } if caller.identity.issued.is_none() => SessionOf::User(
            caller
                .identity
                .principal()
                .user_name()
                .unwrap_or_default()
                .to_owned(),
        ),
        _ => {
            return Err(AccessError::Wire(
                ApiError::client(
                    "AccessDenied",
                    "Cannot call GetSessionToken with session credentials",
                )
                .with_status(403),
            ));
        }
    };
    let secs = seconds(input.duration_seconds, USER_SESSION_SECS, USER_SESSION_SECS_MAX)?;
    let claims = claims(access, caller.account.clone(), secs, None, of);
    Ok(GetSessionTokenResponse {
        credentials: Some(issue(access, claims).await?),
        ..GetSessionTokenResponse::default()
    })
}
