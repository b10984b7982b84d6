//! UpdateMaxRecordSize. Records that are larger and stored already stay.

use millrace_api::kinesis::UpdateMaxRecordSizeInput;
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::limits::{RECORD_KIB_DEFAULT, RECORD_KIB_MAX};
use crate::resolve::Named;
use crate::service::Streams;
use crate::state::{Command, Setting};

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: UpdateMaxRecordSizeInput,
) -> Result<(), StreamsError> {
    let named = Named {
        name: None,
        arn: input.stream_arn.as_deref(),
        id: input.stream_id.as_deref(),
    };
    let key = streams.target(caller, named)?;
    let kib = u32::try_from(input.max_record_size_in_kib)
        .ok()
        .filter(|kib| (RECORD_KIB_DEFAULT..=RECORD_KIB_MAX).contains(kib))
        .ok_or_else(|| {
            StreamsError::Validation(format!(
                "MaxRecordSizeInKiB must be between {RECORD_KIB_DEFAULT} and {RECORD_KIB_MAX}."
            ))
        })?;
    let command = Command::Set {
        key,
        setting: Setting::MaxRecord(kib),
        quotas: streams.quotas(&caller.account, &caller.region),
    };
    streams.propose(command).await?;
    Ok(())
}
