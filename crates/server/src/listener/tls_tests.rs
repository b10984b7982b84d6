//! Certificates: made, kept, replaced, refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use millrace_base::{Clock, ManualClock, Tasks, Timestamp};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

use super::tls::Certificates;
use crate::config::TlsConfig;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn clock() -> (ManualClock, Arc<dyn Clock>) {
    let clock = ManualClock::new(NOW);
    (clock.clone(), Arc::new(clock))
}

fn self_signed(dir: &Path, clock: Arc<dyn Clock>) -> Arc<Certificates> {
    let config = TlsConfig {
        self_signed: true,
        names: vec!["streams.example".to_owned(), "10.1.2.3".to_owned()],
        ..TlsConfig::default()
    };
    Certificates::open(&config, Some(dir), clock).unwrap().unwrap()
}

/// The server's certificate as a client that trusts `ca` and wants `name` gets it.
fn handshake(server: Arc<ServerConfig>, ca: &Path, name: &str) -> Result<CertificateDer<'static>, String> {
    #[derive(Debug)]
    struct At(u64);
    impl rustls::time_provider::TimeProvider for At {
        fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
            Some(rustls::pki_types::UnixTime::since_unix_epoch(
                Duration::from_secs(self.0),
            ))
        }
    }
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_details(provider, Arc::new(At(NOW.seconds())))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server.process_new_packets().map_err(|error| error.to_string())?;
        bytes.clear();
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client.process_new_packets().map_err(|error| error.to_string())?;
    }
    Ok(client.peer_certificates().unwrap()[0].clone().into_owned())
}

#[test]
fn a_self_signed_certificate_is_trusted_through_its_kept_authority() {
    let dir = tempfile::tempdir().unwrap();
    let certificates = self_signed(dir.path(), clock().1);
    let ca = dir.path().join("tls/ca.pem");
    assert_eq!(certificates.authority(), Some(ca.as_path()));
    for name in ["localhost", "127.0.0.1", "::1", "streams.example", "10.1.2.3"] {
        handshake(certificates.current(), &ca, name).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    assert!(handshake(certificates.current(), &ca, "other.example").is_err());
    let mode = fs::metadata(dir.path().join("tls/ca.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0);

    let before = fs::read(&ca).unwrap();
    let again = self_signed(dir.path(), clock().1);
    assert_eq!(fs::read(&ca).unwrap(), before);
    handshake(again.current(), &ca, "localhost").unwrap();
    // Whoever lost the certificate gets one for the same key.
    fs::rename(&ca, dir.path().join("old.pem")).unwrap();
    let restored = self_signed(dir.path(), clock().1);
    handshake(restored.current(), &dir.path().join("old.pem"), "localhost").unwrap();
    handshake(restored.current(), &ca, "localhost").unwrap();
}

#[test]
fn damaged_authorities_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("tls")).unwrap();
    fs::write(dir.path().join("tls/ca.key"), b"nothing").unwrap();
    let config = TlsConfig {
        self_signed: true,
        ..TlsConfig::default()
    };
    let error = Certificates::open(&config, Some(dir.path()), clock().1).unwrap_err();
    assert!(error.to_string().contains("ca.key"), "{error}");
}

fn files(dir: &Path) -> TlsConfig {
    TlsConfig {
        cert: Some(dir.join("cert.pem")),
        key: Some(dir.join("key.pem")),
        ..TlsConfig::default()
    }
}

fn write_pair(dir: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
    made.cert.der().clone()
}

#[test]
fn files_are_read_again_and_bad_ones_leave_the_old_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let first = write_pair(dir.path());
    let cert = dir.path().join("cert.pem");
    let certificates = Certificates::open(&files(dir.path()), None, clock().1)
        .unwrap()
        .unwrap();
    assert_eq!(
        handshake(certificates.current(), &cert, "localhost").unwrap(),
        first
    );
    let second = write_pair(dir.path());
    certificates.reload().unwrap();
    assert_eq!(
        handshake(certificates.current(), &cert, "localhost").unwrap(),
        second
    );
    let good = fs::read(&cert).unwrap();
    for (bad, expected) in [
        (&b""[..], "no certificate"),
        (
            b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
            "cert.pem",
        ),
    ] {
        fs::write(&cert, bad).unwrap();
        let error = certificates.reload().unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("cert.pem"), "{error}");
    }
    fs::write(&cert, &good).unwrap();
    fs::write(
        dir.path().join("key.pem"),
        rcgen::KeyPair::generate().unwrap().serialize_pem(),
    )
    .unwrap();
    let error = certificates.reload().unwrap_err().to_string();
    assert!(error.contains("cannot be used together"), "{error}");
    assert_eq!(
        handshake(certificates.current(), &cert, "localhost").unwrap(),
        second
    );
}

#[tokio::test]
async fn a_changed_file_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    write_pair(dir.path());
    let (hands, clock) = clock();
    let certificates = Certificates::open(&files(dir.path()), None, clock)
        .unwrap()
        .unwrap();
    let tasks = Tasks::new();
    certificates.follow(&tasks);
    let second = write_pair(dir.path());
    // The length may be the same and the clock of a file system is coarse.
    let later = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    fs::File::options()
        .write(true)
        .open(dir.path().join("cert.pem"))
        .unwrap()
        .set_modified(later)
        .unwrap();
    let begun = certificates.current();
    for _ in 0..100 {
        hands.advance(crate::limits::TLS_POLL_EVERY);
        tokio::task::yield_now().await;
        if !Arc::ptr_eq(&begun, &certificates.current()) {
            break;
        }
    }
    let cert = dir.path().join("cert.pem");
    assert_eq!(
        handshake(certificates.current(), &cert, "localhost").unwrap(),
        second
    );
    assert!(tasks.drain(Duration::from_secs(5)).await);
}
