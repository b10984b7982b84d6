//! Texts of a policy as patterns: wildcards and policy variables (IAM User Guide, "Variables and tags").
//!
//! ```text
//! ${aws:username}                          a key of the request's context that has one value
//! ${aws:PrincipalTag/team, 'everybody'}    the same with a value to take where there is none
//! ${*}  ${?}  ${$}                         these very characters
//! ```
//! What a variable stands for is text: a `*` in it is no wildcard. A variable without a value – the key is absent, empty
//! or has several values – makes the text match nothing. Only documents of version 2012-10-17 have variables; in older
//! ones `${` is text like any other.

use std::borrow::Cow;

use super::context::Context;
use super::error::{Path, PolicyError, clipped};
use super::glob::{Glob, Part};
use crate::limits::POLICY_WILD_CHARS_MAX;

/// What is special in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Syntax {
    /// `*` and `?` are.
    pub(super) wildcards: bool,
    /// `${…}` is.
    pub(super) variables: bool,
}

/// A part of a text as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Text(String),
    One,
    Any,
    Variable {
        /// In lower case.
        key: String,
        default: Option<String>,
    },
}

impl Written {
    /// Itself with variables replaced; `None` where one has no value.
    fn resolve<'a>(&'a self, context: &'a Context<'_>) -> Option<Resolved<'a>> {
        Some(match self {
            Self::Text(text) => Resolved::Text(Cow::Borrowed(text)),
            Self::One => Resolved::One,
            Self::Any => Resolved::Any,
            Self::Variable { key, default } => {
                let value = context.single(key).filter(|value| !value.is_empty());
                Resolved::Text(value.or(default.as_deref().map(Cow::Borrowed))?)
            }
        })
    }
}

/// A part whose variables have their values.
#[derive(Debug)]
pub(super) enum Resolved<'a> {
    Text(Cow<'a, str>),
    One,
    Any,
}

impl Resolved<'_> {
    pub(super) fn part(&self) -> Part<'_> {
        match self {
            Self::Text(text) => Part::Text(text),
            Self::One => Part::One,
            Self::Any => Part::Any,
        }
    }
}

/// A compiled text, of whatever a text is compiled to: a [`Glob`] of the whole, or one for each part of an ARN.
#[derive(Clone, Debug)]
pub(super) enum Pattern<T> {
    /// Without variables: compiled once.
    Fixed(T),
    /// With variables: compiled for each request.
    Variable(Box<[Written]>),
}

impl<T> Pattern<T> {
    /// Compiles what has no variable with `compile`.
    pub(super) fn new(
        written: Vec<Written>,
        compile: impl FnOnce(&[Resolved<'_>]) -> Option<T>,
    ) -> Option<Self> {
        let has_variable = written.iter().any(|w| matches!(w, Written::Variable { .. }));
        if has_variable {
            return Some(Self::Variable(written.into()));
        }
        let nothing = Context::new();
        let resolved: Option<Vec<_>> = written.iter().map(|w| w.resolve(&nothing)).collect();
        compile(&resolved?).map(Self::Fixed)
    }

    /// Whether it holds for what it says of this request; never where a variable has no value.
    pub(super) fn holds(
        &self,
        context: &Context<'_>,
        compile: impl FnOnce(&[Resolved<'_>]) -> Option<T>,
        test: impl FnOnce(&T) -> bool,
    ) -> bool {
        match self {
            Self::Fixed(compiled) => test(compiled),
            Self::Variable(written) => {
                let resolved: Option<Vec<_>> = written.iter().map(|w| w.resolve(context)).collect();
                let compiled = resolved.and_then(|resolved| compile(&resolved));
                compiled.is_some_and(|compiled| test(&compiled))
            }
        }
    }
}

/// All parts as one pattern.
#[expect(
    clippy::unnecessary_wraps,
    reason = "one of the ways to compile a text, of which others can fail"
)]
pub(super) fn whole(parts: &[Resolved<'_>]) -> Option<Glob> {
    Some(Glob::new(parts.iter().map(Resolved::part)))
}

impl Pattern<Glob> {
    pub(super) fn whole(text: &str, syntax: Syntax, path: &Path<'_>) -> Result<Self, PolicyError> {
        let written = parts(text, syntax, path)?;
        Self::new(written, whole).ok_or_else(|| path.error("cannot be read"))
    }

    pub(super) fn matches(&self, text: &str, context: &Context<'_>) -> bool {
        self.holds(context, whole, |glob| glob.matches(text))
    }
}

/// Takes a text apart.
pub(super) fn parts(text: &str, syntax: Syntax, path: &Path<'_>) -> Result<Vec<Written>, PolicyError> {
    let mut parts = Parts::default();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match first {
            '*' if syntax.wildcards => parts.push(Written::Any),
            '?' if syntax.wildcards => parts.push(Written::One),
            '$' if syntax.variables && rest.starts_with("${") => {
                let (inside, behind) = variable(rest, path)?;
                match inside {
                    "*" | "?" | "$" => parts.text.push_str(inside),
                    _ => {
                        let variable = named(inside, path)?;
                        parts.push(variable);
                    }
                }
                rest = behind;
                continue;
            }
            other => parts.text.push(other),
        }
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    let parts = parts.finish();
    check_wild(&parts, path)?;
    Ok(parts)
}

#[derive(Default)]
struct Parts {
    done: Vec<Written>,
    text: String,
}

impl Parts {
    fn push(&mut self, part: Written) {
        if !self.text.is_empty() {
            self.done.push(Written::Text(std::mem::take(&mut self.text)));
        }
        self.done.push(part);
    }

    fn finish(mut self) -> Vec<Written> {
        if !self.text.is_empty() {
            self.done.push(Written::Text(self.text));
        }
        self.done
    }
}

/// What stands in the braces, and what behind them.
fn variable<'a>(text: &'a str, path: &Path<'_>) -> Result<(&'a str, &'a str), PolicyError> {
    let inside = text.strip_prefix("${").unwrap_or_default();
    inside.split_once('}').ok_or_else(|| {
        path.error(format!(
            "'{}' begins a policy variable that has no end; close it with '}}', or write ${{$}} for a dollar sign",
            clipped(text)
        ))
    })
}

fn named(inside: &str, path: &Path<'_>) -> Result<Written, PolicyError> {
    let (key, default) = match inside.split_once(',') {
        None => (inside, None),
        Some((key, default)) => {
            let quoted = default
                .trim()
                .strip_prefix('\'')
                .and_then(|d| d.strip_suffix('\''));
            let default = quoted.ok_or_else(|| {
                path.error(format!(
                    "the default value in '${{{}}}' must stand in single quotes, as in ${{aws:username, 'nobody'}}",
                    clipped(inside)
                ))
            })?;
            (key, Some(default.to_owned()))
        }
    };
    let key = key.trim();
    if key.is_empty() || key.contains(|c: char| c.is_whitespace() || "*?${'".contains(c)) {
        return Err(path.error(format!(
            "'${{{}}}' names no key of a request's context; write for instance ${{aws:username}}, or ${{*}}, ${{?}}, \
             ${{$}} for these characters themselves",
            clipped(inside)
        )));
    }
    Ok(Written::Variable {
        key: key.to_ascii_lowercase(),
        default,
    })
}

/// Refuses what could not be matched in linear time. A variable counts as sixteen characters.
fn check_wild(parts: &[Written], path: &Path<'_>) -> Result<(), PolicyError> {
    const VARIABLE: &str = "................";
    let plain = parts.iter().map(|part| match part {
        Written::Text(text) => Part::Text(text),
        Written::One => Part::One,
        Written::Any => Part::Any,
        Written::Variable { .. } => Part::Text(VARIABLE),
    });
    check_width(&Glob::new(plain), path)
}

/// The same of a pattern.
pub(super) fn check_width(glob: &Glob, path: &Path<'_>) -> Result<(), PolicyError> {
    if glob.widest_wild() <= POLICY_WILD_CHARS_MAX {
        return Ok(());
    }
    Err(path.error(format!(
        "more than {POLICY_WILD_CHARS_MAX} characters with a '?' among them stand between two '*'; leave the '?' out or \
         shorten what stands between"
    )))
}
