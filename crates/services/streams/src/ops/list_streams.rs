//! ListStreams: pages go on by the last name or by a token, as the caller likes.

use millrace_api::kinesis::{ListStreamsInput, ListStreamsOutput, StreamSummary};
use millrace_wire::Caller;
use millrace_wire::access::Target;

use crate::error::StreamsError;
use crate::limits::LIST_STREAMS_MAX;
use crate::service::Streams;
use crate::shapes;
use crate::state::{Stream, StreamKey};
use crate::token::{self, Page};

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: ListStreamsInput,
) -> Result<ListStreamsOutput, StreamsError> {
    caller.authorize(&Target::account(&caller.account))?;
    let after = match (input.next_token, input.exclusive_start_stream_name) {
        (Some(_), Some(_)) => {
            return Err(StreamsError::InvalidArgument(
                "NextToken and ExclusiveStartStreamName cannot be provided together.".to_owned(),
            ));
        }
        (Some(text), None) => match streams.page(caller, &text)? {
            Page::Streams { after } => after,
            Page::Channels { .. } | Page::Consumers { .. } | Page::Queues { .. } | Page::Shards { .. } => {
                return Err(token::foreign());
            }
        },
        (None, after) => after.unwrap_or_default(),
    };
    let limit = super::page_size(input.limit, LIST_STREAMS_MAX);
    let mut summaries: Vec<StreamSummary> = streams.0.control.read(|state| {
        state
            .streams_of(&caller.account, &caller.region, &after)
            .take(limit.saturating_add(1))
            .map(|(key, stream)| summary(key, stream))
            .collect()
    });
    let more = summaries.len() > limit;
    summaries.truncate(limit);
    let next_token = match summaries.last() {
        Some(last) if more => Some(streams.next_token(
            caller,
            Page::Streams {
                after: last.stream_name.clone(),
            },
        )?),
        _ => None,
    };
    Ok(ListStreamsOutput {
        stream_names: summaries
            .iter()
            .map(|summary| summary.stream_name.clone())
            .collect(),
        has_more_streams: more,
        next_token,
        stream_summaries: Some(summaries),
    })
}

fn summary(key: &StreamKey, stream: &Stream) -> StreamSummary {
    StreamSummary {
        stream_name: key.name.clone(),
        stream_arn: key.arn(),
        stream_status: shapes::stream_status(stream.status()),
        stream_mode_details: Some(shapes::mode(stream.mode)),
        stream_creation_timestamp: Some(shapes::time(stream.created)),
    }
}
