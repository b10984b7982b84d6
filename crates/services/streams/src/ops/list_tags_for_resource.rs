//! ListTagsForResource, for streams, consumers, queues and channels.

use millrace_api::kinesis::{ListTagsForResourceInput, ListTagsForResourceOutput};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::service::Streams;
use crate::shapes;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: ListTagsForResourceInput,
) -> Result<ListTagsForResourceOutput, StreamsError> {
    let resource = streams.resource(caller, &input.resource_arn, None)?;
    let tags = streams.0.control.read(|state| Ok::<_, StreamsError>(shapes::tags(state.tags(&resource)?)))?;
    Ok(ListTagsForResourceOutput { tags: Some(tags) })
}
