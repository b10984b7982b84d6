//! Puts what is due, object by object.

use std::sync::Arc;

use bytes::Bytes;
use millrace_base::Timestamp;
use millrace_blob::{Blobs, Bucket, Description};
use millrace_log::{Offset, ReadLimits};
use ring::digest::{SHA256, digest};

use super::object::{Object, Origin, dead_letter, fault};
use super::template::{self, Names, Template};
use crate::error::StreamsError;
use crate::limits::{CHANNEL_OBJECT_BYTES_MAX, CHANNEL_READ_BYTES, CHANNEL_READ_RECORDS};
use crate::routing::StreamView;
use crate::service::Streams;
use crate::shard::read::Read;
use crate::state::{Channel, ChannelCommand, ChannelKey, Command, Shard, Step, StorageClass};

/// A shard with records to deliver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    pub(crate) shard: Shard,
    /// The first record to deliver.
    pub(crate) from: Offset,
    /// One behind the last.
    pub(crate) end: Offset,
    /// When the first one arrived.
    pub(crate) time: Timestamp,
}

/// A delivery on its way.
pub(crate) struct Delivery<'a> {
    streams: &'a Streams,
    key: &'a ChannelKey,
    channel: &'a Channel,
    view: &'a StreamView,
    template: Template,
    bucket: Blobs,
    dead_bucket: Blobs,
}

/// An object that is being filled, its dead letters, and what both hold.
struct Filling {
    object: Object,
    dead: Vec<u8>,
    dead_records: u64,
    steps: Vec<Step>,
    /// Shard and offset of the first record: no other object begins there.
    first: Option<(Shard, Offset, Timestamp)>,
}

impl<'a> Delivery<'a> {
    /// Opens the channel's buckets.
    pub(crate) async fn open(
        streams: &'a Streams,
        key: &'a ChannelKey,
        channel: &'a Channel,
        view: &'a StreamView,
    ) -> Result<Self, StreamsError> {
        let destination = &channel.settings.destination;
        let template = destination.key_template.as_deref().unwrap_or(template::DEFAULT);
        let open = |name: &str| {
            let bucket = Bucket {
                name: name.to_owned(),
                region: key.region.clone(),
                key: channel.settings.encryption_key.clone(),
            };
            async move { streams.0.buckets.open(&bucket).await }
        };
        Ok(Self {
            streams,
            key,
            channel,
            view,
            template: Template::parse(template)?,
            bucket: open(destination.bucket.name()).await?,
            dead_bucket: open(destination.dead_letters.name()).await?,
        })
    }

    /// Puts everything in `due`, the oldest first, and says how far it came after every object.
    pub(crate) async fn run(&self, mut due: Vec<Due>) -> Result<(), StreamsError> {
        // The order must not change when newer records come to other shards: it decides on names.
        due.sort_unstable_by_key(|due| (due.time, due.shard.index));
        let mut filling = self.begin()?;
        for due in due {
            let mut at = due.from;
            while at < due.end {
                let next = self.fill(&mut filling, &due, at).await?;
                if next <= at {
                    break;
                }
                at = next;
                if filling.object.raw().saturating_add(filling.dead.len()) >= CHANNEL_OBJECT_BYTES_MAX {
                    let full = std::mem::replace(&mut filling, self.begin()?);
                    self.put(full).await?;
                }
            }
        }
        self.put(filling).await
    }

    fn begin(&self) -> Result<Filling, StreamsError> {
        let settings = &self.channel.settings;
        let object = Object::new(settings.format, settings.destination.compression);
        Ok(Filling {
            object: object.map_err(|error| broken(&error))?,
            dead: Vec::new(),
            dead_records: 0,
            steps: Vec::new(),
            first: None,
        })
    }

    /// Adds one page of a shard; yields where to go on.
    async fn fill(&self, filling: &mut Filling, due: &Due, at: Offset) -> Result<Offset, StreamsError> {
        let left = usize::try_from(due.end.saturating_sub(at)).unwrap_or(usize::MAX);
        let limits = ReadLimits {
            bytes: CHANNEL_READ_BYTES,
            records: CHANNEL_READ_RECORDS.min(left),
        };
        let page = self.streams.read_shard(self.view, &due.shard, at, limits).await?;
        for read in &page.records {
            filling.first.get_or_insert((due.shard, at, read.time));
            self.add(filling, due, read).map_err(|error| broken(&error))?;
        }
        let next = page.next.min(due.end.max(at));
        match filling
            .steps
            .iter_mut()
            .find(|step| step.shard == due.shard.index)
        {
            Some(step) => step.to = next,
            None => filling.steps.push(Step {
                shard: due.shard.index,
                from: at,
                to: next,
            }),
        }
        Ok(next)
    }

    fn add(&self, filling: &mut Filling, due: &Due, read: &Read) -> std::io::Result<()> {
        let data = read.record.data();
        let Some((code, message)) = fault(self.channel.settings.format, data) else {
            return filling.object.push(data);
        };
        filling.dead_records += 1;
        let origin = Origin {
            channel_arn: &self.key.arn(),
            stream_arn: &self.view.arn,
            shard: due.shard.index,
            number: read.number,
            time: read.time,
            key: read.record.key(),
        };
        dead_letter(&origin, (code, &message), data, &mut filling.dead)
    }

    /// Dead letters first, then the object, then the state.
    async fn put(&self, filling: Filling) -> Result<(), StreamsError> {
        if filling.steps.is_empty() {
            return Ok(());
        }
        let metrics = &self.streams.0.metrics;
        if let Some((shard, offset, time)) = filling.first {
            let text = format!("{} {} {offset}", self.key, shard.index);
            let unique = digest(&SHA256, text.as_bytes());
            let unique = hex::encode(unique.as_ref().get(..8).unwrap_or_default());
            if !filling.dead.is_empty() {
                let name = self.dead_name(time, &unique);
                let description = Description {
                    content_type: Some("application/x-ndjson"),
                    storage_class: None,
                };
                let dead = Bytes::from(filling.dead);
                self.dead_bucket.put_described(&name, dead, &description).await?;
                metrics.channel_dead_records.add(filling.dead_records);
            }
            let (records, extension) = (filling.object.records(), filling.object.extension());
            if records > 0 {
                let names = self.names(time, extension, &unique);
                let name = self.template.render(&names);
                let class = self.channel.settings.destination.storage_class;
                let description = Description {
                    content_type: Some(filling.object.content_type()),
                    storage_class: class.map(StorageClass::as_str).map(str::to_owned),
                };
                let bytes = filling.object.finish().map_err(|error| broken(&error))?;
                metrics.channel_bytes.add(bytes.len() as u64);
                self.bucket.put_described(&name, bytes, &description).await?;
                metrics.channel_records.add(records);
                metrics.channel_objects.add(1);
            }
        }
        self.streams
            .propose(Command::Channel {
                key: self.key.clone(),
                command: ChannelCommand::Delivered { steps: filling.steps },
            })
            .await?;
        Ok(())
    }

    fn names<'b>(&'b self, time: Timestamp, extension: &'b str, suffix: &'b str) -> Names<'b> {
        Names {
            channel_name: &self.channel.settings.name,
            channel_id: &self.key.id,
            stream_name: &self.channel.settings.stream.name,
            time,
            extension,
            suffix,
        }
    }

    fn dead_name(&self, time: Timestamp, unique: &str) -> String {
        let (name, id) = (&self.channel.settings.name, &self.key.id);
        let prefix = match &self.channel.settings.destination.error_prefix {
            Some(prefix) => prefix.clone(),
            None => template::error_prefix(name, id),
        };
        let at = millrace_wire::timestamp::iso8601(i64::try_from(time.0).unwrap_or(i64::MAX));
        let at: String = at.chars().filter(char::is_ascii_digit).take(14).collect();
        format!("{prefix}{at}-{unique}.json")
    }
}

/// Compressing into memory has no reason to fail; if it does, the delivery is tried again.
fn broken(error: &std::io::Error) -> StreamsError {
    StreamsError::Blob(millrace_blob::BlobError::Store {
        key: "an object that is being made".to_owned(),
        detail: error.to_string(),
    })
}

/// What is due of a channel: every shard with undelivered records, with the age of the first.
pub(crate) async fn due(
    streams: &Streams,
    channel: &Channel,
    view: &Arc<StreamView>,
) -> Result<Vec<Due>, StreamsError> {
    let mut found = Vec::new();
    for shard in view.shards() {
        let Some(from) = channel.position(shard.index) else {
            continue;
        };
        let tail = match streams.0.log.tail(shard.log_id()) {
            Ok(tail) => tail,
            Err(error) => return Err(crate::shard::read::gone(&view.key, shard, error)),
        };
        if tail.end <= from {
            continue;
        }
        let one = ReadLimits { bytes: 1, records: 1 };
        let page = streams.read_shard(view, shard, from, one).await?;
        let time = match page.records.first() {
            Some(read) => read.time,
            // All of them are older than retention: the position still has to move on.
            None => view.horizon(streams.0.clock.now()),
        };
        found.push(Due {
            shard: *shard,
            from,
            end: tail.end,
            time,
        });
    }
    Ok(found)
}
