//! What is known of a request besides who asks for what: condition keys and their values (IAM User Guide, "AWS global
//! condition context keys").
//!
//! Names of keys are compared without regard to case. Most keys have one value; `aws:TagKeys` and its kin have several.
//! Values keep their type, so that a time is neither written nor read on the way to a comparison of times.

use std::borrow::Cow;
// The type only: nothing here opens a socket.
use core::net::IpAddr;

use millrace_base::Timestamp;

use super::principal::Principal;
use crate::timestamp;

/// A value of a condition key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Any text.
    Text(Cow<'a, str>),
    /// `true` or `false`.
    Boolean(bool),
    /// A point in time; as text in the form of ISO 8601.
    Time(Timestamp),
    /// A whole number; of seconds since the Unix epoch where it is compared as a date.
    Number(u64),
    /// An address of the internet protocol.
    Ip(IpAddr),
}

impl Value<'_> {
    /// As text, the way a policy would write it.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Boolean(true) => Cow::Borrowed("true"),
            Self::Boolean(false) => Cow::Borrowed("false"),
            Self::Time(time) => Cow::Owned(timestamp::iso8601(i64::try_from(time.0).unwrap_or(i64::MAX))),
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Ip(ip) => Cow::Owned(ip.to_string()),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<IpAddr> for Value<'_> {
    /// An IPv4 address that came mapped into IPv6 is the IPv4 address.
    fn from(ip: IpAddr) -> Self {
        Self::Ip(ip.to_canonical())
    }
}

/// As many keys as a request usually has.
const ENTRIES: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Values<'a> {
    One(Value<'a>),
    /// Of a key that can have several; also one, or none.
    Many(Vec<Value<'a>>),
}

/// Condition keys and their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context<'a> {
    /// Names are in lower case; the shorter come first, since a look-up then seldom compares more than lengths.
    entries: Vec<(Cow<'a, str>, Values<'a>)>,
}

impl<'a> Context<'a> {
    /// Without any key.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Gives a key its only value, in place of those it had.
    pub fn set(&mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) {
        self.put(key.into(), Values::One(value.into()));
    }

    /// Gives a key that can have several values all of them, in place of those it had.
    pub fn set_all<V: Into<Value<'a>>>(
        &mut self,
        key: impl Into<Cow<'a, str>>,
        values: impl IntoIterator<Item = V>,
    ) {
        let values = values.into_iter().map(Into::into).collect();
        self.put(key.into(), Values::Many(values));
    }

    fn put(&mut self, key: Cow<'a, str>, values: Values<'a>) {
        let key = if key.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(key.to_ascii_lowercase())
        } else {
            key
        };
        match self.place(&key) {
            Ok(at) => {
                if let Some((_, old)) = self.entries.get_mut(at) {
                    *old = values;
                }
            }
            Err(at) => self.entries.insert(at, (key, values)),
        }
    }

    /// Where a key is, or belongs.
    fn place(&self, key: &str) -> Result<usize, usize> {
        self.entries
            .binary_search_by(|(known, _)| known.len().cmp(&key.len()).then_with(|| (**known).cmp(key)))
    }

    /// The values of a key whose name is in lower case; none where it is absent.
    pub(super) fn values(&self, key: &str) -> &[Value<'a>] {
        match self.place(key).ok().and_then(|at| self.entries.get(at)) {
            Some((_, Values::One(value))) => std::slice::from_ref(value),
            Some((_, Values::Many(values))) => values,
            None => &[],
        }
    }

    /// The value of a key that has one, by its name in lower case: what a policy variable may stand for.
    pub(super) fn single(&self, key: &str) -> Option<Cow<'_, str>> {
        match self.place(key).ok().and_then(|at| self.entries.get(at)) {
            Some((_, Values::One(value))) => Some(value.text()),
            _ => None,
        }
    }
}

/// The global keys.
impl<'a> Context<'a> {
    fn and(mut self, key: &'static str, value: impl Into<Value<'a>>) -> Self {
        self.put(Cow::Borrowed(key), Values::One(value.into()));
        self
    }

    /// `aws:PrincipalArn`, `aws:PrincipalAccount`, `aws:PrincipalType` and – of a user – `aws:username`; of a service
    /// `aws:PrincipalIsAWSService` and `aws:PrincipalServiceName`. ARNs are of this partition. `aws:userid` is not
    /// among them, since only the keeper of identities knows it; but of root it is the account.
    #[must_use]
    pub fn principal(self, principal: &'a Principal, partition: &str) -> Self {
        let mut context = self;
        context.entries.reserve(ENTRIES);
        if let Some(account) = principal.account() {
            context = context
                .and("aws:principalaccount", account)
                .and("aws:principalarn", principal.identity_arn(partition))
                .and("aws:principalisawsservice", false);
        }
        match principal {
            Principal::Root { account } => context.and("aws:principaltype", "Account").user_id(&**account),
            Principal::User { .. } => {
                let name = principal.user_name().unwrap_or_default();
                context.and("aws:principaltype", "User").and("aws:username", name)
            }
            Principal::AssumedRole { .. } => context.and("aws:principaltype", "AssumedRole"),
            Principal::Service { name } => context
                .and("aws:principalisawsservice", true)
                .and("aws:principalservicename", &**name),
            Principal::Anonymous => context.and("aws:principaltype", "Anonymous").user_id("anonymous"),
        }
    }

    /// `aws:userid`: the unique id of a user; of a role's session the role's id, a colon and the session's name.
    #[must_use]
    pub fn user_id(self, id: impl Into<Value<'a>>) -> Self {
        self.and("aws:userid", id)
    }

    /// `aws:PrincipalTag/…`: a tag of the user, the role or the session.
    #[must_use]
    pub fn principal_tag(self, key: &str, value: impl Into<Value<'a>>) -> Self {
        self.tag("aws:principaltag/", key, value)
    }

    /// `aws:RequestTag/…`: a tag the request brings. Say them all in [`Context::tag_keys`] too.
    #[must_use]
    pub fn request_tag(self, key: &str, value: impl Into<Value<'a>>) -> Self {
        self.tag("aws:requesttag/", key, value)
    }

    /// `aws:ResourceTag/…`: a tag the resource has.
    #[must_use]
    pub fn resource_tag(self, key: &str, value: impl Into<Value<'a>>) -> Self {
        self.tag("aws:resourcetag/", key, value)
    }

    fn tag(mut self, prefix: &str, key: &str, value: impl Into<Value<'a>>) -> Self {
        self.set(format!("{prefix}{key}"), value);
        self
    }

    /// `aws:TagKeys`: the keys of all tags the request brings or takes away.
    #[must_use]
    pub fn tag_keys<V: Into<Value<'a>>>(mut self, keys: impl IntoIterator<Item = V>) -> Self {
        self.set_all("aws:tagkeys", keys);
        self
    }

    /// `aws:SourceIp`: the address the request came from.
    #[must_use]
    pub fn source_ip(self, ip: IpAddr) -> Self {
        self.and("aws:sourceip", ip)
    }

    /// `aws:CurrentTime` and `aws:EpochTime`.
    #[must_use]
    pub fn current_time(self, now: Timestamp) -> Self {
        self.and("aws:currenttime", now)
            .and("aws:epochtime", now.seconds())
    }

    /// `aws:SecureTransport`: whether the request came over TLS.
    #[must_use]
    pub fn secure_transport(self, tls: bool) -> Self {
        self.and("aws:securetransport", tls)
    }

    /// `aws:UserAgent`, as the client sent it.
    #[must_use]
    pub fn user_agent(self, agent: impl Into<Value<'a>>) -> Self {
        self.and("aws:useragent", agent)
    }

    /// `aws:RequestedRegion`: the region that was called.
    #[must_use]
    pub fn requested_region(self, region: impl Into<Value<'a>>) -> Self {
        self.and("aws:requestedregion", region)
    }

    /// `aws:ResourceAccount`: the account that owns the resource.
    #[must_use]
    pub fn resource_account(self, account: impl Into<Value<'a>>) -> Self {
        self.and("aws:resourceaccount", account)
    }

    /// `aws:TokenIssueTime`: when temporary credentials were issued; absent of lasting ones.
    #[must_use]
    pub fn token_issue_time(self, issued: Timestamp) -> Self {
        self.and("aws:tokenissuetime", issued)
    }

    /// `aws:MultiFactorAuthPresent`: of temporary credentials; absent of lasting ones.
    #[must_use]
    pub fn multi_factor_auth_present(self, present: bool) -> Self {
        self.and("aws:multifactorauthpresent", present)
    }

    /// `aws:SourceArn`: the resource on whose behalf a service calls.
    #[must_use]
    pub fn source_arn(self, arn: impl Into<Value<'a>>) -> Self {
        self.and("aws:sourcearn", arn)
    }

    /// `aws:SourceAccount`: the account on whose behalf a service calls.
    #[must_use]
    pub fn source_account(self, account: impl Into<Value<'a>>) -> Self {
        self.and("aws:sourceaccount", account)
    }
}
