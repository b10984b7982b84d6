//! Who makes a request, and the ARNs that stand for them.

use crate::arn::Arn;

/// Who makes a request.
///
/// Accounts are told apart by their number alone, whatever partition an ARN names: one server knows an account once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// The owner of an account.
    Root {
        /// Twelve digits.
        account: String,
    },
    /// A user.
    User {
        /// Twelve digits.
        account: String,
        /// Path and name without a leading slash: `ana`, `division/ana`.
        name: String,
    },
    /// A session of a role.
    AssumedRole {
        /// Twelve digits.
        account: String,
        /// The role's path and name without a leading slash: `reader`, `service-role/reader`.
        role: String,
        /// The session's name.
        session: String,
    },
    /// A service that calls on somebody's behalf.
    Service {
        /// Such as `firehose.amazonaws.com`.
        name: String,
    },
    /// Nobody signed.
    Anonymous,
}

impl Principal {
    /// The account it belongs to; services and strangers have none.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Root { account } | Self::User { account, .. } | Self::AssumedRole { account, .. } => {
                Some(account)
            }
            Self::Service { .. } | Self::Anonymous => None,
        }
    }

    /// A user's name without its path: `aws:username`.
    #[must_use]
    pub fn user_name(&self) -> Option<&str> {
        match self {
            Self::User { name, .. } => Some(last(name)),
            _ => None,
        }
    }

    /// The ARN that is seen by the outside, in this partition: of a session its own. A service's is its name, and of
    /// nobody it is `anonymous`.
    #[must_use]
    pub fn arn(&self, partition: &str) -> String {
        match self {
            Self::Root { account } => format!("arn:{partition}:iam::{account}:root"),
            Self::User { account, name } => format!("arn:{partition}:iam::{account}:user/{name}"),
            Self::AssumedRole {
                account,
                role,
                session,
            } => {
                let role = last(role);
                format!("arn:{partition}:sts::{account}:assumed-role/{role}/{session}")
            }
            Self::Service { name } => name.clone(),
            Self::Anonymous => "anonymous".to_owned(),
        }
    }

    /// The ARN of the identity whose permissions it has, as in `aws:PrincipalArn`: of a session the role's.
    #[must_use]
    pub fn identity_arn(&self, partition: &str) -> String {
        match self {
            Self::AssumedRole { account, role, .. } => format!("arn:{partition}:iam::{account}:role/{role}"),
            other => other.arn(partition),
        }
    }
}

/// A name without its path.
fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// What a `Principal` element of a policy names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// `*`
    Everyone,
    /// A number, or the ARN of root: whoever the account lets.
    Account(String),
    User {
        account: String,
        name: String,
    },
    Role {
        account: String,
        name: String,
    },
    Session {
        account: String,
        role: String,
        session: String,
    },
    Service(String),
    /// A kind of principal that nobody here can be; it matches nobody.
    Foreign(&'static str),
}

/// How closely an element names who asks; it decides what an allow is worth beside the limits of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Closeness {
    /// The account: it may pass the permission on.
    Account,
    /// The role of a session: limited by what limits the role.
    Role,
    /// The very user, session or service; or everyone.
    Direct,
}

impl Named {
    /// What stands under `AWS`: `*`, an account, an ARN. `None` where it is none of these.
    pub(super) fn aws(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Everyone);
        }
        if is_account(text) {
            return Some(Self::Account(text.to_owned()));
        }
        let arn = Arn::parse(text).ok()?;
        let wild = text.contains(['*', '?', '$']);
        if wild || !arn.region.is_empty() || !is_account(&arn.account) {
            return None;
        }
        let account = arn.account;
        let (kind, name) = arn.resource.split_once('/').unwrap_or((&arn.resource, ""));
        let plain = |name: &str| !name.is_empty() && name.split('/').all(|step| !step.is_empty());
        match (arn.service.as_str(), kind) {
            ("iam", "root") if arn.resource == "root" => Some(Self::Account(account)),
            ("iam", "user") if plain(name) => Some(Self::User {
                account,
                name: name.to_owned(),
            }),
            ("iam", "role") if plain(name) => Some(Self::Role {
                account,
                name: name.to_owned(),
            }),
            ("sts", "assumed-role") => {
                let (role, session) = name.split_once('/')?;
                (plain(role) && plain(session) && !session.contains('/')).then(|| Self::Session {
                    account,
                    role: role.to_owned(),
                    session: session.to_owned(),
                })
            }
            ("sts", "federated-user") if plain(name) => Some(Self::Foreign("federated users")),
            _ => None,
        }
    }

    /// How closely this names who asks; `None` where it names somebody else.
    pub(super) fn names(&self, who: &Principal) -> Option<Closeness> {
        let own = |account: &str| who.account() == Some(account);
        match (self, who) {
            (Self::Everyone, _) => Some(Closeness::Direct),
            (Self::Account(account), _) => own(account).then_some(Closeness::Account),
            (Self::User { account, name }, Principal::User { name: caller, .. }) => {
                (own(account) && name == caller).then_some(Closeness::Direct)
            }
            (Self::Role { account, name }, Principal::AssumedRole { role, .. }) => {
                (own(account) && name == role).then_some(Closeness::Role)
            }
            (
                Self::Session {
                    account,
                    role,
                    session,
                },
                Principal::AssumedRole {
                    role: caller,
                    session: named,
                    ..
                },
            ) => (own(account) && role == last(caller) && session == named).then_some(Closeness::Direct),
            (Self::Service(name), Principal::Service { name: caller }) => {
                (name == caller).then_some(Closeness::Direct)
            }
            _ => None,
        }
    }
}

/// Twelve digits.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}
