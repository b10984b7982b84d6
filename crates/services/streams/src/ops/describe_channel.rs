//! DescribeChannel.

use millrace_api::kinesis::{DescribeChannelInput, DescribeChannelOutput};
use millrace_wire::Caller;

use crate::channels::shapes;
use crate::error::StreamsError;
use crate::service::Streams;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: DescribeChannelInput,
) -> Result<DescribeChannelOutput, StreamsError> {
    let key = streams.channel_target(caller, &input.channel_arn)?;
    let channel = streams.channel(&key)?;
    Ok(DescribeChannelOutput {
        channel_description: shapes::description(&key, &channel),
    })
}
