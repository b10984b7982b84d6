//! A running server: started, told to stop, awaited.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use millrace_base::{Clock, Rng, SystemClock, SystemRng, Tasks};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::audit::Audit;
use crate::auth::Authenticator;
use crate::body::Bodies;
use crate::config::{Config, ConfigError};
use crate::edge::Edge;
use crate::limits::GOODBYE_PATIENCE;
use crate::listener::{Certificates, Gate, Listener, TlsError};
use crate::metrics::Metrics;
use crate::readiness::{Phase, Readiness};
use crate::supervisor::{OpenError, Supervisor};
use crate::traces::{Traces, TracesError};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings do not go together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The port cannot be had.
    #[error(
        "cannot listen on {listen}: {source}. Choose another address with server.listen, or stop what uses it"
    )]
    Listen {
        /// The configured address.
        listen: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Traces.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// No certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// An engine or a service.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// A server. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Server {
    local_addr: SocketAddr,
    tls: Option<Arc<Certificates>>,
    stop: CancellationToken,
    stopped: watch::Receiver<bool>,
}

/// What the shutdown needs.
struct Running {
    edge: Arc<Edge>,
    gate: Arc<Gate>,
    /// The listener and the certificates' follower.
    front: Tasks,
    supervisor: Supervisor,
    drain: std::time::Duration,
}

impl Server {
    /// Binds the port, opens engines and services, and answers calls when it returns. Health checks are answered from
    /// the first moment on.
    ///
    /// # Errors
    /// [`StartError`]; everything that was opened is closed again.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let rng: Arc<dyn Rng> = Arc::new(SystemRng);
        config.check()?;
        let tls = Certificates::open(&config.tls, config.storage.dir(), Arc::clone(&clock))?;
        let refused = |source| StartError::Listen {
            listen: config.server.listen.clone(),
            source,
        };
        let listener = Listener::bind(&config, tls.clone()).await.map_err(refused)?;
        let local_addr = listener.local_addr().map_err(refused)?;
        let gate = listener.gate();
        let edge = Arc::new(Edge {
            clock: Arc::clone(&clock),
            rng: Arc::clone(&rng),
            metrics: Arc::new(Metrics::default()),
            readiness: Readiness::new(),
            auth: Authenticator::new(&config.auth),
            traces: Traces::open(&config.traces)?,
            audit: OnceLock::new(),
            bodies: Bodies::new(&config.server),
            services: OnceLock::new(),
            draining: CancellationToken::new(),
        });
        let front = Tasks::new();
        front.spawn_until_stop(listener.run(Arc::clone(&edge)));
        let audit = Audit::open(&config.audit, config.storage.dir()).map_err(|source| OpenError::Directory {
            dir: config.storage.data_dir.display().to_string(),
            source,
        });
        let opened = match audit {
            Ok(audit) => Supervisor::open(&config, &clock, &rng)
                .await
                .map(|(supervisor, services)| (supervisor, services, audit)),
            Err(error) => Err(error),
        };
        let (supervisor, services, audit) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                front.stop();
                gate.connections.stop();
                gate.cut.cancel();
                return Err(error.into());
            }
        };
        // Set once, here.
        let _ = edge.audit.set(audit);
        let _ = edge.services.set(services);
        edge.readiness.follow(supervisor.control());
        edge.readiness.enter(Phase::Running);
        if let Some(tls) = &tls {
            tls.follow(&front);
        }
        tracing::info!(%local_addr, tls = tls.is_some(), "listening");
        let running = Running {
            edge,
            gate,
            front,
            supervisor,
            drain: config.server.drain,
        };
        let stop = CancellationToken::new();
        let stopped = running.stop_on(stop.clone());
        Ok(Self {
            local_addr,
            tls,
            stop,
            stopped,
        })
    }

    /// Where it listens, with the port it was given.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The file that clients must trust, where the certificate is self-signed.
    #[must_use]
    pub fn certificate_authority(&self) -> Option<PathBuf> {
        Some(self.tls.as_ref()?.authority()?.to_owned())
    }

    /// Reads the TLS certificate again; connections that are open keep the old one. Nothing happens without TLS.
    ///
    /// # Errors
    /// [`TlsError`]; the certificate in use stays.
    pub fn reload_tls(&self) -> Result<(), TlsError> {
        self.tls.as_ref().map_or(Ok(()), |tls| tls.reload())
    }

    /// Begins to stop and returns at once: no new connections, calls under way are answered, pushes end.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Completes when everything is closed after [`Server::stop`].
    pub async fn join(&self) {
        let mut stopped = self.stopped.clone();
        // An error means that the shutdown is gone, and with it the runtime.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Running {
    /// Shuts down when told to; the receiver turns true when all is closed.
    fn stop_on(self, stop: CancellationToken) -> watch::Receiver<bool> {
        let (done, stopped) = watch::channel(false);
        Tasks::new().spawn(async move {
            stop.cancelled().await;
            self.shut_down().await;
            done.send_replace(true);
        });
        stopped
    }

    async fn shut_down(self) {
        tracing::info!("stopping");
        self.edge.readiness.enter(Phase::Draining);
        self.edge.draining.cancel();
        self.front.drain(GOODBYE_PATIENCE).await;
        if !self.gate.connections.drain(self.drain).await {
            let left = self.gate.connections.running();
            tracing::warn!(
                left,
                "calls were still under way after server.drain_secs and are cut"
            );
            self.gate.cut.cancel();
            self.gate.connections.drain(GOODBYE_PATIENCE).await;
        }
        self.supervisor.close().await;
        self.edge.traces.close().await;
        if let Some(audit) = self.edge.audit.get() {
            audit.flush().await;
        }
        tracing::info!("stopped");
    }
}
