//! GetRecords: every worker reads a shard from its start.

use anyhow::{Context, Result, bail};

use super::{Requests, STREAM, text_after};
use crate::client::http1::Connection;
use crate::load::{Session, Workload};

/// Reads of the stream under load, whose records all have so many bytes of data.
pub struct Gets {
    port: u16,
    record_bytes: u64,
}

impl Gets {
    /// From a server.
    pub fn new(port: u16, record_bytes: u64) -> Self {
        Self { port, record_bytes }
    }
}

impl Workload for Gets {
    fn open(&self, worker: usize) -> Result<Box<dyn Session + '_>> {
        let (mut connection, requests) = (Connection::open(self.port)?, Requests::new(self.port));
        let body = format!(
            r#"{{"StreamName":"{STREAM}","ShardId":"shardId-{worker:012}","ShardIteratorType":"TRIM_HORIZON"}}"#
        );
        let (status, answer) = connection.call(&requests.json("GetShardIterator", &body))?;
        let iterator = text_after(answer, b"\"ShardIterator\":\"");
        let iterator = iterator.with_context(|| format!("GetShardIterator: {status}"))?;
        Ok(Box::new(Getting {
            connection,
            requests,
            iterator: Some(iterator),
            record_bytes: self.record_bytes,
        }))
    }
}

struct Getting {
    connection: Connection,
    requests: Requests,
    iterator: Option<String>,
    record_bytes: u64,
}

impl Session for Getting {
    fn call(&mut self, _: u64) -> Result<u64> {
        let Some(iterator) = self.iterator.take() else {
            return Ok(0);
        };
        let body = format!(r#"{{"ShardIterator":"{iterator}"}}"#);
        let (status, answer) = self.connection.call(&self.requests.json("GetRecords", &body))?;
        if status != 200 {
            bail!("GetRecords: {status} {}", String::from_utf8_lossy(answer));
        }
        self.iterator = text_after(answer, b"\"NextShardIterator\":\"");
        let records = memchr::memmem::find_iter(answer, b"\"SequenceNumber\"").count();
        Ok(records as u64 * self.record_bytes)
    }
}
