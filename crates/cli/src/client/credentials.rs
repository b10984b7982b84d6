//! Who signs, and for which region: from the environment, as every AWS client takes it.

use millrace_base::Secret;

/// An access key.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    /// Its id.
    pub access_key: String,
    /// Its secret.
    pub secret_key: Secret<String>,
    /// The token of a temporary key.
    pub session_token: Option<Secret<String>>,
}

impl Credentials {
    /// The well-known key of a local server.
    pub(crate) fn local() -> Self {
        Self {
            access_key: "test".to_owned(),
            secret_key: Secret::new("test".to_owned()),
            session_token: None,
        }
    }

    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; the local key where they are not set.
    ///
    /// # Errors
    /// When only one half of the key is set: falling back would hide the mistake.
    pub(crate) fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let set = |name: &str| var(name).filter(|value| !value.is_empty());
        match (set("AWS_ACCESS_KEY_ID"), set("AWS_SECRET_ACCESS_KEY")) {
            (None, None) => Ok(Self::local()),
            (Some(access_key), Some(secret)) => Ok(Self {
                access_key,
                secret_key: Secret::new(secret),
                session_token: set("AWS_SESSION_TOKEN").map(Secret::new),
            }),
            (Some(_), None) => {
                Err("AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not: set both or none".to_owned())
            }
            (None, Some(_)) => {
                Err("AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not: set both or none".to_owned())
            }
        }
    }
}

/// `AWS_REGION`, then `AWS_DEFAULT_REGION`, then `us-east-1`.
pub(crate) fn region_from_env(var: impl Fn(&str) -> Option<String>) -> String {
    let set = |name: &str| var(name).filter(|value| !value.is_empty());
    set("AWS_REGION")
        .or_else(|| set("AWS_DEFAULT_REGION"))
        .unwrap_or_else(|| "us-east-1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        move |name| {
            pairs
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
        }
    }

    #[test]
    fn the_environment_decides() {
        let local = Credentials::from_env(env(&[("AWS_ACCESS_KEY_ID", "")])).unwrap();
        assert_eq!(
            (local.access_key.as_str(), local.secret_key.expose().as_str()),
            ("test", "test")
        );
        let key = [
            ("AWS_ACCESS_KEY_ID", "AK"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("AWS_SESSION_TOKEN", "t"),
        ];
        let own = Credentials::from_env(env(&key)).unwrap();
        assert_eq!(own.access_key, "AK");
        assert_eq!(own.session_token.unwrap().expose(), "t");
        assert!(Credentials::from_env(env(&key[..1])).is_err());
        assert!(Credentials::from_env(env(&key[1..])).is_err());
    }

    #[test]
    fn the_region_has_a_default() {
        assert_eq!(region_from_env(env(&[])), "us-east-1");
        assert_eq!(
            region_from_env(env(&[("AWS_DEFAULT_REGION", "eu-west-1")])),
            "eu-west-1"
        );
        assert_eq!(
            region_from_env(env(&[("AWS_DEFAULT_REGION", "a"), ("AWS_REGION", "b")])),
            "b"
        );
    }
}
