//! Certificates: read from files or made here, replaced while connections go on.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use millrace_base::{Clock, Tasks};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::self_signed::{self, Authority};
use crate::config::TlsConfig;
use crate::limits::{PEM_BYTES_MAX, SELF_SIGNED_RENEW, TLS_POLL_EVERY};

/// Offered by ALPN; what the client then speaks is looked at all the same.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or has the wrong contents.
    #[error("cannot use {file}: {detail}")]
    File {
        /// Which file.
        file: String,
        /// Why.
        detail: String,
    },
    /// Certificate and key do not go together, or are of an unknown kind.
    #[error("the certificate {cert} and the key {key} cannot be used together: {detail}")]
    Pair {
        /// The certificate's file.
        cert: String,
        /// The key's file.
        key: String,
        /// Why.
        detail: String,
    },
    /// The local authority cannot make a certificate.
    #[error("the self-signed certificate cannot be made: {0}")]
    SelfSigned(String),
}

/// The certificate in use. New connections get the newest one.
#[derive(Debug)]
pub(crate) struct Certificates {
    origin: Origin,
    clock: Arc<dyn Clock>,
    current: RwLock<Arc<ServerConfig>>,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
enum Origin {
    Files { cert: PathBuf, key: PathBuf },
    Authority(Box<Authority>),
}

/// What the certificate in use was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Files([Option<(SystemTime, u64)>; 2]),
    Made(Duration),
}

impl Certificates {
    /// The configured ones; `None` where TLS is off. The authority of self-signed ones is kept in `data_dir`.
    ///
    /// # Errors
    /// [`TlsError`].
    pub(crate) fn open(
        config: &TlsConfig,
        data_dir: Option<&Path>,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Arc<Self>>, TlsError> {
        let origin = match (&config.cert, &config.key, data_dir) {
            (Some(cert), Some(key), _) => Origin::Files {
                cert: cert.clone(),
                key: key.clone(),
            },
            (_, _, Some(dir)) if config.self_signed => {
                let authority = Authority::open(&dir.join("tls"), &config.names, &*clock)?;
                Origin::Authority(Box::new(authority))
            }
            _ => return Ok(None),
        };
        let seen = origin.look(&*clock);
        let current = origin.load(&*clock)?;
        Ok(Some(Arc::new(Self {
            origin,
            clock,
            current: RwLock::new(current),
            seen: Mutex::new(seen),
        })))
    }

    /// For the next handshake.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The file clients must trust, where the certificate is self-signed.
    pub(crate) fn authority(&self) -> Option<&Path> {
        match &self.origin {
            Origin::Files { .. } => None,
            Origin::Authority(authority) => Some(&authority.path),
        }
    }

    /// Reads the certificate again, or makes a new one.
    ///
    /// # Errors
    /// [`TlsError`]; the certificate in use stays.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        // Looked at before it is read: a change in between is then seen by the next look.
        let seen = self.origin.look(&*self.clock);
        let next = self.origin.load(&*self.clock)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = next;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        tracing::info!("certificate loaded");
        Ok(())
    }

    /// Follows the files, and renews a self-signed certificate long before it ends.
    pub(crate) fn follow(self: &Arc<Self>, tasks: &Tasks) {
        let certificates = Arc::clone(self);
        tasks.spawn_until_stop(async move {
            loop {
                certificates.clock.sleep(TLS_POLL_EVERY).await;
                if certificates.is_stale()
                    && let Err(error) = certificates.reload()
                {
                    tracing::error!(%error, "the changed certificate is not used; the old one stays");
                    let seen = certificates.origin.look(&*certificates.clock);
                    // Said once for each change.
                    *certificates.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
                }
            }
        });
    }

    fn is_stale(&self) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match (seen, self.origin.look(&*self.clock)) {
            (Seen::Made(then), Seen::Made(now)) => now.saturating_sub(then) > SELF_SIGNED_RENEW,
            (seen, found) => seen != found,
        }
    }
}

impl Origin {
    fn look(&self, clock: &dyn Clock) -> Seen {
        let stamp = |path: &Path| {
            let meta = fs::metadata(path).ok()?;
            Some((meta.modified().ok()?, meta.len()))
        };
        match self {
            Self::Files { cert, key } => Seen::Files([stamp(cert), stamp(key)]),
            Self::Authority(_) => Seen::Made(clock.monotonic()),
        }
    }

    fn load(&self, clock: &dyn Clock) -> Result<Arc<ServerConfig>, TlsError> {
        match self {
            Self::Files { cert, key } => {
                let chain = CertificateDer::pem_slice_iter(&read(cert)?).collect::<Result<Vec<_>, _>>();
                let chain = chain.map_err(|error| refused(cert, &error))?;
                if chain.is_empty() {
                    return Err(refused(cert, &"it has no certificate in PEM form"));
                }
                let private =
                    PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| refused(key, &error))?;
                server_config(chain, private).map_err(|error| TlsError::Pair {
                    cert: cert.display().to_string(),
                    key: key.display().to_string(),
                    detail: error.to_string(),
                })
            }
            Self::Authority(authority) => {
                let self_signed::Issued { chain, key } = authority.issue(clock)?;
                server_config(chain, key).map_err(|error| TlsError::SelfSigned(error.to_string()))
            }
        }
    }
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider: Arc<CryptoProvider> = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = ALPN.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}

/// The contents of a small file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(PEM_BYTES_MAX).read_to_end(&mut bytes))
        .map_err(|error| refused(path, &error))?;
    Ok(bytes)
}

pub(super) fn refused(path: &Path, detail: &dyn std::fmt::Display) -> TlsError {
    TlsError::File {
        file: path.display().to_string(),
        detail: detail.to_string(),
    }
}
