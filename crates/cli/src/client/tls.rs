//! Whom the client trusts: the certificates of `AWS_CA_BUNDLE`, else of `SSL_CERT_FILE`, else of the system.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
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

/// A TLS configuration that trusts `bundle`, or what the environment says.
pub(super) fn config(bundle: Option<&Path>) -> Result<Arc<ClientConfig>> {
    let bundle = match bundle {
        Some(path) => path.to_owned(),
        None => default_bundle()?,
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(&bundle)
        .with_context(|| format!("cannot read the certificates in {}", bundle.display()))?;
    for certificate in certificates {
        let certificate = certificate.with_context(|| format!("{} is no PEM file", bundle.display()))?;
        // One certificate that rustls does not like must not make the others useless.
        let _ = roots.add(certificate);
    }
    if roots.is_empty() {
        bail!(
            "{} has no certificate that can be trusted: name a PEM file with --ca",
            bundle.display()
        );
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS cannot be set up")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn default_bundle() -> Result<PathBuf> {
    for name in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        if let Some(path) = std::env::var_os(name).filter(|path| !path.is_empty()) {
            return Ok(path.into());
        }
    }
    let found = BUNDLES.iter().map(Path::new).find(|path| path.exists());
    found
        .map(Path::to_owned)
        .context("no trusted certificates are known: name a PEM file with --ca or AWS_CA_BUNDLE")
}
