//! The service: what it is made of, how it opens, how a call enters.

use std::sync::Arc;

use bytes::Bytes;
use millrace_api::Operation;
use millrace_api::cloudwatch::SERVICE;
use millrace_base::{Clock, Tasks};
use millrace_blob::Blobs;
use millrace_log::Log;
use millrace_wire::access::Target;
use millrace_wire::{ApiError, Caller, Codec, Reply};

use super::emissions::{self, Emission, Emissions};
use super::error::OpenError;
use super::journal::{Journal, Parts};
use super::limits::CHECKPOINT_BYTES_MIN;
use super::metrics::Metrics;
use super::ops;

/// What the service runs on.
#[derive(Debug)]
pub struct Deps {
    /// Holds what is put. Several nodes may share it.
    pub log: Arc<dyn Log>,
    /// Holds checkpoints.
    pub blobs: Blobs,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where background work runs. Stopped before the log is.
    pub tasks: Tasks,
    /// How it behaves.
    pub settings: Settings,
}

/// How the service behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of records after which a checkpoint is written, at least.
    pub checkpoint_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            checkpoint_bytes: CHECKPOINT_BYTES_MIN,
        }
    }
}

/// CloudWatch. Clones share it.
#[derive(Clone, Debug)]
pub struct Cloudwatch(pub(super) Arc<Inner>);

/// What all clones share.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) journal: Arc<Journal>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) emissions: Emissions,
}

impl Cloudwatch {
    /// Opens the service with everything that was acknowledged before.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(deps: Deps) -> Result<Self, OpenError> {
        let Deps {
            log,
            blobs,
            clock,
            tasks,
            settings,
        } = deps;
        let metrics = Arc::new(Metrics::default());
        let parts = Parts {
            log,
            blobs,
            clock: Arc::clone(&clock),
            tasks: tasks.clone(),
            metrics: Arc::clone(&metrics),
            checkpoint_bytes: settings.checkpoint_bytes,
        };
        let cloudwatch = Self(Arc::new(Inner {
            journal: Journal::open(parts).await?,
            clock,
            metrics,
            emissions: Emissions::default(),
        }));
        tasks.spawn(emissions::run(cloudwatch.clone(), tasks.clone()));
        Ok(cloudwatch)
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
        caller.holds_for(&SERVICE, op)?;
        // None of these operations is about a resource (Service Authorization Reference).
        caller.authorize(&Target::account(&caller.account))?;
        ops::dispatch(self, caller, op, codec, &body)
            .await
            .map_err(ApiError::from)
    }

    /// Takes a statistic set of a service. Never waits: it is written soon after, together with others. Where too many
    /// wait already it is thrown away and counted.
    pub fn emit(&self, emission: &Emission<'_>) {
        if !self.0.emissions.add(emission) {
            self.0.metrics.dropped.add(1);
        }
    }

    /// Writes what was emitted so far; what was is visible when this returns. It happens by itself, a little later.
    pub async fn flush(&self) {
        emissions::flush(self).await;
    }

    /// The service's counters.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Appends all metrics in Prometheus' text format.
    pub fn write_prometheus(&self, out: &mut String) {
        self.0.metrics.write_prometheus(out);
    }
}
