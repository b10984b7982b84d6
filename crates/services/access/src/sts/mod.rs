//! The Security Token Service: who am I, and credentials for a while (STS API reference).
//!
//! A session is kept nowhere: its token says, sealed, whose it is, when it ends and what it signs with.

mod assume_role;
mod get_caller_identity;
mod get_session_token;

use std::time::Duration;

use bytes::Bytes;
use millrace_api::sts::Credentials;
use millrace_api::{EpochMillis, Operation};
use millrace_wire::policy::{Kind, Policy};
use millrace_wire::{ApiError, Caller, Codec, Reply};

use crate::error::AccessError;
use crate::identities::{Claims, SessionOf};
use crate::limits::{SESSION_SECS_MIN, TOKEN_CHARS_MAX};
use crate::managed;
use crate::seal::Purpose;
use crate::service::Access;

/// `ASIA…`
const PREFIX: &str = "ASIA";

pub(crate) async fn dispatch(
    access: &Access,
    caller: &Caller,
    op: &'static Operation,
    codec: Codec,
    body: &Bytes,
) -> Result<Reply, AccessError> {
    let reply = match op.name {
        "AssumeRole" => codec.reply(assume_role::call(access, caller, codec.typed(body)?).await?),
        "GetCallerIdentity" => codec.reply(get_caller_identity::call(caller, codec.typed(body)?)),
        "GetSessionToken" => codec.reply(get_session_token::call(access, caller, codec.typed(body)?).await?),
        _ => return Err(ApiError::unknown_operation().into()),
    };
    Ok(reply)
}

/// Refuses parameters that would be left out: a condition on what nobody keeps would look as if it held.
fn refuse(given: &[(&str, bool)]) -> Result<(), AccessError> {
    match given.iter().find(|(_, some)| *some) {
        None => Ok(()),
        Some((name, _)) => Err(AccessError::Invalid(format!(
            "{name} is not supported by Millrace yet: leave it out."
        ))),
    }
}

fn seconds(asked: Option<i32>, usual: i32, most: i32) -> Result<i32, AccessError> {
    let secs = asked.unwrap_or(usual);
    if (SESSION_SECS_MIN..=most).contains(&secs) {
        return Ok(secs);
    }
    Err(AccessError::Invalid(format!(
        "The requested DurationSeconds {secs} must be between {SESSION_SECS_MIN} and {most}, the longest session that \
         is set for this."
    )))
}

/// The documents of the policies that were passed for a session; absent where none were.
fn passed(
    access: &Access,
    account: &str,
    inline: Option<String>,
    arns: impl Iterator<Item = String>,
) -> Result<Option<Vec<String>>, AccessError> {
    let mut texts = Vec::new();
    if let Some(text) = inline {
        Policy::parse(&text, Kind::Identity).map_err(|error| AccessError::Malformed(error.to_string()))?;
        texts.push(text);
    }
    for arn in arns {
        texts.push(access.read(|state| managed::document(state, account, &arn).map(str::to_owned))?);
    }
    Ok(Some(texts).filter(|texts| !texts.is_empty()))
}

fn claims(
    access: &Access,
    account: String,
    secs: i32,
    policies: Option<Vec<String>>,
    of: SessionOf,
) -> Claims {
    let issued = access.0.deps.clock.now();
    Claims {
        key: access.id(PREFIX),
        secret: access.secret(),
        account,
        of,
        issued,
        expires: issued.plus(Duration::from_secs(u64::try_from(secs).unwrap_or(0))),
        policies,
    }
}

async fn issue(access: &Access, claims: Claims) -> Result<Credentials, AccessError> {
    access.ready().await?;
    let text = serde_json::to_string(&claims).map_err(|error| ApiError::internal(error.to_string()))?;
    let token = access
        .0
        .sealer
        .seal(Purpose::Token, &text)
        .ok_or_else(|| ApiError::internal("a token could not be sealed"))?;
    // Nobody would look at it, so nobody could use it.
    if token.len() > TOKEN_CHARS_MAX {
        return Err(AccessError::Wire(ApiError::client(
            "PackedPolicyTooLarge",
            format!(
                "The policies of the session make its token {} characters long, and {TOKEN_CHARS_MAX} is the most: pass \
                 fewer or shorter ones.",
                token.len()
            ),
        )));
    }
    Ok(Credentials {
        access_key_id: claims.key,
        secret_access_key: claims.secret,
        session_token: token,
        expiration: EpochMillis(i64::try_from(claims.expires.0).unwrap_or(i64::MAX)),
    })
}
