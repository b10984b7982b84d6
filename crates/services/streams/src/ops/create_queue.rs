//! CreateQueue.

use millrace_api::kinesis::{CreateQueueInput, CreateQueueOutput};
use millrace_wire::{ApiError, Caller};

use crate::error::StreamsError;
use crate::queues::{describe, start};
use crate::resolve::{Named, target};
use crate::service::Streams;
use crate::state::{Changed, Command, QueueCommand, QueueKey, Status};
use crate::tags;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: CreateQueueInput,
) -> Result<CreateQueueOutput, StreamsError> {
    let [source] = input.stream_configuration_list.as_slice() else {
        return Err(StreamsError::Validation(format!(
            "StreamConfigurationList must contain exactly one entry, because a queue delivers records from one stream; \
             it has {}.",
            input.stream_configuration_list.len()
        )));
    };
    let position = describe::position_of(source.starting_position.as_ref())?;
    let attributes = describe::attributes_of(input.queue_attributes.as_ref())?;
    let tags = tags::checked(input.tags.unwrap_or_default())?;
    let named = Named {
        arn: Some(&source.stream_arn),
        ..Named::default()
    };
    let stream = target(caller, named)?;
    let known = streams.stream(&stream)?;
    // The state decides for good; here it makes sure that the shards have logs to look at.
    if known.status() != Status::Active {
        return Err(StreamsError::StreamNotActive(stream, known.status()));
    }
    let (effective, start) = start::resolve(streams, &known.view(&stream), position).await?;
    let key = QueueKey::new(&*stream.account, &*stream.region, id(streams));
    let command = QueueCommand::Create {
        key: key.clone(),
        name: input.queue_name,
        stream,
        uid: known.uid,
        position,
        effective,
        start,
        attributes,
        tags,
        quotas: streams.quotas(&caller.account, &caller.region),
    };
    match streams.propose(Command::Queue(command)).await? {
        Changed::Queue(queue) => Ok(CreateQueueOutput {
            queue_description: describe::description(&key, &queue),
        }),
        _ => Err(ApiError::internal("creating a queue had another command's outcome").into()),
    }
}

/// An identifier that nobody can guess and that fits into a host's name, as the clients' endpoint rules want it.
fn id(streams: &Streams) -> String {
    let mut bytes = [0; 16];
    streams.0.rng.fill(&mut bytes);
    hex::encode(bytes)
}
