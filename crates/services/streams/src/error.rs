//! Everything that can go wrong in Data Streams, and the one place where it becomes an answer.
//!
//! Messages are the published service's own where they are known, since tools and people match on them.

use millrace_control::ControlError;
use millrace_keys::KeyError;
use millrace_log::LogError;
use millrace_wire::ApiError;
use millrace_wire::access::Denied;

use crate::queues::QueueError;
use crate::state::{ChannelKey, ShardIndex, Status, StreamKey};
use crate::topology::HashRange;

/// SplitShard at a bound that leaves a part with less than two hash keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "NewStartingHashKey {at} used in SplitShard() on shard {shard} in stream {} under account {} is not both greater \
     than one plus the shard's StartingHashKey {} and less than the shard's EndingHashKey {}.",
    .key.name, .key.account, .range.start, .range.end
)]
pub struct BadSplit {
    /// Which stream.
    pub key: StreamKey,
    /// Which shard.
    pub shard: ShardIndex,
    /// What was asked for.
    pub at: String,
    /// The shard's hash keys.
    pub range: HashRange,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamsError {
    /// No such stream, or none that data can flow through yet or any more.
    #[error("Stream {} under account {} not found.", .0.name, .0.account)]
    StreamNotFound(StreamKey),
    /// The name is taken.
    #[error("Stream {} under account {} already exists.", .0.name, .0.account)]
    StreamExists(StreamKey),
    /// The operation needs an active stream.
    #[error("Stream {} under account {} not ACTIVE, instead in state {}", .0.name, .0.account, .1.as_str())]
    StreamNotActive(StreamKey, Status),
    /// DeleteStream with consumers left and no `EnforceConsumerDeletion`.
    #[error(
        "Stream {} under account {} has {} registered consumers: deregister them first or set \
         EnforceConsumerDeletion to true.", .0.name, .0.account, .1
    )]
    StreamHasConsumers(StreamKey, usize),
    /// DeleteStream with channels left.
    #[error("Stream {} under account {} has {} channels: delete them first.", .0.name, .0.account, .1)]
    StreamHasChannels(StreamKey, usize),
    /// No such channel.
    #[error("Channel {} not found.", .0.arn())]
    ChannelNotFound(ChannelKey),
    /// An object store failed.
    #[error(transparent)]
    Blob(#[from] millrace_blob::BlobError),
    /// Split, merge and UpdateShardCount are for provisioned streams.
    #[error("Request is invalid. Stream {} under account {} is in On-Demand mode.", .0.name, .0.account)]
    OnDemandMode(StreamKey),
    /// No such shard: control plane's wording.
    #[error("Could not find shard {} in stream {} under account {}.", .1, .0.name, .0.account)]
    ShardNotFound(StreamKey, String),
    /// No such shard: data plane's wording.
    #[error("Shard {} in stream {} under account {} does not exist", .1, .0.name, .0.account)]
    ShardMissing(StreamKey, String),
    /// Only open shards can be split or merged.
    #[error(
        "Shard {} in stream {} under account {} has already been merged or split, and thus is not eligible for \
         merging or splitting.", .1, .0.name, .0.account
    )]
    ShardClosed(StreamKey, ShardIndex),
    /// MergeShards of two that do not touch.
    #[error(
        "Shards {} and {} in stream {} under account {} are not an adjacent pair of shards eligible for merging",
        .1, .2, .0.name, .0.account
    )]
    NotAdjacent(StreamKey, ShardIndex, ShardIndex),
    /// SplitShard at a bound that leaves a part too small.
    #[error(transparent)]
    BadSplit(#[from] Box<BadSplit>),
    /// The account's shards are used up.
    #[error(
        "This request would exceed the shard limit for the account {} in {}. Current shard count for the account: \
         {current}. Limit: {limit}. Number of additional shards that would have resulted from this request: {more}. \
         Refer to the AWS Service Limits page \
         (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits and how to \
         request higher limits.", .key.account, .key.region
    )]
    ShardLimit {
        /// Which stream.
        key: StreamKey,
        /// Open shards of the account.
        current: u32,
        /// How many it may have.
        limit: u32,
        /// How many more were asked for.
        more: u32,
    },
    /// The account's on-demand streams are used up.
    #[error(
        "This request would exceed the on-demand stream limit for the account {} in {}. Current on-demand stream \
         count for the account: {current}. Limit: {limit}.", .key.account, .key.region
    )]
    OnDemandLimit {
        /// Which stream.
        key: StreamKey,
        /// On-demand streams of the account.
        current: u32,
        /// How many it may have.
        limit: u32,
    },
    /// StopStreamEncryption of a stream that is not encrypted.
    #[error("Stream {} under account {} is not encrypted.", .0.name, .0.account)]
    NotEncrypted(StreamKey),
    /// Warm throughput of a provisioned stream.
    #[error("Request is invalid. Stream {} under account {} is in PROVISIONED mode: warm throughput is for streams in \
             ON_DEMAND mode.", .0.name, .0.account)]
    WarmProvisioned(StreamKey),
    /// UpdateShardCount beyond double.
    #[error(
        "UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: {0} \
         Target shard count: {1}"
    )]
    ScaleTooHigh(u32, u32),
    /// UpdateShardCount below half.
    #[error(
        "UpdateShardCount cannot scale down below half your current open shard count. Current open shard count: {0} \
         Target shard count: {1}"
    )]
    ScaleTooLow(u32, u32),
    /// Retention below a day.
    #[error(
        "Minimum allowed retention period is 24 hours. Requested retention period ({0} hours) is too short."
    )]
    RetentionTooShort(i64),
    /// Retention beyond a year.
    #[error(
        "Maximum allowed retention period is 8760 hours. Requested retention period ({0} hours) is too long."
    )]
    RetentionTooLong(i64),
    /// Decrease to more.
    #[error(
        "Requested retention period ({asked} hours) for stream {} can not be longer than existing retention period \
         ({existing} hours). Use IncreaseRetentionPeriod API.", .key.name
    )]
    RetentionNotDecreased {
        /// Which stream.
        key: StreamKey,
        /// Hours asked for.
        asked: u32,
        /// Hours now.
        existing: u32,
    },
    /// Increase to less.
    #[error(
        "Requested retention period ({asked} hours) for stream {} can not be shorter than existing retention period \
         ({existing} hours). Use DecreaseRetentionPeriod API.", .key.name
    )]
    RetentionNotIncreased {
        /// Which stream.
        key: StreamKey,
        /// Hours asked for.
        asked: u32,
        /// Hours now.
        existing: u32,
    },
    /// No such consumer.
    #[error("Consumer {name}, account {} not found.", .key.account)]
    ConsumerNotFound {
        /// Which stream.
        key: StreamKey,
        /// Name or ARN.
        name: String,
    },
    /// RegisterStreamConsumer of a name that is taken.
    #[error("Consumer {name} under stream {} already exists for account {}.", .key.name, .key.account)]
    ConsumerExists {
        /// Which stream.
        key: StreamKey,
        /// Its name.
        name: String,
    },
    /// The operation needs an active consumer.
    #[error(
        "Consumer {name} with creation timestamp {created_secs} under stream: {} , account {} is not in ACTIVE \
         status.", .key.name, .key.account
    )]
    ConsumerNotActive {
        /// Which stream.
        key: StreamKey,
        /// Its name.
        name: String,
        /// Creation, epoch seconds.
        created_secs: u64,
    },
    /// The caller may not do this; the sentence says why.
    #[error(transparent)]
    AccessDenied(#[from] Denied),
    /// A quota is used up; the sentence says which.
    #[error("{0}")]
    LimitExceeded(String),
    /// The resource is busy; the sentence says how.
    #[error("{0}")]
    ResourceInUse(String),
    /// No such resource; the sentence says which.
    #[error("{0}")]
    ResourceNotFound(String),
    /// A parameter or a combination of them is wrong; the sentence says which.
    #[error("{0}")]
    InvalidArgument(String),
    /// A constraint that the API model does not express is violated.
    #[error("{0}")]
    Validation(String),
    /// A page token that is older than its life.
    #[error("NextToken is expired: it is valid for {0} seconds. Start listing again without it.")]
    ExpiredNextToken(u64),
    /// An iterator that is older than its life; the sentence says when it was made.
    #[error("{0}")]
    ExpiredIterator(String),
    /// A shard's throughput is used up.
    #[error("{0}")]
    ThroughputExceeded(String),
    /// The caller asked for nothing but the checks, and they passed.
    #[error("Request would have succeeded, but the DryRun parameter is set.")]
    DryRun,
    /// A single record may or may not be stored.
    #[error("Internal Service Failure")]
    NotStored,
    /// Stored records are damaged. Never passed over in silence: whoever reads decides.
    #[error(transparent)]
    RecordsDamaged(Box<RecordsDamaged>),
    /// The operation is part of the API and not built yet.
    #[error(
        "The operation {0} is not supported by this version of Millrace yet. The list of supported operations is in \
         the README."
    )]
    NotBuilt(&'static str),
    /// A queue refuses.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The body was refused.
    #[error(transparent)]
    Wire(#[from] ApiError),
    /// The master key, or who keeps it, refuses or failed.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The control plane failed.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The log engine failed.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Records that do not have their checksum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Stored records of {shard} of stream {} are damaged{}", key.name, how_to_go_on(numbers.as_ref()))]
pub struct RecordsDamaged {
    /// The stream.
    pub key: StreamKey,
    /// The shard.
    pub shard: String,
    /// The first and the last sequence number of the damaged block, where that can be told.
    pub numbers: Option<(String, String)>,
    /// File and place, for the operator.
    pub detail: String,
}

fn how_to_go_on(numbers: Option<&(String, String)>) -> String {
    numbers.map_or_else(
        || ". What is behind them can be read.".to_owned(),
        |(first, last)| {
            format!(
                ", from sequence number {first} to {last}. What is behind them can be read: get an iterator \
                 AFTER_SEQUENCE_NUMBER {last}."
            )
        },
    )
}

impl From<StreamsError> for ApiError {
    fn from(error: StreamsError) -> Self {
        use StreamsError as E;
        let code = match &error {
            E::StreamNotFound(_)
            | E::ShardNotFound(..)
            | E::ShardMissing(..)
            | E::ConsumerNotFound { .. }
            | E::ChannelNotFound(_)
            | E::ResourceNotFound(_) => "ResourceNotFoundException",
            E::StreamExists(_)
            | E::StreamNotActive(..)
            | E::StreamHasConsumers(..)
            | E::StreamHasChannels(..)
            | E::ConsumerExists { .. }
            | E::ConsumerNotActive { .. }
            | E::ResourceInUse(_) => "ResourceInUseException",
            E::ShardClosed(..)
            | E::NotAdjacent(..)
            | E::BadSplit(_)
            | E::RetentionTooShort(_)
            | E::RetentionTooLong(_)
            | E::RetentionNotDecreased { .. }
            | E::RetentionNotIncreased { .. }
            | E::NotEncrypted(_)
            | E::InvalidArgument(_) => "InvalidArgumentException",
            E::ShardLimit { .. }
            | E::OnDemandLimit { .. }
            | E::ScaleTooHigh(..)
            | E::ScaleTooLow(..)
            | E::LimitExceeded(_) => "LimitExceededException",
            E::OnDemandMode(_) | E::WarmProvisioned(_) | E::Validation(_) => "ValidationException",
            E::AccessDenied(_) => "AccessDeniedException",
            E::ExpiredNextToken(_) => "ExpiredNextTokenException",
            E::ExpiredIterator(_) => "ExpiredIteratorException",
            E::ThroughputExceeded(_) => "ProvisionedThroughputExceededException",
            E::DryRun => "DryRunOperationException",
            E::NotStored => {
                return Self::client("InternalFailureException", error.to_string()).with_status(500);
            }
            E::RecordsDamaged(damaged) => {
                let RecordsDamaged {
                    key, shard, detail, ..
                } = &**damaged;
                tracing::error!(stream = %key, shard, detail, "stored records are damaged; millrace doctor --verify says more");
                return Self::client("InternalFailureException", error.to_string()).with_status(500);
            }
            E::NotBuilt(_) => "UnknownOperationException",
            E::Queue(queue) => queue.code(),
            E::Wire(error) => return error.clone(),
            E::Keys(KeyError::Disabled(_)) => "KMSDisabledException",
            E::Keys(KeyError::InvalidState(_)) => "KMSInvalidStateException",
            E::Keys(KeyError::AccessDenied(_)) => "KMSAccessDeniedException",
            E::Keys(KeyError::NotFound(_)) => "KMSNotFoundException",
            E::Keys(KeyError::OptInRequired(_)) => "KMSOptInRequired",
            E::Keys(KeyError::Throttled(_)) => "KMSThrottlingException",
            E::Control(ControlError::TooLarge { .. }) => "LimitExceededException",
            E::Control(ControlError::Overloaded | ControlError::Log(LogError::Overloaded(_)))
            | E::Log(LogError::Overloaded(_)) => {
                return Self::client("ServiceUnavailable", error.to_string()).with_status(503);
            }
            // SDKs retry it; a proposal or an append that is in doubt is at-least-once like everything else.
            E::Control(_) | E::Log(_) | E::Blob(_) | E::Keys(KeyError::Unavailable(_)) => {
                tracing::error!(%error, "call failed in an engine");
                return Self::client("InternalFailureException", "Internal Service Failure").with_status(500);
            }
        };
        Self::client(code, error.to_string())
    }
}

/// Why the service does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The control plane failed.
    #[error("Data Streams cannot start: {0}")]
    Control(#[from] ControlError),
    /// The stored secret is damaged.
    #[error("Data Streams cannot start: the stored iterator key is no 32 bytes of hex")]
    IteratorKey,
}
