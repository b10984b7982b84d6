//! The service: what it is made of, how a call enters, how it reaches its state.

use std::sync::Arc;

use bytes::Bytes;
use millrace_api::{Operation, iam, sts};
use millrace_base::{Clock, Rng, Tasks};
use millrace_control::Part;
use millrace_keys::Keys;
use millrace_wire::{ApiError, Caller, Codec, Reply};

use crate::error::{AccessError, OpenError};
use crate::identities::Identities;
use crate::limits::READY_RETRY;
use crate::ops;
use crate::seal::Sealer;
use crate::state::{AccessState, Command};
use crate::sts as tokens;

/// What the service runs on.
#[derive(Debug)]
pub struct Deps {
    /// Holds everything.
    pub control: Part<AccessState>,
    /// Keeps the master key of secrets.
    pub keys: Arc<dyn Keys>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
}

/// Users, roles and sessions. Clones share them.
#[derive(Clone, Debug)]
pub struct Access(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) deps: Deps,
    pub(crate) sealer: Sealer,
    pub(crate) identities: Identities,
}

impl Access {
    /// Opens the service. `tasks` follow what other nodes do.
    ///
    /// # Errors
    /// [`OpenError`]: there are secrets, and they cannot be opened.
    pub async fn open(deps: Deps, tasks: &Tasks) -> Result<Self, OpenError> {
        let access = Self(Arc::new(Inner {
            sealer: Sealer::new(&*deps.rng),
            identities: Identities::default(),
            deps,
        }));
        if access.has_secrets() {
            access
                .ready()
                .await
                .map_err(|error| OpenError(error.to_string()))?;
        } else {
            let (access, mut changed) = (access.clone(), access.0.deps.control.changed());
            tasks.spawn_until_stop(async move {
                while !access.has_secrets() {
                    if changed.changed().await.is_err() {
                        return;
                    }
                }
                while let Err(error) = access.ready().await {
                    tracing::error!(%error, "access keys of users cannot be used on this node yet, trying again");
                    access.0.deps.clock.sleep(READY_RETRY).await;
                }
            });
        }
        Ok(access)
    }

    /// Answers one call of an authenticated caller to Identity and Access Management or to the Security Token Service.
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
        let answer = if caller.service == sts::SERVICE.action_prefix() {
            caller.holds_for(&sts::SERVICE, op)?;
            tokens::dispatch(self, caller, op, codec, &body).await
        } else {
            caller.holds_for(&iam::SERVICE, op)?;
            ops::dispatch(self, caller, op, codec, &body).await
        };
        answer.map_err(ApiError::from)
    }

    fn has_secrets(&self) -> bool {
        self.0.deps.control.read(|state| state.key().is_some())
    }

    /// Makes the key ready that secrets are sealed with.
    pub(crate) async fn ready(&self) -> Result<(), AccessError> {
        self.0
            .sealer
            .ready(&self.0.deps.control, &*self.0.deps.keys)
            .await
    }

    pub(crate) async fn propose(&self, command: Command) -> Result<(), AccessError> {
        self.0.deps.control.propose(command).await?
    }

    pub(crate) fn read<T>(&self, f: impl FnOnce(&AccessState) -> T) -> T {
        self.0.deps.control.read(f)
    }

    /// Moves with every change of the state.
    pub(crate) fn revision(&self) -> u64 {
        *self.0.deps.control.changed().borrow()
    }

    /// An identifier that nobody has: a prefix that says what it is of, and 16 letters and digits.
    pub(crate) fn id(&self, prefix: &str) -> String {
        const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut bytes = [0; 16];
        self.0.deps.rng.fill(&mut bytes);
        let letter = |byte: &u8| LETTERS.get(usize::from(byte % 32)).copied().unwrap_or(b'A');
        let letters = bytes.iter().map(|byte| char::from(letter(byte)));
        prefix.chars().chain(letters).collect()
    }

    /// 40 characters that nobody can guess.
    pub(crate) fn secret(&self) -> String {
        let mut bytes = [0; 30];
        self.0.deps.rng.fill(&mut bytes);
        base64_simd::STANDARD.encode_to_string(bytes)
    }
}
