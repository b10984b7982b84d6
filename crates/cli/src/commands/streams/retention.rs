//! `millrace streams retention`.

use anyhow::Result;
use millrace_api::kinesis::{DecreaseStreamRetentionPeriodInput, IncreaseStreamRetentionPeriodInput};
use serde_json::json;

use super::{Context, wait};

/// Shows how long records are kept, or changes it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the stream
    name: String,
    /// Hours to keep records from now on (24 to 8760); fewer than now removes older records at once
    hours: Option<i32>,
}

/// Shows or changes it.
pub(crate) async fn run(context: &Context, args: Args) -> Result<()> {
    let client = &context.client;
    let mut hours = wait::summary(client, &args.name).await?.retention_period_hours;
    if let Some(wanted) = args.hours.filter(|wanted| *wanted != hours) {
        if wanted > hours {
            let input = IncreaseStreamRetentionPeriodInput {
                stream_name: Some(args.name.clone()),
                retention_period_hours: wanted,
                ..IncreaseStreamRetentionPeriodInput::default()
            };
            client.send("IncreaseStreamRetentionPeriod", input).await?;
        } else {
            let input = DecreaseStreamRetentionPeriodInput {
                stream_name: Some(args.name.clone()),
                retention_period_hours: wanted,
                ..DecreaseStreamRetentionPeriodInput::default()
            };
            client.send("DecreaseStreamRetentionPeriod", input).await?;
        }
        hours = wait::active(&context.client, &args.name)
            .await?
            .retention_period_hours;
    }
    let document = json!({ "stream": args.name, "retention_hours": hours });
    context.out.document(&document, || {
        vec![format!("stream {} keeps records for {hours} h", args.name)]
    })?;
    Ok(())
}
