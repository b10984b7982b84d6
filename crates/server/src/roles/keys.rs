//! Master keys: opens what the configuration names.

use std::path::Path;
use std::sync::Arc;

use millrace_base::{Clock, Rng};
use millrace_keys::local::{OpenError, Options};
use millrace_keys::{Keys, LocalKeys};

use crate::config::KeysConfig;

/// The alias of the key that Data Streams uses when a caller names none of their own.
const DEFAULT_KEY: &str = "alias/aws/kinesis";

/// Opens the provider of master keys.
pub(crate) fn open(
    config: &KeysConfig,
    data_dir: Option<&Path>,
    (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>),
) -> Result<Arc<dyn Keys>, OpenError> {
    let keys = LocalKeys::open(Options {
        dir: config.local_dir(data_dir),
        default_alias: Some(DEFAULT_KEY.to_owned()),
        clock,
        rng,
    })?;
    Ok(Arc::new(keys))
}
