//! ListTagsForResource, for streams and consumers.

use millrace_api::kinesis::{ListTagsForResourceInput, ListTagsForResourceOutput};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::resolve::{ConsumerTarget, find_consumer};
use crate::service::Streams;
use crate::shapes;
use crate::state::Resource;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: ListTagsForResourceInput,
) -> Result<ListTagsForResourceOutput, StreamsError> {
    let resource = streams.resource(caller, &input.resource_arn, None)?;
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
