//! PutResourcePolicy, for streams, consumers, queues and channels.

use millrace_api::kinesis::PutResourcePolicyInput;
use millrace_wire::Caller;
use millrace_wire::policy::{Kind, Policy, check_resource_policy};

use crate::error::StreamsError;
use crate::resolve::hold_id;
use crate::service::Streams;
use crate::state::{Command, Resource};

/// What a stream shares with others (developer guide, "Sharing access using resource-based policies").
const OF_STREAMS: &[&str] = &[
    "kinesis:AssociateStreamsWithQueue",
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
    "kinesis:PutRecord",
    "kinesis:PutRecords",
];
/// The same of a consumer.
const OF_CONSUMERS: &[&str] = &["kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard"];
/// The same of a queue.
const OF_QUEUES: &[&str] = &[
    "kinesis:AcknowledgeDeadLetterQueueRecords",
    "kinesis:AcknowledgeQueueRecords",
    "kinesis:DescribeQueue",
    "kinesis:ReceiveDeadLetterQueueRecords",
    "kinesis:ReceiveQueueRecords",
    "kinesis:RestoreDeadLetterQueueRecords",
    "kinesis:UpdateDeadLetterQueueRecordsVisibility",
    "kinesis:UpdateQueueRecordsVisibility",
];
/// The same of a channel.
const OF_CHANNELS: &[&str] = &["kinesis:DescribeChannel"];

const fn shareable(resource: &Resource) -> &'static [&'static str] {
    match resource {
        Resource::Stream(_) => OF_STREAMS,
        Resource::Consumer { .. } => OF_CONSUMERS,
        Resource::Queue(_) => OF_QUEUES,
        Resource::Channel(_) => OF_CHANNELS,
    }
}

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: PutResourcePolicyInput,
) -> Result<(), StreamsError> {
    hold_id(input.stream_id.as_deref())?;
    let resource = streams.resource(caller, &input.resource_arn, None)?;
    let refused = |error: &dyn std::fmt::Display| StreamsError::InvalidArgument(format!("Policy: {error}"));
    let policy = Policy::parse(&input.policy, Kind::Resource).map_err(|error| refused(&error))?;
    check_resource_policy(&policy, &input.resource_arn, shareable(&resource))
        .map_err(|error| refused(&error))?;
    streams
        .propose(Command::SetPolicy {
            resource,
            policy: Some(input.policy),
        })
        .await?;
    Ok(())
}
