//! NATS JetStream: file storage, one replica; a stream with one subject stands for a shard.
//!
//! By default it acknowledges what is not on disk yet and syncs every two minutes; `sync_interval: always` makes it
//! durable as this server is, and a stream of one replica then syncs every message by itself. That setting came with
//! NATS 2.10: what older distributions package (2.9) lacks it, so the program is built from its Go module, or taken from
//! the path if it is new enough.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::{About, Contender, Kind, Place, install};
use crate::client::nats::Connection;
use crate::kinesis::{FanOut, SHARDS};
use crate::load::{Session, Shape, Workload};
use crate::process::Running;

const MODULE: &str = "github.com/nats-io/nats-server/v2";
const VERSION: &str = "v2.15.2";
const PROGRAM: &str = "nats-server";
/// The first version that can sync before it acknowledges.
const OLDEST: (u32, u32) = (2, 10);
/// Messages that a consumer asks for at a time.
const PULLED: usize = 500;

/// The rival.
pub struct JetStream {
    /// Whether it syncs before it acknowledges.
    pub durable: bool,
}

impl Contender for JetStream {
    fn about(&self) -> About {
        About {
            name: if self.durable {
                "NATS JetStream, sync always"
            } else {
                "NATS JetStream"
            },
            durable: self.durable,
            signatures: false,
            kind: Kind::Log,
        }
    }

    fn install(&self, home: &Path) -> Result<()> {
        if built(home).exists() {
            return Ok(());
        }
        let failed = match install::go(home, MODULE, VERSION) {
            Ok(()) => return Ok(()),
            Err(failed) => failed,
        };
        match packaged() {
            Some(version) if version >= OLDEST => Ok(()),
            Some((major, minor)) => Err(failed.context(format!(
                "the packaged {PROGRAM} {major}.{minor} has no sync_interval"
            ))),
            None => Err(failed),
        }
    }

    fn command(&self, place: &Place) -> Result<Command> {
        let sync = if self.durable {
            "sync_interval: always\n"
        } else {
            ""
        };
        let settings = format!(
            "listen: \"127.0.0.1:{}\"\njetstream {{\nstore_dir: \"{}\"\n{sync}}}\n",
            place.port,
            place.data.display()
        );
        let file = place.data.join("nats.conf");
        std::fs::write(&file, settings)?;
        let own = built(&place.home);
        let mut command = Command::new(if own.exists() { own } else { PROGRAM.into() });
        command.arg("--config").arg(file);
        Ok(command)
    }

    fn answers(&self, port: u16) -> bool {
        let asked = Connection::open(port, "hello").and_then(|mut c| c.ask("$JS.API.INFO", &json!({})));
        asked.is_ok()
    }

    fn prepare(&self, server: &Running) -> Result<()> {
        let mut connection = Connection::open(server.port, "prepare")?;
        for shard in 0..SHARDS {
            let name = stream(shard);
            let stream = json!({"name": name, "subjects": [subject(shard)], "storage": "file", "num_replicas": 1,
                "retention": "limits", "discard": "old"});
            connection.ask(&format!("$JS.API.STREAM.CREATE.{name}"), &stream)?;
        }
        Ok(())
    }

    fn puts(&self, server: &Running, shape: &Shape) -> Result<Box<dyn Workload>> {
        Ok(Box::new(Puts {
            port: server.port,
            shape: *shape,
        }))
    }

    fn gets(&self, server: &Running) -> Result<Box<dyn Workload>> {
        let mut connection = Connection::open(server.port, "consumers")?;
        for shard in 0..SHARDS {
            let stream = stream(shard);
            let consumer = json!({"stream_name": stream, "config": {"durable_name": "bench", "ack_policy": "none",
                "deliver_policy": "all", "replay_policy": "instant"}});
            connection.ask(
                &format!("$JS.API.CONSUMER.DURABLE.CREATE.{stream}.bench"),
                &consumer,
            )?;
        }
        Ok(Box::new(Gets(server.port)))
    }

    fn fan_out(&self, _: &Running, _: usize) -> Result<Option<FanOut>> {
        Ok(None)
    }
}

fn built(home: &Path) -> PathBuf {
    home.join("go").join(PROGRAM)
}

/// The version of the program on the path, where there is one.
fn packaged() -> Option<(u32, u32)> {
    let said = Command::new(PROGRAM).arg("--version").output().ok()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let mut numbers = said.rsplit('v').next()?.trim().split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn stream(shard: usize) -> String {
    format!("bench-{shard}")
}

fn subject(shard: usize) -> String {
    format!("bench.{shard}")
}

/// Publications that are all sent before the first acknowledgement is waited for.
struct Puts {
    port: u16,
    shape: Shape,
}

impl Workload for Puts {
    fn open(&self, worker: usize) -> Result<Box<dyn Session + '_>> {
        let connection = Connection::open(self.port, &format!("put-{worker}"))?;
        let rng = millrace_base::SeededRng::new(worker as u64);
        // Every connection has an inbox of its own, so every one lays out its own calls, if fewer.
        let calls = (0..self.shape.variants().div_ceil(4)).map(|call| {
            let mut out = Vec::new();
            for (at, (_, data)) in self.shape.records(&rng).iter().enumerate() {
                connection.lay_out(&mut out, &subject((call + at) % SHARDS), data);
            }
            out
        });
        Ok(Box::new(Putting {
            calls: calls.collect(),
            connection,
            shape: self.shape,
        }))
    }
}

struct Putting {
    connection: Connection,
    calls: Vec<Vec<u8>>,
    shape: Shape,
}

impl Session for Putting {
    fn call(&mut self, at: u64) -> Result<u64> {
        let call = &self.calls[at as usize % self.calls.len()];
        self.connection.send(call)?;
        for _ in 0..self.shape.records {
            let message = self.connection.next()?;
            if memchr::memmem::find(message.payload, b"\"seq\"").is_none() {
                let said = [message.headers, message.payload].concat();
                bail!("a publication was refused: {}", String::from_utf8_lossy(&said));
            }
        }
        Ok(self.shape.payload())
    }
}

struct Gets(u16);

impl Workload for Gets {
    fn open(&self, worker: usize) -> Result<Box<dyn Session + '_>> {
        let connection = Connection::open(self.0, &format!("get-{worker}"))?;
        let mut request = Vec::new();
        let pull = json!({"batch": PULLED, "no_wait": true}).to_string();
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{}.bench", stream(worker));
        connection.lay_out(&mut request, &subject, pull.as_bytes());
        Ok(Box::new(Getting { connection, request }))
    }
}

struct Getting {
    connection: Connection,
    request: Vec<u8>,
}

impl Session for Getting {
    fn call(&mut self, _: u64) -> Result<u64> {
        self.connection.send(&self.request)?;
        let mut bytes = 0;
        for _ in 0..PULLED {
            let message = self.connection.next()?;
            // Fewer than were asked for: a status says so.
            if message.headers.starts_with(b"NATS/1.0 404") || message.headers.starts_with(b"NATS/1.0 408") {
                break;
            }
            if message.headers.starts_with(b"NATS/1.0 ") && message.payload.is_empty() {
                let said = String::from_utf8_lossy(message.headers).into_owned();
                return Err(anyhow::anyhow!(said)).context("a pull was refused");
            }
            bytes += message.payload.len() as u64;
        }
        Ok(bytes)
    }
}
