//! `millrace admin kms delete`.

use anyhow::Result;
use millrace_api::kms::{ScheduleKeyDeletionRequest, ScheduleKeyDeletionResponse};
use millrace_wire::timestamp::iso8601;
use serde_json::json;

use super::{Context, describe};

/// Puts a key out of use at once, and deletes it for ever after some days. What it encrypted can then never be read again;
/// until then 'cancel-deletion' takes it back.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Id, ARN or alias (alias/NAME) of the key
    key: String,
    /// Days until it is deleted, 7 to 30
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    days: i32,
}

/// Schedules it.
pub(super) async fn run(context: &Context, args: Args) -> Result<()> {
    let key = describe(&context.client, &args.key).await?;
    let input = ScheduleKeyDeletionRequest {
        key_id: key.key_id.clone(),
        pending_window_in_days: Some(args.days),
    };
    let answer: ScheduleKeyDeletionResponse = context.client.call("ScheduleKeyDeletion", input).await?;
    let date = answer.deletion_date.map(|time| iso8601(time.0));
    let document = json!({ "id": key.key_id, "arn": key.arn, "state": "PendingDeletion", "deletion": date });
    context.out.document(&document, || {
        let date = date.clone().unwrap_or_default();
        vec![format!(
            "key {0} is out of use and will be deleted for ever on {date}; until then 'millrace admin kms \
             cancel-deletion {0}' takes it back",
            key.key_id
        )]
    })?;
    Ok(())
}
