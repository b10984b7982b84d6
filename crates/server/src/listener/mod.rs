//! The one port: bounded connections, clear text and TLS side by side, HTTP/1.1 and HTTP/2, graceful drain.

mod activity;
mod connection;
mod places;
mod self_signed;
mod tls;
#[cfg(test)]
mod tls_tests;
mod transport;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use millrace_base::Tasks;
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::edge::Edge;
use crate::limits;
use crate::metrics::Metrics;

pub(crate) use activity::CallGuard;
use activity::Patience;
pub(crate) use connection::Peer;
pub(crate) use tls::Certificates;
pub use tls::TlsError;

/// To a client beyond the bound on connections.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/x-amz-json-1.1\r\n\
content-length: 100\r\nretry-after: 1\r\nconnection: close\r\n\r\n\
{\"__type\":\"ServiceUnavailable\",\"message\":\"Too many connections: see server.connections_max. Retry.\"}";
/// To a client that speaks clear text where TLS is required.
const TLS_ONLY: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 30\r\nconnection: close\r\n\r\n\
This port needs TLS: https://\n";

/// What connections share, besides what they serve.
#[derive(Debug)]
pub(crate) struct Gate {
    /// Every connection and HTTP/2 stream; told to stop, they finish what is under way.
    pub(crate) connections: Tasks,
    /// Ends them at once.
    pub(crate) cut: CancellationToken,
    pub(crate) tls: Option<Arc<Certificates>>,
    tls_required: bool,
    patience: Patience,
}

/// A bound port.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    gate: Arc<Gate>,
    connections_max: usize,
    h2_streams_max: u32,
}

impl Listener {
    /// Binds the configured address.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) async fn bind(config: &Config, tls: Option<Arc<Certificates>>) -> io::Result<Self> {
        let server = &config.server;
        let nothing = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let address = lookup_host(&server.listen).await?.next().ok_or_else(nothing)?;
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        // Otherwise a restart would wait for the old connections' last minute.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let gate = Gate {
            connections: Tasks::new(),
            cut: CancellationToken::new(),
            tls,
            tls_required: config.tls.required,
            patience: Patience {
                header: server.header_timeout,
                idle: server.idle_timeout,
                write: server.body_timeout,
            },
        };
        Ok(Self {
            socket: socket.listen(limits::BACKLOG)?,
            gate: Arc::new(gate),
            connections_max: places::places(server.connections_max),
            h2_streams_max: server.h2_streams_max,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// What its connections share.
    pub(crate) fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.gate)
    }

    /// Accepts connections until the future is dropped.
    pub(crate) async fn run(self, edge: Arc<Edge>) {
        let http = Arc::new(connection::http(&self.gate, self.h2_streams_max));
        let room = Arc::new(Semaphore::new(self.connections_max));
        let mut failing = false;
        loop {
            let stream = match self.socket.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    if !failing {
                        tracing::warn!(%error, "cannot accept connections: is the limit of open files too low?");
                    }
                    failing = true;
                    edge.clock.sleep(limits::ACCEPT_PAUSE).await;
                    continue;
                }
            };
            failing = false;
            edge.metrics.counters.connections_total.add(1);
            match Arc::clone(&room).try_acquire_owned() {
                Ok(place) => self.start(&edge, &http, stream, place),
                Err(_) => {
                    edge.metrics.counters.connections_refused.add(1);
                    turn_away(stream);
                }
            }
        }
    }

    fn start(
        &self,
        edge: &Arc<Edge>,
        http: &Arc<hyper_util::server::conn::auto::Builder<connection::StreamTasks>>,
        stream: TcpStream,
        place: OwnedSemaphorePermit,
    ) {
        let (gate, edge, http) = (Arc::clone(&self.gate), Arc::clone(edge), Arc::clone(http));
        let counted = Counted::new(Arc::clone(&edge.metrics), place);
        self.gate.connections.spawn(async move {
            connection::serve(gate, edge, http, stream).await;
            drop(counted);
        });
    }
}

/// A connection's place and its part of the gauge; given back even by a task that panics.
struct Counted(
    Arc<Metrics>,
    #[expect(dead_code, reason = "held")] OwnedSemaphorePermit,
);

impl Counted {
    fn new(metrics: Arc<Metrics>, place: OwnedSemaphorePermit) -> Self {
        metrics.counters.connections.up();
        Self(metrics, place)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.counters.connections.down();
    }
}

/// Says why and closes; never waits.
fn turn_away(stream: TcpStream) {
    // The socket's buffer is empty, so this write does not block; the client may be gone, which is fine too.
    if let Ok(mut stream) = stream.into_std() {
        let _ = stream.write(FULL);
        let _ = stream.shutdown(std::net::Shutdown::Write);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canned_answers_have_their_length() {
        for answer in [FULL, TLS_ONLY] {
            let text = std::str::from_utf8(answer).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(
                head.contains(&format!("content-length: {}\r\n", body.len())),
                "{}: {text}",
                body.len()
            );
        }
    }
}
