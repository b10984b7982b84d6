//! CreateStream.

use millrace_api::kinesis::CreateStreamInput;
use millrace_wire::Caller;
use millrace_wire::access::Tagging;

use crate::error::StreamsError;
use crate::limits::{ON_DEMAND_SHARDS, RECORD_KIB_DEFAULT, SCALE_SHARDS_MAX, WARM_THROUGHPUT_MIB_MAX};
use crate::service::Streams;
use crate::shapes;
use crate::state::{Command, Distribution, Mode, StreamKey};
use crate::tags;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: CreateStreamInput,
) -> Result<(), StreamsError> {
    let key = StreamKey::new(&*caller.account, &*caller.region, input.stream_name);
    let tags = input.tags.unwrap_or_default();
    streams.check_stream(caller, caller.operation, &key, Some(Tagging::Set(&tags.0)))?;
    let mode = input
        .stream_mode_details
        .as_ref()
        .map_or(Mode::Provisioned, shapes::mode_of);
    let warm = match (input.warm_throughput_mibps, mode) {
        (None, _) => None,
        (Some(_), Mode::Provisioned) => {
            return Err(StreamsError::Validation(
                "WarmThroughputMiBps can only be given for a stream in ON_DEMAND mode.".to_owned(),
            ));
        }
        (Some(mib), Mode::OnDemand) => Some(warm_throughput(mib)?),
    };
    let shards = match mode {
        // A shard takes 1 MiB/s. What a request says about shards of an on-demand stream does not count.
        Mode::OnDemand => ON_DEMAND_SHARDS.max(warm.unwrap_or(0)).min(SCALE_SHARDS_MAX),
        Mode::Provisioned => provisioned_shards(input.shard_count)?,
    };
    let command = Command::CreateStream {
        key,
        mode,
        shards,
        tags: tags::checked(tags)?,
        // The API model holds it between 1024 and 10240.
        max_record_kib: input
            .max_record_size_in_kib
            .and_then(|kib| u32::try_from(kib).ok())
            .unwrap_or(RECORD_KIB_DEFAULT),
        warm_throughput_mib: warm,
        distribution: input
            .record_distribution_strategy
            .as_ref()
            .map_or(Distribution::UserPartitionKey, shapes::distribution_of),
        quotas: streams.quotas(&caller.account, &caller.region),
    };
    streams.propose(command).await?;
    Ok(())
}

fn provisioned_shards(count: Option<i32>) -> Result<u32, StreamsError> {
    let count = count.ok_or_else(|| {
        StreamsError::Validation("ShardCount must be provided for a stream in PROVISIONED mode.".to_owned())
    })?;
    u32::try_from(count)
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(|| StreamsError::Validation("ShardCount must be at least 1.".to_owned()))
}

/// `WarmThroughputMiBps` within its bounds.
pub(super) fn warm_throughput(mib: i32) -> Result<u32, StreamsError> {
    u32::try_from(mib)
        .ok()
        .filter(|mib| *mib <= WARM_THROUGHPUT_MIB_MAX)
        .ok_or_else(|| {
            StreamsError::InvalidArgument(format!(
                "WarmThroughputMiBps must be between 0 and {WARM_THROUGHPUT_MIB_MAX}."
            ))
        })
}
