//! The audit log: who changed or looked at what, one JSON text per line.
//!
//! Every call of a control plane leaves an entry, let in or refused; calls that carry records do not, they are
//! counted. An entry has the members of a CloudTrail record (CloudTrail User Guide, "Record contents"), so that what
//! reads those reads these. The file turns over by size and the oldest goes; a full queue makes control-plane calls
//! wait, never data.

mod entry;
mod writer;

pub(crate) use entry::{Asked, is_audited};

use std::path::Path;

use millrace_base::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::config::AuditConfig;
use crate::limits::AUDIT_QUEUE_MAX;
use writer::Writer;

/// What the thread is asked to do.
#[derive(Debug)]
enum Order {
    Write(Vec<u8>),
    /// To say when everything before is written.
    Flush(oneshot::Sender<()>),
}

/// Takes entries. Clones share the file.
#[derive(Clone, Debug)]
pub(crate) struct Audit {
    /// `None` where nothing is kept.
    orders: Option<mpsc::Sender<Order>>,
}

impl Audit {
    /// Keeps nothing.
    pub(crate) const fn off() -> Self {
        Self { orders: None }
    }

    /// Opens the log below `data_dir`, which is there. The thread that writes ends with the last clone, after
    /// everything is written.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) fn open(config: &AuditConfig, data_dir: Option<&Path>) -> std::io::Result<Self> {
        let Some(dir) = data_dir.filter(|_| config.enabled) else {
            return Ok(Self::off());
        };
        let mut writer = Writer::open(&dir.join("audit"), config.file_max.0, config.files_max)?;
        let (orders, mut queue) = mpsc::channel(AUDIT_QUEUE_MAX);
        millrace_base::tasks::thread("audit", move || {
            while let Some(order) = queue.blocking_recv() {
                match order {
                    // The call is answered already; the operator has to know.
                    Order::Write(line) => {
                        if let Err(error) = writer.write(&line) {
                            tracing::error!(%error, "an audit entry could not be written");
                        }
                    }
                    // Whoever waited may be gone.
                    Order::Flush(done) => drop(done.send(())),
                }
            }
        })?;
        Ok(Self { orders: Some(orders) })
    }

    /// Whether entries are kept.
    pub(crate) const fn is_on(&self) -> bool {
        self.orders.is_some()
    }

    /// Adds an entry; waits while the queue is full.
    pub(crate) async fn note(&self, asked: &Asked<'_>, now: Timestamp) {
        if let Some(orders) = &self.orders {
            // The thread only ends with the last sender.
            let _ = orders.send(Order::Write(asked.line(now))).await;
        }
    }

    /// Returns when every entry so far is with the operating system.
    pub(crate) async fn flush(&self) {
        if let Some(orders) = &self.orders {
            let (done, written) = oneshot::channel();
            let _ = orders.send(Order::Flush(done)).await;
            let _ = written.await;
        }
    }
}
