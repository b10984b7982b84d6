//! ListStreamConsumers.

use std::ops::Bound;

use millrace_api::kinesis::{self as api, ListStreamConsumersInput, ListStreamConsumersOutput};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::limits::LIST_CONSUMERS_MAX;
use crate::resolve::Named;
use crate::service::Streams;
use crate::shapes;
use crate::token::{self, Page};

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: ListStreamConsumersInput,
) -> Result<ListStreamConsumersOutput, StreamsError> {
    let named = Named {
        name: None,
        arn: Some(&input.stream_arn),
        id: input.stream_id.as_deref(),
    };
    let key = streams.target(caller, named)?;
    streams.admit_stream("ListStreamConsumers", &key)?;
    let (after, uid) = match &input.next_token {
        None => (None, None),
        Some(_) if input.stream_creation_timestamp.is_some() => {
            return Err(StreamsError::InvalidArgument(
                "NextToken and StreamCreationTimestamp cannot be provided together.".to_owned(),
            ));
        }
        Some(text) => match streams.page(caller, text)? {
            Page::Consumers { stream, uid, after } if stream == key => (Some(after), Some(uid)),
            _ => return Err(token::foreign()),
        },
    };
    let stream = streams.stream(&key)?;
    let created = input
        .stream_creation_timestamp
        .map(|time| time.0.div_euclid(1000));
    let same = uid.is_none_or(|uid| uid == stream.uid)
        && created.is_none_or(|secs| u64::try_from(secs) == Ok(stream.created.seconds()));
    if !same {
        return Err(StreamsError::StreamNotFound(key));
    }
    let limit = super::page_size(input.max_results, LIST_CONSUMERS_MAX);
    let after = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut rest = stream
        .consumers
        .range::<String, _>((after.as_ref(), Bound::Unbounded));
    let consumers: Vec<api::Consumer> = rest
        .by_ref()
        .take(limit)
        .map(|(_, consumer)| shapes::consumer(&key, consumer))
        .collect();
    let next_token = match (consumers.last(), rest.next()) {
        (Some(last), Some(_)) => {
            let after = last.consumer_name.clone();
            Some(streams.next_token(
                caller,
                Page::Consumers {
                    stream: key,
                    uid: stream.uid,
                    after,
                },
            )?)
        }
        _ => None,
    };
    Ok(ListStreamConsumersOutput {
        consumers: Some(consumers),
        next_token,
    })
}
