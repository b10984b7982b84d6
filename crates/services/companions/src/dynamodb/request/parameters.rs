//! Parameters that exclude or need each other.

use std::collections::BTreeSet;

use millrace_api::Entries;
use millrace_api::dynamodb as types;

use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::expression::{Path, Placeholders, Projection, Role};

/// Which expressions, and which older parameters, a request has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters<'a> {
    /// Those the operation knows, in the order in which messages list them.
    pub(crate) expressions: &'a [(Role, bool)],
    /// The same.
    pub(crate) legacy: &'a [(&'static str, bool)],
}

impl Parameters<'_> {
    /// The placeholders of a request whose parameters go together.
    pub(crate) fn placeholders(
        &self,
        names: Option<Entries<String>>,
        values: Option<Entries<types::AttributeValue>>,
    ) -> Result<Placeholders, DynamodbError> {
        let present = |(role, present): &(Role, bool)| present.then_some(role.as_str());
        let expressions: Vec<&str> = self.expressions.iter().filter_map(present).collect();
        let legacy: Vec<&str> = self
            .legacy
            .iter()
            .filter_map(|(name, present)| present.then_some(*name))
            .collect();
        // KeyConditions alone may stand beside the other expressions.
        let mixes =
            |name: &&str| *name != "KeyConditions" || expressions.contains(&Role::KeyCondition.as_str());
        let mixed: Vec<&str> = legacy.into_iter().filter(mixes).collect();
        if !expressions.is_empty() && !mixed.is_empty() {
            return Err(DynamodbError::Invalid(format!(
                "Can not use both expression and non-expression parameters in the same request: Non-expression \
                 parameters: {{{}}} Expression parameters: {{{}}}",
                mixed.join(", "),
                expressions.join(", ")
            )));
        }
        if names.is_some() && expressions.is_empty() {
            return Err(DynamodbError::Invalid(
                "ExpressionAttributeNames can only be specified when using expressions".to_owned(),
            ));
        }
        let with_values = self
            .expressions
            .iter()
            .filter(|(role, _)| *role != Role::Projection);
        let (given, absent): (Vec<_>, Vec<_>) = with_values.partition(|(_, present)| *present);
        if values.is_some() && given.is_empty() {
            let names: Vec<&str> = absent.iter().map(|(role, _)| role.as_str()).collect();
            let are = if names.len() > 1 { "are" } else { "is" };
            return Err(DynamodbError::Invalid(format!(
                "ExpressionAttributeValues can only be specified when using expressions: {} {are} null",
                names.join(" and ")
            )));
        }
        Ok(Placeholders::of(names, values)?)
    }
}

/// AttributesToGet as a projection.
pub(crate) fn attributes_to_get(names: Vec<String>) -> Result<Projection, DynamodbError> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
        return Err(DynamodbError::Invalid(format!(
            "One or more parameter values were invalid: Duplicate value in attribute name: {twice}"
        )));
    }
    Ok(Projection(names.into_iter().map(Path::of).collect()))
}
