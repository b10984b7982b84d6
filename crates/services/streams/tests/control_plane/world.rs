//! A service over memory engines and a clock that tests move.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millrace_api::kinesis::SERVICE;
use millrace_base::{Clock, ManualClock, SeededRng, Tasks, Timestamp};
use millrace_blob::{Blobs, Bucket, Buckets};
use millrace_control::{Control, Options, Part};
use millrace_keys::local::Options as KeyOptions;
use millrace_keys::{Keys, LocalKeys};
use millrace_log::{Log, LogId, MemoryLog};
use millrace_streams::state::{LogNumber, StreamKey};
use millrace_streams::{Deps, Profile, Settings, Streams, StreamsState};
use millrace_wire::{ApiError, Caller, Codec, Reply};
use serde_json::{Value, json};

pub(crate) const START: u64 = 1_700_000_000_000;
pub(crate) const ACCOUNT: &str = "000000000000";
pub(crate) const REGION: &str = "us-east-1";

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) streams: Streams,
    pub(crate) control: Part<StreamsState>,
    pub(crate) buckets: Buckets,
    pub(crate) keys: Arc<LocalKeys>,
    blobs: Blobs,
    tasks: Tasks,
}

pub(crate) fn settings(profile: Profile, transition: Duration) -> Settings {
    Settings {
        profile,
        transition,
        ..Settings::default()
    }
}

pub(crate) fn caller(account: &str, region: &str) -> Caller {
    Caller {
        access_key: "test".to_owned(),
        request_id: "r".to_owned(),
        ..Caller::root(account, region)
    }
}

/// A world whose transitions take no time.
pub(crate) async fn open(profile: Profile) -> World {
    with(settings(profile, Duration::ZERO)).await
}

pub(crate) async fn with(settings: Settings) -> World {
    let clock = ManualClock::new(Timestamp(START));
    let log: Arc<dyn Log> = Arc::new(MemoryLog::new(Arc::new(clock.clone())));
    let stores = stores(&clock, Buckets::memory());
    start(clock, log, stores, settings).await
}

/// A world over an engine of the test's making.
pub(crate) async fn over(clock: ManualClock, log: Arc<dyn Log>, settings: Settings) -> World {
    let stores = stores(&clock, Buckets::memory());
    start(clock, log, stores, settings).await
}

/// A world that delivers into `buckets`.
pub(crate) async fn delivering(buckets: Buckets, settings: Settings) -> World {
    let clock = ManualClock::new(Timestamp(START));
    let log: Arc<dyn Log> = Arc::new(MemoryLog::new(Arc::new(clock.clone())));
    let stores = stores(&clock, buckets);
    start(clock, log, stores, settings).await
}

/// What a world keeps besides its log, and has again after a restart.
type Stores = (Blobs, Buckets, Arc<LocalKeys>);

fn stores(clock: &ManualClock, buckets: Buckets) -> Stores {
    let keys = LocalKeys::open(KeyOptions {
        dir: None,
        default_alias: Some("alias/aws/kinesis".to_owned()),
        clock: Arc::new(clock.clone()),
        rng: Arc::new(SeededRng::new(2)),
    });
    (Blobs::memory(), buckets, Arc::new(keys.unwrap()))
}

async fn start(
    clock: ManualClock,
    log: Arc<dyn Log>,
    (blobs, buckets, keys): Stores,
    settings: Settings,
) -> World {
    let tasks = Tasks::new();
    let mut builder = Control::builder(
        Arc::clone(&log),
        LogId(0),
        blobs.clone(),
        tasks.clone(),
        Options::default(),
    );
    let control = builder.part::<StreamsState>(1);
    builder.open().await.unwrap();
    let deps = Deps {
        log: Arc::clone(&log),
        control: control.clone(),
        blobs: blobs.clone(),
        clock: Arc::new(clock.clone()),
        rng: Arc::new(SeededRng::new(1)),
        tasks: tasks.clone(),
        buckets: buckets.clone(),
        keys: Arc::clone(&keys) as Arc<dyn Keys>,
        settings,
    };
    let streams = Streams::open(deps).await.unwrap();
    World {
        clock,
        log,
        streams,
        control,
        buckets,
        keys,
        blobs,
        tasks,
    }
}

impl World {
    /// Stops everything in mid-flight and starts again on what is stored.
    pub(crate) async fn restart(self, settings: Settings) -> Self {
        assert!(self.tasks.drain(Duration::from_secs(5)).await);
        let stores = (self.blobs, self.buckets, self.keys);
        start(self.clock, self.log, stores, settings).await
    }

    /// Another node over the same log.
    pub(crate) async fn second(&self, settings: Settings) -> Self {
        start(
            self.clock.clone(),
            Arc::clone(&self.log),
            (self.blobs.clone(), self.buckets.clone(), Arc::clone(&self.keys)),
            settings,
        )
        .await
    }

    /// The objects of a bucket: key and bytes, ascending by key.
    pub(crate) async fn objects(&self, name: &str) -> Vec<(String, Bytes)> {
        let bucket = Bucket {
            name: name.to_owned(),
            region: REGION.to_owned(),
            key: None,
        };
        let blobs = self.buckets.open(&bucket).await.unwrap();
        let mut found = Vec::new();
        for blob in blobs.list("").await.unwrap() {
            let bytes = blobs.get(&blob.key).await.unwrap();
            found.push((blob.key, bytes));
        }
        found
    }

    pub(crate) async fn call(&self, op: &str, body: Value) -> Result<Value, ApiError> {
        self.call_as(&caller(ACCOUNT, REGION), op, body).await
    }

    pub(crate) async fn call_as(&self, caller: &Caller, op: &str, body: Value) -> Result<Value, ApiError> {
        let own = || millrace_api::millrace::SERVICE.operation(op);
        let op = SERVICE.operation(op).or_else(own).unwrap();
        let caller = caller.clone().asking(&SERVICE, op);
        let body = Bytes::from(serde_json::to_vec(&body).unwrap());
        let answer = whole(self.streams.call(&caller, op, Codec::Json11, body).await?);
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(&answer).unwrap())
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

    pub(crate) async fn status(&self, name: &str) -> String {
        match self
            .call("DescribeStreamSummary", json!({"StreamName": name}))
            .await
        {
            Ok(answer) => answer["StreamDescriptionSummary"]["StreamStatus"]
                .as_str()
                .unwrap()
                .to_owned(),
            Err(error) => error.code.into_owned(),
        }
    }

    /// Waits until the stream's status is `wanted`; for a stream that is gone that is `ResourceNotFoundException`.
    pub(crate) async fn reaches(&self, name: &str, wanted: &str) {
        let mut changed = self.streams.changed();
        let wait = async {
            while self.status(name).await != wanted {
                changed.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(10), wait)
            .await
            .expect(wanted);
    }

    /// Waits until `done` holds of the state.
    pub(crate) async fn until(&self, done: impl Fn(&StreamsState) -> bool) {
        let mut changed = self.streams.changed();
        let wait = async {
            while !self.control.read(&done) {
                changed.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(10), wait)
            .await
            .expect("the state never came");
    }

    pub(crate) async fn active(&self, name: &str, shards: u32) {
        self.ok("CreateStream", json!({"StreamName": name, "ShardCount": shards}))
            .await;
        self.reaches(name, "ACTIVE").await;
    }

    pub(crate) fn now(&self) -> f64 {
        seconds(self.clock.now())
    }

    /// The shards of a filter, over pages of `page`.
    pub(crate) async fn shards(&self, name: &str, filter: Value, page: u32) -> Vec<Value> {
        let mut body = json!({"StreamName": name, "MaxResults": page});
        if !filter.is_null() {
            body["ShardFilter"] = filter;
        }
        let mut all = Vec::new();
        loop {
            let answer = self.ok("ListShards", body).await;
            all.extend(answer["Shards"].as_array().unwrap().iter().cloned());
            match answer.get("NextToken").and_then(Value::as_str) {
                Some(token) => body = json!({"NextToken": token, "MaxResults": page}),
                None => return all,
            }
        }
    }

    pub(crate) fn key(name: &str) -> StreamKey {
        StreamKey::new(ACCOUNT, REGION, name)
    }

    pub(crate) fn logs(&self, name: &str) -> Vec<LogNumber> {
        self.control.read(|state| {
            state
                .stream(&Self::key(name))
                .unwrap()
                .shards
                .values()
                .map(|shard| shard.log)
                .collect()
        })
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the API writes times as floating-point seconds"
)]
pub(crate) fn seconds(time: Timestamp) -> f64 {
    time.0 as f64 / 1000.0
}

pub(crate) fn ids(shards: &[Value]) -> Vec<String> {
    shards
        .iter()
        .map(|shard| {
            shard["ShardId"]
                .as_str()
                .unwrap()
                .trim_start_matches("shardId-0000000000")
                .to_owned()
        })
        .collect()
}

/// Whether the shards tile the hash-key space exactly.
pub(crate) fn is_exact_cover(shards: &[Value]) -> bool {
    let bound = |shard: &Value, end: &str| {
        shard["HashKeyRange"][end]
            .as_str()
            .unwrap()
            .parse::<u128>()
            .unwrap()
    };
    let mut ranges: Vec<(u128, u128)> = shards
        .iter()
        .map(|s| (bound(s, "StartingHashKey"), bound(s, "EndingHashKey")))
        .collect();
    ranges.sort_unstable();
    ranges.first().is_some_and(|r| r.0 == 0)
        && ranges.last().is_some_and(|r| r.1 == u128::MAX)
        && ranges.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0)
}

/// All of an answer's body, which has the announced length.
pub(crate) fn whole(reply: Reply) -> Bytes {
    match reply {
        Reply::Body(body) => body,
        Reply::Pieces(pieces) => {
            let whole: Bytes = pieces.pieces.flatten().collect();
            assert_eq!(whole.len(), pieces.length);
            whole
        }
        Reply::Events(_) => panic!("events have no whole"),
    }
}
