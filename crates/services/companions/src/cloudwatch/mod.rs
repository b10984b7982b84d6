//! CloudWatch: the metrics that clients put and that the services emit.
//!
//! [`Cloudwatch`] answers PutMetricData, GetMetricData, GetMetricStatistics and ListMetrics over what came in the last
//! 24 hours. `state` holds metrics and their aggregates by the minute, and by the second for high resolution, as a pure
//! function of a log; `journal` is that log, with checkpoints; `query` turns aggregates into statistics of any period,
//! `math` evaluates expressions over them. Services hand their own metrics to [`Cloudwatch::emit`], which never waits.
//!
//! Count, sum, average, minimum and maximum are exact. Percentiles and trimmed statistics are exact while a minute has
//! no more than [`limits::SPREAD_VALUES_MAX`] distinct values; beyond, near values are joined. They are missing where
//! data came as statistic sets of more than one value, as in CloudWatch.

mod datum;
mod emissions;
mod error;
mod journal;
pub mod limits;
mod math;
pub mod metrics;
mod ops;
mod query;
mod service;
mod state;

pub use emissions::Emission;
pub use error::OpenError;
pub use journal::checkpoint::check_checkpoints;
pub use metrics::Metrics;
pub use service::{Cloudwatch, Deps, Settings};
pub use state::StatisticSet;
