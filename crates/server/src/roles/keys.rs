//! Master keys: opens what the configuration names, and the key service over it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millrace_base::{Clock, Rng, Tasks};
use millrace_companions::kms::{Kms, MasterKeys};
use millrace_keys::local::{OpenError, Options};
use millrace_keys::{Keys, LocalKeys};

use crate::config::KeysConfig;
use crate::limits::KEY_REMOVAL_CHECK;

/// The alias of the key that Data Streams uses when a caller names none of their own.
const DEFAULT_KEY: &str = "alias/aws/kinesis";

/// Opens the provider of master keys, and the service with which they are looked after.
pub(crate) fn open(
    config: &KeysConfig,
    data_dir: Option<&Path>,
    (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>),
    tasks: &Tasks,
) -> Result<(Arc<dyn Keys>, Kms), OpenError> {
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
