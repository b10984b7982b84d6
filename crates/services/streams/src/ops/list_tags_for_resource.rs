//! ListTagsForResource, for streams, consumers, queues and channels.

use millrace_api::kinesis::{ListTagsForResourceInput, ListTagsForResourceOutput};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::resolve::hold_id;
use crate::service::Streams;
use crate::shapes;
use crate::state::StreamsState;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: ListTagsForResourceInput,
) -> Result<ListTagsForResourceOutput, StreamsError> {
    hold_id(input.stream_id.as_deref())?;
    let resource = streams.resource(caller, &input.resource_arn, None)?;
    let tags = |state: &StreamsState| Ok::<_, StreamsError>(shapes::tags(state.common(&resource)?.tags));
    Ok(ListTagsForResourceOutput {
        tags: Some(streams.0.control.read(tags)?),
    })
}
