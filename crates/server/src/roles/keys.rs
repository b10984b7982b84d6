//! Master keys: opens what the configuration names, and the key service over it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millrace_base::{Clock, Rng, Tasks};
use millrace_companions::kms::remote::{KmsKeys, Options as KmsOptions, Seams as KmsSeams};
use millrace_companions::kms::{Kms, MasterKeys};
use millrace_http::{Endpoint, TrustError};
use millrace_keys::local::{OpenError, Options};
use millrace_keys::{Keys, LocalKeys};

use crate::config::{KeysConfig, KmsConfig};
use crate::limits::KEY_REMOVAL_CHECK;

/// The alias of the key that Data Streams uses when a caller names none of their own.
const DEFAULT_KEY: &str = "alias/aws/kinesis";

/// Why there are no master keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The directory of local ones.
    #[error(transparent)]
    Local(#[from] OpenError),
    /// The endpoint is none.
    #[error("keys.kms_endpoint: {0}")]
    Endpoint(String),
    /// Nobody is trusted to be the key service.
    #[error("{0}: name a PEM file with keys.kms_ca")]
    Trust(#[from] TrustError),
}

/// Opens the provider of master keys, and the service with which they are looked after.
pub(crate) fn open(
    config: &KeysConfig,
    data_dir: Option<&Path>,
    (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>),
    tasks: &Tasks,
) -> Result<(Arc<dyn Keys>, Kms), KeysError> {
    if let Some(kms) = &config.kms {
        let seams = KmsSeams {
            clock,
            rng: Arc::clone(&rng),
            tasks: tasks.clone(),
        };
        let keys = open_remote(kms, seams)?;
        let elsewhere = MasterKeys::Elsewhere(keys.endpoint().to_string());
        return Ok((Arc::new(keys), Kms::new(elsewhere, rng)));
    }
    let seams = (Arc::clone(&clock), Arc::clone(&rng));
    let keys = Arc::new(open_local(config.local_dir(data_dir), seams)?);
    remove_what_is_due(Arc::clone(&keys), clock, tasks);
    let kms = Kms::new(MasterKeys::Local(Arc::clone(&keys)), rng);
    Ok((keys, kms))
}

/// Opens a directory of master keys; they are in memory where there is none.
pub(crate) fn open_local(
    dir: Option<PathBuf>,
    (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>),
) -> Result<LocalKeys, OpenError> {
    LocalKeys::open(Options {
        dir,
        default_alias: Some(DEFAULT_KEY.to_owned()),
        clock,
        rng,
    })
}

fn open_remote(config: &KmsConfig, seams: KmsSeams) -> Result<KmsKeys, KeysError> {
    let endpoint: Endpoint = config.endpoint.parse().map_err(KeysError::Endpoint)?;
    if !endpoint.tls && !is_here(&endpoint.host) {
        tracing::warn!(
            %endpoint,
            "the key service is called in clear: who listens on the way can decrypt every record; use https"
        );
    }
    let options = KmsOptions {
        endpoint,
        region: config.region.clone(),
        access_key: config.access_key.clone(),
        secret_key: config.secret_key.clone(),
        session_token: config.session_token.clone(),
        ca: config.ca.clone(),
        default_key: config
            .default_key
            .clone()
            .map(|key| (DEFAULT_KEY.to_owned(), key)),
        fresh_for: config.cache,
    };
    Ok(KmsKeys::new(options, seams)?)
}

/// Whether a host is this machine.
fn is_here(host: &str) -> bool {
    let address: Result<std::net::IpAddr, _> = host.parse();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Removes keys whose wait is over, now and from time to time.
fn remove_what_is_due(keys: Arc<LocalKeys>, clock: Arc<dyn Clock>, tasks: &Tasks) {
    tasks.spawn_until_stop(async move {
        loop {
            if let Err(error) = keys.remove_due() {
                tracing::warn!(%error, "a master key that is due cannot be removed, trying again later");
            }
            clock.sleep(KEY_REMOVAL_CHECK).await;
        }
    });
}
