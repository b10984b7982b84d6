//! Sending what was read until all of it was taken or given up.

use std::time::Duration;

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use millrace_api::kinesis::{
    PutRecordsInput, PutRecordsOutput, PutRecordsRequestEntry, PutRecordsResultEntry,
};
use serde::Serialize;

use super::batch::{Pending, Window};
use super::limits::FAILURES_SHOWN_MAX;
use super::source::{Read1, Source};
use crate::client::{CallError, Client};

/// Longest pause before refused records are sent again; what a throttled shard needs to have room.
const PAUSE_MAX: Duration = Duration::from_secs(1);
const PAUSE_START: Duration = Duration::from_millis(50);

/// How records are sent.
pub(super) struct Rules {
    pub(super) stream: String,
    pub(super) explicit_hash_key: Option<String>,
    pub(super) any_order: bool,
    pub(super) attempts: u32,
    /// Whether the tally says where each record went.
    pub(super) report_places: bool,
}

/// What became of the records.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) sent: u64,
    pub(super) failed: u64,
    pub(super) retried: u64,
    pub(super) bytes: u64,
    pub(super) failures: Vec<Failure>,
    pub(super) places: Vec<Place>,
}

/// A record that was not taken.
#[derive(Debug, Serialize)]
pub(super) struct Failure {
    pub(super) record: String,
    pub(super) reason: String,
}

/// Where a record went.
#[derive(Debug, Serialize)]
pub(super) struct Place {
    pub(super) shard: String,
    pub(super) sequence_number: String,
}

/// Sends records.
pub(super) struct Sender {
    client: Client,
    rules: Rules,
    source: Source,
    window: Window,
    tally: Tally,
    bar: ProgressBar,
}

impl Sender {
    pub(super) fn new(client: Client, rules: Rules, source: Source, bar: ProgressBar) -> Self {
        Self {
            client,
            rules,
            source,
            window: Window::default(),
            tally: Tally::default(),
            bar,
        }
    }

    pub(super) fn into_tally(self) -> Tally {
        self.tally
    }

    /// Sends everything there is. An error ends it early; what was not taken by then was not sent.
    pub(super) async fn run(&mut self) -> Result<()> {
        let mut open = true;
        let mut pause = PAUSE_START;
        while open || !self.window.is_empty() {
            open = open && self.fill().await?;
            let batch = self.window.batch(self.rules.any_order);
            if batch.is_empty() {
                continue;
            }
            let refused = self.send(batch).await?;
            if refused.is_empty() {
                pause = PAUSE_START;
                continue;
            }
            self.window.put_back(refused);
            self.client.clock().sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
        Ok(())
    }

    /// Fills the window with what is there; waits only while there is nothing to send. Whether more may come.
    async fn fill(&mut self) -> Result<bool> {
        if self.window.is_empty() {
            match self.source.next().await {
                Some(read) => self.take(read?),
                None => return Ok(false),
            }
        }
        while !self.window.is_full() {
            match self.source.ready() {
                Ok(read) => self.take(read?),
                Err(tokio::sync::mpsc::error::TryRecvError::Empty) => return Ok(true),
                Err(tokio::sync::mpsc::error::TryRecvError::Disconnected) => return Ok(false),
            }
        }
        Ok(true)
    }

    fn take(&mut self, read: Read1) {
        match read {
            Ok(input) => self.window.push(input),
            Err((record, reason)) => self.failed(record, reason),
        }
    }

    /// Sends a batch; yields what is worth another attempt, in order.
    async fn send(&mut self, batch: Vec<Pending>) -> Result<Vec<Pending>> {
        let mut refused = Vec::new();
        // A batch that is refused as a whole is halved until the record that is wrong stands alone.
        let mut stack = vec![batch];
        while let Some(mut batch) = stack.pop() {
            match self
                .client
                .call::<_, PutRecordsOutput>("PutRecords", self.request(&batch))
                .await
            {
                Ok(output) => {
                    let whole = output.records.len() == batch.len();
                    anyhow::ensure!(
                        whole,
                        "the server answered {} of {} records",
                        output.records.len(),
                        batch.len()
                    );
                    for (pending, result) in batch.into_iter().zip(output.records) {
                        refused.extend(self.settle(pending, result));
                    }
                }
                Err(error) if is_about_a_record(&error) && batch.len() > 1 => {
                    let second = batch.split_off(batch.len() / 2);
                    stack.push(second);
                    stack.push(batch);
                }
                Err(error) if is_about_a_record(&error) => {
                    for pending in batch {
                        self.failed(pending.input.place, error.to_string());
                    }
                }
                Err(error) => {
                    let sent = self.tally.sent;
                    return Err(error).with_context(|| format!("stopped after {sent} records were taken"));
                }
            }
        }
        Ok(refused)
    }

    fn request(&self, batch: &[Pending]) -> PutRecordsInput {
        let records = batch
            .iter()
            .map(|pending| PutRecordsRequestEntry {
                data: pending.input.data.clone(),
                partition_key: Some(pending.input.key.clone()),
                explicit_hash_key: self.rules.explicit_hash_key.clone(),
            })
            .collect();
        PutRecordsInput {
            records,
            stream_name: Some(self.rules.stream.clone()),
            ..PutRecordsInput::default()
        }
    }

    /// Counts what became of a record; yields it when it should be sent again.
    fn settle(&mut self, mut pending: Pending, result: PutRecordsResultEntry) -> Option<Pending> {
        let Some(code) = result.error_code else {
            self.tally.sent += 1;
            self.tally.bytes += pending.input.data.len() as u64;
            self.bar.inc(pending.input.data.len() as u64 + 1);
            if self.rules.report_places {
                let shard = result.shard_id.unwrap_or_default();
                let sequence_number = result.sequence_number.unwrap_or_default();
                self.tally.places.push(Place {
                    shard,
                    sequence_number,
                });
            }
            return None;
        };
        pending.attempts += 1;
        if pending.attempts < self.rules.attempts {
            self.tally.retried += 1;
            self.bar
                .set_message(format!("{} tried again", self.tally.retried));
            return Some(pending);
        }
        let message = result.error_message.unwrap_or_default();
        self.failed(
            pending.input.place,
            format!("{message} ({code}, {} attempts)", pending.attempts),
        );
        None
    }

    fn failed(&mut self, record: String, reason: String) {
        self.tally.failed += 1;
        if self.tally.failures.len() < FAILURES_SHOWN_MAX {
            self.tally.failures.push(Failure { record, reason });
        }
    }
}

/// Whether another batch may pass where this one did not.
fn is_about_a_record(error: &CallError) -> bool {
    matches!(
        error.code(),
        Some(
            "ValidationException"
                | "InvalidArgumentException"
                | "SerializationException"
                | "RequestEntityTooLarge"
        )
    ) || matches!(error, CallError::Api { status: 413, .. })
}
