//! ListTagsForResource, for streams, consumers, queues and channels.

use millrace_api::kinesis::{ListTagsForResourceInput, ListTagsForResourceOutput};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::queues;
use crate::resolve::{ConsumerTarget, find_consumer, resource};
use crate::service::Streams;
use crate::shapes;
use crate::state::Resource;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: ListTagsForResourceInput,
) -> Result<ListTagsForResourceOutput, StreamsError> {
    if let Some(key) = queues::named(caller, &input.resource_arn)? {
        let tags = shapes::tags(&streams.queue(&key)?.tags);
        return Ok(ListTagsForResourceOutput { tags: Some(tags) });
    }
    if let Some(key) = streams.channel_named(caller, &input.resource_arn)? {
        let tags = shapes::tags(&streams.channel(&key)?.settings.tags);
        return Ok(ListTagsForResourceOutput { tags: Some(tags) });
    }
    let resource = resource(caller, &input.resource_arn)?;
    let stream = streams.stream(resource.stream())?;
    let tags = match resource {
        Resource::Stream(_) => shapes::tags(&stream.tags),
        Resource::Consumer {
            stream: key,
            name,
            created_secs,
        } => {
            let target = ConsumerTarget {
                stream: key,
                name,
                created_secs: Some(created_secs),
            };
            shapes::tags(&find_consumer(&stream.consumers, &target)?.tags)
        }
    };
    Ok(ListTagsForResourceOutput { tags: Some(tags) })
}
