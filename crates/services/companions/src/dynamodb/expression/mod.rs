//! Expressions: conditions, filters, key conditions, projections and updates, with the older parameters that say the
//! same (`legacy`).
//!
//! A text becomes tokens (`lexer`), tokens become a form without placeholders (`ast`), and that is evaluated against an
//! item (`evaluate`, `update`, `project`). The form is flat: nothing in it nests deeper than a value does, so that it
//! can be stored in a command and read back whatever its text looked like. What is wrong with a text is said in
//! DynamoDB's words.

pub mod ast;
mod condition;
mod diagnosis;
mod evaluate;
mod key_condition;
mod legacy;
mod lexer;
mod operand;
mod placeholders;
mod project;
mod projection;
mod reserved;
mod update;
mod update_text;

#[cfg(test)]
mod tests;

pub use ast::{Condition, Path, Projection, Update};
pub use key_condition::{KeyCondition, RangeCondition};
pub use legacy::{conditions, expected, key_conditions, updates};
pub use placeholders::Placeholders;
pub(crate) use project::pick;
pub use project::project;
pub use update::{UpdateError, apply};

use lexer::Tokens;
use operand::Parser;

/// Which parameter of a request an expression is; messages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the parameters")]
pub enum Role {
    Condition,
    Filter,
    KeyCondition,
    Projection,
    Update,
}

impl Role {
    /// The parameter's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Condition => "ConditionExpression",
            Self::Filter => "FilterExpression",
            Self::KeyCondition => "KeyConditionExpression",
            Self::Projection => "ProjectionExpression",
            Self::Update => "UpdateExpression",
        }
    }
}

/// What is wrong with an expression, as a whole sentence for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ExpressionError(pub String);

/// Reads a condition or a filter.
///
/// # Errors
/// [`ExpressionError`].
pub fn condition(role: Role, text: &str, given: &mut Placeholders) -> Result<Condition, ExpressionError> {
    parse(role, text, given, condition::read)
}

/// Reads a projection.
///
/// # Errors
/// [`ExpressionError`].
pub fn projection(text: &str, given: &mut Placeholders) -> Result<Projection, ExpressionError> {
    parse(Role::Projection, text, given, projection::read)
}

/// Reads an update.
///
/// # Errors
/// [`ExpressionError`].
pub fn update(text: &str, given: &mut Placeholders) -> Result<Update, ExpressionError> {
    parse(Role::Update, text, given, update_text::read)
}

/// Reads a key condition.
///
/// # Errors
/// [`ExpressionError`].
pub fn key_condition(text: &str, given: &mut Placeholders) -> Result<Vec<KeyCondition>, ExpressionError> {
    key_condition::of(&condition(Role::KeyCondition, text, given)?)
}

/// Cuts a text into tokens, reads all of them with `read` and yields what it made of them if nothing was wrong.
fn parse<T>(
    role: Role,
    text: &str,
    given: &mut Placeholders,
    read: impl FnOnce(&mut Parser<'_>) -> Result<T, String>,
) -> Result<T, ExpressionError> {
    let prefixed = |what: String| ExpressionError(format!("Invalid {}: {what}", role.as_str()));
    let tokens = Tokens::of(text).map_err(prefixed)?;
    let mut parser = Parser::new(tokens, given);
    let made = read(&mut parser).map_err(prefixed)?;
    match parser.diagnosis.worst() {
        Some(what) => Err(prefixed(what)),
        None => Ok(made),
    }
}
