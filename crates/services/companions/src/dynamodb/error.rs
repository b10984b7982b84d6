//! Everything that can go wrong in DynamoDB, and the one place where it becomes an answer.
//!
//! Messages are the published service's own where they are known, since tools and people match on them. Codes carry the
//! namespaces that DynamoDB writes.

use millrace_api::dynamodb as types;
use millrace_control::ControlError;
use millrace_log::LogError;
use millrace_wire::access::Denied;
use millrace_wire::{ApiError, Codec, error};

use super::expression::ExpressionError;
use super::model::item_into_wire;
use super::model::value::Item;
use super::state::{Reason, Refusal};

/// Namespace of the service's own errors.
const SERVICE: &str = "com.amazonaws.dynamodb.v20120810";
/// Namespace of refused parameters.
const VALIDATE: &str = "com.amazon.coral.validate";
/// Namespace of what the framework says.
const CORAL: &str = "com.amazon.coral.service";

/// Why a call failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DynamodbError {
    /// The state refused it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A parameter or a combination of them is wrong; the sentence says which.
    #[error("{0}")]
    Invalid(String),
    /// No such table, as operations on tables say it.
    #[error("Requested resource not found: Table: {0} not found")]
    TableNotFound(String),
    /// No such table, as UpdateContinuousBackups says it.
    #[error("Table not found: {0}")]
    BackupTableNotFound(String),
    /// A quota is used up; the sentence says which.
    #[error("{0}")]
    LimitExceeded(String),
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A part of DynamoDB that this server does not have.
    #[error("{0} is not supported by Millrace, whose tables are meant for leases and locks. Leave it out.")]
    NotBuilt(&'static str),
    /// The body was refused.
    #[error(transparent)]
    Wire(#[from] ApiError),
    /// The control plane failed.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A command had an outcome of another kind; a mistake of this program.
    #[error("the command had an unexpected outcome")]
    Outcome,
}

impl From<ExpressionError> for DynamodbError {
    fn from(ExpressionError(what): ExpressionError) -> Self {
        Self::Invalid(what)
    }
}

fn coded(namespace: &str, code: &str, message: impl Into<String>) -> ApiError {
    ApiError::client(format!("{namespace}#{code}"), message)
}

impl DynamodbError {
    /// As the client is told, in the format of its call.
    #[must_use]
    pub fn into_api(self, codec: Codec) -> ApiError {
        let message = self.to_string();
        match self {
            Self::Refused(refusal) => refused(refusal, message, codec),
            Self::Invalid(_) | Self::NotBuilt(_) => coded(VALIDATE, error::VALIDATION, message),
            Self::TableNotFound(_) => coded(SERVICE, "ResourceNotFoundException", message),
            Self::BackupTableNotFound(_) => coded(SERVICE, "TableNotFoundException", message),
            Self::LimitExceeded(_) => coded(SERVICE, "LimitExceededException", message),
            Self::Denied(_) => coded(CORAL, "AccessDeniedException", message),
            Self::Wire(wire) => namespaced(wire),
            Self::Control(error @ ControlError::TooLarge { .. }) => coded(
                VALIDATE,
                error::VALIDATION,
                format!("The request is too large to be written at once: {error}"),
            ),
            Self::Control(ControlError::Overloaded | ControlError::Log(LogError::Overloaded(_))) => coded(
                SERVICE,
                "ThrottlingException",
                "Too many writes wait for the control log: try again later.",
            ),
            // SDKs repeat it: a proposal that is in doubt is at least once, like every write of DynamoDB's clients.
            Self::Control(_) | Self::Outcome => {
                tracing::error!(error = message, "call failed in the control plane");
                coded(SERVICE, "InternalServerError", "Internal server error").with_status(500)
            }
        }
    }
}

/// What the wire says, with the namespace that DynamoDB gives it.
fn namespaced(wire: ApiError) -> ApiError {
    let namespace = match wire.short_code() {
        error::VALIDATION => VALIDATE,
        error::SERIALIZATION | error::UNKNOWN_OPERATION => CORAL,
        _ => return wire,
    };
    let code = format!("{namespace}#{}", wire.short_code());
    ApiError {
        code: code.into(),
        ..wire
    }
}

fn refused(refusal: Refusal, message: String, codec: Codec) -> ApiError {
    let wire_item = |item: &Item| item_into_wire(item);
    match refusal {
        Refusal::TableNotFound | Refusal::IndexNotFound(_) => {
            coded(SERVICE, "ResourceNotFoundException", message)
        }
        Refusal::TableExists(_) => coded(SERVICE, "ResourceInUseException", message),
        Refusal::Invalid(_) => coded(VALIDATE, error::VALIDATION, message),
        Refusal::Condition { item } => {
            let members = types::ConditionalCheckFailedException {
                message: None,
                item: item.map(|item| wire_item(&item)),
            };
            coded(SERVICE, "ConditionalCheckFailedException", message)
                .with_members(codec.encode_typed(members))
        }
        Refusal::Cancelled(reasons) => {
            let reasons = reasons.into_iter().map(|reason| match reason {
                None => types::CancellationReason {
                    code: Some("None".to_owned()),
                    ..types::CancellationReason::default()
                },
                Some(Reason { code, message, item }) => types::CancellationReason {
                    item: item.map(|item| wire_item(&item)),
                    code: Some(code.to_owned()),
                    message: Some(message),
                },
            });
            let members = types::TransactionCanceledException {
                message: None,
                cancellation_reasons: Some(reasons.collect()),
            };
            coded(SERVICE, "TransactionCanceledException", message).with_members(codec.encode_typed(members))
        }
        Refusal::TokenMismatch => coded(SERVICE, "IdempotentParameterMismatchException", message),
        Refusal::Full(_) => coded(SERVICE, "LimitExceededException", message),
        Refusal::Throttled(_) => coded(SERVICE, "ThrottlingException", message),
    }
}
