//! `[tls]`: certificates.

use std::path::PathBuf;

use super::error::ConfigError;
use super::keys::{Key, Kind};
use super::values::Values;

/// The section. Clear text and TLS share the port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// PEM file of the certificate chain, the server's own first.
    pub cert: Option<PathBuf>,
    /// PEM file of its private key.
    pub key: Option<PathBuf>,
    /// Use a certificate of a local authority that is made at the first start.
    pub self_signed: bool,
    /// Names and addresses of a self-signed certificate besides localhost and loopback.
    pub names: Vec<String>,
    /// Refuse clear text.
    pub required: bool,
}

static CERT: Key = Key {
    name: "tls.cert",
    env: "MILLRACE_TLS_CERT",
    default: "",
    kind: Kind::Text,
    doc: "PEM file of the certificate chain, the server's own certificate first. It is read again on SIGHUP and \
          when the file changes.",
};
static KEY: Key = Key {
    name: "tls.key",
    env: "MILLRACE_TLS_KEY",
    default: "",
    kind: Kind::Text,
    doc: "PEM file of the certificate's private key.",
};
static SELF_SIGNED: Key = Key {
    name: "tls.self_signed",
    env: "MILLRACE_TLS_SELF_SIGNED",
    default: "false",
    kind: Kind::Bool,
    doc: "Make a local certificate authority at the first start, kept in the data directory as tls/ca.pem, and \
          serve https with a certificate of it for localhost. Clients must trust that file.",
};
static NAMES: Key = Key {
    name: "tls.names",
    env: "MILLRACE_TLS_NAMES",
    default: "",
    kind: Kind::List,
    doc: "Host names and addresses of the self-signed certificate besides localhost, 127.0.0.1 and ::1.",
};
static REQUIRED: Key = Key {
    name: "tls.required",
    env: "MILLRACE_TLS_REQUIRED",
    default: "false",
    kind: Kind::Bool,
    doc: "Refuse clear text. Otherwise http:// and https:// both work on the one port.",
};

/// The section's keys.
pub(super) static KEYS: [&Key; 5] = [&CERT, &KEY, &SELF_SIGNED, &NAMES, &REQUIRED];

impl TlsConfig {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        let tls = Self {
            cert: values.text(&CERT).map(PathBuf::from),
            key: values.text(&KEY).map(PathBuf::from),
            self_signed: values.parse(&SELF_SIGNED)?,
            names: values.list(&NAMES),
            required: values.parse(&REQUIRED)?,
        };
        let conflict = if tls.cert.is_some() != tls.key.is_some() {
            "tls.cert and tls.key belong together: set both or none"
        } else if tls.self_signed && tls.cert.is_some() {
            "tls.self_signed makes its own certificate: remove it, or tls.cert and tls.key"
        } else if tls.required && !tls.enabled() {
            "tls.required needs a certificate: set tls.cert and tls.key, or tls.self_signed = true"
        } else {
            return Ok(tls);
        };
        Err(ConfigError::Conflict(conflict.to_owned()))
    }

    /// Whether https is served.
    #[must_use]
    pub const fn enabled(&self) -> bool {
        self.self_signed || self.cert.is_some()
    }
}
