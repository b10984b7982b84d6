//! Users.

use millrace_api::iam::{
    CreateUserRequest, CreateUserResponse, DeleteUserRequest, GetUserRequest, GetUserResponse,
    ListUsersRequest, ListUsersResponse,
};
use millrace_wire::Caller;

use super::{arn, check, check_new, no_boundary, or_self, page, path, shapes, tags};
use crate::error::AccessError;
use crate::service::Access;
use crate::state::{Command, Holder, Of};

/// `AIDA…`
const PREFIX: &str = "AIDA";

pub(super) async fn create(
    access: &Access,
    caller: &Caller,
    input: CreateUserRequest,
) -> Result<CreateUserResponse, AccessError> {
    let (path, tags, name) = (path(input.path)?, tags(input.tags)?, input.user_name);
    let full = format!("{}{name}", path.trim_start_matches('/'));
    check_new(caller, &arn(&caller.account, Of::User, &full), &tags)?;
    no_boundary(input.permissions_boundary.as_ref())?;
    let holder = Holder {
        path,
        id: access.id(PREFIX),
        created: access.0.deps.clock.now(),
        tags: tags.into_iter().collect(),
        inline: std::collections::BTreeMap::new(),
        attached: std::collections::BTreeSet::new(),
        role: None,
    };
    let user = shapes::user(&caller.account, &name, &holder);
    access
        .propose(Command::Create {
            account: caller.account.clone(),
            of: Of::User,
            name,
            holder: Box::new(holder),
        })
        .await?;
    Ok(CreateUserResponse { user: Some(user) })
}

pub(super) async fn get(
    access: &Access,
    caller: &Caller,
    input: GetUserRequest,
) -> Result<GetUserResponse, AccessError> {
    let name = or_self(caller, input.user_name)?;
    check(access, caller, Of::User, &name)?;
    access.read(|state| {
        let holder = state.holder(&caller.account, Of::User, &name)?;
        Ok(GetUserResponse {
            user: shapes::user(&caller.account, &name, holder),
        })
    })
}

pub(super) async fn list(
    access: &Access,
    caller: &Caller,
    input: ListUsersRequest,
) -> Result<ListUsersResponse, AccessError> {
    check(access, caller, Of::User, "*")?;
    let prefix = input.path_prefix.unwrap_or_default();
    Ok(access.read(|state| {
        let users = state
            .account(&caller.account)
            .into_iter()
            .flat_map(|account| &account.users);
        let users = users.filter(|(_, holder)| holder.path.starts_with(&prefix));
        let (found, marker) = page(users, input.marker.as_deref(), input.max_items);
        ListUsersResponse {
            users: found
                .into_iter()
                .map(|(name, holder)| shapes::user(&caller.account, name, holder))
                .collect(),
            is_truncated: Some(marker.is_some()),
            marker,
        }
    }))
}

pub(super) async fn delete(
    access: &Access,
    caller: &Caller,
    input: DeleteUserRequest,
) -> Result<(), AccessError> {
    check(access, caller, Of::User, &input.user_name)?;
    access
        .propose(Command::Delete {
            account: caller.account.clone(),
            of: Of::User,
            name: input.user_name,
        })
        .await
}
