//! ListShards with all its filters.
//!
//! `AT_*` filters answer an exact cover of the hash-key space, over all pages: what a filter means in time is fixed
//! on the first page and travels in the token.

use std::ops::Bound;

use millrace_api::kinesis::{self as api, ListShardsInput, ListShardsOutput, ShardFilterType};
use millrace_base::Timestamp;
use millrace_wire::Caller;

use super::describe_stream::shard_id;
use crate::error::StreamsError;
use crate::limits::LIST_SHARDS_MAX;
use crate::resolve::Named;
use crate::service::Streams;
use crate::shapes;
use crate::state::{Shard, ShardIndex, Status, Stream, StreamKey, StreamUid};
use crate::token::{self, Page, ShardFilter, Span};

/// Where a listing starts.
struct Start {
    key: StreamKey,
    /// Set when it goes on: the stream must still be the same.
    uid: Option<StreamUid>,
    after: Option<ShardIndex>,
    filter: Option<ShardFilter>,
}

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: ListShardsInput,
) -> Result<ListShardsOutput, StreamsError> {
    let start = start(streams, caller, &input)?;
    streams.admit_stream("ListShards", &start.key)?;
    let key = start.key;
    let stream = streams.stream(&key)?;
    let created = input
        .stream_creation_timestamp
        .map(|time| time.0.div_euclid(1000));
    let same = start.uid.is_none_or(|uid| uid == stream.uid)
        && created.is_none_or(|secs| u64::try_from(secs) == Ok(stream.created.seconds()));
    if !same {
        return Err(StreamsError::StreamNotFound(key));
    }
    match stream.status() {
        Status::Active | Status::Updating => {}
        other => return Err(StreamsError::StreamNotActive(key, other)),
    }
    let (filter, after) = match start.filter {
        Some(filter) => (filter, start.after),
        None => first_filter(
            &stream,
            streams.0.clock.now(),
            input.shard_filter.as_ref(),
            start.after,
        )?,
    };
    let limit = super::page_size(input.max_results, LIST_SHARDS_MAX);
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut shards: Vec<&Shard> = stream
        .shards
        .range((from, Bound::Unbounded))
        .map(|(_, shard)| shard)
        .filter(|shard| filter.takes(shard))
        .take(limit.saturating_add(1))
        .collect();
    let more = shards.len() > limit;
    shards.truncate(limit);
    let next_token = match shards.last() {
        Some(last) if more => {
            let page = Page::Shards {
                stream: key.clone(),
                uid: stream.uid,
                after: last.index,
                filter,
            };
            Some(streams.next_token(caller, page)?)
        }
        _ => None,
    };
    Ok(ListShardsOutput {
        shards: Some(shards.into_iter().map(shapes::shard).collect()),
        next_token,
    })
}

fn start(streams: &Streams, caller: &Caller, input: &ListShardsInput) -> Result<Start, StreamsError> {
    let Some(text) = &input.next_token else {
        let named = Named {
            name: input.stream_name.as_deref(),
            arn: input.stream_arn.as_deref(),
            id: input.stream_id.as_deref(),
        };
        let after = input
            .exclusive_start_shard_id
            .as_deref()
            .map(shard_id)
            .transpose()?;
        return Ok(Start {
            key: streams.target(caller, named)?,
            uid: None,
            after,
            filter: None,
        });
    };
    for (given, member) in [
        (input.stream_name.is_some(), "StreamName"),
        (input.exclusive_start_shard_id.is_some(), "ExclusiveStartShardId"),
        (
            input.stream_creation_timestamp.is_some(),
            "StreamCreationTimestamp",
        ),
        (input.shard_filter.is_some(), "ShardFilter"),
    ] {
        if given {
            return Err(StreamsError::InvalidArgument(format!(
                "NextToken and {member} cannot be provided together."
            )));
        }
    }
    let Page::Shards {
        stream,
        uid,
        after,
        filter,
    } = streams.page(caller, text)?
    else {
        return Err(token::foreign());
    };
    streams.check_stream(caller, caller.operation, &stream, None)?;
    let other = input.stream_arn.as_ref().is_some_and(|arn| *arn != stream.arn());
    if other {
        return Err(StreamsError::InvalidArgument(
            "NextToken and StreamARN name different streams.".to_owned(),
        ));
    }
    Ok(Start {
        key: stream,
        uid: Some(uid),
        after: Some(after),
        filter: Some(filter),
    })
}

impl ShardFilter {
    fn takes(self, shard: &Shard) -> bool {
        let life = shard.life();
        match self.span {
            Span::All => !shard.is_expired(self.oldest),
            Span::At(time) => life.at(time),
            Span::From(time) => !shard.is_expired(self.oldest) && life.from(time),
        }
    }
}

/// What the request's filter means now, and after which shard it starts.
fn first_filter(
    stream: &Stream,
    now: Timestamp,
    filter: Option<&api::ShardFilter>,
    after: Option<ShardIndex>,
) -> Result<(ShardFilter, Option<ShardIndex>), StreamsError> {
    let oldest = stream.oldest(now);
    let with = |span| Ok((ShardFilter { oldest, span }, after));
    let Some(filter) = filter else {
        return with(Span::All);
    };
    hold_members(filter)?;
    // What is open since the newest birth is open now and at any time to come.
    let newest = stream.newest();
    let horizon = oldest.max(stream.created).min(newest);
    let asked = filter
        .timestamp
        .map_or(0, |time| u64::try_from(time.0).unwrap_or(0));
    let time = Timestamp(asked).clamp(horizon, newest);
    match filter.r#type {
        ShardFilterType::FromTrimHorizon => with(Span::All),
        ShardFilterType::AtTrimHorizon => with(Span::At(horizon)),
        ShardFilterType::AtLatest => with(Span::At(newest)),
        ShardFilterType::AtTimestamp => with(Span::At(time)),
        ShardFilterType::FromTimestamp => with(Span::From(Timestamp(asked))),
        ShardFilterType::AfterShardId => {
            let id = filter.shard_id.as_deref().map(shard_id).transpose()?;
            Ok((
                ShardFilter {
                    oldest,
                    span: Span::All,
                },
                after.max(id),
            ))
        }
    }
}

/// `ShardId` belongs to AFTER_SHARD_ID, `Timestamp` to AT_TIMESTAMP and FROM_TIMESTAMP, and there they must be.
fn hold_members(filter: &api::ShardFilter) -> Result<(), StreamsError> {
    let kind = filter.r#type;
    let timed = matches!(
        kind,
        ShardFilterType::AtTimestamp | ShardFilterType::FromTimestamp
    );
    for (needed, given, member) in [
        (timed, filter.timestamp.is_some(), "Timestamp"),
        (
            kind == ShardFilterType::AfterShardId,
            filter.shard_id.is_some(),
            "ShardId",
        ),
    ] {
        if needed != given {
            let must = if needed { "must" } else { "must not" };
            return Err(StreamsError::InvalidArgument(format!(
                "{member} {must} be provided in a ShardFilter of type {}.",
                kind.as_str()
            )));
        }
    }
    Ok(())
}
