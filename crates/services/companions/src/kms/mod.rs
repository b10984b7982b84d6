//! Key Management Service (API 2014-11-01) over the local master keys: symmetric keys and what is done with them.
//!
//! It is how operators look after the keys of encrypted streams, with `millrace admin kms`, the AWS CLI or any SDK. Keys
//! have no policies, grants or tags. The default key `alias/aws/kinesis` can be rotated and switched off like any other,
//! which AWS lets nobody do. A server whose keys are in another key service ([`remote`]) refuses every call and says
//! where they are.

mod ciphertext;
mod error;
pub mod limits;
mod metadata;
mod ops;
pub mod remote;
mod request;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use millrace_api::kms::SERVICE;
use millrace_api::{Operation, Shaped};
use millrace_base::Rng;
use millrace_keys::LocalKeys;
use millrace_wire::arn::partition_of;
use millrace_wire::{ApiError, Caller, Codec, Reply};

pub use error::KmsError;

/// Operations that write files, durably, before they answer.
const CHANGES: [&str; 10] = [
    "CancelKeyDeletion",
    "CreateAlias",
    "CreateKey",
    "DeleteAlias",
    "DisableKey",
    "EnableKey",
    "RotateKeyOnDemand",
    "ScheduleKeyDeletion",
    "UpdateAlias",
    "UpdateKeyDescription",
];

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct Kms {
    keys: MasterKeys,
    rng: Arc<dyn Rng>,
}

/// Where the master keys are.
#[derive(Clone, Debug)]
pub enum MasterKeys {
    /// In this process.
    Local(Arc<LocalKeys>),
    /// In another key service, at this endpoint.
    Elsewhere(String),
}

impl Kms {
    /// Over these keys.
    #[must_use]
    pub const fn new(keys: MasterKeys, rng: Arc<dyn Rng>) -> Self {
        Self { keys, rng }
    }

    /// Answers one call of an authenticated caller.
    ///
    /// # Errors
    /// What the client is told.
    pub async fn call(
        &self,
        caller: &Caller,
        op: &'static Operation,
        codec: Codec,
        body: Bytes,
    ) -> Result<Reply, ApiError> {
        if !CHANGES.contains(&op.name) {
            return self.answer(caller, op, codec, body);
        }
        // It waits for the disk, and nobody else shall.
        let (this, caller) = (self.clone(), caller.clone());
        let changed = tokio::task::spawn_blocking(move || this.answer(&caller, op, codec, body));
        changed
            .await
            .unwrap_or_else(|error| Err(ApiError::internal(error.to_string())))
    }

    fn answer(
        &self,
        caller: &Caller,
        op: &'static Operation,
        codec: Codec,
        body: Bytes,
    ) -> Result<Reply, ApiError> {
        caller.holds_for(&SERVICE, op)?;
        let keys = match &self.keys {
            MasterKeys::Local(keys) => keys,
            MasterKeys::Elsewhere(endpoint) => return Err(KmsError::Elsewhere(endpoint.clone()).into()),
        };
        let asked = Asked {
            keys,
            rng: &*self.rng,
            caller,
            realm: realm(caller),
            op,
            codec,
            body,
        };
        Ok(ops::dispatch(&asked)?)
    }
}

/// What the full names of an account's master keys in a region begin with.
fn realm(caller: &Caller) -> String {
    let Caller { region, account, .. } = caller;
    format!("arn:{}:kms:{region}:{account}:", partition_of(region))
}

/// A call that is being answered.
struct Asked<'a> {
    keys: &'a LocalKeys,
    rng: &'a dyn Rng,
    caller: &'a Caller,
    realm: String,
    op: &'static Operation,
    codec: Codec,
    body: Bytes,
}

impl Asked<'_> {
    fn input<I: Shaped>(&self) -> Result<I, KmsError> {
        Ok(self.codec.typed(&self.body)?)
    }

    fn answer(&self, output: impl Shaped) -> Result<Reply, KmsError> {
        Ok(self.codec.reply(output))
    }

    /// The answer of an operation without output.
    #[expect(clippy::unused_self, reason = "beside `answer`")]
    fn done(&self) -> Reply {
        Reply::Body(Bytes::new())
    }
}
