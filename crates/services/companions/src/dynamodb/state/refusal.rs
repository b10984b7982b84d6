//! Why a command changed nothing.

use std::sync::Arc;

use super::table::StoredItem;

/// Why a command changed nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// No such table.
    #[error("Requested resource not found")]
    TableNotFound,
    /// The name is taken.
    #[error("Table already exists: {0}")]
    TableExists(String),
    /// No such index, in UpdateTable.
    #[error("Requested resource not found: Index: {0} not found")]
    IndexNotFound(String),
    /// The request makes no sense for this table or this item; the sentence says why.
    #[error("{0}")]
    Invalid(String),
    /// A condition does not hold.
    #[error("The conditional request failed")]
    Condition {
        /// The item as it is.
        item: Option<Arc<StoredItem>>,
    },
    /// A transaction was cancelled.
    #[error("{}", cancelled(.0))]
    Cancelled(Vec<Option<Reason>>),
    /// A token came with another request before.
    #[error(
        "Request parameters do not match the parameters of the request that used this ClientRequestToken first."
    )]
    TokenMismatch,
    /// Something is full; the sentence says what, and what to do.
    #[error("{0}")]
    Full(String),
    /// Too much at once; trying again later helps.
    #[error("{0}")]
    Throttled(String),
}

/// Why one write of a transaction failed.
#[derive(Clone, Debug)]
pub struct Reason {
    /// `ConditionalCheckFailed` or `ValidationError`.
    pub code: &'static str,
    /// A sentence.
    pub message: String,
    /// The item as it is, where the condition did not hold.
    pub item: Option<Arc<StoredItem>>,
}

impl Refusal {
    /// As a write's part in the cancellation of its transaction; what concerns the transaction as a whole is given
    /// back.
    ///
    /// # Errors
    /// Itself.
    pub fn into_reason(self) -> Result<Reason, Self> {
        let message = self.to_string();
        match self {
            Self::Condition { item } => Ok(Reason {
                code: "ConditionalCheckFailed",
                message,
                item,
            }),
            Self::Invalid(message) => Ok(Reason {
                code: "ValidationError",
                message,
                item: None,
            }),
            other => Err(other),
        }
    }
}

fn cancelled(reasons: &[Option<Reason>]) -> String {
    let codes: Vec<&str> = reasons
        .iter()
        .map(|reason| reason.as_ref().map_or("None", |r| r.code))
        .collect();
    format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    )
}
