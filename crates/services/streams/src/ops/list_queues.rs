//! ListQueues.

use millrace_api::kinesis::{ListQueuesInput, ListQueuesOutput, QueueStreamFilter};
use millrace_wire::Caller;
use millrace_wire::access::Target;

use crate::error::StreamsError;
use crate::limits::LIST_QUEUES_MAX;
use crate::queues::describe;
use crate::resolve::{Named, stream_key};
use crate::service::Streams;
use crate::state::{Queue, QueueKey, StreamKey};
use crate::token::{self, Page};

/// The clients' paginator sends the filter with every page, so that the token need not carry it.
pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: ListQueuesInput,
) -> Result<ListQueuesOutput, StreamsError> {
    caller.authorize(&Target::account(&caller.account))?;
    let after = match &input.next_token {
        None => String::new(),
        Some(text) => match streams.page(caller, text)? {
            Page::Queues { after } => after,
            _ => return Err(token::foreign()),
        },
    };
    let wanted = input
        .stream_filter
        .as_deref()
        .map(|filters| wanted(caller, filters))
        .transpose()?;
    let limit = super::page_size(input.max_results, LIST_QUEUES_MAX);
    let mut found: Vec<(QueueKey, Queue)> = streams.0.control.read(|state| {
        state
            .queues_of(&caller.account, &caller.region, &after)
            .filter(|(_, queue)| wanted.as_ref().is_none_or(|wanted| is_wanted(wanted, queue)))
            .take(limit + 1)
            .map(|(key, queue)| (key.clone(), queue.clone()))
            .collect()
    });
    let more = found.len() > limit;
    found.truncate(limit);
    let next_token = match found.last() {
        Some((last, _)) if more => {
            let after = last.id.clone();
            Some(streams.next_token(caller, Page::Queues { after })?)
        }
        _ => None,
    };
    Ok(ListQueuesOutput {
        queue_summaries: found
            .iter()
            .map(|(key, queue)| describe::summary(key, queue))
            .collect(),
        next_token,
    })
}

/// Streams, each with the second of its creation where that is asked for.
type Wanted = Vec<(StreamKey, Option<u64>)>;

fn wanted(caller: &Caller, filters: &[QueueStreamFilter]) -> Result<Wanted, StreamsError> {
    let one = |filter: &QueueStreamFilter| {
        let created = filter.stream_creation_timestamp;
        let created = created.map(|time| u64::try_from(time.0.div_euclid(1000)).unwrap_or(0));
        Ok((stream_key(caller, Named::arn(&filter.stream_arn))?, created))
    };
    filters.iter().map(one).collect()
}

fn is_wanted(wanted: &Wanted, queue: &Queue) -> bool {
    wanted.iter().any(|(stream, created)| {
        *stream == queue.stream && created.is_none_or(|secs| secs == queue.stream_created.seconds())
    })
}
