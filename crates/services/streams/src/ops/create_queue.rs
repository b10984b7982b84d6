//! CreateQueue.

use millrace_api::kinesis::{CreateQueueInput, CreateQueueOutput};
use millrace_wire::access::Tagging;
use millrace_wire::{ApiError, Caller};

use crate::error::StreamsError;
use crate::queues::{describe, start};
use crate::resolve::check_new;
use crate::service::Streams;
use crate::state::{Changed, Command, QueueCommand, QueueKey, Resource, Status};
use crate::tags;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: CreateQueueInput,
) -> Result<CreateQueueOutput, StreamsError> {
    let tags = input.tags.unwrap_or_default();
    let any = Resource::Queue(QueueKey::new(&*caller.account, &*caller.region, "*"));
    check_new(caller, &any, Tagging::Set(&tags.0))?;
    let [source] = input.stream_configuration_list.as_slice() else {
        return Err(StreamsError::Validation(format!(
            "StreamConfigurationList must contain exactly one entry, because a queue delivers records from one stream; \
             it has {}.",
            input.stream_configuration_list.len()
        )));
    };
    let position = describe::position_of(source.starting_position.as_ref())?;
    let attributes = describe::attributes_of(input.queue_attributes.as_ref())?;
    let tags = tags::checked(tags)?;
    let stream = streams.source(caller, "AssociateStreamsWithQueue", &source.stream_arn)?;
    let known = streams.stream(&stream)?;
    // The state decides for good; here it makes sure that the shards have logs to look at.
    if known.status() != Status::Active {
        return Err(StreamsError::StreamNotActive(stream, known.status()));
    }
    let (effective, start) = start::resolve(streams, &known.view(&stream), position).await?;
    let key = QueueKey::new(&*caller.account, &*caller.region, id(streams));
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
