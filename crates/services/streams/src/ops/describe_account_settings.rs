//! DescribeAccountSettings.

use millrace_api::kinesis::{DescribeAccountSettingsInput, DescribeAccountSettingsOutput};
use millrace_wire::Caller;
use millrace_wire::access::Target;

use crate::error::StreamsError;
use crate::service::Streams;
use crate::shapes;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    _input: DescribeAccountSettingsInput,
) -> Result<DescribeAccountSettingsOutput, StreamsError> {
    caller.authorize(&Target::account(&caller.account))?;
    let commitment = streams
        .0
        .control
        .read(|state| state.commitment(&caller.account, &caller.region));
    Ok(DescribeAccountSettingsOutput {
        minimum_throughput_billing_commitment: Some(shapes::commitment(commitment, streams.0.clock.now())),
    })
}
