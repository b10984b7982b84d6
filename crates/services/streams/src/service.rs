//! The service: what it is made of, how it opens, how a call enters.

use std::sync::Arc;
use std::time::Duration;

use millrace_api::Operation;
use millrace_api::kinesis::SERVICE;
use millrace_base::{Clock, Rng, Secret, Tasks};
use millrace_blob::{Blobs, Buckets};
use millrace_control::Part;
use millrace_keys::Keys;
use millrace_log::Log;
use millrace_wire::{ApiError, Body, Caller, Codec, Reply};
use tokio::sync::{Notify, Semaphore, watch};

use crate::encryption::DataKeys;
use crate::error::{OpenError, StreamsError};
use crate::limits::{self, Profile, Scope};
use crate::metrics::Metrics;
use crate::monitoring::Monitoring;
use crate::queues::Queues;
use crate::rates::{RateKey, Rates};
use crate::scaling::load::Loads;
use crate::shard::admit::Admission;
use crate::shard::spread::Spread;
use crate::state::{Changed, Command, HexKey, Stream, StreamKey, StreamsState};
use crate::subscribe::Registry;
use crate::telemetry::Telemetry;
use crate::watch::Watches;
use crate::{iterator, lifecycle, ops};

/// What the service runs on.
#[derive(Debug)]
pub struct Deps {
    /// Holds the shards' records.
    pub log: Arc<dyn Log>,
    /// Holds everything else.
    pub control: Part<StreamsState>,
    /// Holds snapshots of what queues remember.
    pub blobs: Blobs,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, fit for secrets.
    pub rng: Arc<dyn Rng>,
    /// Where background work runs. Stopped before the control plane is.
    pub tasks: Tasks,
    /// Where channels deliver to.
    pub buckets: Buckets,
    /// Who keeps the master keys of encrypted streams.
    pub keys: Arc<dyn Keys>,
    /// How it behaves.
    pub settings: Settings,
}

/// How the service behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which limits are enforced.
    pub profile: Profile,
    /// How long streams and consumers stay CREATING, UPDATING and DELETING at least. Zero skips the wait, not the
    /// state.
    pub transition: Duration,
    /// How often records and shards that are older than retention are looked for; a shorter retention is
    /// looked after at once.
    pub retention_check: Duration,
    /// How often the load of on-demand streams is looked at.
    pub scaling_check: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            profile: Profile::Open,
            transition: Duration::from_millis(30),
            retention_check: Duration::from_secs(30),
            scaling_check: Duration::from_secs(10),
        }
    }
}

/// Kinesis Data Streams. Clones share it.
#[derive(Clone, Debug)]
pub struct Streams(pub(crate) Arc<Inner>);

/// What all clones share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) control: Part<StreamsState>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tasks: Tasks,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) buckets: Buckets,
    pub(crate) keys: Arc<dyn Keys>,
    /// Data keys that are ready for use.
    pub(crate) data_keys: DataKeys,
    /// How many channels may deliver at once.
    pub(crate) deliveries: Semaphore,
    pub(crate) settings: Settings,
    pub(crate) metrics: Metrics,
    /// Authenticates shard iterators and page tokens; the same on every node.
    pub(crate) iterator_key: Secret<[u8; 32]>,
    /// The key under which shard iterators are written.
    pub(crate) iterators: ring::hmac::Key,
    /// Throughput of shards.
    pub(crate) admission: Admission,
    /// Load of the shards of on-demand streams.
    pub(crate) loads: Loads,
    /// Metrics of single shards.
    pub(crate) monitoring: Monitoring,
    /// Statistics of streams and consumers.
    pub(crate) telemetry: Telemetry,
    /// Streams that are measured in detail.
    pub(crate) watches: Watches,
    /// Where records go that their stream distributes itself.
    pub(crate) spread: Spread,
    /// Live subscriptions.
    pub(crate) subscriptions: Registry,
    /// The queues that are used here.
    pub(crate) queues: Queues,
    /// Wakes the retention worker.
    pub(crate) retention_due: Notify,
    rates: Rates,
}

impl Streams {
    /// Opens the service: gives it its secret if it has none yet, and resumes whatever was under way.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(deps: Deps) -> Result<Self, OpenError> {
        let Deps {
            log,
            control,
            blobs,
            clock,
            rng,
            tasks,
            buckets,
            keys,
            settings,
        } = deps;
        if control.read(|state| state.iterator_key().is_none()) {
            let mut key = [0; 32];
            rng.fill(&mut key);
            // Of several nodes the first one wins; a refusal is not possible.
            let _ = control
                .propose(Command::Init {
                    iterator_key: HexKey::new(hex::encode(key)),
                })
                .await?;
        }
        let mut iterator_key = [0; 32];
        control
            .read(|state| hex::decode_to_slice(state.iterator_key().unwrap_or_default(), &mut iterator_key))
            .map_err(|_| OpenError::IteratorKey)?;
        let inner = Inner {
            log,
            control,
            clock,
            tasks,
            rng,
            buckets,
            keys,
            data_keys: DataKeys::default(),
            deliveries: Semaphore::new(limits::CHANNEL_DELIVERIES_MAX),
            settings,
            iterators: iterator::key(&iterator_key),
            admission: Admission::default(),
            loads: Loads::default(),
            monitoring: Monitoring::default(),
            telemetry: Telemetry::default(),
            watches: Watches::default(),
            spread: Spread::default(),
            subscriptions: Registry::default(),
            queues: Queues::new(blobs, &iterator_key),
            metrics: Metrics::default(),
            iterator_key: Secret::new(iterator_key),
            retention_due: Notify::new(),
            rates: Rates::default(),
        };
        let streams = Self(Arc::new(inner));
        lifecycle::start(&streams);
        Ok(streams)
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
        body: impl Into<Body>,
    ) -> Result<Reply, ApiError> {
        caller.holds_for(&SERVICE, op)?;
        ops::dispatch(self, caller, op, codec, body.into())
            .await
            .map_err(ApiError::from)
    }

    /// The service's counters.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Appends all metrics in Prometheus' text format.
    pub fn write_prometheus(&self, out: &mut String) {
        self.0.metrics.write_prometheus(out);
        self.0.monitoring.write_prometheus(&self.monitored(), out);
        self.write_queues(out);
    }

    /// The streams whose shards have metrics of their own.
    pub(crate) fn monitored(&self) -> Vec<(StreamKey, Arc<Stream>)> {
        // Nothing is applied while the state is read: what is made of them is made afterwards.
        self.0.control.read(|state| {
            let streams = state
                .streams()
                .filter(|(_, stream)| !stream.monitoring.is_empty());
            streams
                .map(|(key, stream)| (key.clone(), Arc::clone(stream)))
                .collect()
        })
    }

    /// Moves with every change of any stream. A value that was seen is visible to [`Streams::view`].
    #[must_use]
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.0.control.changed()
    }

    /// Proposes a command and yields what it did.
    pub(crate) async fn propose(&self, command: Command) -> Result<Changed, StreamsError> {
        self.0.control.propose(command).await?
    }

    /// Counts a call against the account's rate for its operation, if it has one.
    pub(crate) fn admit_account(&self, operation: &'static str, caller: &Caller) -> Result<(), StreamsError> {
        let Some((Scope::Account, per_second)) = self.published_rate(operation) else {
            return Ok(());
        };
        let key = StreamKey::new(&*caller.account, &*caller.region, "");
        if self.admit(operation, &key, per_second) {
            return Ok(());
        }
        self.0.metrics.control_throttled.add(1);
        Err(StreamsError::LimitExceeded(format!(
            "Rate exceeded for {operation} under account {}.",
            caller.account
        )))
    }

    /// Counts a call against the stream's rate for its operation, if it has one.
    pub(crate) fn admit_stream(&self, operation: &'static str, key: &StreamKey) -> Result<(), StreamsError> {
        let Some((Scope::Stream, per_second)) = self.published_rate(operation) else {
            return Ok(());
        };
        if self.admit(operation, key, per_second) {
            return Ok(());
        }
        self.0.metrics.control_throttled.add(1);
        Err(StreamsError::LimitExceeded(format!(
            "Rate exceeded for stream {} under account {}.",
            key.name, key.account
        )))
    }

    /// Counts a call against the rate for its operation on a shard, named by `part` within its stream. Says whether it
    /// may go on.
    pub(crate) fn admit_shard(&self, operation: &'static str, key: &StreamKey, part: &str) -> bool {
        let Some((Scope::Shard, per_second)) = self.published_rate(operation) else {
            return true;
        };
        // No stream's name has a slash.
        let part = StreamKey::new(&*key.account, &*key.region, format!("{}/{part}", key.name));
        let free = self.admit(operation, &part, per_second);
        if !free {
            self.0.metrics.read_throttled.add(1);
        }
        free
    }

    /// Whether shards have the published throughput, or as much as the machine gives.
    pub(crate) fn limits_throughput(&self) -> bool {
        self.0.settings.profile == Profile::Aws
    }

    fn published_rate(&self, operation: &str) -> Option<(Scope, u32)> {
        match self.0.settings.profile {
            Profile::Aws => limits::rate(operation),
            Profile::Open => None,
        }
    }

    fn admit(&self, operation: &'static str, key: &StreamKey, per_second: u32) -> bool {
        let bucket = RateKey {
            operation,
            account: key.account.clone(),
            region: key.region.clone(),
            stream: key.name.clone(),
        };
        self.0.rates.take(bucket, per_second, self.0.clock.monotonic())
    }
}
