//! What can happen.

use serde::{Deserialize, Serialize};

use super::{AccessKey, Holder, Managed, Wrapped};
use crate::error::AccessError;

/// Whether a holder of policies is a user or a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// A user.
    User,
    /// A role.
    Role,
}

impl Of {
    /// As sentences begin.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Role => "Role",
        }
    }

    /// As ARNs have it.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Role => "role",
        }
    }

    /// That there is none of that name.
    #[must_use]
    pub fn missing(self, name: &str) -> AccessError {
        AccessError::Missing(format!("The {} with name {name}", self.kind()))
    }
}

/// A change. Time, identifiers and secrets were decided by whoever proposed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// The service gets what it seals secrets with.
    Init {
        /// Wrapped.
        key: Wrapped,
    },
    /// CreateUser, CreateRole.
    Create {
        /// Twelve digits.
        account: String,
        /// Which of the two.
        of: Of,
        /// Its name.
        name: String,
        /// Itself.
        holder: Box<Holder>,
    },
    /// DeleteUser, DeleteRole.
    Delete {
        /// Twelve digits.
        account: String,
        /// Which of the two.
        of: Of,
        /// Its name.
        name: String,
    },
    /// UpdateAssumeRolePolicy.
    SetTrust {
        /// Twelve digits.
        account: String,
        /// The role's.
        name: String,
        /// The trust policy.
        text: String,
    },
    /// PutUserPolicy, DeleteUserPolicy and those of roles.
    SetInline {
        /// Twelve digits.
        account: String,
        /// Which of the two.
        of: Of,
        /// Its name.
        name: String,
        /// The policy's name.
        policy: String,
        /// Its document; absent to remove it.
        text: Option<String>,
    },
    /// AttachUserPolicy, DetachUserPolicy and those of roles.
    Attach {
        /// Twelve digits.
        account: String,
        /// Which of the two.
        of: Of,
        /// Its name.
        name: String,
        /// The policy's.
        arn: String,
        /// Or detach.
        attach: bool,
    },
    /// CreatePolicy.
    CreatePolicy {
        /// Twelve digits.
        account: String,
        /// Its name.
        name: String,
        /// Itself.
        policy: Box<Managed>,
    },
    /// DeletePolicy.
    DeletePolicy {
        /// Twelve digits.
        account: String,
        /// Its name.
        name: String,
        /// Its ARN.
        arn: String,
    },
    /// CreateAccessKey.
    CreateKey {
        /// `AKIA…`
        id: String,
        /// Itself.
        key: AccessKey,
    },
    /// UpdateAccessKey, DeleteAccessKey.
    SetKey {
        /// Twelve digits.
        account: String,
        /// Whose.
        user: String,
        /// Which.
        id: String,
        /// Whether it can be used; absent to remove it.
        active: Option<bool>,
    },
}
