//! UpdateAccountSettings.

use millrace_api::kinesis::{
    MinimumThroughputBillingCommitmentInputStatus, UpdateAccountSettingsInput, UpdateAccountSettingsOutput,
};
use millrace_wire::Caller;
use millrace_wire::access::Target;

use crate::error::StreamsError;
use crate::service::Streams;
use crate::shapes;
use crate::state::Command;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: UpdateAccountSettingsInput,
) -> Result<UpdateAccountSettingsOutput, StreamsError> {
    caller.authorize(&Target::account(&caller.account))?;
    let status = input.minimum_throughput_billing_commitment.status;
    let command = Command::SetCommitment {
        account: caller.account.clone(),
        region: caller.region.clone(),
        enabled: status == MinimumThroughputBillingCommitmentInputStatus::Enabled,
    };
    streams.propose(command).await?;
    let commitment = streams
        .0
        .control
        .read(|state| state.commitment(&caller.account, &caller.region));
    Ok(UpdateAccountSettingsOutput {
        minimum_throughput_billing_commitment: Some(shapes::commitment(commitment, streams.0.clock.now())),
    })
}
