//! A service over memory engines.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millrace_api::dynamodb::SERVICE;
use millrace_base::{ManualClock, SeededRng, Tasks, Timestamp};
use millrace_blob::Blobs;
use millrace_companions::dynamodb::{Deps, Dynamodb, DynamodbState};
use millrace_control::{Control, Options};
use millrace_log::{Log, LogId, MemoryLog};
use millrace_wire::{ApiError, Caller, Codec, Reply};
use serde_json::{Value, json};

pub(crate) const ACCOUNT: &str = "000000000000";
pub(crate) const REGION: &str = "us-east-1";

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) dynamodb: Dynamodb,
    pub(crate) control: Control,
    log: Arc<dyn Log>,
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
    let clock = ManualClock::new(Timestamp(1_700_000_000_000));
    let log: Arc<dyn Log> = Arc::new(MemoryLog::new(Arc::new(clock.clone())));
    start(clock, log, Blobs::memory()).await
}

async fn start(clock: ManualClock, log: Arc<dyn Log>, blobs: Blobs) -> World {
    let tasks = Tasks::new();
    let mut builder = Control::builder(
        Arc::clone(&log),
        LogId(0),
        blobs.clone(),
        tasks.clone(),
        Options::default(),
    );
    let part = builder.part::<DynamodbState>(3);
    let control = builder.open().await.unwrap();
    let dynamodb = Dynamodb::open(Deps {
        control: part,
        clock: Arc::new(clock.clone()),
        rng: Arc::new(SeededRng::new(1)),
    });
    World {
        clock,
        dynamodb,
        control,
        log,
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

    pub(crate) async fn call_as(&self, caller: &Caller, op: &str, body: &Value) -> Result<Value, ApiError> {
        let op = SERVICE.operation(op).unwrap();
        let caller = caller.clone().asking(&SERVICE, op);
        let body = Bytes::from(serde_json::to_vec(body).unwrap());
        match self.dynamodb.call(&caller, op, Codec::Json10, body).await? {
            // An operation without an output answers nothing.
            Reply::Body(body) if body.is_empty() => Ok(Value::Null),
            Reply::Body(body) => Ok(serde_json::from_slice(&body).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn call(&self, op: &str, body: Value) -> Result<Value, ApiError> {
        self.call_as(&caller(ACCOUNT, REGION), op, &body).await
    }

    pub(crate) async fn ok(&self, op: &str, body: Value) -> Value {
        match self.call(op, body).await {
            Ok(answer) => answer,
            Err(error) => panic!("{op}: {error}"),
        }
    }

    /// `Code: message` of the refusal, without the code's namespace.
    pub(crate) async fn refused(&self, op: &str, body: Value) -> String {
        match self.call(op, body).await {
            Ok(answer) => panic!("{op} answered {answer}"),
            Err(error) => format!("{}: {}", error.short_code(), error.message),
        }
    }

    /// The body of a refusal.
    pub(crate) async fn refusal(&self, op: &str, body: Value) -> Value {
        let error = self.call(op, body).await.unwrap_err();
        serde_json::from_slice(&Codec::Json10.error_body(&error)).unwrap()
    }

    /// A table `leases` with key `k`, and `orders` with keys `k` and `r` (a number), a global index `by_g` of `g` with
    /// `x` and a local one `by_l` of `l`.
    pub(crate) async fn with_tables() -> Self {
        let world = open().await;
        world.ok("CreateTable", leases()).await;
        world
            .ok(
                "CreateTable",
                json!({
                    "TableName": "orders",
                    "KeySchema": [schema("k", "HASH"), schema("r", "RANGE")],
                    "AttributeDefinitions": [def("k", "S"), def("r", "N"), def("g", "S"), def("l", "S")],
                    "BillingMode": "PAY_PER_REQUEST",
                    "GlobalSecondaryIndexes": [{
                        "IndexName": "by_g",
                        "KeySchema": [schema("g", "HASH")],
                        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"]},
                    }],
                    "LocalSecondaryIndexes": [{
                        "IndexName": "by_l",
                        "KeySchema": [schema("k", "HASH"), schema("l", "RANGE")],
                        "Projection": {"ProjectionType": "KEYS_ONLY"},
                    }],
                }),
            )
            .await;
        world
    }

    pub(crate) async fn put(&self, table: &str, item: Value) {
        self.ok("PutItem", json!({"TableName": table, "Item": item}))
            .await;
    }

    /// The item of `leases` with that key; null where there is none.
    pub(crate) async fn lease(&self, key: &str) -> Value {
        let answer = self
            .ok(
                "GetItem",
                json!({"TableName": "leases", "Key": {"k": {"S": key}}}),
            )
            .await;
        answer["Item"].clone()
    }
}

pub(crate) fn leases() -> Value {
    json!({
        "TableName": "leases",
        "KeySchema": [schema("k", "HASH")],
        "AttributeDefinitions": [def("k", "S")],
        "BillingMode": "PAY_PER_REQUEST",
    })
}

pub(crate) fn schema(name: &str, kind: &str) -> Value {
    json!({"AttributeName": name, "KeyType": kind})
}

pub(crate) fn def(name: &str, kind: &str) -> Value {
    json!({"AttributeName": name, "AttributeType": kind})
}

pub(crate) fn s(text: &str) -> Value {
    json!({"S": text})
}

pub(crate) fn n(number: impl std::fmt::Display) -> Value {
    json!({"N": format!("{number}")})
}
