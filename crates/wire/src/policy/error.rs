//! What is wrong with a policy: where, what, and what to write in its place.

use std::fmt;

use crate::limits::POLICY_ECHO_BYTES_MAX;

/// Why a policy is refused; the message of a `MalformedPolicyDocument` or an `InvalidArgumentException`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct PolicyError {
    /// Where in the document, such as `Statement[0].Action[2]`; empty for the document as a whole.
    pub path: String,
    /// What is wrong there, beginning with AWS's words where they are known, and what to do.
    pub message: String,
}

/// The way into a document, written out only when something is wrong there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Document,
    Member(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    pub(super) const DOCUMENT: Path<'static> = Path {
        parent: None,
        step: Step::Document,
    };

    pub(super) const fn member(&'a self, name: &'a str) -> Self {
        Self {
            parent: Some(self),
            step: Step::Member(name),
        }
    }

    pub(super) const fn index(&'a self, index: usize) -> Self {
        Self {
            parent: Some(self),
            step: Step::Index(index),
        }
    }

    pub(super) fn error(&self, message: impl Into<String>) -> PolicyError {
        PolicyError {
            path: self.to_string(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Document => Ok(()),
            Step::Member(name) if self.parent.is_some_and(|p| matches!(p.step, Step::Document)) => {
                f.write_str(clipped(name))
            }
            Step::Member(name) => write!(f, ".{}", clipped(name)),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// As much of a policy's own text as a message repeats.
pub(super) fn clipped(text: &str) -> &str {
    text.get(..text.floor_char_boundary(POLICY_ECHO_BYTES_MAX))
        .unwrap_or_default()
}
