//! GetSessionToken.

use millrace_api::sts::{GetSessionTokenRequest, GetSessionTokenResponse};
use millrace_wire::policy::Principal;
use millrace_wire::{ApiError, Caller};

use super::{claims, issue, refuse, seconds};
use crate::error::AccessError;
use crate::identities::SessionOf;
use crate::limits::{OWNER_SESSION_SECS_MAX, USER_SESSION_SECS, USER_SESSION_SECS_MAX};
use crate::service::Access;

pub(super) async fn call(
    access: &Access,
    caller: &Caller,
    input: GetSessionTokenRequest,
) -> Result<GetSessionTokenResponse, AccessError> {
    refuse(&[
        ("SerialNumber", input.serial_number.is_some()),
        ("TokenCode", input.token_code.is_some()),
    ])?;
    let of = match caller.identity.principal() {
        Principal::Root { .. } if caller.identity.issued.is_none() => SessionOf::Root,
        principal @ Principal::User { .. } if caller.identity.issued.is_none() => SessionOf::User {
            name: principal.user_name().unwrap_or_default().to_owned(),
            id: caller.identity.user_id().to_owned(),
        },
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
    let asked = seconds(input.duration_seconds, USER_SESSION_SECS, USER_SESSION_SECS_MAX)?;
    // An owner who asks for more gets as much as there is (API GetSessionToken, "DurationSeconds").
    let secs = match of {
        SessionOf::Root => asked.min(OWNER_SESSION_SECS_MAX),
        _ => asked,
    };
    let claims = claims(access, caller.account.clone(), secs, None, of);
    Ok(GetSessionTokenResponse {
        credentials: Some(issue(access, claims).await?),
        ..GetSessionTokenResponse::default()
    })
}
