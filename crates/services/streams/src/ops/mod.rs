//! The operations: one file each, so that this folder's listing is the supported API.
//!
//! An ordinary operation is `call(streams, caller, input) -> Result<Output, StreamsError>` over the generated types;
//! [`typed`] decodes and encodes around it. A hot one takes the whole [`Call`] with the raw body and answers a
//! [`Reply`] itself.

mod acknowledge_dead_letter_queue_records;
mod acknowledge_queue_records;
mod add_tags_to_stream;
mod create_channel;
mod create_queue;
mod create_stream;
mod decrease_stream_retention_period;
mod delete_channel;
mod delete_queue;
mod delete_resource_policy;
mod delete_stream;
mod deregister_stream_consumer;
mod describe_account_settings;
mod describe_channel;
mod describe_limits;
mod describe_queue;
mod describe_stream;
mod describe_stream_consumer;
mod describe_stream_load;
mod describe_stream_summary;
mod disable_enhanced_monitoring;
mod enable_enhanced_monitoring;
mod get_records;
mod get_resource_policy;
mod get_shard_iterator;
mod increase_stream_retention_period;
mod list_channels;
mod list_queues;
mod list_shards;
mod list_stream_consumers;
mod list_streams;
mod list_tags_for_resource;
mod list_tags_for_stream;
mod merge_shards;
mod put_record;
mod put_records;
mod put_resource_policy;
mod receive_dead_letter_queue_records;
mod receive_queue_records;
mod register_stream_consumer;
mod remove_tags_from_stream;
mod restore_dead_letter_queue_records;
mod split_shard;
mod start_stream_encryption;
mod stop_stream_encryption;
mod subscribe_to_shard;
mod tag_resource;
mod untag_resource;
mod update_account_settings;
mod update_channel;
mod update_dead_letter_queue_records_visibility;
mod update_max_record_size;
mod update_queue;
mod update_queue_records_visibility;
mod update_shard_count;
mod update_stream_mode;
mod update_stream_record_distribution_strategy;
mod update_stream_warm_throughput;

use bytes::Bytes;
use millrace_api::{Operation, Shaped};
use millrace_wire::{Body, Caller, Codec, Reply};

use crate::error::StreamsError;
use crate::service::Streams;

/// A call that is being answered.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) streams: &'a Streams,
    pub(crate) caller: &'a Caller,
    pub(crate) codec: Codec,
    pub(crate) body: Body,
}

/// Runs the operation of that name.
pub(crate) async fn dispatch(
    streams: &Streams,
    caller: &Caller,
    op: &'static Operation,
    codec: Codec,
    body: Body,
) -> Result<Reply, StreamsError> {
    streams.admit_account(op.name, caller)?;
    let call = Call {
        streams,
        caller,
        codec,
        body,
    };
    match op.name {
        "AcknowledgeDeadLetterQueueRecords" => typed(call, acknowledge_dead_letter_queue_records::call).await,
        "AcknowledgeQueueRecords" => typed(call, acknowledge_queue_records::call).await,
        "AddTagsToStream" => silent(call, add_tags_to_stream::call).await,
        "CreateChannel" => typed(call, create_channel::call).await,
        "CreateStream" => silent(call, create_stream::call).await,
        "DecreaseStreamRetentionPeriod" => silent(call, decrease_stream_retention_period::call).await,
        "DeleteChannel" => silent(call, delete_channel::call).await,
        "CreateQueue" => typed(call, create_queue::call).await,
        "DeleteQueue" => silent(call, delete_queue::call).await,
        "DeleteResourcePolicy" => silent(call, delete_resource_policy::call).await,
        "DeleteStream" => silent(call, delete_stream::call).await,
        "DeregisterStreamConsumer" => silent(call, deregister_stream_consumer::call).await,
        "DescribeAccountSettings" => typed(call, describe_account_settings::call).await,
        "DescribeChannel" => typed(call, describe_channel::call).await,
        "DescribeLimits" => typed(call, describe_limits::call).await,
        "DescribeQueue" => typed(call, describe_queue::call).await,
        "DescribeStream" => typed(call, describe_stream::call).await,
        "DescribeStreamConsumer" => typed(call, describe_stream_consumer::call).await,
        "DescribeStreamLoad" => typed(call, describe_stream_load::call).await,
        "DescribeStreamSummary" => typed(call, describe_stream_summary::call).await,
        "DisableEnhancedMonitoring" => typed(call, disable_enhanced_monitoring::call).await,
        "EnableEnhancedMonitoring" => typed(call, enable_enhanced_monitoring::call).await,
        "GetRecords" => get_records::call(call).await,
        "GetResourcePolicy" => typed(call, get_resource_policy::call).await,
        "GetShardIterator" => typed(call, get_shard_iterator::call).await,
        "IncreaseStreamRetentionPeriod" => silent(call, increase_stream_retention_period::call).await,
        "ListChannels" => typed(call, list_channels::call).await,
        "ListQueues" => typed(call, list_queues::call).await,
        "ListShards" => typed(call, list_shards::call).await,
        "ListStreamConsumers" => typed(call, list_stream_consumers::call).await,
        "ListStreams" => typed(call, list_streams::call).await,
        "ListTagsForResource" => typed(call, list_tags_for_resource::call).await,
        "ListTagsForStream" => typed(call, list_tags_for_stream::call).await,
        "MergeShards" => silent(call, merge_shards::call).await,
        "PutRecord" => put_record::call(call).await,
        "PutRecords" => put_records::call(call).await,
        "ReceiveDeadLetterQueueRecords" => typed(call, receive_dead_letter_queue_records::call).await,
        "ReceiveQueueRecords" => typed(call, receive_queue_records::call).await,
        "PutResourcePolicy" => silent(call, put_resource_policy::call).await,
        "RegisterStreamConsumer" => typed(call, register_stream_consumer::call).await,
        "RemoveTagsFromStream" => silent(call, remove_tags_from_stream::call).await,
        "RestoreDeadLetterQueueRecords" => typed(call, restore_dead_letter_queue_records::call).await,
        "SplitShard" => silent(call, split_shard::call).await,
        "StartStreamEncryption" => silent(call, start_stream_encryption::call).await,
        "StopStreamEncryption" => silent(call, stop_stream_encryption::call).await,
        "SubscribeToShard" => subscribe_to_shard::call(call).await,
        "TagResource" => silent(call, tag_resource::call).await,
        "UntagResource" => silent(call, untag_resource::call).await,
        "UpdateAccountSettings" => typed(call, update_account_settings::call).await,
        "UpdateChannel" => typed(call, update_channel::call).await,
        "UpdateDeadLetterQueueRecordsVisibility" => {
            typed(call, update_dead_letter_queue_records_visibility::call).await
        }
        "UpdateMaxRecordSize" => silent(call, update_max_record_size::call).await,
        "UpdateQueue" => typed(call, update_queue::call).await,
        "UpdateQueueRecordsVisibility" => typed(call, update_queue_records_visibility::call).await,
        "UpdateShardCount" => typed(call, update_shard_count::call).await,
        "UpdateStreamMode" => silent(call, update_stream_mode::call).await,
        "UpdateStreamRecordDistributionStrategy" => {
            silent(call, update_stream_record_distribution_strategy::call).await
        }
        "UpdateStreamWarmThroughput" => typed(call, update_stream_warm_throughput::call).await,
        other => Err(StreamsError::NotBuilt(other)),
    }
}

/// Decodes the input, runs the operation, encodes its output.
async fn typed<'a, I, O, F, R>(call: Call<'a>, run: F) -> Result<Reply, StreamsError>
where
    I: Shaped,
    O: Shaped,
    F: FnOnce(&'a Streams, &'a Caller, I) -> R,
    R: Future<Output = Result<O, StreamsError>>,
{
    let input = call.codec.typed(call.body.whole())?;
    let output = run(call.streams, call.caller, input).await?;
    Ok(call.codec.reply(output))
}

/// The same for an operation that answers an empty body.
async fn silent<'a, I, F, R>(call: Call<'a>, run: F) -> Result<Reply, StreamsError>
where
    I: Shaped,
    F: FnOnce(&'a Streams, &'a Caller, I) -> R,
    R: Future<Output = Result<(), StreamsError>>,
{
    let input = call.codec.typed(call.body.whole())?;
    run(call.streams, call.caller, input).await?;
    Ok(Reply::Body(Bytes::new()))
}

/// Entries on a page: what was asked for, at most `max`, and at least one so that every page gets on.
fn page_size(asked: Option<i32>, max: usize) -> usize {
    asked
        .and_then(|asked| usize::try_from(asked).ok())
        .unwrap_or(max)
        .clamp(1, max)
}
