//! Connections: opened over TCP or TLS, kept for the next call, dropped when they broke.

use std::fmt::Display;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use millrace_base::Tasks;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::limits::{CONNECT_TIME_MAX, IDLE_CONNECTIONS_MAX};
use super::{CallError, Endpoint, tls};

/// A connection that takes one request at a time.
pub(super) type Connection = SendRequest<Full<Bytes>>;

/// Makes and keeps connections to one endpoint.
pub(super) struct Connections {
    endpoint: Endpoint,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    idle: Mutex<Vec<Connection>>,
    tasks: Tasks,
}

impl Connections {
    pub(super) fn new(endpoint: Endpoint, ca: Option<&Path>, tasks: Tasks) -> Result<Self> {
        let tls = if endpoint.tls {
            let name = ServerName::try_from(endpoint.host.clone())?;
            Some((TlsConnector::from(tls::config(ca)?), name))
        } else {
            None
        };
        Ok(Self {
            endpoint,
            tls,
            idle: Mutex::default(),
            tasks,
        })
    }

    /// A connection that is ready for a request, and whether it was used before.
    pub(super) async fn take(&self) -> Result<(Connection, bool), CallError> {
        while let Some(mut connection) = self.pop() {
            if connection.ready().await.is_ok() {
                return Ok((connection, true));
            }
        }
        Ok((self.open().await?, false))
    }

    /// Keeps a connection whose last answer was read to its end.
    pub(super) fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_CONNECTIONS_MAX && !connection.is_closed() {
            idle.push(connection);
        }
    }

    pub(super) fn unreachable(&self, detail: impl Display) -> CallError {
        CallError::Unreachable {
            endpoint: self.endpoint.to_string(),
            detail: format!("{detail}"),
        }
    }

    fn pop(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    async fn open(&self) -> Result<Connection, CallError> {
        match tokio::time::timeout(CONNECT_TIME_MAX, self.dial()).await {
            Ok(connection) => connection,
            Err(_) => Err(self.unreachable(format_args!(
                "no connection after {} s",
                CONNECT_TIME_MAX.as_secs()
            ))),
        }
    }

    async fn dial(&self) -> Result<Connection, CallError> {
        let address = (self.endpoint.host.as_str(), self.endpoint.port);
        let tcp = TcpStream::connect(address)
            .await
            .map_err(|error| self.unreachable(error))?;
        // Requests are written whole; waiting for more to send only costs time.
        let _ = tcp.set_nodelay(true);
        match &self.tls {
            None => self.handshake(tcp).await,
            Some((connector, name)) => {
                let stream = connector
                    .connect(name.clone(), tcp)
                    .await
                    .map_err(|error| self.unreachable(error))?;
                self.handshake(stream).await
            }
        }
    }

    async fn handshake<S>(&self, stream: S) -> Result<Connection, CallError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (connection, driver) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.unreachable(error))?;
        self.tasks.spawn_until_stop(async move {
            // Its error reaches the request that was under way.
            let _ = driver.await;
        });
        Ok(connection)
    }
}

/// Shared by all clones of a client.
pub(super) type Shared = Arc<Connections>;
