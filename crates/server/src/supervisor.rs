//! Engines and services: opened bottom-up, closed top-down.

use std::path::Path;
use std::sync::Arc;

use millrace_base::{Clock, Rng, Tasks};
use millrace_blob::{BlobError, Blobs};
use millrace_companions::quotas::ServiceQuotas;
use millrace_control::{Control, ControlError, Options as ControlOptions, Status};
use millrace_log::embedded::{Durability as LogDurability, OpenError as LogOpenError, Options as LogOptions};
use millrace_log::{EmbeddedLog, Log, MemoryLog};
use tokio::sync::watch;

use crate::backup::{AdminSocket, UNFINISHED};
use crate::commands::{CONTROL_LOG, Parts};
use crate::config::{Config, Durability, StorageConfig};
use crate::limits::TASKS_PATIENCE;
use crate::roles::{
    KeysError, Sampler, Services, open_access, open_cloudwatch, open_dynamodb, open_keys, open_streams,
};

/// Why the engines or the services did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be made or used.
    #[error("cannot use the data directory {dir}: {source}. Choose another one with storage.data_dir")]
    Directory {
        /// Which.
        dir: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A restore was cut off.
    #[error(
        "{0} is left of a restore that was cut off, so that not everything is there: empty the data directory and restore \
         the backup again"
    )]
    HalfRestored(String),
    /// The log engine.
    #[error("{source}{}", hint(source))]
    Log {
        /// Its reason.
        #[from]
        source: LogOpenError,
    },
    /// The object store.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The control plane.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Master keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Users, roles and policies.
    #[error(transparent)]
    Access(#[from] millrace_access::OpenError),
    /// Data Streams.
    #[error(transparent)]
    Streams(#[from] millrace_streams::OpenError),
    /// CloudWatch.
    #[error(transparent)]
    Cloudwatch(#[from] millrace_companions::cloudwatch::OpenError),
}

fn hint(error: &LogOpenError) -> &'static str {
    match error {
        LogOpenError::Damaged { .. } => {
            ". 'millrace doctor --verify' says which records that costs, docs/operations/damage.md what to do"
        }
        _ => "",
    }
}

/// What runs below the edge.
#[derive(Debug)]
pub(crate) struct Supervisor {
    embedded: Option<Arc<EmbeddedLog>>,
    control_tasks: Tasks,
    service_tasks: Tasks,
    sampler: Sampler,
    control: watch::Receiver<Status>,
}

impl Supervisor {
    /// Opens log, blobs, control plane and services.
    pub(crate) async fn open(
        config: &Config,
        clock: &Arc<dyn Clock>,
        rng: &Arc<dyn Rng>,
    ) -> Result<(Self, Services), OpenError> {
        let (log, embedded) = open_log(&config.storage, clock, rng).await?;
        let blobs = match config.storage.dir() {
            Some(dir) => Blobs::local(&dir.join("blobs"))?,
            None => Blobs::memory(),
        };
        let options = ControlOptions {
            rng: Arc::clone(rng),
            ..ControlOptions::default()
        };
        let (control_tasks, service_tasks) = (Tasks::new(), Tasks::new());
        let mut builder = Control::builder(
            Arc::clone(&log),
            CONTROL_LOG,
            blobs.clone(),
            control_tasks.clone(),
            options,
        );
        let parts = Parts::of(&mut builder);
        let control = builder.open().await?;
        let seams = (Arc::clone(clock), Arc::clone(rng));
        let dynamodb = open_dynamodb(parts.dynamodb, seams.clone());
        let (keys, kms) = open_keys(&config.keys, config.storage.dir(), seams.clone(), &service_tasks)?;
        let access = open_access(parts.access, Arc::clone(&keys), seams.clone(), &service_tasks).await?;
        let buckets = config.buckets.open(config.storage.dir());
        let engines = (Arc::clone(&log), blobs.clone(), buckets, keys);
        let streams = open_streams(
            &config.streams,
            engines,
            parts.streams,
            seams,
            service_tasks.clone(),
        )
        .await?;
        let cloudwatch = open_cloudwatch(log, blobs, Arc::clone(clock), service_tasks.clone()).await?;
        let sampling = (config.cloudwatch.sample, &service_tasks);
        let sampler = Sampler::start(&streams, &cloudwatch, clock, sampling);
        let supervisor = Self {
            embedded: embedded.clone(),
            control_tasks,
            service_tasks,
            sampler,
            control: control.status(),
        };
        supervisor.watch();
        supervisor.administer(config);
        let services = Services {
            quotas: ServiceQuotas::new(streams.clone(), Arc::clone(clock)),
            streams,
            dynamodb,
            access,
            cloudwatch,
            kms,
            embedded,
        };
        Ok((supervisor, services))
    }

    /// The control plane's state, for readiness.
    pub(crate) fn control(&self) -> watch::Receiver<Status> {
        self.control.clone()
    }

    /// Says it aloud when the control plane fails: this node can then only be restarted.
    fn watch(&self) {
        let mut control = self.control.clone();
        self.control_tasks.spawn_until_stop(async move {
            while control.changed().await.is_ok() {
                if let Status::Failed(error) = &*control.borrow_and_update() {
                    tracing::error!(%error, "the control plane failed; calls are refused until a restart");
                }
            }
        });
    }

    /// Listens for commands on this machine. What they do can also be done while the server is stopped, so that a socket
    /// which cannot be had is no reason not to serve.
    fn administer(&self, config: &Config) {
        let (Some(dir), Some(log)) = (config.storage.dir(), &self.embedded) else {
            return;
        };
        let local = config.keys.kms.is_none();
        let keys = local.then(|| config.keys.local_dir(Some(dir))).flatten();
        if let Err(error) = AdminSocket::open(dir, Arc::clone(log), keys, &self.service_tasks) {
            tracing::warn!(
                %error,
                dir = %dir.display(),
                "the administrative socket cannot be had; backups need the server to be stopped"
            );
        }
    }

    /// Closes services, control plane and log, in this order, and makes everything durable.
    pub(crate) async fn close(&self) {
        self.sampler.last();
        if !self.service_tasks.drain(TASKS_PATIENCE).await {
            tracing::warn!(
                tasks = self.service_tasks.running(),
                "background work did not stop in time"
            );
        }
        if !self.control_tasks.drain(TASKS_PATIENCE).await {
            tracing::warn!("the control plane did not stop in time");
        }
        if let Some(embedded) = &self.embedded {
            embedded.close().await;
        }
    }
}

type OpenLog = (Arc<dyn Log>, Option<Arc<EmbeddedLog>>);

/// Opens the log engine in the data directory, if there is one.
pub(crate) async fn open_log(
    config: &StorageConfig,
    clock: &Arc<dyn Clock>,
    rng: &Arc<dyn Rng>,
) -> Result<OpenLog, OpenError> {
    let Some(dir) = config.dir() else {
        return Ok((Arc::new(MemoryLog::new(Arc::clone(clock))), None));
    };
    make_private(dir)?;
    if dir.join(UNFINISHED).exists() {
        return Err(OpenError::HalfRestored(
            dir.join(UNFINISHED).display().to_string(),
        ));
    }
    let refused = |source| OpenError::Directory {
        dir: dir.display().to_string(),
        source,
    };
    let mut options =
        LogOptions::in_dir(dir.join("log"), Arc::clone(clock), Arc::clone(rng)).map_err(refused)?;
    options.durability = match config.durability {
        Durability::Fsync => LogDurability::Fsync,
        Durability::Os => LogDurability::Os,
    };
    options.segment_bytes = config.segment;
    options.seal_bytes = config.seal;
    options.seal_age = config.seal_age;
    options.tail_cache_bytes = config.tail_cache;
    // Streams can be deleted and retention shortened while the disk is full.
    options.urgent = vec![CONTROL_LOG];
    options.on_fatal = Some(Arc::new(abort));
    let log = Arc::new(EmbeddedLog::open(options).await?);
    Ok((Arc::clone(&log) as Arc<dyn Log>, Some(log)))
}

/// Records and keys are nobody else's business.
fn make_private(dir: &Path) -> Result<(), OpenError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|source| OpenError::Directory {
        dir: dir.display().to_string(),
        source,
    })
}

/// After a failed write the engine cannot know what the disk holds; only a recovery can. So the process ends at once,
/// with nothing acknowledged that is not stored, and whoever supervises it starts it again.
fn abort(reason: &str) {
    tracing::error!(
        reason,
        "the storage failed; the server ends now, check the disk and start it again"
    );
    #[expect(
        clippy::print_stderr,
        reason = "the log may be off, and this is the last word"
    )]
    {
        eprintln!(
            "millrace: the storage failed and the server ends now: {reason}. Check the disk and start it again."
        );
    }
    std::process::abort();
}
