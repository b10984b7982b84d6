//! What is kept, as a pure function of the log: metrics by account and region, their aggregates by minute and second,
//! and the bounds of it all. Nothing here does I/O; time comes with what is applied.

mod key;
mod point;
mod series;
mod spread;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use key::{MetricId, Tenant, Unit};
pub use point::StatisticSet;
pub(crate) use point::{Measured, Point};
pub(crate) use series::{Ring, Series};
pub(crate) use spread::Spread;
#[cfg(test)]
pub(crate) use store::Bounds;
pub(crate) use store::{Full, Metric, Sample, Store, Update};
