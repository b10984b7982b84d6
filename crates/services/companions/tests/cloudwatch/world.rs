//! A service over memory engines and a clock that tests move.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millrace_api::cloudwatch::SERVICE;
use millrace_base::{Clock, ManualClock, Tasks, Timestamp};
use millrace_blob::Blobs;
use millrace_companions::cloudwatch::{Cloudwatch, Deps, Settings};
use millrace_log::{Log, MemoryLog};
use millrace_wire::{ApiError, Caller, Codec, Reply};
use serde_json::{Value, json};

/// The middle of a minute.
pub(crate) const START: u64 = 1_700_000_070;
pub(crate) const ACCOUNT: &str = "000000000000";

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) cloudwatch: Cloudwatch,
    blobs: Blobs,
    tasks: Tasks,
}

pub(crate) fn caller(account: &str, region: &str) -> Caller {
    Caller {
        access_key: "test".to_owned(),
        request_id: "r".to_owned(),
        ..Caller::root(account, region)
    }
}

pub(crate) async fn open() -> World {
    let clock = ManualClock::new(Timestamp(START * 1000));
    let log: Arc<dyn Log> = Arc::new(MemoryLog::new(Arc::new(clock.clone())));
    start(clock, log, Blobs::memory()).await
}

async fn start(clock: ManualClock, log: Arc<dyn Log>, blobs: Blobs) -> World {
    let tasks = Tasks::new();
    let deps = Deps {
        log: Arc::clone(&log),
        blobs: blobs.clone(),
        clock: Arc::new(clock.clone()),
        tasks: tasks.clone(),
        settings: Settings {
            checkpoint_bytes: 50_000,
        },
    };
    World {
        clock,
        log,
        cloudwatch: Cloudwatch::open(deps).await.unwrap(),
        blobs,
        tasks,
    }
}

impl World {
    /// Stops and starts again on what is stored.
    pub(crate) async fn restart(self) -> Self {
        assert!(self.tasks.drain(Duration::from_secs(5)).await);
        start(self.clock, self.log, self.blobs).await
    }

    /// Another node over the same log.
    pub(crate) async fn second(&self) -> Self {
        start(self.clock.clone(), Arc::clone(&self.log), self.blobs.clone()).await
    }

    pub(crate) fn now(&self) -> u64 {
        self.clock.now().seconds()
    }

    pub(crate) async fn call_in(
        &self,
        caller: &Caller,
        codec: Codec,
        op: &str,
        body: Bytes,
    ) -> Result<Bytes, ApiError> {
        let op = SERVICE.operation(op).unwrap();
        let caller = caller.clone().asking(&SERVICE, op);
        match self.cloudwatch.call(&caller, op, codec, body).await? {
            Reply::Body(body) => Ok(body),
            other => panic!("{other:?}"),
        }
    }

    /// A call in JSON; `null` for an empty answer.
    pub(crate) async fn call_as(&self, caller: &Caller, op: &str, body: &Value) -> Result<Value, ApiError> {
        let body = Bytes::from(serde_json::to_vec(body).unwrap());
        let answer = self.call_in(caller, Codec::Json10, op, body).await?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(&answer).unwrap())
    }

    pub(crate) async fn call(&self, op: &str, body: Value) -> Result<Value, ApiError> {
        self.call_as(&caller(ACCOUNT, "us-east-1"), op, &body).await
    }

    pub(crate) async fn ok(&self, op: &str, body: Value) -> Value {
        match self.call(op, body).await {
            Ok(answer) => answer,
            Err(error) => panic!("{op}: {error}"),
        }
    }

    /// `Code: message` of the refusal.
    pub(crate) async fn refused(&self, op: &str, body: Value) -> String {
        match self.call(op, body).await {
            Ok(answer) => panic!("{op} answered {answer}"),
            Err(error) => error.to_string(),
        }
    }

    /// Puts data into namespace `n`.
    pub(crate) async fn put(&self, data: Value) {
        self.ok("PutMetricData", json!({"Namespace": "n", "MetricData": data}))
            .await;
    }

    /// Puts one value of metric `m`, so many seconds from now.
    pub(crate) async fn value(&self, seconds: i64, value: f64) {
        let at = i64::try_from(self.now()).unwrap() + seconds;
        self.put(json!([{"MetricName": "m", "Value": value, "Timestamp": at}]))
            .await;
    }

    /// The datapoints of metric `m` within a day and the next two hours.
    pub(crate) async fn points(&self, more: Value) -> Vec<Value> {
        let now = self.now();
        let mut body = json!({
            "Namespace": "n", "MetricName": "m", "StartTime": now - 86_400, "EndTime": now + 7200, "Period": 3600,
        });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = self.ok("GetMetricStatistics", body).await;
        answer["Datapoints"].as_array().unwrap().clone()
    }
}

/// The start of the minute that a second is in.
pub(crate) fn minute(second: u64) -> u64 {
    second - second % 60
}
