//! `millrace streams list`.

use anyhow::Result;
use millrace_api::kinesis::{ListStreamsInput, ListStreamsOutput, StreamSummary};
use millrace_wire::timestamp::iso8601;
use serde_json::json;

use super::Context;
use crate::client::pages;
use crate::output::table_or;

/// Lists the streams of the region.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only streams whose name starts with this
    #[arg(long, value_name = "TEXT", default_value = "")]
    prefix: String,
}

/// Lists them, page by page.
pub(crate) async fn run(context: &Context, args: Args) -> Result<()> {
    let mut streams = pages(async |next_token| {
        let input = ListStreamsInput {
            next_token,
            ..ListStreamsInput::default()
        };
        let page: ListStreamsOutput = context.client.call("ListStreams", input).await?;
        let next = page.next_token.filter(|_| page.has_more_streams);
        Ok((page.stream_summaries.unwrap_or_default(), next))
    })
    .await?;
    streams.retain(|stream| stream.stream_name.starts_with(&args.prefix));
    let mode = |stream: &StreamSummary| {
        stream
            .stream_mode_details
            .as_ref()
            .map(|mode| mode.stream_mode.as_str())
    };
    let created = |stream: &StreamSummary| stream.stream_creation_timestamp.map(|time| iso8601(time.0));
    let document: Vec<_> = streams
        .iter()
        .map(|stream| {
            json!({
                "name": stream.stream_name, "arn": stream.stream_arn, "status": stream.stream_status.as_str(),
                "mode": mode(stream), "created": created(stream),
            })
        })
        .collect();
    context.out.document(&document, || {
        let rows: Vec<_> = streams
            .iter()
            .map(|stream| {
                let (mode, created) = (
                    mode(stream).unwrap_or_default(),
                    created(stream).unwrap_or_default(),
                );
                let status = stream.stream_status.as_str().to_owned();
                vec![stream.stream_name.clone(), status, mode.to_owned(), created]
            })
            .collect();
        table_or(
            "no streams; make one with 'millrace streams create NAME'",
            &["NAME", "STATUS", "MODE", "CREATED"],
            &rows,
        )
    })?;
    Ok(())
}
