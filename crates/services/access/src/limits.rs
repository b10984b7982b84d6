//! Bounds (IAM and STS quotas, published ones where there are some).

use std::ops::RangeInclusive;
use std::time::Duration;

/// Users of an account.
pub const USERS_MAX: usize = 5000;
/// Roles of an account.
pub const ROLES_MAX: usize = 1000;
/// Managed policies of an account.
pub const POLICIES_MAX: usize = 1500;
/// Access keys of a user.
pub const KEYS_MAX: usize = 2;
/// Managed policies that are attached to a user or role.
pub const ATTACHED_MAX: usize = 10;
/// Inline policies of a user or role.
pub const INLINE_MAX: usize = 20;
/// Tags of a user, role or policy.
pub const TAGS_MAX: usize = 50;
/// Characters of the inline policies of a user together, without white space.
pub const USER_INLINE_CHARS_MAX: usize = 2048;
/// The same of a role.
pub const ROLE_INLINE_CHARS_MAX: usize = 10_240;
/// How soon the key of secrets is asked for again after a failure.
pub const READY_RETRY: Duration = Duration::from_secs(5);
/// Entries on a page.
pub const PAGE_MAX: usize = 1000;
/// Entries on a page where nothing is asked for.
pub const PAGE: usize = 100;
/// How long a role's session may last, as the role says; in seconds.
pub const ROLE_SECS: RangeInclusive<i32> = 3600..=43_200;
/// How long a session lasts where nothing is asked for, in seconds.
pub const SESSION_SECS: i32 = 3600;
/// The shortest session, in seconds.
pub const SESSION_SECS_MIN: i32 = 900;
/// The longest session of a user, in seconds.
pub const USER_SESSION_SECS_MAX: i32 = 129_600;
/// How long a user's session lasts where nothing is asked for, in seconds.
pub const USER_SESSION_SECS: i32 = 43_200;
/// The longest session of an account's owner, in seconds.
pub const OWNER_SESSION_SECS_MAX: i32 = 3600;
/// Characters of a session token that is looked at.
pub const TOKEN_CHARS_MAX: usize = 32_768;
/// Identities that are kept ready.
pub const IDENTITIES_MAX: usize = 10_000;
