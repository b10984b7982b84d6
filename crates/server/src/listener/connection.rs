//! One connection, from its first byte to its last.
//!
//! The first byte tells TLS (0x16, a handshake record; RFC 8446 5.1) from clear text; HTTP/2's preface is then looked
//! for in the decrypted bytes, whatever ALPN said, because the AWS SDK for Java sends no ALPN and speaks HTTP/2.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;

use http::Version;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::activity::{Activity, Verdict};
use super::transport::{Channel, Transport};
use super::{Gate, limits};
use crate::edge::{self, Edge};

/// First byte of a TLS connection: the content type of a handshake record.
const TLS_HANDSHAKE: u8 = 0x16;

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// Its address, if it had one when it was looked at. What headers say of addresses is not believed.
    pub(crate) address: Option<IpAddr>,
    /// Whether it speaks TLS.
    pub(crate) secure: bool,
}

/// Runs HTTP/2's streams as tasks that are cut with their server.
#[derive(Clone)]
pub(super) struct StreamTasks(pub(super) Arc<Gate>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for StreamTasks {
    fn execute(&self, task: F) {
        let gate = Arc::clone(&self.0);
        self.0.connections.spawn(async move {
            tokio::select! {
                () = gate.cut.cancelled() => {}
                () = task => {}
            }
        });
    }
}

/// HTTP as this server speaks it.
pub(super) fn http(gate: &Arc<Gate>, h2_streams_max: u32) -> Builder<StreamTasks> {
    let mut builder = Builder::new(StreamTasks(Arc::clone(gate)));
    // Heads are timed by `Activity`, which tells a slow head from an idle connection.
    builder
        .http1()
        .max_buf_size(limits::H1_BUFFER_BYTES_MAX)
        .max_headers(limits::H1_HEADERS_MAX)
        .header_read_timeout(None);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(h2_streams_max)
        .max_header_list_size(limits::H2_HEADER_LIST_BYTES_MAX)
        .max_frame_size(limits::H2_FRAME_BYTES_MAX)
        .initial_stream_window_size(limits::H2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(limits::H2_CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(limits::H2_SEND_BUFFER_BYTES_MAX)
        .max_pending_accept_reset_streams(limits::H2_PENDING_RESETS_MAX)
        .max_local_error_reset_streams(limits::H2_LOCAL_RESETS_MAX)
        .keep_alive_interval(limits::H2_PING_EVERY)
        .keep_alive_timeout(limits::H2_PING_PATIENCE);
    builder
}

/// Serves one connection until it ends, is cut, or the server drains.
pub(super) async fn serve(
    gate: Arc<Gate>,
    edge: Arc<Edge>,
    http: Arc<Builder<StreamTasks>>,
    stream: TcpStream,
) {
    // A client that is gone already has no address any more, and asks for nothing.
    let address = stream.peer_addr().ok().map(|address| address.ip());
    let opening = tokio::time::timeout(gate.patience.header, open(&gate, stream));
    let channel = tokio::select! {
        () = gate.connections.stopping() => return,
        opened = opening => opened,
    };
    match channel {
        Ok(Ok(channel)) => {
            let peer = Peer {
                address,
                secure: matches!(channel, Channel::Tls(_)),
            };
            converse(gate, edge, http, (channel, peer)).await;
        }
        Ok(Err(reason)) => {
            edge.metrics.counters.connections_failed.add(1);
            tracing::debug!(%reason, "connection ended before its first request");
        }
        Err(_) => {
            edge.metrics.counters.connections_slow.add(1);
            tracing::debug!("connection ended: nothing came");
        }
    }
}

/// Tells TLS from clear text and shakes hands.
async fn open(gate: &Gate, mut stream: TcpStream) -> Result<Channel, String> {
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let mut first = [0];
    let found = stream.peek(&mut first).await.map_err(|error| error.to_string())?;
    if found == 0 {
        return Err("closed by the client".to_owned());
    }
    let config = gate.tls.as_ref().map(|tls| tls.current());
    if first == [TLS_HANDSHAKE] {
        let config = config.ok_or("TLS is not configured, but the client speaks it")?;
        let handshake = TlsAcceptor::from(config).accept(stream).await;
        let stream = handshake.map_err(|error| format!("TLS handshake: {error}"))?;
        return Ok(Channel::Tls(Box::new(stream)));
    }
    if gate.tls_required {
        // The client may be gone; nothing else can be done for it.
        let _ = stream.write_all(super::TLS_ONLY).await;
        return Err("clear text, but TLS is required".to_owned());
    }
    Ok(Channel::Clear(stream))
}

async fn converse(
    gate: Arc<Gate>,
    edge: Arc<Edge>,
    http: Arc<Builder<StreamTasks>>,
    (channel, peer): (Channel, Peer),
) {
    let activity = Arc::new(Activity::new(Arc::clone(&edge.clock)));
    let transport = Transport::new(
        channel,
        Arc::clone(&activity),
        Arc::clone(&edge.clock),
        gate.patience.write,
    );
    let service = service_fn(|request: http::Request<Incoming>| {
        let call = activity.call(request.version() == Version::HTTP_2);
        let edge = Arc::clone(&edge);
        async move { Ok::<_, Infallible>(edge::handle(edge, request, peer, call).await) }
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(transport), service));
    let mut look = edge.clock.sleep(gate.patience.header);
    let mut leaving = false;
    loop {
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result
                    && !leaving
                {
                    edge.metrics.counters.connections_failed.add(1);
                    tracing::debug!(%error, "connection ended badly");
                }
                return;
            }
            () = gate.connections.stopping(), if !leaving => {
                leaving = true;
                connection.as_mut().graceful_shutdown();
            }
            () = gate.cut.cancelled() => return,
            () = &mut look => match activity.verdict(&gate.patience) {
                Verdict::Wait(time) => look = edge.clock.sleep(time),
                Verdict::TooSlow => {
                    edge.metrics.counters.connections_slow.add(1);
                    return;
                }
                // Said goodbye already, and the client does not hang up.
                Verdict::Idle if leaving => return,
                Verdict::Idle => {
                    leaving = true;
                    connection.as_mut().graceful_shutdown();
                    look = edge.clock.sleep(limits::GOODBYE_PATIENCE);
                }
            },
        }
    }
}
