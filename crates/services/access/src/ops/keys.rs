//! Access keys. A secret is told once, when its key is made.

use millrace_api::iam::{
    AccessKey as ApiKey, AccessKeyMetadata, CreateAccessKeyRequest, CreateAccessKeyResponse,
    DeleteAccessKeyRequest, ListAccessKeysRequest, ListAccessKeysResponse, StatusType,
    UpdateAccessKeyRequest,
};
use millrace_wire::{ApiError, Caller};

use super::{check, or_self, page, shapes};
use crate::error::AccessError;
use crate::seal::Purpose;
use crate::service::Access;
use crate::state::{AccessKey, Command, Of};

/// `AKIA…`
const PREFIX: &str = "AKIA";

const fn status(active: bool) -> StatusType {
    if active {
        StatusType::Active
    } else {
        StatusType::Inactive
    }
}

pub(super) async fn create(
    access: &Access,
    caller: &Caller,
    input: CreateAccessKeyRequest,
) -> Result<CreateAccessKeyResponse, AccessError> {
    let user = or_self(caller, input.user_name)?;
    check(access, caller, Of::User, &user)?;
    access.ready().await?;
    let (id, secret) = (access.id(PREFIX), access.secret());
    let created = access.0.deps.clock.now();
    let sealed = access.0.sealer.seal(Purpose::Secret, &secret);
    let sealed = sealed.ok_or_else(|| ApiError::internal("a secret could not be sealed"))?;
    let key = AccessKey {
        account: caller.account.clone(),
        user: user.clone(),
        sealed,
        active: true,
        created,
    };
    access.propose(Command::CreateKey { id: id.clone(), key }).await?;
    Ok(CreateAccessKeyResponse {
        access_key: ApiKey {
            user_name: user,
            access_key_id: id,
            status: StatusType::Active,
            secret_access_key: secret,
            create_date: Some(shapes::time(created)),
        },
    })
}

pub(super) async fn list(
    access: &Access,
    caller: &Caller,
    input: ListAccessKeysRequest,
) -> Result<ListAccessKeysResponse, AccessError> {
    let user = or_self(caller, input.user_name)?;
    check(access, caller, Of::User, &user)?;
    access.read(|state| {
        state.holder(&caller.account, Of::User, &user)?;
        let keys = state.keys_of(&caller.account, &user);
        let (found, marker) = page(keys, input.marker.as_deref(), input.max_items);
        let keys = found.into_iter().map(|(id, key)| AccessKeyMetadata {
            user_name: Some(user.clone()),
            access_key_id: Some(id.clone()),
            status: Some(status(key.active)),
            create_date: Some(shapes::time(key.created)),
        });
        Ok(ListAccessKeysResponse {
            access_key_metadata: keys.collect(),
            is_truncated: Some(marker.is_some()),
            marker,
        })
    })
}

pub(super) async fn update(
    access: &Access,
    caller: &Caller,
    input: UpdateAccessKeyRequest,
) -> Result<(), AccessError> {
    let user = or_self(caller, input.user_name)?;
    check(access, caller, Of::User, &user)?;
    let active = match input.status {
        StatusType::Active => true,
        StatusType::Inactive => false,
        other => {
            return Err(AccessError::Invalid(format!(
                "Status {} of an access key must be Active or Inactive.",
                other.as_str()
            )));
        }
    };
    access
        .propose(Command::SetKey {
            account: caller.account.clone(),
            user,
            id: input.access_key_id,
            active: Some(active),
        })
        .await
}

pub(super) async fn delete(
    access: &Access,
    caller: &Caller,
    input: DeleteAccessKeyRequest,
) -> Result<(), AccessError> {
    let user = or_self(caller, input.user_name)?;
    check(access, caller, Of::User, &user)?;
    access
        .propose(Command::SetKey {
            account: caller.account.clone(),
            user,
            id: input.access_key_id,
            active: None,
        })
        .await
}
