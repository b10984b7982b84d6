//! `[auth]` and `[[credentials]]`: who may call.

use millrace_base::Secret;

use super::error::{ConfigError, Source};
use super::keys::{Key, Kind};
use super::values::{Values, bad};

/// The account of the local credentials, and of every caller where authentication is off.
pub const LOCAL_ACCOUNT: &str = "000000000000";
/// Access key and secret key of the local credentials.
pub const LOCAL_KEY: &str = "test";

/// The section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthConfig {
    /// How callers prove who they are.
    pub mode: AuthMode,
    /// The configured keys; empty where only the local ones are known.
    pub credentials: Vec<Credential>,
}

/// How callers prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// Signature Version 4.
    Sigv4,
    /// Not at all.
    None,
}

/// One access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Names it in requests.
    pub access_key: String,
    /// Signs requests.
    pub secret_key: Secret<String>,
    /// Twelve digits: whose resources it reaches.
    pub account: String,
    /// Must come with every request, where there is one.
    pub session_token: Option<Secret<String>>,
}

static MODE: Key = Key {
    name: "auth.mode",
    env: "MILLRACE_AUTH",
    default: "sigv4",
    kind: Kind::Text,
    doc: "\"sigv4\" verifies the signature of every call; \"none\" lets everybody in, as account 000000000000.",
};
static CREDENTIALS: Key = Key {
    name: "credentials",
    env: "MILLRACE_CREDENTIALS",
    default: "",
    kind: Kind::Credentials,
    doc: "The access keys: one table each with access_key, secret_key, account (twelve digits, 000000000000 if left \
          out) and session_token (only for temporary keys). Without any, a server on loopback knows test / test.",
};

/// The section's keys.
pub(super) static KEYS: [&Key; 2] = [&MODE, &CREDENTIALS];

impl AuthConfig {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            mode: values.choice(&MODE, &[("sigv4", AuthMode::Sigv4), ("none", AuthMode::None)])?,
            credentials: values.credentials.clone().unwrap_or_default(),
        })
    }

    /// The keys that are known: the configured ones, or the well-known local one.
    #[must_use]
    pub fn effective(&self) -> Vec<Credential> {
        if !self.credentials.is_empty() {
            return self.credentials.clone();
        }
        vec![Credential {
            access_key: LOCAL_KEY.to_owned(),
            secret_key: Secret::new(LOCAL_KEY.to_owned()),
            account: LOCAL_ACCOUNT.to_owned(),
            session_token: None,
        }]
    }
}

/// The file's `[[credentials]]`.
pub(super) fn credentials_of_toml(
    value: toml::Value,
    source: &Source,
) -> Result<Vec<Credential>, ConfigError> {
    let refused = |expected: String| bad(&CREDENTIALS, "***", source, expected);
    let toml::Value::Array(tables) = value else {
        return Err(refused("write a table [[credentials]] for each key".to_owned()));
    };
    let mut found = Vec::with_capacity(tables.len());
    for table in tables {
        let toml::Value::Table(mut table) = table else {
            return Err(refused("write a table [[credentials]] for each key".to_owned()));
        };
        let mut take = |name: &str| match table.remove(name) {
            None => Ok(None),
            Some(toml::Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(refused(format!("{name} is a text in quotes"))),
        };
        let fields = [
            take("access_key")?,
            take("secret_key")?,
            take("account")?,
            take("session_token")?,
        ];
        if let Some(unknown) = table.keys().next() {
            let known = "access_key, secret_key, account and session_token";
            return Err(refused(format!(
                "'{unknown}' is not a member of credentials, which are {known}"
            )));
        }
        found.push(credential(fields, &refused)?);
    }
    distinct(found, &refused)
}

/// `access_key:secret_key:account:session_token`, the last two optional, separated by commas.
pub(super) fn credentials_of_text(text: &str, source: &Source) -> Result<Vec<Credential>, ConfigError> {
    let refused = |expected: String| bad(&CREDENTIALS, "***", source, expected);
    let mut found = Vec::new();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let mut parts = entry
            .splitn(4, ':')
            .map(|part| Some(part.to_owned()).filter(|part| !part.is_empty()));
        let mut next = || parts.next().flatten();
        found.push(credential([next(), next(), next(), next()], &refused)?);
    }
    distinct(found, &refused)
}

fn credential(
    [access_key, secret_key, account, session_token]: [Option<String>; 4],
    refused: &dyn Fn(String) -> ConfigError,
) -> Result<Credential, ConfigError> {
    let (Some(access_key), Some(secret_key)) = (access_key, secret_key) else {
        return Err(refused(
            "a credential needs an access_key and a secret_key".to_owned(),
        ));
    };
    // A slash would end the key inside a credential scope.
    if access_key.is_empty()
        || !access_key
            .chars()
            .all(|c| c.is_ascii_graphic() && !matches!(c, '/' | ','))
    {
        return Err(refused(
            "an access_key has letters and digits, no slash and no comma".to_owned(),
        ));
    }
    let account = account.unwrap_or_else(|| LOCAL_ACCOUNT.to_owned());
    if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
        return Err(refused(format!(
            "the account of key {access_key} must have twelve digits"
        )));
    }
    Ok(Credential {
        access_key,
        secret_key: Secret::new(secret_key),
        account,
        session_token: session_token.map(Secret::new),
    })
}

fn distinct(
    found: Vec<Credential>,
    refused: &dyn Fn(String) -> ConfigError,
) -> Result<Vec<Credential>, ConfigError> {
    let mut keys: Vec<&str> = found.iter().map(|c| c.access_key.as_str()).collect();
    keys.sort_unstable();
    if let Some(twice) = keys.windows(2).find(|pair| pair.first() == pair.last()) {
        let name = twice.first().copied().unwrap_or_default();
        return Err(refused(format!("the access_key {name} is there twice: keep one")));
    }
    Ok(found)
}
