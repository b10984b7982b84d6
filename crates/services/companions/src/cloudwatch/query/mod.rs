//! From aggregates to the statistics of a period.

mod buckets;
mod statistic;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use buckets::{Bucket, buckets};
pub(crate) use statistic::Statistic;
pub(crate) use window::{Window, is_period};

use millrace_api::Shaped;

/// Tells requests apart, so that a page token is not taken for another listing's.
pub(crate) fn digest<T: Shaped + Clone>(request: &T) -> u32 {
    crc32c::crc32c(&millrace_wire::json::encode(
        T::SHAPE,
        &request.clone().into_value(),
    ))
}
