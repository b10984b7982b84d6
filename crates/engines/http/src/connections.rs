//! Connections: opened over TCP or TLS, kept for the next call, dropped when they broke.

use std::fmt::{self, Display};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use millrace_base::Tasks;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::limits::{CONNECT_TIME_MAX, IDLE_CONNECTIONS_MAX};
use crate::{Endpoint, TrustError, tls};

/// A connection that takes one request at a time.
pub type Connection = SendRequest<Full<Bytes>>;

/// There is no connection, or it broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot reach {endpoint}: {detail}")]
pub struct Unreachable {
    /// Where.
    pub endpoint: String,
    /// The operating system's or TLS's words.
    pub detail: String,
}

/// Why an answer was not read to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The connection broke.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// It is longer than this many bytes.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

/// Makes and keeps connections to one endpoint.
pub struct Connections {
    endpoint: Endpoint,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    idle: Mutex<Vec<Connection>>,
    tasks: Tasks,
}

impl Connections {
    /// Connections to `endpoint`, which are driven by `tasks`. Where that is over TLS, the certificates in the PEM file
    /// `bundle` are trusted.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn new(endpoint: Endpoint, bundle: Option<&Path>, tasks: Tasks) -> Result<Self, TrustError> {
        let tls = if endpoint.tls {
            let name = ServerName::try_from(endpoint.host.clone());
            let name = name.map_err(|_| TrustError::BadName(endpoint.host.clone()))?;
            let config = tls::config(bundle.ok_or(TrustError::NoBundle)?)?;
            Some((TlsConnector::from(config), name))
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

    /// Where they lead.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends a request and waits for the head of the answer. `request` makes it, again where a kept connection turns out
    /// to be closed. The connection comes with the answer, which it carries.
    ///
    /// # Errors
    /// [`Unreachable`], and those of `request`.
    pub async fn exchange<E: From<Unreachable>>(
        &self,
        request: impl Fn() -> Result<Request<Full<Bytes>>, E>,
    ) -> Result<(Response<Incoming>, Connection), E> {
        loop {
            let (mut connection, reused) = self.take().await?;
            match connection.send_request(request()?).await {
                Ok(response) => return Ok((response, connection)),
                // The server closed it while it was idle: the request never got there.
                Err(error) if reused && error.is_canceled() => {}
                Err(error) => return Err(self.unreachable(error).into()),
            }
        }
    }

    /// Reads an answer of at most `bytes_max` to its end, and keeps the connection for the next call.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn read(
        &self,
        mut body: Incoming,
        connection: Connection,
        bytes_max: usize,
    ) -> Result<Bytes, ReadError> {
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| self.unreachable(error))?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > bytes_max {
                return Err(ReadError::TooLong(bytes_max));
            }
            bytes.extend_from_slice(&data);
        }
        self.give_back(connection);
        Ok(bytes.freeze())
    }

    /// A connection that is ready for a request, and whether it was used before.
    async fn take(&self) -> Result<(Connection, bool), Unreachable> {
        while let Some(mut connection) = self.pop() {
            if connection.ready().await.is_ok() {
                return Ok((connection, true));
            }
        }
        Ok((self.open().await?, false))
    }

    /// Keeps a connection whose last answer was read to its end.
    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_CONNECTIONS_MAX && !connection.is_closed() {
            idle.push(connection);
        }
    }

    /// What a broken connection is told as.
    fn unreachable(&self, detail: impl Display) -> Unreachable {
        Unreachable {
            endpoint: self.endpoint.to_string(),
            detail: detail.to_string(),
        }
    }

    fn pop(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    async fn open(&self) -> Result<Connection, Unreachable> {
        match tokio::time::timeout(CONNECT_TIME_MAX, self.dial()).await {
            Ok(connection) => connection,
            Err(_) => Err(self.unreachable(format_args!(
                "no connection after {} s",
                CONNECT_TIME_MAX.as_secs()
            ))),
        }
    }

    async fn dial(&self) -> Result<Connection, Unreachable> {
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

    async fn handshake<S>(&self, stream: S) -> Result<Connection, Unreachable>
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

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connections({})", self.endpoint)
    }
}
