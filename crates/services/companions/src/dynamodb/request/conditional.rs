//! The condition of a write, in its new or its old form, with the update of UpdateItem.

use millrace_api::Entries;
use millrace_api::dynamodb::{
    self as types, AttributeValueUpdate, ConditionalOperator, ExpectedAttributeValue,
};

use super::Parameters;
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::expression::{self, Condition, Role, Update};

/// The members of a write that are about its condition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditional {
    pub(crate) expected: Option<Entries<ExpectedAttributeValue>>,
    pub(crate) operator: Option<ConditionalOperator>,
    pub(crate) expression: Option<String>,
    pub(crate) names: Option<Entries<String>>,
    pub(crate) values: Option<Entries<types::AttributeValue>>,
}

impl Conditional {
    /// The condition of a write that has nothing else to say in expressions.
    pub(crate) fn read(self) -> Result<Option<Condition>, DynamodbError> {
        let parameters = Parameters {
            expressions: &[(Role::Condition, self.expression.is_some())],
            legacy: &[
                ("Expected", self.expected.is_some()),
                ("ConditionalOperator", self.operator.is_some()),
            ],
        };
        let (condition, _) = self.with_update(&parameters, None, None)?;
        Ok(condition)
    }

    /// Condition and update of UpdateItem. Without either form of update there is nothing to change.
    pub(crate) fn read_update(
        self,
        text: Option<&str>,
        legacy: Option<Entries<AttributeValueUpdate>>,
    ) -> Result<(Option<Condition>, Update), DynamodbError> {
        let parameters = Parameters {
            expressions: &[
                (Role::Update, text.is_some()),
                (Role::Condition, self.expression.is_some()),
            ],
            legacy: &[
                ("AttributeUpdates", legacy.is_some()),
                ("Expected", self.expected.is_some()),
                ("ConditionalOperator", self.operator.is_some()),
            ],
        };
        self.with_update(&parameters, text, legacy)
    }

    fn with_update(
        self,
        parameters: &Parameters<'_>,
        text: Option<&str>,
        legacy: Option<Entries<AttributeValueUpdate>>,
    ) -> Result<(Option<Condition>, Update), DynamodbError> {
        let mut given = parameters.placeholders(self.names, self.values)?;
        let mut update = legacy.map(expression::updates).transpose()?.unwrap_or_default();
        let expected = expression::expected(self.expected, self.operator)?;
        if let Some(text) = text {
            update = expression::update(text, &mut given)?;
        }
        let condition = self
            .expression
            .map(|text| expression::condition(Role::Condition, &text, &mut given))
            .transpose()?;
        given.check_used()?;
        Ok((condition.or(expected), update))
    }
}
