//! `millrace streams delete`.

use anyhow::Result;
use millrace_api::kinesis::DeleteStreamInput;
use serde_json::json;

use super::{Context, wait};

/// Deletes a stream and its records for good.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the stream
    name: String,
    /// Delete it even if consumers are registered
    #[arg(long)]
    force: bool,
    /// Return before it is gone
    #[arg(long)]
    no_wait: bool,
}

/// Deletes it.
pub(crate) async fn run(context: &Context, args: Args) -> Result<()> {
    let input = DeleteStreamInput {
        stream_name: Some(args.name.clone()),
        enforce_consumer_deletion: args.force.then_some(true),
        ..DeleteStreamInput::default()
    };
    context.client.send("DeleteStream", input).await?;
    let mut status = "DELETING";
    if !args.no_wait {
        wait::gone(&context.client, &args.name).await?;
        status = "DELETED";
    }
    let document = json!({ "stream": args.name, "status": status });
    context
        .out
        .document(&document, || vec![format!("stream {} is {status}", args.name)])?;
    Ok(())
}
