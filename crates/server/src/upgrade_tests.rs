//! A data directory that an earlier version wrote stays readable, with everything in it.
//!
//! `testdata/<format>/data` is one, as a server leaves it that was killed: sealed files, a rest in the write-ahead log of
//! more than one run, a snapshot of the control plane; streams that were resharded, one encrypted, a queue with records in
//! flight, a channel, a DynamoDB table, users, metrics. `testdata/<format>/expected.json` is what the APIs said of it then.
//! `UPDATE_FIXTURES=1 cargo test -p millrace-server --lib upgrade` writes the newest one anew: for a new format add a
//! directory, and never change an old one. The formats of single files have their own tests, next to their code.

mod observe;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millrace_api::{Service, dynamodb, kinesis};
use millrace_base::{Clock, ManualClock, Rng, SystemClock, SystemRng, Timestamp};
use millrace_wire::{Caller, Codec, Reply};
use serde_json::{Value, json};

use crate::config::Config;
use crate::roles::Services;
use crate::supervisor::Supervisor;
use crate::verify::verify;

const ACCOUNT: &str = "000000000000";
const REGION: &str = "us-east-1";
/// The format that this version writes.
const NEWEST: &str = "v1";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// A server without its port, on a clock that stands still.
struct World {
    clock: ManualClock,
    services: Services,
    supervisor: Supervisor,
}

impl World {
    async fn open(dir: &Path, now: Timestamp) -> Self {
        let overrides = [
            ("storage.data_dir", dir.to_str().unwrap()),
            ("storage.segment", "1MiB"),
            ("streams.transition_ms", "0"),
        ];
        let overrides = overrides.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let config = Config::load(None, &|_| None, &overrides).unwrap();
        let clock = ManualClock::new(now);
        let seams: (Arc<dyn Clock>, Arc<dyn Rng>) = (Arc::new(clock.clone()), Arc::new(SystemRng));
        let (supervisor, services) = Supervisor::open(&config, &seams.0, &seams.1).await.unwrap();
        Self {
            clock,
            services,
            supervisor,
        }
    }

    async fn close(self) {
        drop(self.services);
        self.supervisor.close().await;
    }

    async fn try_call(&self, service: &'static Service, op: &str, body: Value) -> Result<Value, String> {
        let op = service.operation(op).unwrap();
        let caller = Caller {
            access_key: "test".to_owned(),
            request_id: "r".to_owned(),
            ..Caller::root(ACCOUNT, REGION)
        };
        let caller = caller.asking(service, op);
        let body = Bytes::from(body.to_string());
        let call = self
            .services
            .call(service, &caller, op, Codec::Json11, body.into());
        tokio::pin!(call);
        let reply = loop {
            // What waits for something waits on a clock that stands still.
            tokio::select! {
                reply = &mut call => break reply,
                () = SystemClock::new().sleep(Duration::from_millis(20)) => self.clock.advance(Duration::from_secs(1)),
            }
        };
        let bytes: Bytes = match reply.map_err(|error| error.to_string())? {
            Reply::Body(body) => body,
            Reply::Pieces(pieces) => pieces.pieces.flatten().collect(),
            Reply::Events(_) => return Err("events".to_owned()),
        };
        Ok(serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn call(&self, service: &'static Service, op: &str, body: Value) -> Value {
        let shown = body.to_string();
        match self.try_call(service, op, body).await {
            Ok(answer) => answer,
            Err(error) => panic!("{op} {shown}: {error}"),
        }
    }

    async fn kinesis(&self, op: &str, body: Value) -> Value {
        self.call(&kinesis::SERVICE, op, body).await
    }

    async fn dynamodb(&self, op: &str, body: Value) -> Value {
        self.call(&dynamodb::SERVICE, op, body).await
    }

    /// Calls until an answer is as wanted; the clock moves by a second each time.
    async fn until(&self, op: &str, body: Value, wanted: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..500 {
            let answer = self.kinesis(op, body.clone()).await;
            if wanted(&answer) {
                return answer;
            }
            self.clock.advance(Duration::from_secs(1));
            SystemClock::new().sleep(Duration::from_millis(5)).await;
        }
        panic!("{op} {body} does not come to what is wanted");
    }
}

/// Copies a directory; modes are those that a server wants.
fn copy(from: &Path, to: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (from, to) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
            std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

/// Whether everything in `expected` is in `found`; later versions may say more. Yields where it is not.
fn differs(expected: &Value, found: &Value, at: &str) -> Option<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected.iter().find_map(|(name, value)| {
            differs(
                value,
                found.get(name).unwrap_or(&Value::Null),
                &format!("{at}.{name}"),
            )
        }),
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            let pairs = expected.iter().zip(found).enumerate();
            let mut found =
                pairs.map(|(n, (expected, found))| differs(expected, found, &format!("{at}[{n}]")));
            found.find_map(|differs| differs)
        }
        _ if expected == found => None,
        _ => Some(format!("{at}: {expected} became {found}")),
    }
}

/// What belongs to a fixture besides its files.
struct Expected {
    observed: Value,
    now: Timestamp,
    /// Lengths of the segments of the write-ahead log: the zeros at their ends are not kept.
    segments: BTreeMap<String, u64>,
}

impl Expected {
    fn read(fixture: &Path) -> Self {
        let text = std::fs::read_to_string(fixture.join("expected.json")).unwrap();
        let all: Value = serde_json::from_str(&text).unwrap();
        let segments = all["segments"].as_object().unwrap();
        Self {
            observed: all["observed"].clone(),
            now: Timestamp(all["now"].as_u64().unwrap()),
            segments: segments
                .iter()
                .map(|(name, len)| (name.clone(), len.as_u64().unwrap()))
                .collect(),
        }
    }

    fn write(&self, fixture: &Path) {
        let all = json!({ "now": self.now.0, "segments": self.segments, "observed": self.observed });
        let text = serde_json::to_string_pretty(&all).unwrap();
        std::fs::write(fixture.join("expected.json"), format!("{text}\n")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrade_everything_that_an_earlier_version_wrote_is_there() {
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        write::fixture(&fixtures().join(NEWEST)).await;
    }
    let mut seen = 0;
    for entry in std::fs::read_dir(fixtures()).unwrap() {
        let fixture = entry.unwrap().path();
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let expected = Expected::read(&fixture);
        copy(&fixture.join("data"), &data);
        for (name, len) in &expected.segments {
            let file = std::fs::OpenOptions::new()
                .write(true)
                .open(data.join("log").join(name));
            file.unwrap().set_len(*len).unwrap();
        }
        is_sound(&data).await;
        let now = expected.now.plus(Duration::from_secs(3600));
        let world = World::open(&data, now).await;
        let observed = observe::everything(&world).await;
        assert_eq!(
            differs(&expected.observed, &observed, "fixture"),
            None,
            "{}",
            fixture.display()
        );
        observe::goes_on(&world).await;
        world.close().await;
        is_sound(&data).await;
        // What this version made of it opens as well.
        let world = World::open(&data, now).await;
        observe::went_on(&world).await;
        world.close().await;
        seen += 1;
    }
    assert!(seen > 0, "there are no fixtures");
}

async fn is_sound(data: &Path) {
    let verified = verify(data, None, Box::new(|_, _| {})).await.unwrap();
    assert_eq!(verified.findings, [], "{}", data.display());
    assert!(
        verified.checked.streams > Some(2) && verified.checked.keys > 1 && verified.checked.snapshots > 0
    );
}

#[test]
fn upgrade_a_missing_member_is_seen_and_a_new_one_is_not() {
    let expected = json!({"a": [1, {"b": "x"}]});
    assert_eq!(
        differs(&expected, &json!({"a": [1, {"b": "x", "new": 1}], "new": 2}), "f"),
        None
    );
    for found in [json!({"a": [1, {"b": "y"}]}), json!({"a": [1]}), json!({})] {
        assert!(differs(&expected, &found, "f").is_some(), "{found}");
    }
}
