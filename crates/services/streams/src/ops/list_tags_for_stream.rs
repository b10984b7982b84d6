//! ListTagsForStream.

use std::ops::Bound;

use millrace_api::kinesis::{ListTagsForStreamInput, ListTagsForStreamOutput};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::limits::LIST_TAGS_MAX;
use crate::resolve::Named;
use crate::service::Streams;
use crate::shapes;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: ListTagsForStreamInput,
) -> Result<ListTagsForStreamOutput, StreamsError> {
    let named = Named {
        name: input.stream_name.as_deref(),
        arn: input.stream_arn.as_deref(),
        id: input.stream_id.as_deref(),
    };
    let key = streams.target(caller, named)?;
    let stream = streams.stream(&key)?;
    let limit = super::page_size(input.limit, LIST_TAGS_MAX);
    let after = input
        .exclusive_start_tag_key
        .map_or(Bound::Unbounded, Bound::Excluded);
    let mut tags = stream.tags.range::<String, _>((after.as_ref(), Bound::Unbounded));
    let page = shapes::tags(tags.by_ref().take(limit));
    Ok(ListTagsForStreamOutput {
        tags: page,
        has_more_tags: tags.next().is_some(),
    })
}
