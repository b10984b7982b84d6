//! The layers of settings as text: defaults, then the file, then the environment, then the command line.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use millrace_base::Secret;

use super::auth::{self, Credential};
use super::error::{ConfigError, Source};
use super::keys::{Key, Kind, nearest};

/// A setting's text and who set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Set {
    pub(super) text: String,
    pub(super) source: Source,
}

/// Every setting's text. Holds all keys, always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Values {
    set: BTreeMap<&'static str, Set>,
    /// Texts that are never shown, by key.
    secrets: BTreeMap<&'static str, Secret<String>>,
    /// From the file's `[[credentials]]`; their text form is never kept.
    pub(super) credentials: Option<Vec<Credential>>,
}

impl Values {
    /// All settings at their defaults.
    pub(super) fn defaults() -> Self {
        let default = |key: &'static Key| {
            let set = Set {
                text: key.default.to_owned(),
                source: Source::Default,
            };
            (key.name, set)
        };
        Self {
            set: super::all_keys().map(default).collect(),
            secrets: BTreeMap::new(),
            credentials: None,
        }
    }

    /// Lays a file's settings over these.
    pub(super) fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
            path: name.clone(),
            detail: error.to_string(),
        })?;
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| ConfigError::Syntax {
                path: name.clone(),
                detail: error.to_string(),
            })?;
        let source = Source::File(name);
        for (section, value) in table {
            match value {
                toml::Value::Table(entries) => {
                    for (leaf, value) in entries {
                        self.put_toml(&format!("{section}.{leaf}"), value, &source)?;
                    }
                }
                other => self.put_toml(&section, other, &source)?,
            }
        }
        Ok(())
    }

    fn put_toml(&mut self, name: &str, value: toml::Value, source: &Source) -> Result<(), ConfigError> {
        let key = find(name, source)?;
        if key.kind == Kind::Credentials {
            self.credentials = Some(auth::credentials_of_toml(value, source)?);
            self.note(key, String::new(), source.clone());
            return Ok(());
        }
        let wrong = |value: &toml::Value| bad(key, &value.to_string(), source, kind_is(key.kind));
        let text = match (key.kind, value) {
            (Kind::Text | Kind::Secret, toml::Value::String(text)) => text,
            // A byte size or a duration without a unit may be a bare number.
            (Kind::Text | Kind::Number, toml::Value::Integer(number)) => number.to_string(),
            (Kind::Bool, toml::Value::Boolean(truth)) => truth.to_string(),
            (Kind::List, toml::Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().ok_or_else(|| wrong(item)))
                .collect::<Result<Vec<_>, _>>()?
                .join(","),
            (_, other) => return Err(wrong(&other)),
        };
        self.note(key, text, source.clone());
        Ok(())
    }

    /// Lays the environment over these. An empty variable counts as not set.
    pub(super) fn read_environment(
        &mut self,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), ConfigError> {
        for key in super::all_keys() {
            if let Some(text) = env(key.env).filter(|text| !text.is_empty()) {
                self.put_text(key, text, Source::Environment(key.env))?;
            }
        }
        Ok(())
    }

    /// Lays one setting of the command line over these.
    pub(super) fn override_with(&mut self, name: &str, text: &str) -> Result<(), ConfigError> {
        let key = find(name, &Source::CommandLine)?;
        self.put_text(key, text.to_owned(), Source::CommandLine)
    }

    fn put_text(&mut self, key: &'static Key, text: String, source: Source) -> Result<(), ConfigError> {
        if key.kind == Kind::Credentials {
            self.credentials = Some(auth::credentials_of_text(&text, &source)?);
            self.note(key, String::new(), source);
        } else {
            self.note(key, text, source);
        }
        Ok(())
    }

    fn note(&mut self, key: &'static Key, text: String, source: Source) {
        let text = if key.kind == Kind::Secret {
            self.secrets.insert(key.name, Secret::new(text));
            String::new()
        } else {
            text
        };
        self.set.insert(key.name, Set { text, source });
    }

    /// The setting's text and source.
    pub(super) fn get(&self, key: &'static Key) -> Set {
        self.set.get(key.name).cloned().unwrap_or_else(|| Set {
            text: key.default.to_owned(),
            source: Source::Default,
        })
    }

    /// The setting as text; `None` where it is empty.
    pub(super) fn text(&self, key: &'static Key) -> Option<String> {
        Some(self.get(key).text).filter(|text| !text.is_empty())
    }

    /// The secret; `None` where it is empty or not set.
    pub(super) fn secret(&self, key: &'static Key) -> Option<Secret<String>> {
        let secret = self.secrets.get(key.name).cloned();
        secret.filter(|secret| !secret.expose().is_empty())
    }

    /// The setting, parsed.
    pub(super) fn parse<T: FromStr<Err: Display>>(&self, key: &'static Key) -> Result<T, ConfigError> {
        let set = self.get(key);
        set.text.parse().map_err(|error: T::Err| {
            bad(
                key,
                &set.text,
                &set.source,
                format!("{}: {error}", kind_is(key.kind)),
            )
        })
    }

    /// A whole number between `min` and `max`.
    pub(super) fn number(&self, key: &'static Key, min: u64, max: u64) -> Result<u64, ConfigError> {
        let number = self.parse(key)?;
        if (min..=max).contains(&number) {
            return Ok(number);
        }
        let set = self.get(key);
        Err(bad(
            key,
            &set.text,
            &set.source,
            format!("write a number between {min} and {max}"),
        ))
    }

    /// A whole number of seconds, at least one and at most a day.
    pub(super) fn seconds(&self, key: &'static Key) -> Result<Duration, ConfigError> {
        self.number(key, 1, 24 * 60 * 60).map(Duration::from_secs)
    }

    /// The entries of a list.
    pub(super) fn list(&self, key: &'static Key) -> Vec<String> {
        let text = self.get(key).text;
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(str::to_owned).collect()
    }

    /// The one of `choices` that the setting names.
    pub(super) fn choice<T: Copy>(&self, key: &'static Key, choices: &[(&str, T)]) -> Result<T, ConfigError> {
        let set = self.get(key);
        let found = choices.iter().find(|(name, _)| *name == set.text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("'{name}'")).collect();
            bad(
                key,
                &set.text,
                &set.source,
                format!("write one of {}", names.join(", ")),
            )
        })
    }
}

/// The refusal of a value.
pub(super) fn bad(key: &Key, value: &str, place: &Source, expected: impl Into<String>) -> ConfigError {
    ConfigError::BadValue {
        key: key.name.to_owned(),
        value: value.to_owned(),
        place: place.clone(),
        expected: expected.into(),
    }
}

fn find(name: &str, place: &Source) -> Result<&'static Key, ConfigError> {
    super::all_keys().find(|key| key.name == name).ok_or_else(|| {
        let known = super::all_keys().map(|key| key.name);
        ConfigError::UnknownKey {
            key: name.to_owned(),
            place: place.clone(),
            nearest: nearest(name, known).map(str::to_owned),
        }
    })
}

const fn kind_is(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Secret => "write a text in quotes",
        Kind::Bool => "write true or false",
        Kind::Number => "write a whole number",
        Kind::List => "write a list of texts",
        Kind::Credentials => "write a table [[credentials]] for each key",
    }
}
