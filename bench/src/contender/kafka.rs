//! Apache Kafka 4: one node that is broker and controller; a partition stands for a shard.
//!
//! By default it leaves syncing to the operating system, so that what it acknowledged can be lost with the power.
//! `log.flush.interval.messages=1` makes it durable as this server is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use millrace_base::{Clock, SeededRng, SystemClock};

use super::{About, Contender, Kind, Place, install};
use crate::client::kafka::{Connection, batch, produce};
use crate::kinesis::{FanOut, SHARDS, STREAM};
use crate::load::{Session, Shape, Workload};
use crate::process::{Running, free_port};

/// The broker, and something that prints its errors.
const JARS: &[&str] = &[
    "org.apache.kafka:kafka_2.13:4.4.0",
    "org.slf4j:slf4j-simple:1.7.36",
];
/// Any cluster's name will do.
const CLUSTER: &str = "bWlsbHJhY2UtYmVuY2gtMQ";
/// How long partitions may take until they have a leader.
const LEADERS: Duration = Duration::from_secs(30);

/// The rival.
pub struct Kafka {
    /// Whether it syncs before it acknowledges.
    pub durable: bool,
}

impl Contender for Kafka {
    fn about(&self) -> About {
        About {
            name: if self.durable {
                "Apache Kafka, flush 1"
            } else {
                "Apache Kafka"
            },
            durable: self.durable,
            signatures: false,
            kind: Kind::Log,
        }
    }

    fn install(&self, home: &Path) -> Result<()> {
        if Command::new("java").arg("-version").output().is_err() {
            bail!("Java is not here");
        }
        install::jars(home, "kafka", JARS)
    }

    fn command(&self, place: &Place) -> Result<Command> {
        let settings = self.settings(place)?;
        let done = java(place, &["-Xmx256m"])
            .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c"])
            .arg(&settings)
            .output()?;
        if !done.status.success() {
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            bail!(
                "it does not format its directory: {}",
                said.lines().last().unwrap_or_default()
            );
        }
        // The heap that its own start script gives it.
        let mut command = java(place, &["-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-server"]);
        command.arg("kafka.Kafka").arg(settings);
        Ok(command)
    }

    fn answers(&self, port: u16) -> bool {
        Connection::open(port).and_then(|mut c| c.hello()).is_ok()
    }

    fn prepare(&self, server: &Running) -> Result<()> {
        let mut connection = Connection::open(server.port)?;
        let begun = Instant::now();
        // A broker that just started may not take part in its own cluster yet.
        while let Err(error) = connection.create(STREAM, SHARDS as i32).and_then(|()| {
            let first = vec![("k".to_owned(), vec![0; Shape::BATCH.bytes])];
            let batches: Vec<_> = (0..SHARDS as i32).map(|p| (p, batch(&first, 0))).collect();
            connection.produce(&produce(STREAM, &batches))
        }) {
            if begun.elapsed() > LEADERS {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn puts(&self, server: &Running, shape: &Shape) -> Result<Box<dyn Workload>> {
        let (rng, now) = (SeededRng::new(1), SystemClock::new().now().0 as i64);
        let call = |call: usize| {
            let mut shares = vec![Vec::new(); SHARDS];
            for (at, record) in shape.records(&rng).into_iter().enumerate() {
                shares[(call + at) % SHARDS].push(record);
            }
            let shares = (0i32..).zip(shares).filter(|(_, share)| !share.is_empty());
            let batches: Vec<_> = shares.map(|(p, share)| (p, batch(&share, now))).collect();
            produce(STREAM, &batches)
        };
        Ok(Box::new(Puts {
            port: server.port,
            payload: shape.payload(),
            calls: (0..shape.variants()).map(call).collect(),
        }))
    }

    fn gets(&self, server: &Running) -> Result<Box<dyn Workload>> {
        Ok(Box::new(Gets(server.port)))
    }

    fn fan_out(&self, _: &Running, _: usize) -> Result<Option<FanOut>> {
        Ok(None)
    }
}

impl Kafka {
    fn settings(&self, place: &Place) -> Result<PathBuf> {
        let (port, controller) = (place.port, free_port()?);
        let flush = if self.durable {
            "log.flush.interval.messages=1\n"
        } else {
            ""
        };
        let settings = format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port}\ncontroller.listener.names=CONTROLLER\n\
             inter.broker.listener.name=PLAINTEXT\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
             log.dirs={}\noffsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\n\
             transaction.state.log.min.isr=1\n{flush}",
            place.data.join("log").display()
        );
        let file = place.data.join("server.properties");
        std::fs::write(&file, settings)?;
        Ok(file)
    }
}

fn java(place: &Place, options: &[&str]) -> Command {
    let mut command = Command::new("java");
    command
        .args(options)
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=error")
        .arg("-cp")
        .arg(place.home.join("kafka/libs/*"));
    command
}

struct Puts {
    port: u16,
    payload: u64,
    calls: Vec<Vec<u8>>,
}

impl Workload for Puts {
    fn open(&self, _: usize) -> Result<Box<dyn Session + '_>> {
        let connection = Connection::open(self.port)?;
        Ok(Box::new(Putting {
            connection,
            puts: self,
        }))
    }
}

struct Putting<'a> {
    connection: Connection,
    puts: &'a Puts,
}

impl Session for Putting<'_> {
    fn call(&mut self, at: u64) -> Result<u64> {
        let calls = &self.puts.calls;
        self.connection.produce(&calls[at as usize % calls.len()])?;
        Ok(self.puts.payload)
    }
}

struct Gets(u16);

impl Workload for Gets {
    fn open(&self, worker: usize) -> Result<Box<dyn Session + '_>> {
        Ok(Box::new(Getting {
            connection: Connection::open(self.0)?,
            partition: worker as i32,
            offset: 0,
        }))
    }
}

struct Getting {
    connection: Connection,
    partition: i32,
    offset: i64,
}

impl Session for Getting {
    fn call(&mut self, _: u64) -> Result<u64> {
        let (records, next) = self.connection.fetch(STREAM, self.partition, self.offset)?;
        self.offset = next;
        Ok(records * Shape::BATCH.bytes as u64)
    }
}
