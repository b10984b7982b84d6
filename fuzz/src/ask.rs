//! A policy and a request to it as readable text.

use millrace_wire::policy::{Context, Kind, Principal};

/// ```text
/// KIND PRINCIPAL ACTION RESOURCE
/// key: value
/// key: another value of the same key
///
/// the policy
/// ```
/// The principal is `root`, `user/NAME`, `role/NAME/SESSION`, `service/NAME` or `anonymous`; whatever is missing is empty.
#[derive(Debug)]
pub struct Ask<'a> {
    /// What the policy is attached to.
    pub kind: Kind,
    /// Who asks.
    pub principal: Principal,
    /// The action.
    pub action: &'a str,
    /// The resource.
    pub resource: &'a str,
    /// Keys and their values, in their order.
    pub keys: Vec<(&'a str, &'a str)>,
    /// The policy's text.
    pub policy: &'a str,
}

/// Who owns what is asked for, and whom principals belong to.
pub const ACCOUNT: &str = "111122223333";

impl<'a> Ask<'a> {
    /// Reads a text; `None` when it is not UTF-8.
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(data).ok()?;
        let (head, policy) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.split('\n');
        let mut words = lines.next()?.split(' ');
        let mut word = || words.next().unwrap_or_default();
        let (kind, principal, action, resource) = (word(), word(), word(), word());
        Some(Self {
            kind: match kind {
                "resource" => Kind::Resource,
                "trust" => Kind::Trust,
                _ => Kind::Identity,
            },
            principal: principal_of(principal),
            action,
            resource,
            keys: lines.filter_map(|line| line.split_once(": ")).collect(),
            policy,
        })
    }

    /// What is known of the request; a key that stands several times has several values.
    pub fn context(&self) -> Context<'_> {
        let mut context = Context::new().principal(&self.principal, "aws");
        for (key, value) in &self.keys {
            let values: Vec<&str> = self
                .keys
                .iter()
                .filter(|(k, _)| k == key)
                .map(|(_, v)| *v)
                .collect();
            match values.as_slice() {
                [_] => context.set(*key, *value),
                all => context.set_all(*key, all.iter().copied()),
            }
        }
        context
    }
}

fn principal_of(text: &str) -> Principal {
    let account = ACCOUNT.to_owned();
    match text.split_once('/') {
        Some(("user", name)) => Principal::User {
            account,
            name: name.to_owned(),
        },
        Some(("role", rest)) => {
            let (role, session) = rest.rsplit_once('/').unwrap_or((rest, ""));
            Principal::AssumedRole {
                account,
                role: role.to_owned(),
                session: session.to_owned(),
            }
        }
        Some(("service", name)) => Principal::Service {
            name: name.to_owned(),
        },
        _ if text == "anonymous" => Principal::Anonymous,
        _ => Principal::Root { account },
    }
}
