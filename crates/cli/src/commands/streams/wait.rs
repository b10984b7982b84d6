//! Waiting for a stream to get where a change takes it.

use std::time::Duration;

use anyhow::{Result, bail};
use millrace_api::kinesis::{
    DescribeStreamSummaryInput, DescribeStreamSummaryOutput, StreamDescriptionSummary, StreamStatus,
};

use crate::client::{CallError, Client};

/// AWS takes tens of seconds, a local server milliseconds.
const WAIT_TIME_MAX: Duration = Duration::from_secs(300);
const LOOK_TIME_MIN: Duration = Duration::from_millis(20);
const LOOK_TIME_MAX: Duration = Duration::from_secs(2);

/// How a stream is.
pub(crate) async fn summary(client: &Client, name: &str) -> Result<StreamDescriptionSummary, CallError> {
    let input = DescribeStreamSummaryInput {
        stream_name: Some(name.to_owned()),
        ..DescribeStreamSummaryInput::default()
    };
    let output: DescribeStreamSummaryOutput = client.call("DescribeStreamSummary", input).await?;
    Ok(output.stream_description_summary)
}

/// Waits until a stream is `ACTIVE`.
pub(crate) async fn active(client: &Client, name: &str) -> Result<StreamDescriptionSummary> {
    let mut pause = Pause::new(client);
    loop {
        let summary = summary(client, name).await?;
        match summary.stream_status {
            StreamStatus::Active => return Ok(summary),
            StreamStatus::Deleting => bail!("stream {name} is being deleted"),
            StreamStatus::Creating | StreamStatus::Updating => {}
        }
        if !pause.rest().await {
            let status = summary.stream_status.as_str();
            bail!(
                "stream {name} is still {status}; look again later with 'millrace streams describe {name}'"
            );
        }
    }
}

/// Waits until a stream is gone.
pub(super) async fn gone(client: &Client, name: &str) -> Result<()> {
    let mut pause = Pause::new(client);
    loop {
        match summary(client, name).await {
            Err(error) if error.code() == Some("ResourceNotFoundException") => return Ok(()),
            Err(error) => return Err(error.into()),
            Ok(summary) if !pause.rest().await => {
                bail!("stream {name} is still {}", summary.stream_status.as_str());
            }
            Ok(_) => {}
        }
    }
}

/// Looks often at first, then less often, and not for ever.
pub(crate) struct Pause<'a> {
    client: &'a Client,
    next: Duration,
    rested: Duration,
}

impl<'a> Pause<'a> {
    /// A pause that has not begun.
    pub(crate) fn new(client: &'a Client) -> Self {
        Self {
            client,
            next: LOOK_TIME_MIN,
            rested: Duration::ZERO,
        }
    }

    /// Rests; whether it is worth to look again.
    pub(crate) async fn rest(&mut self) -> bool {
        if self.rested >= WAIT_TIME_MAX {
            return false;
        }
        self.client.clock().sleep(self.next).await;
        self.rested += self.next;
        self.next = (self.next * 3 / 2).min(LOOK_TIME_MAX);
        true
    }
}
