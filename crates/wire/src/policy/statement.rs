//! Statements, compiled and held against requests.

use super::condition::{self, Condition};
use super::document::{Node, strings};
use super::error::{Path, PolicyError, clipped};
use super::glob::{Glob, Part};
use super::principal::{Closeness, Named};
use super::resource::ResourcePattern;
use super::{Effect, Kind, Request};

/// A statement.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) sid: Option<Box<str>>,
    /// Whether it denies; else it allows.
    pub(super) denies: bool,
    /// Whom it is about; of policies that are attached to an identity it is that one.
    pub(super) principals: Option<Element<Named>>,
    pub(super) actions: Element<ActionPattern>,
    /// Of trust policies it is the role they are attached to.
    pub(super) resources: Option<Element<ResourcePattern>>,
    conditions: Box<[Condition]>,
}

/// A list that says what is meant, or with `Not` what is not.
#[derive(Clone, Debug)]
pub(super) struct Element<T> {
    pub(super) negated: bool,
    pub(super) items: Box<[T]>,
}

impl<T> Element<T> {
    fn covers(&self, matches: impl FnMut(&T) -> bool) -> bool {
        self.items.iter().any(matches) != self.negated
    }
}

/// An action with wildcards, in lower case: actions are compared without regard to case.
#[derive(Clone, Debug)]
pub(super) struct ActionPattern(Glob);

impl ActionPattern {
    /// The action that is meant, in lower case, where it has no wildcard.
    pub(super) fn literal(&self) -> Option<&str> {
        self.0.literal()
    }
}

/// A request and what is made of it once for all statements.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) request: &'a Request<'a>,
    /// The action in lower case.
    pub(super) action: &'a str,
    /// Whether who asks has a permissions boundary.
    pub(super) bounded: bool,
}

impl Statement {
    /// Denies everything to everybody.
    pub(super) fn deny_everything() -> Self {
        Self {
            sid: None,
            denies: true,
            principals: None,
            actions: Element {
                negated: true,
                items: Box::default(),
            },
            resources: None,
            conditions: Box::default(),
        }
    }

    /// How closely the statement names who asks, where it applies to the request.
    pub(super) fn applies(&self, asked: &Asked<'_>) -> Option<Closeness> {
        let request = asked.request;
        let applies = self.actions.covers(|pattern| pattern.0.matches(asked.action))
            && self.resources.as_ref().is_none_or(|element| {
                element.covers(|pattern| pattern.matches(request.resource, request.context))
            });
        if !applies {
            return None;
        }
        let closeness = self.closeness(asked)?;
        self.conditions
            .iter()
            .all(|condition| condition.holds(request.context))
            .then_some(closeness)
    }

    fn closeness(&self, asked: &Asked<'_>) -> Option<Closeness> {
        let Some(element) = &self.principals else {
            return Some(Closeness::Direct);
        };
        let named = element
            .items
            .iter()
            .filter_map(|named| named.names(asked.request.principal))
            .max();
        if !element.negated {
            return named;
        }
        // "The NotPrincipal element with a Deny effect will always deny any IAM principal that has a permissions boundary
        // policy attached" (IAM User Guide, "NotPrincipal").
        let always = self.denies && asked.bounded;
        (named.is_none() || always).then_some(Closeness::Direct)
    }

    pub(super) fn effect(&self) -> Effect {
        if self.denies { Effect::Deny } else { Effect::Allow }
    }
}

/// Compiles one statement.
pub(super) fn compile(
    node: &Node<'_>,
    kind: Kind,
    variables: bool,
    path: &Path<'_>,
) -> Result<Statement, PolicyError> {
    const ELEMENTS: [&str; 9] = [
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    ];
    let members = node.object(path)?;
    if let Some((unknown, _)) = members.iter().find(|(name, _)| !ELEMENTS.contains(&&**name)) {
        return Err(path.error(format!(
            "Syntax errors in policy. '{}' is no element of a statement; there are {}",
            clipped(unknown),
            ELEMENTS.join(", ")
        )));
    }
    let source = Source { members, path };
    Ok(Statement {
        sid: source.sid(kind)?,
        denies: source.denies()?,
        principals: source.principals(kind)?,
        actions: source.actions(kind)?,
        resources: source.resources(kind, variables)?,
        conditions: match source.get("Condition") {
            Some(node) => condition::compile(node, variables, &path.member("Condition"))?,
            None => Box::default(),
        },
    })
}

struct Source<'a> {
    members: &'a super::document::Members<'a>,
    path: &'a Path<'a>,
}

impl<'a> Source<'a> {
    fn get(&self, name: &str) -> Option<&'a Node<'a>> {
        let member = self.members.iter().find(|(known, _)| known == name);
        member.map(|(_, node)| node)
    }

    /// An element under its name or with `Not`, of which at most one may be there.
    fn either(
        &self,
        [name, not]: [&'static str; 2],
    ) -> Result<Option<(&'a Node<'a>, &'static str, bool)>, PolicyError> {
        match (self.get(name), self.get(not)) {
            (Some(_), Some(_)) => Err(self.path.error(format!(
                "Syntax errors in policy. {name} and {not} exclude each other; keep one of them"
            ))),
            (Some(node), None) => Ok(Some((node, name, false))),
            (None, Some(node)) => Ok(Some((node, not, true))),
            (None, None) => Ok(None),
        }
    }

    fn sid(&self, kind: Kind) -> Result<Option<Box<str>>, PolicyError> {
        let Some(node) = self.get("Sid") else {
            return Ok(None);
        };
        let path = self.path.member("Sid");
        let sid = node.text(&path)?;
        if kind != Kind::Resource && !sid.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(path.error(format!(
                "Statement IDs (SID) may only have letters and digits here, not '{}'",
                clipped(sid)
            )));
        }
        Ok(Some(sid.into()))
    }

    fn denies(&self) -> Result<bool, PolicyError> {
        let path = self.path.member("Effect");
        let node = self.get("Effect").ok_or_else(|| {
            path.error("Syntax errors in policy. Effect is missing; add \"Allow\" or \"Deny\"")
        })?;
        match node.text(&path)? {
            "Allow" => Ok(false),
            "Deny" => Ok(true),
            other => Err(path.error(format!(
                "must be \"Allow\" or \"Deny\" with these capitals, not '{}'",
                clipped(other)
            ))),
        }
    }

    fn principals(&self, kind: Kind) -> Result<Option<Element<Named>>, PolicyError> {
        let found = self.either(["Principal", "NotPrincipal"])?;
        match (found, kind) {
            (None, Kind::Identity) => Ok(None),
            (None, _) => Err(self.path.error(
                "Missing required field Principal. Say whom the statement is about, as in \"Principal\": {\"AWS\": \
                 \"123456789012\"}",
            )),
            (Some((_, name, _)), Kind::Identity) => Err(self.path.member(name).error(
                "Policy document should not specify a principal. It is the identity the policy is attached to; leave the \
                 element out",
            )),
            (Some((node, name, negated)), _) => {
                let items = named(node, &self.path.member(name))?;
                Ok(Some(Element { negated, items }))
            }
        }
    }

    fn actions(&self, kind: Kind) -> Result<Element<ActionPattern>, PolicyError> {
        let Some((node, name, negated)) = self.either(["Action", "NotAction"])? else {
            return Err(self.path.error(
                "Policy statement must contain actions. Add \"Action\", such as \"kinesis:PutRecord\"",
            ));
        };
        let path = self.path.member(name);
        if kind == Kind::Trust && negated {
            return Err(
                path.error("a trust policy lists its actions with Action, such as \"sts:AssumeRole\"")
            );
        }
        let items = strings(node, &path, |text, path| action(text, kind, path))?;
        if items.is_empty() {
            return Err(path.error("Policy statement must contain actions. Name at least one"));
        }
        Ok(Element { negated, items })
    }

    fn resources(
        &self,
        kind: Kind,
        variables: bool,
    ) -> Result<Option<Element<ResourcePattern>>, PolicyError> {
        let found = self.either(["Resource", "NotResource"])?;
        match (found, kind) {
            (None, Kind::Trust) => Ok(None),
            (None, _) => Err(self.path.error(
                "Policy statement must contain resources. Add \"Resource\", such as the ARN of a stream, or \"*\"",
            )),
            (Some((_, name, _)), Kind::Trust) => Err(self.path.member(name).error(format!(
                "Has prohibited field Resource. A trust policy is about the role it is attached to; leave {name} out"
            ))),
            (Some((node, name, negated)), _) => {
                let path = self.path.member(name);
                let items = strings(node, &path, |text, path| ResourcePattern::parse(text, variables, path))?;
                if items.is_empty() {
                    return Err(path.error("Policy statement must contain resources. Name at least one, or \"*\""));
                }
                Ok(Some(Element { negated, items }))
            }
        }
    }
}

/// What a trust policy may be about.
const TRUST_ACTIONS: [&str; 5] = [
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:setsourceidentity",
    "sts:tagsession",
];

fn action(text: &str, kind: Kind, path: &Path<'_>) -> Result<ActionPattern, PolicyError> {
    let lower = text.to_ascii_lowercase();
    if kind == Kind::Trust && !TRUST_ACTIONS.contains(&&*lower) {
        return Err(path.error(format!(
            "AssumeRole policy may only specify STS AssumeRole actions. '{}' is none of sts:AssumeRole, \
             sts:AssumeRoleWithSAML, sts:AssumeRoleWithWebIdentity, sts:SetSourceIdentity and sts:TagSession",
            clipped(text)
        )));
    }
    if text != "*" {
        let Some((vendor, name)) = text.split_once(':') else {
            return Err(path.error(format!(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. Write for instance \
                 kinesis:PutRecord in place of '{}'",
                clipped(text)
            )));
        };
        if name.contains(':') {
            return Err(path.error(format!(
                "Actions/Condition can contain only one colon. '{}' has more",
                clipped(text)
            )));
        }
        let known = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
        if vendor != "*" && (vendor.is_empty() || !vendor.bytes().all(known)) {
            return Err(path.error(format!(
                "Vendor {} is not valid. Write a service's prefix, such as kinesis",
                clipped(vendor)
            )));
        }
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(path.error(format!(
                "'{}' names no action; write for instance kinesis:PutRecord or kinesis:Put*",
                clipped(text)
            )));
        }
    }
    let parts = lower.char_indices().map(|(at, c)| match c {
        '*' => Part::Any,
        '?' => Part::One,
        c => Part::Text(lower.get(at..at + c.len_utf8()).unwrap_or_default()),
    });
    let glob = Glob::new(parts);
    super::text::check_width(&glob, path)?;
    Ok(ActionPattern(glob))
}

/// The principals of a `Principal` or `NotPrincipal` element.
fn named(node: &Node<'_>, path: &Path<'_>) -> Result<Box<[Named]>, PolicyError> {
    let invalid = |path: &Path<'_>, kind: &str, text: &str, hint: &str| {
        path.error(format!(
            "Invalid principal in policy: \"{kind}\":\"{}\". {hint}",
            clipped(text)
        ))
    };
    if let Node::Text(text) = node {
        return match &**text {
            "*" => Ok(Box::new([Named::Everyone])),
            other => Err(path.error(format!(
                "Invalid principal in policy: \"{}\". Write \"*\" for everyone, or {{\"AWS\": …}} or {{\"Service\": …}}",
                clipped(other)
            ))),
        };
    }
    let mut all = Vec::new();
    for (kind, list) in node.object(path)? {
        let path = path.member(kind);
        let of_kind = strings(list, &path, |text, path| {
            match &**kind {
            "AWS" => Named::aws(text).ok_or_else(|| {
                invalid(
                    path,
                    kind,
                    text,
                    "Write an account's number or the whole ARN of an account's root, a user, a role or a role's session; \
                     a wildcard stands alone",
                )
            }),
            "Service" if text.contains('.') && !text.contains(['*', '?', '$']) => Ok(Named::Service(text.to_owned())),
            "Service" => Err(invalid(path, kind, text, "Write a service's name, such as firehose.amazonaws.com")),
            "Federated" => Ok(Named::Foreign("federated identities")),
            "CanonicalUser" => Ok(Named::Foreign("canonical users")),
            other => Err(path.error(format!(
                "Invalid principal in policy. '{}' is no kind of principal; there are AWS, Service, Federated and \
                 CanonicalUser",
                clipped(other)
            ))),
        }
        })?;
        if of_kind.is_empty() {
            return Err(path.error("Invalid principal in policy. Name at least one, or leave the member out"));
        }
        all.extend(of_kind);
    }
    if all.is_empty() {
        return Err(
            path.error("Invalid principal in policy. Name at least one, as in {\"AWS\": \"123456789012\"}")
        );
    }
    Ok(all.into())
}
