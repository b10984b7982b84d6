//! `millrace streams describe`.

use anyhow::Result;
use millrace_api::kinesis::EncryptionType;
use millrace_wire::timestamp::iso8601;
use serde_json::json;

use super::{Context, wait};

/// Shows one stream.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the stream
    name: String,
}

/// Shows it.
pub(crate) async fn run(context: &Context, args: Args) -> Result<()> {
    let stream = wait::summary(&context.client, &args.name).await?;
    let mode = stream
        .stream_mode_details
        .as_ref()
        .map(|mode| mode.stream_mode.as_str());
    let encryption = stream.encryption_type.map(EncryptionType::as_str);
    let created = iso8601(stream.stream_creation_timestamp.0);
    let document = json!({
        "name": stream.stream_name, "arn": stream.stream_arn, "status": stream.stream_status.as_str(), "mode": mode,
        "created": created, "retention_hours": stream.retention_period_hours,
        "open_shards": stream.open_shard_count, "consumers": stream.consumer_count,
        "encryption": encryption, "max_record_size_kib": stream.max_record_size_in_kib,
    });
    context.out.document(&document, || {
        let row = |name: &str, value: String| format!("{name:<16}{value}");
        vec![
            row("name", stream.stream_name.clone()),
            row("arn", stream.stream_arn.clone()),
            row("status", stream.stream_status.as_str().to_owned()),
            row("mode", mode.unwrap_or("PROVISIONED").to_owned()),
            row("created", created.clone()),
            row("retention", format!("{} h", stream.retention_period_hours)),
            row("open shards", stream.open_shard_count.to_string()),
            row("consumers", stream.consumer_count.unwrap_or_default().to_string()),
            row("encryption", encryption.unwrap_or("NONE").to_owned()),
        ]
    })?;
    Ok(())
}
