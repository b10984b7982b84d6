//! A local certificate authority, made at the first start and kept: clients trust `ca.pem` once.
//!
//! Only the authority is kept (`ca.pem`, and `ca.key`, which only the owner can read). The server's certificate lives
//! in memory and is made anew at every start, so that it never expires on a disk.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use millrace_base::Clock;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use ring::digest::{SHA256, digest};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::tls::{TlsError, read, refused};
use crate::limits::{SELF_SIGNED_CA_LIFE, SELF_SIGNED_LIFE};

/// Names every self-signed certificate is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// Certificates begin a day early, for clients whose clock is behind.
const EARLY: Duration = Duration::from_secs(24 * 3600);

/// The authority.
#[derive(Debug)]
pub(super) struct Authority {
    /// Its certificate, for clients.
    pub(super) path: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    names: Vec<String>,
}

/// A certificate of the authority with its key.
pub(super) struct Issued {
    /// The certificate alone: clients have the authority's.
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Authority {
    /// The authority kept in `dir`; made if there is none.
    pub(super) fn open(dir: &Path, names: &[String], clock: &dyn Clock) -> Result<Self, TlsError> {
        let (path, key_path) = (dir.join("ca.pem"), dir.join("ca.key"));
        let key = if key_path.exists() {
            let pem = String::from_utf8(read(&key_path)?).map_err(|error| refused(&key_path, &error))?;
            KeyPair::from_pem(&pem).map_err(|error| refused(&key_path, &error))?
        } else {
            let key = KeyPair::generate().map_err(failed)?;
            fs::create_dir_all(dir).map_err(|error| refused(dir, &error))?;
            write(&key_path, &key.serialize_pem(), 0o600)?;
            key
        };
        let params = authority_params(&key, clock);
        // A crash may have left the key alone; the certificate of a key is always made alike.
        if !path.exists() {
            let certificate = params.self_signed(&key).map_err(failed)?;
            write(&path, &certificate.pem(), 0o644)?;
        }
        Ok(Self {
            path,
            issuer: Issuer::new(params, key),
            names: names.to_vec(),
        })
    }

    /// A fresh certificate for this machine.
    pub(super) fn issue(&self, clock: &dyn Clock) -> Result<Issued, TlsError> {
        let names: Vec<String> = NAMES
            .iter()
            .map(|name| (*name).to_owned())
            .chain(self.names.iter().cloned())
            .collect();
        let mut params = CertificateParams::new(names).map_err(failed)?;
        params.distinguished_name = named("Millrace");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        live(&mut params, clock, SELF_SIGNED_LIFE);
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Issued {
            chain: vec![certificate.der().clone()],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        })
    }
}

/// The name comes from the key, so that it is the same at every start and two authorities never share one.
fn authority_params(key: &KeyPair, clock: &dyn Clock) -> CertificateParams {
    let print = digest(&SHA256, key.public_key_raw());
    let short: String = print
        .as_ref()
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut params = CertificateParams::default();
    params.distinguished_name = named(&format!("Millrace local authority {short}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    live(&mut params, clock, SELF_SIGNED_CA_LIFE);
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn live(params: &mut CertificateParams, clock: &dyn Clock, life: Duration) {
    let epoch = date_time_ymd(1970, 1, 1);
    let now = Duration::from_secs(clock.now().seconds());
    params.not_before = epoch + now.saturating_sub(EARLY);
    params.not_after = epoch + now + life;
}

/// Writes a file as a whole: it is there complete or not at all.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), TlsError> {
    let staging = path.with_extension("new");
    let written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&staging)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&staging, path));
    written.map_err(|error| refused(path, &error))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn failed(error: rcgen::Error) -> TlsError {
    TlsError::SelfSigned(error.to_string())
}
