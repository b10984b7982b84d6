//! Puts live readings into the stream, one record each.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use millrace_api::kinesis::{PutRecordsInput, PutRecordsOutput, PutRecordsRequestEntry};
use millrace_base::{Clock, Tasks};
use millrace_wire::timestamp::iso8601;
use serde::{Deserialize, Serialize};

use super::readings::{Reading, Sampler};
use super::stage::Stage;
use crate::client::{CallError, Client};
use crate::seams::Seams;

/// Attempts to put a reading, should a shard be busy.
const ATTEMPTS_MAX: u32 = 5;

/// A record's data.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sample {
    pub(super) metric: String,
    pub(super) value: f64,
    pub(super) unit: String,
    /// The machine.
    pub(super) host: String,
    /// When it was read.
    pub(super) time: String,
    /// Which tour it belongs to.
    pub(super) run: String,
    /// When it was put, in microseconds of this process's own clock.
    pub(super) put_at_us: u64,
}

/// The feeding task's handle.
pub(super) struct Feed {
    run_id: String,
    tasks: Tasks,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    written: u64,
    failed: Option<String>,
}

impl Feed {
    /// Starts to feed.
    pub(super) fn start(stage: &Stage, seams: &Seams, every: Duration) -> Self {
        let run_id = seams.rng.uuid();
        let state = Arc::new(Mutex::new(State::default()));
        let feeder = Feeder {
            client: stage.client.clone(),
            stream: stage.stream.clone(),
            host: host(),
            run: run_id.clone(),
            clock: Arc::clone(&seams.clock),
        };
        let tasks = Tasks::new();
        let (shared, watched) = (Arc::clone(&state), tasks.clone());
        tasks.spawn(async move {
            if let Err(error) = feeder.run(every, &shared, &watched).await {
                lock(&shared).failed = Some(format!("{error:#}"));
            }
        });
        Self { run_id, tasks, state }
    }

    /// What the records of this tour are known by.
    pub(super) fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Records that the server acknowledged.
    pub(super) fn written(&self) -> u64 {
        lock(&self.state).written
    }

    /// Whether it goes on.
    ///
    /// # Errors
    /// Why it does not.
    pub(super) fn check(&self) -> Result<()> {
        match &lock(&self.state).failed {
            None => Ok(()),
            Some(error) => anyhow::bail!("the readings cannot be put any more: {error}"),
        }
    }

    /// Ends behind the reading that is under way; yields how many records were acknowledged.
    pub(super) async fn stop(self) -> Result<u64> {
        self.tasks.drain(Duration::from_secs(10)).await;
        self.check()?;
        Ok(self.written())
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This machine's name.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() {
        "localhost".to_owned()
    } else {
        name.to_owned()
    }
}

struct Feeder {
    client: Client,
    stream: String,
    host: String,
    run: String,
    clock: Arc<dyn Clock>,
}

impl Feeder {
    async fn run(&self, every: Duration, state: &Mutex<State>, tasks: &Tasks) -> Result<()> {
        let mut sampler = Sampler::default();
        let mut last = self.clock.monotonic();
        sampler.sample(Duration::ZERO);
        while !tasks.is_stopping() {
            tokio::select! {
                () = self.clock.sleep(every) => {}
                () = tasks.stopping() => return Ok(()),
            }
            let now = self.clock.monotonic();
            let readings = sampler.sample(now.saturating_sub(last));
            last = now;
            anyhow::ensure!(
                !readings.is_empty(),
                "/proc has no readings on this system: the demo needs Linux"
            );
            self.put(&readings, state).await?;
        }
        Ok(())
    }

    async fn put(&self, readings: &[Reading], state: &Mutex<State>) -> Result<()> {
        let mut records = readings
            .iter()
            .map(|reading| self.record(reading))
            .collect::<Result<Vec<_>>>()?;
        for attempt in 1..=ATTEMPTS_MAX {
            let input = PutRecordsInput {
                records: records.clone(),
                stream_name: Some(self.stream.clone()),
                ..PutRecordsInput::default()
            };
            let output: PutRecordsOutput = self.client.call("PutRecords", input).await?;
            let refused = |code: &Option<String>| code.is_some();
            let taken = output
                .records
                .iter()
                .filter(|result| !refused(&result.error_code))
                .count();
            lock(state).written += taken as u64;
            let mut results = output.records.iter();
            records.retain(|_| results.next().is_none_or(|result| refused(&result.error_code)));
            if records.is_empty() {
                return Ok(());
            }
            self.clock.sleep(Duration::from_millis(100) * attempt).await;
        }
        Err(CallError::Malformed {
            operation: "PutRecords",
            detail: format!("{} readings are refused again and again", records.len()),
        }
        .into())
    }

    fn record(&self, reading: &Reading) -> Result<PutRecordsRequestEntry> {
        let time = i64::try_from(self.clock.now().0).unwrap_or(i64::MAX);
        let sample = Sample {
            metric: reading.metric.to_owned(),
            // Three digits behind the point are plenty and keep the records readable.
            value: (reading.value * 1000.0).round() / 1000.0,
            unit: reading.unit.to_owned(),
            host: self.host.clone(),
            time: iso8601(time),
            run: self.run.clone(),
            put_at_us: u64::try_from(self.clock.monotonic().as_micros()).unwrap_or(u64::MAX),
        };
        Ok(PutRecordsRequestEntry {
            data: serde_json::to_vec(&sample)?.into(),
            partition_key: Some(reading.metric.to_owned()),
            ..PutRecordsRequestEntry::default()
        })
    }
}
