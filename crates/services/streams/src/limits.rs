//! Every bound of Data Streams, with its unit and where it comes from.
//!
//! "Quotas" is the page "Quotas and limits" of the Kinesis Data Streams developer guide; "API" the API reference of
//! the operation. Profile `aws` enforces them all; profile `open` keeps only what protects the server.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Which limits are enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Every published quota, with the published error.
    Aws,
    /// Only what protects the server.
    #[default]
    Open,
}

/// Shards of an on-demand stream when it is created (Quotas: 4 MB/s).
pub const ON_DEMAND_SHARDS: u32 = 4;
/// Hours a stream keeps records unless told otherwise, and the least it can be told (Quotas).
pub const RETENTION_HOURS_MIN: u32 = 24;
/// The most it can be told: 365 days (Quotas).
pub const RETENTION_HOURS_MAX: u32 = 8760;
/// Default of `MaxRecordSizeInKiB`, in KiB (API CreateStream).
pub const RECORD_KIB_DEFAULT: u32 = 1024;
/// Largest `MaxRecordSizeInKiB`, in KiB (API CreateStream).
pub const RECORD_KIB_MAX: u32 = 10_240;
/// Largest `WarmThroughputMiBps`, in MiB/s: 10 GiB/s (API CreateStream).
pub const WARM_THROUGHPUT_MIB_MAX: u32 = 10_240;
/// Least and most `DataFreshnessInSeconds` (Developer Guide, "Data delivery concepts").
pub const FRESHNESS_SECS: std::ops::RangeInclusive<u32> = 300..=900;
/// `DataFreshnessInSeconds` where none is given (API S3DestinationConfiguration).
pub const FRESHNESS_SECS_DEFAULT: u32 = 300;
/// Longest key template, in characters (API S3StorageConfiguration).
pub const KEY_TEMPLATE_CHARS_MAX: usize = 1024;
/// Default and most channels in one ListChannels answer (API).
pub const LIST_CHANNELS_MAX: usize = 100;
/// Bytes of records in one delivered object, before compression; a last page may go beyond.
pub const CHANNEL_OBJECT_BYTES_MAX: usize = 32 << 20;
/// Bytes and records that a delivery reads at once.
pub const CHANNEL_READ_BYTES: usize = 1 << 20;
/// Records that a delivery reads at once.
pub const CHANNEL_READ_RECORDS: usize = 10_000;
/// Deliveries of one node at once; each holds an object in memory.
pub const CHANNEL_DELIVERIES_MAX: usize = 4;
/// How often a channel looks for undelivered records at most …
pub const CHANNEL_LOOK_MIN: Duration = Duration::from_millis(100);
/// … and at least.
pub const CHANNEL_LOOK_MAX: Duration = Duration::from_secs(60);
/// Wait after the first failed delivery; it doubles with every further one …
pub const CHANNEL_RETRY_MIN: Duration = Duration::from_millis(500);
/// … up to this.
pub const CHANNEL_RETRY_MAX: Duration = Duration::from_secs(60);
/// Tags of one resource (API AddTagsToStream).
pub const TAGS_MAX: u32 = 50;
/// Most shards in one DescribeStream answer (API).
pub const DESCRIBE_STREAM_MAX: usize = 100;
/// Default and most streams in one ListStreams answer (API).
pub const LIST_STREAMS_MAX: usize = 100;
/// Default and most shards in one ListShards answer (API).
pub const LIST_SHARDS_MAX: usize = 1000;
/// Default and most consumers in one ListStreamConsumers answer (API).
pub const LIST_CONSUMERS_MAX: usize = 100;
/// Default and most tags in one ListTagsForStream answer (API).
pub const LIST_TAGS_MAX: usize = 50;
/// How long a page token is valid (API ListShards, ListStreams, ListStreamConsumers).
pub const NEXT_TOKEN_LIFE: Duration = Duration::from_secs(300);
/// Longest page token that is looked at, in bytes; ours stay below it.
pub const NEXT_TOKEN_BYTES_MAX: usize = 4096;
/// Window of the quota on UpdateShardCount (API UpdateShardCount).
pub const SCALING_WINDOW: Duration = Duration::from_secs(24 * 3600);
/// Most shards a stream is scaled to (API UpdateShardCount).
pub const SCALE_SHARDS_MAX: u32 = 10_000;
/// Buckets of request rates that are kept; full ones are dropped first.
pub const RATE_BUCKETS_MAX: usize = 16_384;
/// Logs of one stream that are created, sealed or deleted at the same time.
pub const LOG_CALLS_MAX: usize = 64;
/// Tries of one such call while the engine is overloaded; then the transition is looked at anew.
pub const LOG_CALL_TRIES: usize = 20;
/// Shards that one command expires.
pub const EXPIRE_SHARDS_MAX: usize = 1000;
/// Data keys of one stream: one for each day of the longest retention, and plenty for starts. Some 300 bytes each.
pub const DATA_KEYS_MAX: usize = 2_000;
/// How long a data key encrypts before a fresh one takes over.
pub const DATA_KEY_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Bytes that one process encrypts with a data key before a fresh one takes over: 16 TiB, which leaves AES-GCM a margin
/// of 2^-48.
pub const DATA_KEY_BYTES_MAX: u64 = 1 << 44;
/// How long a data key is kept beyond what its stream's retention asks for: for writers that are behind.
pub const DATA_KEY_SLACK: Duration = Duration::from_secs(3600);
/// Data keys that are held ready in memory, some 600 bytes each; the one that was not used for longest makes room.
pub const DATA_KEYS_HELD_MAX: usize = 16_384;
/// How long a data key that nobody uses is held ready.
pub const DATA_KEY_IDLE: Duration = Duration::from_secs(15 * 60);
/// How long a data key stays in use that should be unwrapped again, while the key service cannot be reached.
pub const DATA_KEY_STALE_MAX: Duration = Duration::from_secs(15 * 60);
/// How long a key service's refusal is passed on before it is asked again.
pub const KEY_REFUSAL_HELD: Duration = Duration::from_secs(1);
/// How long until a data key that was to be replaced and could not be is to be replaced again.
pub const DATA_KEY_RETRY: Duration = Duration::from_secs(60);
/// Pause before a failed transition is tried again.
pub const TRANSITION_RETRY: Duration = Duration::from_millis(250);

/// Records per second into one shard (Quotas).
pub const SHARD_WRITE_RECORDS_PER_S: u64 = 1000;
/// Bytes per second into one shard, data and partition keys (Quotas).
pub const SHARD_WRITE_BYTES_PER_S: u64 = 1 << 20;
/// Bytes that single records larger than a second's bytes may draw on (Quotas: bursts of records up to 10 MiB).
pub const SHARD_WRITE_BURST_BYTES: u64 = 10 << 20;
/// GetRecords calls per second on one shard (API GetRecords).
pub const SHARD_READ_CALLS_PER_S: u64 = 5;
/// Bytes per second out of one shard by GetRecords (API GetRecords).
pub const SHARD_READ_BYTES_PER_S: u64 = 2 << 20;
/// Shards whose throughput is remembered at once; some 300 bytes each.
pub const SHARD_BUCKETS_MAX: usize = 65_536;
/// Over how long the rates of an on-demand stream's shards are smoothed: a shard that takes all of its throughput is
/// split after about half a minute, one that would take ten times as much at once.
pub const HEAT_SMOOTHING: Duration = Duration::from_secs(30);
/// How long a shard takes little before it is merged.
pub const COLD_FOR: Duration = Duration::from_secs(3600);
/// How often an on-demand stream may double (developer guide, on-demand mode: within 15 minutes).
pub const GROWTH_WINDOW: Duration = Duration::from_secs(15 * 60);
/// Hash keys that are remembered of each shard of an on-demand stream, 16 bytes each.
pub const LOAD_SAMPLES: usize = 64;
/// Shards with counters of their own (EnableEnhancedMonitoring); some 100 bytes each.
pub const SHARD_METERS_MAX: usize = 65_536;
/// Streams with statistics of their own; some 700 bytes each.
pub const STREAM_METERS_MAX: usize = 65_536;
/// How long a stream is measured in detail after somebody looked (`millrace streams top`).
pub const WATCH_LIFE: Duration = Duration::from_secs(60);
/// Streams that are measured in detail at once.
pub const WATCHED_STREAMS_MAX: usize = 4;
/// Shards that are measured in detail, of each of these streams; some 33 KiB each with the longest keys.
pub const WATCHED_SHARDS_MAX: usize = 500;
/// Partition keys that are counted of each of these shards, twice.
pub const WATCHED_KEYS: usize = 16;
/// A generation of these keys.
pub const WATCHED_KEYS_FOR: Duration = Duration::from_secs(10);
/// Readers that are told apart of each of these shards.
pub const WATCHED_READERS_MAX: usize = 64;
/// Keys that are told of each of these shards.
pub const HOT_KEYS_TOLD: usize = 5;
/// Consumers with statistics of their own; some 300 bytes each.
pub const CONSUMER_METERS_MAX: usize = 65_536;
/// Bytes of data and partition keys in one PutRecords (API PutRecords).
pub const PUT_REQUEST_BYTES_MAX: usize = 10 << 20;
/// How long records of a shard that was closed in between wait for its children, all in all.
pub const RESHARD_WAIT_MAX: Duration = Duration::from_secs(10);
/// Default and most records in one GetRecords answer (API GetRecords).
pub const GET_RECORDS_MAX: usize = 10_000;
/// Most bytes of records in one GetRecords answer (API GetRecords).
pub const GET_RECORDS_BYTES_MAX: usize = 10 << 20;
/// How long a shard iterator is valid (API GetShardIterator).
pub const ITERATOR_LIFE: Duration = Duration::from_secs(300);
/// How long a subscription lasts (API SubscribeToShard).
pub const SUBSCRIPTION_LIFE: Duration = Duration::from_secs(300);
/// How soon after a successful call another one may take its subscription over (API SubscribeToShard).
pub const SUBSCRIPTION_TAKEOVER: Duration = Duration::from_secs(5);
/// Longest silence on a subscription: Java clients end one that is silent for longer than their read time-out.
pub const SUBSCRIPTION_HEARTBEAT: Duration = Duration::from_secs(2);
/// Bytes of records in one pushed event; a larger record is pushed alone.
pub const SUBSCRIPTION_EVENT_BYTES: usize = 1 << 20;
/// Records in one pushed event.
pub const SUBSCRIPTION_EVENT_RECORDS: usize = 10_000;
/// Bytes per second to one consumer from one shard (Quotas).
pub const SUBSCRIPTION_BYTES_PER_S: u64 = 2 << 20;
/// Live subscriptions of one node; each holds one frame at most.
pub const SUBSCRIPTIONS_MAX: usize = 100_000;

/// Default of `VisibilityTimeoutSeconds`, in seconds (API CreateQueue).
pub const QUEUE_VISIBILITY_SECS: u32 = 30;
/// Default of `MaxReceiveCount` (API CreateQueue).
pub const QUEUE_MAX_RECEIVES: u32 = 6;
/// Default and most records in one answer (API ReceiveQueueRecords).
pub const QUEUE_RECEIVE_MAX: u32 = 10;
/// Default of `WaitTimeSeconds` (API ReceiveQueueRecords).
pub const QUEUE_WAIT: Duration = Duration::from_secs(9);
/// Bytes of data in one answer; a larger record comes alone. What does not fit is given back at once.
pub const QUEUE_RECEIVE_BYTES_MAX: usize = 10 << 20;
/// Records of one queue that are in flight: received, and neither acknowledged nor visible again (Quotas for queues).
pub const QUEUE_IN_FLIGHT_MAX: usize = 120_000;
/// Records that one queue remembers at all: in flight, visible again, and dead letters. Some 100 bytes each. At this
/// many nothing new is handed out; dead letters are never dropped before the stream's retention takes them.
pub const QUEUE_RECORDS_MAX: usize = 240_000;
/// Shards that one receive offers to take records from.
pub const QUEUE_OFFERS_MAX: usize = 256;
/// Pause of a receive that found another node to be quicker.
pub const QUEUE_RETRY: Duration = Duration::from_millis(50);
/// How long a queue that nobody uses stays in memory.
pub const QUEUE_IDLE: Duration = Duration::from_secs(600);
/// How long a queue's work may take to stop.
pub const QUEUE_CLOSE_PATIENCE: Duration = Duration::from_secs(5);
/// Visible records that a metric reports at most (Quotas for queues).
pub const QUEUE_VISIBLE_REPORTED_MAX: u64 = 1_000_000;
/// Default and most queues in one ListQueues answer (API).
pub const LIST_QUEUES_MAX: usize = 100;

/// What an account, a stream or a resource may have. Part of commands, so that every node and every replay decides
/// alike, whatever its own configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quotas {
    /// Open shards of provisioned streams per account and region.
    pub shards_per_account: u32,
    /// Open shards of one stream.
    pub shards_per_stream: u32,
    /// Streams per account and region.
    pub streams_per_account: u32,
    /// Streams that are CREATING at once, per account and region.
    pub streams_creating: u32,
    /// On-demand streams per account and region.
    pub on_demand_streams: u32,
    /// Consumers of one stream.
    pub consumers_per_stream: u32,
    /// Consumers of one stream that are CREATING at once.
    pub consumers_creating: u32,
    /// UpdateShardCount calls per stream within [`SCALING_WINDOW`].
    pub scalings_per_day: u32,
    /// Whether UpdateShardCount stays between half and double.
    pub scale_by_two: bool,
    /// Tags of one resource.
    pub tags: u32,
    /// UpdateStreamMode calls per stream within [`SCALING_WINDOW`].
    #[serde(default = "safe_scalings")]
    pub mode_changes_per_day: u32,
    /// StartStreamEncryption calls per stream within [`SCALING_WINDOW`], and as many of StopStreamEncryption.
    #[serde(default = "safe_encryptions")]
    pub encryptions_per_day: u32,
    /// Channels per account and region.
    #[serde(default = "safe_channels")]
    pub channels: u32,
    /// Channels of one stream.
    #[serde(default = "safe_channels")]
    pub channels_per_stream: u32,
    /// Consumers and queues of one on-demand stream of an account with a commitment.
    #[serde(default)]
    pub consumers_committed: u32,
    /// Queues that are CREATING or DELETING at once, per account and region.
    #[serde(default = "safe_consumers")]
    pub queues_moving: u32,
}

const fn safe_scalings() -> u32 {
    SAFE_SCALINGS
}

const fn safe_consumers() -> u32 {
    SAFE_CONSUMERS
}

const fn safe_encryptions() -> u32 {
    SAFE_ENCRYPTIONS
}

const fn safe_channels() -> u32 {
    SAFE_CHANNELS
}

impl Quotas {
    /// The quotas of a profile in a region.
    #[must_use]
    pub fn of(profile: Profile, region: &str) -> Self {
        match profile {
            Profile::Aws => Self {
                // Quotas: 20,000 could be asked for; these are the defaults.
                shards_per_account: if matches!(region, "us-east-1" | "us-west-2" | "eu-west-1") {
                    500
                } else {
                    200
                },
                shards_per_stream: SCALE_SHARDS_MAX,
                streams_per_account: SAFE_STREAMS,
                streams_creating: 5,
                on_demand_streams: 50,
                consumers_per_stream: 20,
                consumers_creating: 5,
                scalings_per_day: 10,
                scale_by_two: true,
                tags: TAGS_MAX,
                mode_changes_per_day: 2,
                encryptions_per_day: 25,
                // Developer Guide: one S3 channel per stream; the number per account is not published.
                channels: 50,
                channels_per_stream: 1,
                consumers_committed: 50,
                queues_moving: 5,
            },
            Profile::Open => Self {
                shards_per_account: SAFE_SHARDS,
                shards_per_stream: SCALE_SHARDS_MAX,
                streams_per_account: SAFE_STREAMS,
                streams_creating: SAFE_STREAMS,
                on_demand_streams: SAFE_STREAMS,
                consumers_per_stream: SAFE_CONSUMERS,
                consumers_creating: SAFE_CONSUMERS,
                scalings_per_day: SAFE_SCALINGS,
                scale_by_two: false,
                tags: TAGS_MAX,
                mode_changes_per_day: SAFE_SCALINGS,
                encryptions_per_day: SAFE_ENCRYPTIONS,
                channels: SAFE_CHANNELS,
                channels_per_stream: SAFE_CHANNELS,
                consumers_committed: SAFE_CONSUMERS,
                queues_moving: SAFE_CONSUMERS,
            },
        }
    }
}

/// Open shards per account and region, as far as memory for their logs goes.
const SAFE_SHARDS: u32 = 50_000;
/// Streams per account and region.
const SAFE_STREAMS: u32 = 50_000;
/// Consumers of one stream.
const SAFE_CONSUMERS: u32 = 1_000;
/// Channels per account and region.
const SAFE_CHANNELS: u32 = 1_000;
/// Remembered calls of StartStreamEncryption per stream and day; each makes a data key.
const SAFE_ENCRYPTIONS: u32 = 1_000;
/// Remembered calls of UpdateShardCount per stream and day.
const SAFE_SCALINGS: u32 = 100_000;

/// What a request rate is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One account in one region.
    Account,
    /// One stream.
    Stream,
    /// One shard; for SubscribeToShard one shard and one consumer.
    Shard,
}

/// Calls per second of an operation (API, per operation); `None` where none is published, or where it is part of a
/// shard's throughput.
#[must_use]
pub fn rate(operation: &str) -> Option<(Scope, u32)> {
    Some(match operation {
        "CreateStream"
        | "DeleteStream"
        | "ListStreams"
        | "AddTagsToStream"
        | "RemoveTagsFromStream"
        | "ListTagsForStream"
        | "SplitShard"
        | "MergeShards"
        | "RegisterStreamConsumer"
        | "UpdateAccountSettings"
        | "UpdateMaxRecordSize"
        | "UpdateStreamWarmThroughput"
        | "CreateChannel"
        | "DeleteChannel"
        | "DescribeChannel"
        | "ListChannels"
        | "UpdateChannel" => (Scope::Account, 5),
        "DescribeLimits" => (Scope::Account, 1),
        "DescribeStream" | "UpdateShardCount" => (Scope::Account, 10),
        "DescribeStreamSummary" => (Scope::Account, 20),
        "IncreaseStreamRetentionPeriod"
        | "DecreaseStreamRetentionPeriod"
        | "DeregisterStreamConsumer"
        | "ListStreamConsumers"
        | "EnableEnhancedMonitoring"
        | "DisableEnhancedMonitoring"
        | "UpdateStreamMode"
        | "StartStreamEncryption"
        | "StopStreamEncryption" => (Scope::Stream, 5),
        "DescribeStreamConsumer" => (Scope::Stream, 20),
        "ListShards" => (Scope::Stream, 1000),
        "GetShardIterator" => (Scope::Shard, 5),
        "SubscribeToShard" => (Scope::Shard, 1),
        _ => return None,
    })
}
