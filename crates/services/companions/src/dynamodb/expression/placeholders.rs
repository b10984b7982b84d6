//! ExpressionAttributeNames and ExpressionAttributeValues: what stands for what, and what of it was used.

use std::collections::{BTreeMap, BTreeSet};

use millrace_api::Entries;
use millrace_api::dynamodb as types;

use super::ExpressionError;
use super::ast::Literal;
use crate::dynamodb::limits::{NAME_BYTES_MAX, PLACEHOLDER_BYTES_MAX};
use crate::dynamodb::model::from_wire;

/// The names and values of one request.
#[derive(Clone, Debug, Default)]
pub struct Placeholders {
    names: BTreeMap<String, String>,
    values: BTreeMap<String, Literal>,
    used: BTreeSet<String>,
}

/// `sign` and one or more letters, digits and underscores.
fn check_key(parameter: &str, sign: char, key: &str) -> Result<(), ExpressionError> {
    let rest = key.strip_prefix(sign).unwrap_or_default();
    if key.len() > PLACEHOLDER_BYTES_MAX {
        return Err(ExpressionError(format!(
            "{parameter} contains invalid key: The expression attribute map contains a key that is too long; size of \
             key: {}",
            key.len()
        )));
    }
    if rest.is_empty() || !rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(ExpressionError(format!(
            "{parameter} contains invalid key: Syntax error; key: \"{key}\""
        )));
    }
    Ok(())
}

impl Placeholders {
    /// Those of a request.
    ///
    /// # Errors
    /// [`ExpressionError`] about a map that is empty, a key that is none, or a value that cannot be stored.
    pub fn of(
        names: Option<Entries<String>>,
        values: Option<Entries<types::AttributeValue>>,
    ) -> Result<Self, ExpressionError> {
        let mut placeholders = Self::default();
        if let Some(Entries(entries)) = names {
            placeholders.take_names(entries)?;
        }
        if let Some(Entries(entries)) = values {
            placeholders.take_values(entries)?;
        }
        Ok(placeholders)
    }

    fn take_names(&mut self, entries: Vec<(String, String)>) -> Result<(), ExpressionError> {
        const PARAMETER: &str = "ExpressionAttributeNames";
        if entries.is_empty() {
            return Err(ExpressionError(format!("{PARAMETER} must not be empty")));
        }
        for (key, name) in entries {
            check_key(PARAMETER, '#', &key)?;
            let fault = match name.len() {
                0 => "Empty attribute name",
                length if length > NAME_BYTES_MAX => {
                    "Attribute name is too large, must be less than 65536 bytes"
                }
                _ => {
                    self.names.insert(key, name);
                    continue;
                }
            };
            return Err(ExpressionError(format!(
                "{PARAMETER} contains invalid value: {fault} for key {key}"
            )));
        }
        Ok(())
    }

    fn take_values(&mut self, entries: Vec<(String, types::AttributeValue)>) -> Result<(), ExpressionError> {
        const PARAMETER: &str = "ExpressionAttributeValues";
        if entries.is_empty() {
            return Err(ExpressionError(format!("{PARAMETER} must not be empty")));
        }
        for (key, value) in entries {
            check_key(PARAMETER, ':', &key)?;
            let value = from_wire(value).map_err(|fault| {
                ExpressionError(format!(
                    "{PARAMETER} contains invalid value: {fault} for key {key}"
                ))
            })?;
            self.values.insert(key, value.into());
        }
        Ok(())
    }

    /// The name that `#placeholder` stands for.
    pub(super) fn name(&mut self, placeholder: &str) -> Option<String> {
        self.used.insert(placeholder.to_owned());
        self.names.get(placeholder).cloned()
    }

    /// The value that `:placeholder` stands for.
    pub(super) fn value(&mut self, placeholder: &str) -> Option<Literal> {
        self.used.insert(placeholder.to_owned());
        self.values.get(placeholder).cloned()
    }

    /// Everything must have been used by some expression of the request.
    ///
    /// # Errors
    /// [`ExpressionError`] that lists what was not.
    pub fn check_used(&self) -> Result<(), ExpressionError> {
        let unused = |keys: &mut dyn Iterator<Item = &String>| {
            let keys: Vec<&str> = keys
                .filter(|key| !self.used.contains(*key))
                .map(String::as_str)
                .collect();
            keys.join(", ")
        };
        let names = unused(&mut self.names.keys());
        let values = unused(&mut self.values.keys());
        let (parameter, keys) = match (names.is_empty(), values.is_empty()) {
            (false, _) => ("ExpressionAttributeNames", names),
            (true, false) => ("ExpressionAttributeValues", values),
            (true, true) => return Ok(()),
        };
        Err(ExpressionError(format!(
            "Value provided in {parameter} unused in expressions: keys: {{{keys}}}"
        )))
    }
}
