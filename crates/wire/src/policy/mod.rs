//! IAM-style policies: read, checked, and held against requests (IAM User Guide, "IAM JSON policy element reference",
//! "Policy evaluation logic").
//!
//! [`Policy::parse`] reads a document strictly – unknown elements and operators, members given twice and values that are
//! none are refused with the place and what to write – and compiles it. [`Policy::evaluate`] holds it against a
//! [`Request`]; [`decide`] puts together what an identity, its boundary, its session and the resource say. Nothing here
//! knows what an action does, and nothing is looked up: who asks and what is known of it comes in the request.
//!
//! ```text
//! Policy    { Version?, Id?, Statement: one or [some] }
//! Statement { Sid?, Effect, [Not]Principal?, [Not]Action, [Not]Resource?, Condition? }
//! ```
//! Actions match without regard to case, resources and principals with it. What is special in a text is said in `text`
//! and `condition`. Matching takes time linear in the request's texts.
//!
//! Where this is more lenient than IAM: documents of version 2008-10-17 and `Id` are accepted everywhere, and an ARN of a
//! principal need not be of somebody who exists.

mod attached;
mod condition;
mod context;
mod decide;
mod document;
mod error;
mod glob;
mod principal;
mod resource;
mod statement;
mod text;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

pub use attached::check_resource_policy;
pub use context::{Context, Value};
pub use decide::{Decision, Denial, Grants, Source, decide};
pub use error::PolicyError;
pub use principal::Principal;

use self::document::Node;
use self::error::{Path, clipped};
use self::principal::Closeness;
use self::statement::{Asked, Statement};
use crate::limits::{
    POLICY_IDENTITY_CHARS_MAX, POLICY_RESOURCE_BYTES_MAX, POLICY_TEXT_BYTES_MAX, POLICY_TRUST_CHARS_MAX,
};

/// What a policy is attached to; it decides which elements it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A user, group, role or session, or a permissions boundary: no `Principal`.
    Identity,
    /// A resource: with `Principal`.
    Resource,
    /// A role, saying who may assume it: with `Principal`, without `Resource`, `sts` actions only.
    Trust,
}

/// What a policy says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A statement allows it and none denies it.
    Allow,
    /// A statement denies it.
    Deny,
    /// No statement applies: denied unless another policy allows it.
    Silent,
}

/// Who asks to do what to what.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// Service and action: `kinesis:PutRecord`.
    pub action: &'a str,
    /// The resource's ARN, or `*` where the action has none.
    pub resource: &'a str,
    /// What else is known.
    pub context: &'a Context<'a>,
}

/// A compiled policy; cheap to clone.
#[derive(Clone)]
pub struct Policy(Arc<Compiled>);

struct Compiled {
    kind: Kind,
    text: Box<str>,
    statements: Box<[Statement]>,
}

/// What a policy says, with how closely it names who asks.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    denied: bool,
    allowed: Option<Closeness>,
}

impl Outcome {
    const SILENT: Self = Self {
        denied: false,
        allowed: None,
    };
}

impl Policy {
    /// Reads and compiles a document.
    ///
    /// # Errors
    /// [`PolicyError`] for the first thing that is wrong, and where.
    pub fn parse(text: &str, kind: Kind) -> Result<Self, PolicyError> {
        check_size(text, kind)?;
        let document = document::parse(text)?;
        let members = document.object(&Path::DOCUMENT)?;
        let get = |name: &str| {
            members
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, node)| node)
        };
        let known = ["Version", "Id", "Statement"];
        if let Some((unknown, _)) = members.iter().find(|(name, _)| !known.contains(&&**name)) {
            return Err(Path::DOCUMENT.error(format!(
                "Syntax errors in policy. '{}' is no element of a policy; there are {}",
                clipped(unknown),
                known.join(", ")
            )));
        }
        if let Some(id) = get("Id") {
            id.text(&Path::DOCUMENT.member("Id"))?;
        }
        let variables = has_variables(get("Version"))?;
        let path = Path::DOCUMENT.member("Statement");
        let node = get("Statement").ok_or_else(|| {
            path.error("Syntax errors in policy. Statement is missing; add a statement, or a list of some")
        })?;
        Ok(Self(Arc::new(Compiled {
            kind,
            text: text.into(),
            statements: statements(node, kind, variables, &path)?,
        })))
    }

    /// A resource's policy that lets nobody through: for one that cannot be read.
    #[must_use]
    pub fn deny_everything() -> Self {
        Self(Arc::new(Compiled {
            kind: Kind::Resource,
            text: Box::default(),
            statements: Box::new([Statement::deny_everything()]),
        }))
    }

    /// What it is attached to.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The document as it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Its size as IAM counts it: characters that are no white space.
    #[must_use]
    pub fn chars(&self) -> usize {
        chars(&self.0.text)
    }

    fn statements(&self) -> &[Statement] {
        &self.0.statements
    }

    /// What the policy by itself says of a request. An allow for an account counts as one for each of its principals;
    /// what it is worth is for [`decide`] to say.
    #[must_use]
    pub fn evaluate(&self, request: &Request<'_>) -> Effect {
        match self.outcome(request, false) {
            Outcome { denied: true, .. } => Effect::Deny,
            Outcome { allowed: Some(_), .. } => Effect::Allow,
            _ => Effect::Silent,
        }
    }

    fn outcome(&self, request: &Request<'_>, bounded: bool) -> Outcome {
        let mut buffer = [0; ACTION_BYTES];
        let action = lower(request.action, &mut buffer);
        let asked = Asked {
            request,
            action: &action,
            bounded,
        };
        let mut outcome = Outcome::SILENT;
        for statement in self.statements() {
            let Some(closeness) = statement.applies(&asked) else {
                continue;
            };
            if statement.effect() == Effect::Deny {
                outcome.denied = true;
                return outcome;
            }
            outcome.allowed = outcome.allowed.max(Some(closeness));
        }
        outcome
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} policy {}", self.0.kind, self.0.text)
    }
}

impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.0.kind == other.0.kind && self.0.text == other.0.text
    }
}

impl Eq for Policy {}

/// Actions up to this length are brought to lower case without allocating.
const ACTION_BYTES: usize = 96;

fn lower<'a>(action: &'a str, buffer: &'a mut [u8; ACTION_BYTES]) -> Cow<'a, str> {
    let Some(place) = buffer.get_mut(..action.len()) else {
        return Cow::Owned(action.to_ascii_lowercase());
    };
    place.copy_from_slice(action.as_bytes());
    place.make_ascii_lowercase();
    // ASCII letters changed case only, so that it is still UTF-8.
    std::str::from_utf8(place).map_or_else(|_| Cow::Owned(action.to_ascii_lowercase()), Cow::Borrowed)
}

/// A text's size as IAM counts it: characters that are no white space.
#[must_use]
pub fn chars(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

fn check_size(text: &str, kind: Kind) -> Result<(), PolicyError> {
    let (size, max, what) = match kind {
        _ if text.len() > POLICY_TEXT_BYTES_MAX => (text.len(), POLICY_TEXT_BYTES_MAX, "bytes"),
        Kind::Identity => (
            chars(text),
            POLICY_IDENTITY_CHARS_MAX,
            "characters that are no white space",
        ),
        Kind::Trust => (
            chars(text),
            POLICY_TRUST_CHARS_MAX,
            "characters that are no white space",
        ),
        Kind::Resource => (text.len(), POLICY_RESOURCE_BYTES_MAX, "bytes"),
    };
    if size <= max {
        return Ok(());
    }
    Err(Path::DOCUMENT.error(format!(
        "the policy has {size} {what}, and {max} are allowed; shorten or divide it"
    )))
}

/// Whether the version has policy variables. Without one it is the old version.
fn has_variables(version: Option<&Node<'_>>) -> Result<bool, PolicyError> {
    let path = Path::DOCUMENT.member("Version");
    match version.map(|node| node.text(&path)).transpose()? {
        None | Some("2008-10-17") => Ok(false),
        Some("2012-10-17") => Ok(true),
        Some(other) => Err(path.error(format!(
            "Syntax errors in policy. The version must be \"2012-10-17\" (or the old \"2008-10-17\"), not '{}'",
            clipped(other)
        ))),
    }
}

fn statements(
    node: &Node<'_>,
    kind: Kind,
    variables: bool,
    path: &Path<'_>,
) -> Result<Box<[Statement]>, PolicyError> {
    let is_list = matches!(node, Node::List(_));
    let elements = node.elements().iter().enumerate();
    let compiled: Box<[Statement]> = elements
        .map(|(index, node)| {
            let inner = path.index(index);
            statement::compile(node, kind, variables, if is_list { &inner } else { path })
        })
        .collect::<Result<_, _>>()?;
    if compiled.is_empty() {
        return Err(
            path.error("Syntax errors in policy. The list is empty; a policy has at least one statement")
        );
    }
    let mut seen = HashSet::new();
    let sids = compiled.iter().filter_map(|statement| statement.sid.as_deref());
    let twice = sids.filter(|sid| !sid.is_empty()).find(|sid| !seen.insert(*sid));
    match twice {
        None => Ok(compiled),
        Some(twice) => Err(path.error(format!(
            "Statement IDs (SID) in a single policy must be unique. '{}' is there twice",
            clipped(twice)
        ))),
    }
}
