//! Master keys in another key service that speaks the KMS API, by its endpoint: AWS's own, or any that is compatible.
//!
//! Each data key is a GenerateDataKey, and a Decrypt whenever it is needed again; both carry the encryption context. The
//! other service decides over names, states and permissions: its refusals become [`KeyError`]s, sentence included. What
//! fails for a moment – no connection, a throttle, a fault of the service – is tried again, a few times within seconds.
//!
//! Plain data keys pass through the buffers of the connection, which are freed and not overwritten.

mod call;
mod error;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millrace_api::Entries;
use millrace_api::kms::{
    DataKeySpec, DecryptRequest, DecryptResponse, DescribeKeyRequest, DescribeKeyResponse,
    GenerateDataKeyRequest, GenerateDataKeyResponse, KeyState as State,
};
use millrace_base::{Clock, Rng, Secret, Tasks};
use millrace_http::{Connections, Endpoint, TrustError, tls};
use millrace_keys::{Context, DataKey, Description, KeyError, KeyState, Keys, Made, Pending};
use tokio::sync::Semaphore;

use super::limits::{CALLS_MAX, CIPHERTEXT_BYTES_MAX};

/// What names the certificates that are trusted, where nothing else does.
const CA_VARIABLES: [&str; 1] = ["SSL_CERT_FILE"];

/// Where the other key service is, and as whom it is asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where.
    pub endpoint: Endpoint,
    /// The region that is signed for; `None` for that of the stream or the key.
    pub region: Option<String>,
    /// Id of the access key that signs.
    pub access_key: String,
    /// Its secret.
    pub secret_key: Secret<String>,
    /// The token of a temporary key.
    pub session_token: Option<Secret<String>>,
    /// PEM file with the certificates to trust; `None` for the system's.
    pub ca: Option<PathBuf>,
    /// An alias, and the key that is asked for in its place.
    pub default_key: Option<(String, String)>,
    /// How long a data key may be used before it has to be decrypted again.
    pub fresh_for: Duration,
}

/// What it runs on.
#[derive(Clone, Debug)]
pub struct Seams {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness of waits.
    pub rng: Arc<dyn Rng>,
    /// Drives the connections.
    pub tasks: Tasks,
}

/// Master keys behind the KMS API. Clones share its connections.
#[derive(Clone)]
pub struct KmsKeys(Arc<Inner>);

struct Inner {
    options: Options,
    connections: Connections,
    /// Who may call now.
    calls: Semaphore,
    seams: Seams,
}

impl KmsKeys {
    /// Nothing is asked before the first call.
    ///
    /// # Errors
    /// [`TrustError`], where the endpoint is one of TLS and nobody can be trusted.
    pub fn new(options: Options, seams: Seams) -> Result<Self, TrustError> {
        let bundle = options.ca.clone().or_else(|| tls::bundle(&CA_VARIABLES));
        let endpoint = options.endpoint.clone();
        let connections = Connections::new(endpoint, bundle.as_deref(), seams.tasks.clone())?;
        Ok(Self(Arc::new(Inner {
            options,
            connections,
            calls: Semaphore::new(CALLS_MAX),
            seams,
        })))
    }

    /// Where the keys are.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.options.endpoint
    }
}

impl Inner {
    /// The key that is asked for where a stream names this one.
    fn key(&self, realm: &str, name: &str) -> String {
        let here = name.strip_prefix(realm).unwrap_or(name);
        match &self.options.default_key {
            Some((alias, key)) if here == alias => key.clone(),
            _ => name.to_owned(),
        }
    }

    /// The region that is signed for: the configured one, or the one in an ARN or what an ARN begins with.
    fn region(&self, arn: &str) -> String {
        let configured = self.options.region.clone();
        configured.unwrap_or_else(|| arn.split(':').nth(3).unwrap_or_default().to_owned())
    }

    async fn describe(&self, realm: &str, name: &str) -> Result<Description, KeyError> {
        let input = DescribeKeyRequest {
            key_id: self.key(realm, name),
            ..DescribeKeyRequest::default()
        };
        let answer: DescribeKeyResponse = self
            .call("DescribeKey", (&self.region(realm), name), input)
            .await?;
        let key = answer.key_metadata.unwrap_or_default();
        let state = match key.key_state {
            Some(State::Enabled | State::Creating | State::Updating) => KeyState::Enabled,
            Some(State::Disabled) => KeyState::Disabled,
            Some(State::PendingImport) => KeyState::PendingImport,
            Some(State::PendingDeletion | State::PendingReplicaDeletion) => KeyState::PendingDeletion,
            Some(State::Unavailable) | None => {
                return Err(self.strange("DescribeKey", "the state of the key"));
            }
        };
        let master = key.arn.filter(|arn| !arn.is_empty());
        let master = master.ok_or_else(|| self.strange("DescribeKey", "the ARN of the key"))?;
        Ok(Description { master, state })
    }

    async fn make(&self, realm: &str, name: &str, context: &Context) -> Result<Made, KeyError> {
        const OP: &str = "GenerateDataKey";
        let input = GenerateDataKeyRequest {
            key_id: self.key(realm, name),
            encryption_context: Some(entries(context)),
            key_spec: Some(DataKeySpec::Aes256),
            ..GenerateDataKeyRequest::default()
        };
        let answer: GenerateDataKeyResponse = self.call(OP, (&self.region(realm), name), input).await?;
        let plain = answer.plaintext.unwrap_or_default();
        let key = DataKey::new(&plain).ok_or_else(|| self.strange(OP, "a data key of 32 bytes"))?;
        let wrapped = answer.ciphertext_blob.unwrap_or_default().to_vec();
        if wrapped.is_empty() || wrapped.len() > CIPHERTEXT_BYTES_MAX {
            return Err(self.strange(OP, "a ciphertext"));
        }
        let master = answer.key_id.filter(|arn| arn.starts_with("arn:"));
        let master = master.ok_or_else(|| self.strange(OP, "the ARN of the key"))?;
        Ok(Made { key, wrapped, master })
    }

    async fn unwrap(&self, master: &str, wrapped: Vec<u8>, context: &Context) -> Result<DataKey, KeyError> {
        if wrapped.is_empty() || wrapped.len() > CIPHERTEXT_BYTES_MAX {
            let sentence = format!("{} bytes are no ciphertext of {master}", wrapped.len());
            return Err(KeyError::AccessDenied(sentence));
        }
        let input = DecryptRequest {
            ciphertext_blob: Some(Bytes::from(wrapped)),
            encryption_context: Some(entries(context)),
            key_id: Some(master.to_owned()),
            ..DecryptRequest::default()
        };
        let answer: DecryptResponse = self
            .call("Decrypt", (&self.region(master), master), input)
            .await?;
        let plain = answer.plaintext.unwrap_or_default();
        DataKey::new(&plain).ok_or_else(|| self.strange("Decrypt", "a data key of 32 bytes"))
    }

    /// An answer without what it must have.
    fn strange(&self, operation: &str, missing: &str) -> KeyError {
        KeyError::Unavailable(format!(
            "the KMS at {} answered {operation} without {missing}",
            self.options.endpoint
        ))
    }
}

fn entries(context: &Context) -> Entries<String> {
    Entries(context.clone().into_iter().collect())
}

impl Keys for KmsKeys {
    fn describe_key(&self, realm: &str, name: &str) -> Pending<Description> {
        let (inner, realm, name) = (Arc::clone(&self.0), realm.to_owned(), name.to_owned());
        Box::pin(async move { inner.describe(&realm, &name).await })
    }

    fn make_key(&self, realm: &str, name: &str, context: &Context) -> Pending<Made> {
        let (inner, context) = (Arc::clone(&self.0), context.clone());
        let (realm, name) = (realm.to_owned(), name.to_owned());
        Box::pin(async move { inner.make(&realm, &name, &context).await })
    }

    fn unwrap_key(&self, master: &str, wrapped: &[u8], context: &Context) -> Pending<DataKey> {
        let (inner, context) = (Arc::clone(&self.0), context.clone());
        let (master, wrapped) = (master.to_owned(), wrapped.to_vec());
        Box::pin(async move { inner.unwrap(&master, wrapped, &context).await })
    }

    fn fresh_for(&self) -> Duration {
        self.0.options.fresh_for
    }
}

impl fmt::Debug for KmsKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KmsKeys({})", self.0.options.endpoint)
    }
}
