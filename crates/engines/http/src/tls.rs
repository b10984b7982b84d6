//! Whom connections trust.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Where systems keep their bundle of trusted certificates.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
];

/// Why nobody can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// No bundle is named, and the system has none.
    #[error("no trusted certificates are known")]
    NoBundle,
    /// The bundle cannot be read.
    #[error("cannot read the certificates in {path}: {detail}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        detail: String,
    },
    /// The bundle has none that can be trusted.
    #[error("{0} has no certificate that can be trusted")]
    Empty(String),
    /// The host's name cannot be in a certificate.
    #[error("{0} is no name that a certificate can be for")]
    BadName(String),
    /// TLS itself cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// The bundle of trusted certificates: what the first of these environment variables that is set names, else the
/// system's.
#[must_use]
pub fn bundle(variables: &[&str]) -> Option<PathBuf> {
    let set = |name: &&str| std::env::var_os(name).filter(|path| !path.is_empty());
    let named = variables.iter().find_map(set).map(PathBuf::from);
    named.or_else(|| BUNDLES.iter().map(PathBuf::from).find(|path| path.exists()))
}

/// A TLS configuration that trusts the certificates in a PEM file.
///
/// # Errors
/// [`TrustError`].
pub fn config(bundle: &Path) -> Result<Arc<ClientConfig>, TrustError> {
    let path = || bundle.display().to_string();
    let unreadable = |error: rustls::pki_types::pem::Error| TrustError::Unreadable {
        path: path(),
        detail: error.to_string(),
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(bundle).map_err(unreadable)? {
        // One certificate that rustls does not like must not make the others useless.
        let _ = roots.add(certificate.map_err(unreadable)?);
    }
    if roots.is_empty() {
        return Err(TrustError::Empty(path()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TrustError::Setup(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
