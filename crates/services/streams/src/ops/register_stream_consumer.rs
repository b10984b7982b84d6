//! RegisterStreamConsumer.

use millrace_api::kinesis::{RegisterStreamConsumerInput, RegisterStreamConsumerOutput};
use millrace_wire::access::Tagging;
use millrace_wire::{ApiError, Caller};

use crate::error::StreamsError;
use crate::resolve::Named;
use crate::service::Streams;
use crate::shapes;
use crate::state::{Changed, Command};
use crate::tags;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: RegisterStreamConsumerInput,
) -> Result<RegisterStreamConsumerOutput, StreamsError> {
    let named = Named {
        name: None,
        arn: Some(&input.stream_arn),
        id: input.stream_id.as_deref(),
    };
    let tags = input.tags.unwrap_or_default();
    let key = streams.target_tagging(caller, named, Some(Tagging::Set(&tags.0)))?;
    let command = Command::RegisterConsumer {
        key: key.clone(),
        name: input.consumer_name,
        tags: tags::checked(tags)?,
        quotas: streams.quotas(&caller.account, &caller.region),
    };
    match streams.propose(command).await? {
        Changed::Registered(consumer) => Ok(RegisterStreamConsumerOutput {
            consumer: shapes::consumer(&key, &consumer),
        }),
        Changed::Channel(_)
        | Changed::Done
        | Changed::Resharding { .. }
        | Changed::Monitoring { .. }
        | Changed::Queue(_) => {
            Err(ApiError::internal("registering a consumer had another command's outcome").into())
        }
    }
}
