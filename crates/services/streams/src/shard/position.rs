//! From what a reader asks for to an offset in a shard's log.

use millrace_api::kinesis::ShardIteratorType;
use millrace_base::Timestamp;
use millrace_log::Offset;

use crate::error::StreamsError;
use crate::routing::StreamView;
use crate::sequence::SequenceNumber;
use crate::service::Streams;
use crate::shard::read::gone;
use crate::state::Shard;

/// A starting position as the API has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) kind: ShardIteratorType,
    pub(crate) number: Option<&'a str>,
    /// Milliseconds since the epoch.
    pub(crate) timestamp_ms: Option<i64>,
    /// The operation, for messages.
    pub(crate) operation: &'static str,
}

impl Streams {
    /// The offset of the first record that the reader wants.
    pub(crate) async fn offset_of(
        &self,
        view: &StreamView,
        shard: &Shard,
        asked: Asked<'_>,
    ) -> Result<Offset, StreamsError> {
        if asked.number.is_some()
            && matches!(
                asked.kind,
                ShardIteratorType::Latest | ShardIteratorType::TrimHorizon
            )
        {
            return Err(StreamsError::InvalidArgument(format!(
                "Request specified {} and also a StartingSequenceNumber.",
                asked.kind.as_str()
            )));
        }
        let gone = |error| gone(&view.key, shard, error);
        let tail = self.0.log.tail(shard.log_id()).map_err(gone)?;
        Ok(match asked.kind {
            ShardIteratorType::TrimHorizon => self.horizon(view, shard).await?,
            ShardIteratorType::Latest => tail.end,
            ShardIteratorType::AtTimestamp => self.at_time(view, shard, asked).await?,
            ShardIteratorType::AtSequenceNumber => number(view, shard, asked)?.at().min(tail.end),
            ShardIteratorType::AfterSequenceNumber => number(view, shard, asked)?.after().min(tail.end),
        })
    }

    /// The oldest record within retention.
    async fn horizon(&self, view: &StreamView, shard: &Shard) -> Result<Offset, StreamsError> {
        let oldest = view.horizon(self.0.clock.now());
        self.offset_at(view, shard, oldest).await
    }

    async fn offset_at(
        &self,
        view: &StreamView,
        shard: &Shard,
        time: Timestamp,
    ) -> Result<Offset, StreamsError> {
        let offset = self.0.log.offset_at(shard.log_id(), time).await;
        offset.map_err(|error| gone(&view.key, shard, error))
    }

    async fn at_time(
        &self,
        view: &StreamView,
        shard: &Shard,
        asked: Asked<'_>,
    ) -> Result<Offset, StreamsError> {
        let millis = asked.timestamp_ms.ok_or_else(|| {
            StreamsError::InvalidArgument(format!(
                "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no \
                 timestamp parameter in {}.",
                asked.operation
            ))
        })?;
        let time = Timestamp(u64::try_from(millis).unwrap_or(0));
        let now = self.0.clock.now();
        if time > now {
            return Err(StreamsError::InvalidArgument(format!(
                "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. \
                 timestampInMillis: {millis}, currentTimestampInMillis: {}",
                now.0
            )));
        }
        let oldest = time.max(view.horizon(now));
        self.offset_at(view, shard, oldest).await
    }
}

fn number(view: &StreamView, shard: &Shard, asked: Asked<'_>) -> Result<SequenceNumber, StreamsError> {
    let text = asked.number.ok_or_else(|| {
        StreamsError::InvalidArgument(format!(
            "Must either specify {} parameter for iterator of type AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER. \
             Current request has no sequence number parameter.",
            if asked.operation == "SubscribeToShard" { "sequenceNumber" } else { "startingSequenceNumber" }
        ))
    })?;
    let parsed = SequenceNumber::parse(text);
    if let Some(number) = parsed
        && number.shard != shard.index
        && view.shard(number.shard).is_some()
    {
        return Err(StreamsError::InvalidArgument(format!(
            "Invalid StartingSequenceNumber. It encodes {}, while it was used in a call to a shard with {}",
            number.shard, shard.index
        )));
    }
    parsed.filter(|number| number.shard == shard.index && number.create_secs == shard.create_secs).ok_or_else(|| {
        StreamsError::InvalidArgument(format!(
            "StartingSequenceNumber {text} used in {} on shard {} in stream {} under account {} is invalid because it \
             did not come from this stream.",
            asked.operation, shard.index, view.key.name, view.key.account
        ))
    })
}
