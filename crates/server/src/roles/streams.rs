//! Kinesis Data Streams: builds the service from the configuration.

use std::sync::Arc;

use millrace_base::{Clock, Rng, Tasks};
use millrace_blob::{Blobs, Buckets};
use millrace_control::Part;
use millrace_keys::Keys;
use millrace_log::Log;
use millrace_streams::{Deps, OpenError, Settings, Streams, StreamsState};

use crate::config::StreamsConfig;

/// Opens the service.
pub(crate) async fn open(
    config: &StreamsConfig,
    (log, blobs, buckets, keys): (Arc<dyn Log>, Blobs, Buckets, Arc<dyn Keys>),
    control: Part<StreamsState>,
    (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>),
    tasks: Tasks,
) -> Result<Streams, OpenError> {
    let settings = Settings {
        profile: config.profile,
        transition: config.transition,
        retention_check: config.retention_check,
        scaling_check: config.scaling_check,
    };
    Streams::open(Deps {
        log,
        control,
        blobs,
        clock,
        rng,
        tasks,
        buckets,
        keys,
        settings,
    })
    .await
}
