//! Every bound of CloudWatch, with its unit and where it comes from.
//!
//! "API" is the CloudWatch API reference, of the operation that is named.

use std::time::Duration;

/// Data in one PutMetricData (API PutMetricData).
pub const DATA_MAX: usize = 1000;
/// Values of one datum (API PutMetricData, `Values`).
pub const VALUES_MAX: usize = 150;
/// Largest value, either way: 2 to the 360th (API PutMetricData, `Value`).
pub const VALUE_MAX: f64 = f64::from_bits((1023 + 360) << 52);
/// Largest count of a value or a statistic set: beyond, a double does not count one by one.
pub const COUNT_MAX: f64 = 9_007_199_254_740_992.0;
/// How old a datum may be (API PutMetricData, `Timestamp`).
pub const PAST_MAX: Duration = Duration::from_secs(14 * 24 * 3600);
/// How far ahead a datum may be (API PutMetricData, `Timestamp`).
pub const AHEAD_MAX: Duration = Duration::from_secs(2 * 3600);
/// Datapoints of one GetMetricStatistics (API GetMetricStatistics).
pub const STATISTICS_DATAPOINTS_MAX: u64 = 1440;
/// Queries of one GetMetricData (API GetMetricData).
pub const QUERIES_MAX: usize = 500;
/// Default and most datapoints of one GetMetricData page (API GetMetricData, `MaxDatapoints`).
pub const PAGE_DATAPOINTS_MAX: usize = 100_800;
/// Metrics on one ListMetrics page (API ListMetrics).
pub const PAGE_METRICS_MAX: usize = 500;
/// What `RecentlyActive` means by `PT3H` (API ListMetrics).
pub const RECENTLY_ACTIVE: Duration = Duration::from_secs(3 * 3600);

/// How long aggregates of a minute are kept.
pub const MINUTES_KEPT: Duration = Duration::from_secs(24 * 3600);
/// How long aggregates of a second are kept (API PutMetricData, `StorageResolution`).
pub const SECONDS_KEPT: Duration = Duration::from_secs(3 * 3600);
/// Values that one aggregate keeps apart, for percentiles; beyond, those nearest to each other are joined.
pub const SPREAD_VALUES_MAX: usize = 100;

/// Metrics of one account in one region.
pub const ACCOUNT_METRICS_MAX: usize = 50_000;
/// Metrics in all.
pub const METRICS_MAX: usize = 100_000;
/// Bytes of datapoints and names of one account in one region. Beyond, no new metric is let in, and the oldest
/// datapoints make room for those of the known ones.
pub const ACCOUNT_BYTES_MAX: usize = 256 << 20;
/// The same, of all accounts.
pub const BYTES_MAX: usize = 512 << 20;
/// What an aggregate takes, without the values it keeps apart, in bytes.
pub const POINT_BYTES: usize = 64;
/// What a value that is kept apart takes, in bytes.
pub const SPREAD_VALUE_BYTES: usize = 16;
/// What a metric takes besides its names and datapoints, in bytes.
pub const METRIC_BYTES: usize = 512;

/// Calls that wait for the writer.
pub const WRITES_MAX: usize = 1024;
/// Bytes of records that wait for the writer.
pub const WRITES_BYTES_MAX: usize = 64 << 20;
/// Bytes of one record, which is one call's data. The API has 1 MB for the body (API PutMetricData).
pub const RECORD_BYTES_MAX: usize = 8 << 20;
/// Records of one append.
pub const APPEND_RECORDS_MAX: usize = 1024;
/// Bytes of one append; a single larger record goes alone.
pub const APPEND_BYTES_MAX: usize = 4 << 20;
/// Refused records whose callers are still to be told.
pub const REFUSALS_MAX: usize = 4096;
/// Bytes and records of one read of the log.
pub const READ_BYTES: usize = 4 << 20;
/// Records of one read of the log.
pub const READ_RECORDS: usize = 4096;
/// Emitted statistic sets that wait to be written.
pub const EMISSIONS_MAX: usize = 65_536;
/// How long emitted statistic sets are gathered before they are written.
pub const EMISSIONS_LINGER: Duration = Duration::from_secs(1);
/// Pause before the log is read again after an error.
pub const FOLLOW_RETRY: Duration = Duration::from_secs(1);

/// Bytes of records after which a checkpoint is written, at least; the size of the last checkpoint if that is more. So
/// the log is never much larger than what it tells.
pub const CHECKPOINT_BYTES_MIN: u64 = 8 << 20;
/// Bytes of one part of a checkpoint, after which the next begins.
pub const CHECKPOINT_PART_BYTES: usize = 8 << 20;
/// Parts of one checkpoint.
pub const CHECKPOINT_PARTS_MAX: usize = 1024;
/// Checkpoints that are kept; the log is trimmed behind the oldest.
pub const CHECKPOINTS_KEPT: usize = 2;
/// Age of records that no datum within [`MINUTES_KEPT`] can come from.
pub const RECORDS_KEPT: Duration = Duration::from_secs(27 * 3600);
/// How often the log is trimmed by age.
pub const TRIM_EVERY: Duration = Duration::from_secs(3600);

/// Deepest nesting of a metric math expression.
pub const EXPRESSION_DEPTH_MAX: usize = 64;
/// Deepest nesting while expressions are worked out, through those that they name.
pub const EVALUATION_DEPTH_MAX: usize = 256;
/// Datapoints that one GetMetricData may compute, of all queries together.
pub const COMPUTED_DATAPOINTS_MAX: usize = 2_000_000;
/// Datapoints that a time line counts for besides its own: one without any takes memory too.
pub const TIMELINE_DATAPOINTS: usize = 64;
/// Longest label of a query, in bytes: every time line that comes of it carries the label along.
pub const LABEL_BYTES_MAX: usize = 1024;
