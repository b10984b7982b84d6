//! Channels: what they deliver, where to, and how far they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use millrace_base::Timestamp;
use millrace_control::Applied;
use millrace_log::Offset;
use millrace_wire::arn::{Arn, partition_of};
use serde::{Deserialize, Serialize};

use super::ids::written_with_slashes;
use super::{AttachedPolicy, Changed, Mode, Outcome, ShardIndex, Status, StreamKey, StreamUid, StreamsState};
use crate::error::StreamsError;
use crate::limits::Quotas;

/// Which channel. JSON: `"account/region/id"`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelKey {
    /// Twelve digits.
    pub account: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// Lower-case letters and digits, made when the channel is created.
    pub id: String,
}

impl ChannelKey {
    /// The channel's ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        Arn {
            partition: partition_of(&self.region).to_owned(),
            service: "kinesis".to_owned(),
            region: self.region.clone(),
            account: self.account.clone(),
            resource: format!("channel/{}", self.id),
        }
        .to_string()
    }
}

written_with_slashes!(ChannelKey, id);

/// What records are expected to be (`RecordFormatType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordFormat {
    /// A JSON text each.
    Json,
    /// UTF-8 each.
    String,
    /// Anything.
    ByteArray,
}

/// How objects are compressed (`S3CompressionType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// How objects are stored (`S3StorageClass`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageClass {
    /// STANDARD
    Standard,
    /// INTELLIGENT_TIERING
    IntelligentTiering,
    /// GLACIER_IR
    GlacierIr,
}

impl StorageClass {
    /// The value on the wire, ours and the store's.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::IntelligentTiering => "INTELLIGENT_TIERING",
            Self::GlacierIr => "GLACIER_IR",
        }
    }
}

/// A bucket and who is expected to own it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketOf {
    /// Its ARN as it was given.
    pub arn: String,
    /// Twelve digits.
    pub owner: String,
}

impl BucketOf {
    /// Its name: an S3 ARN is `arn:PARTITION:s3:::NAME`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.arn.rsplit(':').next().unwrap_or_default()
    }
}

/// Where and how objects are put (`S3DestinationConfiguration`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct S3Destination {
    /// For records that are as expected.
    pub bucket: BucketOf,
    /// `OutputKeyTemplate`, where one was given.
    pub key_template: Option<String>,
    /// Where one was given.
    pub storage_class: Option<StorageClass>,
    /// Of objects.
    pub compression: Compression,
    /// How old an undelivered record may become, in seconds.
    pub freshness_secs: u32,
    /// For records that are not as expected.
    pub dead_letters: BucketOf,
    /// `ErrorOutputPrefix`, where one was given.
    pub error_prefix: Option<String>,
}

/// `CloudWatchLogs`; kept and answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logging {
    /// Whether deliveries are logged.
    pub enabled: bool,
    /// Where one was given.
    pub group: Option<String>,
    /// Where one was given.
    pub stream: Option<String>,
}

/// What clients see, and what is still to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelPhase {
    /// The destination has to be looked at, and where the stream ends.
    Creating,
    /// It delivers.
    Active,
    /// It delivers, and was changed.
    Updating,
    /// It is removed.
    Deleting,
    /// It never delivers; the sentence says why.
    Failed(String),
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelSettings {
    /// Unique in account and region.
    pub name: String,
    /// The source.
    pub stream: StreamKey,
    /// `ServiceExecutionRoleARN`.
    pub role_arn: String,
    /// Of records.
    pub format: RecordFormat,
    /// Where to.
    pub destination: S3Destination,
    /// The key that the destination encrypts with, where one was given.
    pub encryption_key: Option<String>,
    /// What is logged.
    pub logging: Logging,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// What was asked for.
    pub settings: ChannelSettings,
    /// The source, and no later stream of that name.
    pub stream_uid: StreamUid,
    /// When the source was created.
    pub stream_created: Timestamp,
    /// When it was created.
    pub created: Timestamp,
    /// What is still to be done.
    pub phase: ChannelPhase,
    /// Shards with a smaller index that are not in `delivered` are none of its business.
    pub born_before: ShardIndex,
    /// The next record to deliver of each shard; a later one that is not listed starts at its beginning.
    pub delivered: BTreeMap<ShardIndex, Offset>,
    /// Its resource policy.
    #[serde(default, skip_serializing_if = "AttachedPolicy::is_none")]
    pub policy: AttachedPolicy,
}

impl Channel {
    /// The next record of a shard to deliver; `None` where it has none to do with the shard.
    #[must_use]
    pub fn position(&self, shard: ShardIndex) -> Option<Offset> {
        match self.delivered.get(&shard) {
            Some(offset) => Some(*offset),
            None => (shard >= self.born_before).then_some(0),
        }
    }

    /// Whether it delivers.
    #[must_use]
    pub const fn delivers(&self) -> bool {
        matches!(self.phase, ChannelPhase::Active | ChannelPhase::Updating)
    }
}

/// How far a shard was delivered, and how far it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which shard.
    pub shard: ShardIndex,
    /// The first record that was delivered.
    pub from: Offset,
    /// One behind the last.
    pub to: Offset,
}

/// What may happen to a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelCommand {
    /// CreateChannel.
    Create {
        /// What was asked for.
        settings: Box<ChannelSettings>,
        /// What the account may have.
        quotas: Quotas,
    },
    /// Its destination is there; it delivers what comes from here on.
    Ready {
        /// Of every shard that is open.
        from: Vec<(ShardIndex, Offset)>,
        /// One behind the newest shard.
        born_before: ShardIndex,
    },
    /// It will not deliver.
    Fail {
        /// Why, and what to do.
        reason: String,
    },
    /// UpdateChannel.
    Update {
        /// `DataFreshnessInSeconds`.
        freshness_secs: Option<u32>,
        /// `LoggingConfiguration`.
        logging: Option<Logging>,
    },
    /// DeleteChannel.
    Delete,
    /// A transition is over.
    Settle,
    /// Objects are durable that hold these records.
    Delivered {
        /// Of each shard that they hold records of.
        steps: Vec<Step>,
    },
}

impl StreamsState {
    /// A channel.
    #[must_use]
    pub fn channel(&self, key: &ChannelKey) -> Option<&Arc<Channel>> {
        self.channels.get(key)
    }

    /// Every channel of every account and region.
    pub fn channels(&self) -> impl Iterator<Item = (&ChannelKey, &Arc<Channel>)> {
        self.channels.iter()
    }

    /// The channels of one account in one region with an id greater than `after`, by id.
    pub fn channels_of<'a>(
        &'a self,
        account: &'a str,
        region: &'a str,
        after: &str,
    ) -> impl Iterator<Item = (&'a ChannelKey, &'a Arc<Channel>)> {
        let from = ChannelKey {
            account: account.to_owned(),
            region: region.to_owned(),
            id: after.to_owned(),
        };
        self.channels
            .range((std::ops::Bound::Excluded(from), std::ops::Bound::Unbounded))
            .take_while(move |(key, _)| key.account == account && key.region == region)
    }

    /// Channels that read a stream, or are about to.
    #[must_use]
    pub fn channels_on(&self, stream: &StreamKey) -> usize {
        self.channels
            .values()
            .filter(|channel| {
                let over = matches!(channel.phase, ChannelPhase::Deleting | ChannelPhase::Failed(_));
                channel.settings.stream == *stream && !over
            })
            .count()
    }

    pub(super) fn change_channel(
        &mut self,
        at: Applied,
        key: ChannelKey,
        command: ChannelCommand,
    ) -> Outcome {
        if let ChannelCommand::Create { settings, quotas } = command {
            return self.create_channel(at, key, *settings, quotas);
        }
        let channel = self
            .channels
            .get_mut(&key)
            .ok_or_else(|| StreamsError::ChannelNotFound(key.clone()))?;
        match command {
            ChannelCommand::Create { .. } => {}
            ChannelCommand::Ready { from, born_before } if channel.phase == ChannelPhase::Creating => {
                let channel = Arc::make_mut(channel);
                channel.delivered = from.into_iter().collect();
                channel.born_before = born_before;
                channel.phase = ChannelPhase::Active;
            }
            ChannelCommand::Fail { reason } if channel.phase == ChannelPhase::Creating => {
                Arc::make_mut(channel).phase = ChannelPhase::Failed(reason);
            }
            ChannelCommand::Update {
                freshness_secs,
                logging,
            } => {
                if channel.phase != ChannelPhase::Active {
                    return Err(not_active(&key, channel));
                }
                let changed = Arc::make_mut(channel);
                let settings = &mut changed.settings;
                settings.destination.freshness_secs =
                    freshness_secs.unwrap_or(settings.destination.freshness_secs);
                settings.logging = logging.unwrap_or_else(|| settings.logging.clone());
                changed.phase = ChannelPhase::Updating;
                return Ok(Changed::Channel(Arc::clone(channel)));
            }
            ChannelCommand::Delete => {
                if channel.phase == ChannelPhase::Deleting {
                    return Err(not_active(&key, channel));
                }
                Arc::make_mut(channel).phase = ChannelPhase::Deleting;
            }
            ChannelCommand::Settle => match channel.phase {
                ChannelPhase::Updating => Arc::make_mut(channel).phase = ChannelPhase::Active,
                ChannelPhase::Deleting => {
                    self.channels.remove(&key);
                }
                ChannelPhase::Creating | ChannelPhase::Active | ChannelPhase::Failed(_) => {}
            },
            ChannelCommand::Delivered { steps } => self.delivered(&key, &steps),
            ChannelCommand::Ready { .. } | ChannelCommand::Fail { .. } => {}
        }
        Ok(Changed::Done)
    }

    fn create_channel(
        &mut self,
        at: Applied,
        key: ChannelKey,
        settings: ChannelSettings,
        quotas: Quotas,
    ) -> Outcome {
        let stream = self
            .stream(&settings.stream)
            .ok_or_else(|| StreamsError::StreamNotFound(settings.stream.clone()))?;
        match stream.status() {
            Status::Active | Status::Updating => {}
            other => return Err(StreamsError::StreamNotActive(settings.stream, other)),
        }
        if stream.mode != Mode::OnDemand {
            return Err(StreamsError::Validation(format!(
                "Stream {} under account {} is in PROVISIONED mode: channels are for streams in ON_DEMAND mode.",
                settings.stream.name, settings.stream.account
            )));
        }
        let (uid, created) = (stream.uid, stream.created);
        let mut of_account = 0;
        for (_, other) in self.channels_of(&key.account, &key.region, "") {
            of_account += 1;
            if other.settings.name == settings.name {
                return Err(StreamsError::ResourceInUse(format!(
                    "Channel {} under account {} already exists.",
                    settings.name, key.account
                )));
            }
        }
        let on_stream = u32::try_from(self.channels_on(&settings.stream)).unwrap_or(u32::MAX);
        if of_account >= quotas.channels || on_stream >= quotas.channels_per_stream {
            return Err(StreamsError::LimitExceeded(format!(
                "Account {} may have {} channels in {}, and {} on one stream: delete channels that are not needed.",
                key.account, quotas.channels, key.region, quotas.channels_per_stream
            )));
        }
        let channel = Arc::new(Channel {
            settings,
            stream_uid: uid,
            stream_created: created,
            created: at.time,
            phase: ChannelPhase::Creating,
            born_before: ShardIndex(0),
            delivered: BTreeMap::new(),
            policy: AttachedPolicy::default(),
        });
        self.channels.insert(key, Arc::clone(&channel));
        Ok(Changed::Channel(channel))
    }

    /// All steps or none: where a shard stands elsewhere already, another node delivered it.
    fn delivered(&mut self, key: &ChannelKey, steps: &[Step]) {
        let Some(channel) = self.channels.get(key) else {
            return;
        };
        if steps
            .iter()
            .any(|step| channel.position(step.shard) != Some(step.from))
        {
            return;
        }
        let alive = self.streams.get(&channel.settings.stream).cloned();
        let Some(channel) = self.channels.get_mut(key).map(Arc::make_mut) else {
            return;
        };
        for step in steps {
            channel.delivered.insert(step.shard, step.to);
        }
        // A shard that expired is never asked for again.
        if let Some(stream) = alive.filter(|stream| stream.uid == channel.stream_uid) {
            channel
                .delivered
                .retain(|shard, _| stream.shards.contains_key(shard));
        }
    }
}

fn not_active(key: &ChannelKey, channel: &Channel) -> StreamsError {
    StreamsError::ResourceInUse(format!(
        "Channel {} under account {} is not ACTIVE: wait until it is.",
        channel.settings.name, key.account
    ))
}
