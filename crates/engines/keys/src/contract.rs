//! The promise of [`Keys`] as tests, to be run on every provider. What survives a restart is each provider's own test.

use std::fmt;
use std::sync::Arc;

use crate::{Context, DataKey, KeyError, KeyState, Keys, Made, NONCE_BYTES, Nonces, Rejected};

/// A provider with one enabled master key.
pub struct Ground {
    /// The provider.
    pub keys: Arc<dyn Keys>,
    /// The key's realm.
    pub realm: String,
    /// The key's id.
    pub id: String,
    /// The key's alias, `alias/NAME`.
    pub alias: String,
    /// Puts the key into a state: enabled, disabled or pending deletion.
    pub switch: Box<dyn Fn(KeyState) + Send + Sync>,
}

impl fmt::Debug for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ground")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

/// Runs every promise on a provider.
///
/// # Panics
/// When the provider breaks one.
pub async fn check(ground: &Ground) {
    made_keys_unwrap_to_themselves(ground).await;
    made_keys_differ(ground).await;
    only_the_same_context_unwraps(ground).await;
    damaged_bytes_do_not_unwrap(ground).await;
    every_name_means_the_same_key(ground).await;
    a_name_that_means_nothing_is_not_found(ground).await;
    a_key_that_is_switched_off_does_nothing_and_loses_nothing(ground).await;
}

fn context(stream: &str) -> Context {
    Context::from([
        ("for".to_owned(), stream.to_owned()),
        ("in".to_owned(), "a test".to_owned()),
    ])
}

async fn made(ground: &Ground) -> Made {
    let made = ground
        .keys
        .make_key(&ground.realm, &ground.alias, &context("s"))
        .await;
    made.expect("a data key")
}

/// Whether one opens what the other seals.
fn same(one: &DataKey, other: &DataKey) -> bool {
    let nonce = Nonces::new(&millrace_base::SeededRng::new(1)).next();
    let bytes: [u8; NONCE_BYTES] = *nonce.bytes();
    let mut sealed = b"plain".to_vec();
    one.seal(&nonce, b"aad", &mut sealed, 0).expect("sealed");
    match other.open(bytes, b"aad", &mut sealed) {
        Ok(length) => {
            assert_eq!(&sealed[..length], b"plain");
            true
        }
        Err(Rejected) => false,
    }
}

async fn made_keys_unwrap_to_themselves(ground: &Ground) {
    let made = made(ground).await;
    for _ in 0..2 {
        let unwrapped = ground
            .keys
            .unwrap_key(&made.master, &made.wrapped, &context("s"))
            .await;
        assert!(same(&made.key, &unwrapped.expect("unwrapped")));
    }
}

async fn made_keys_differ(ground: &Ground) {
    let (one, other) = (made(ground).await, made(ground).await);
    assert!(!same(&one.key, &other.key));
    assert_ne!(one.wrapped, other.wrapped);
    assert_eq!(one.master, other.master);
}

async fn only_the_same_context_unwraps(ground: &Ground) {
    let made = made(ground).await;
    for other in [context("t"), Context::new()] {
        let refused = ground.keys.unwrap_key(&made.master, &made.wrapped, &other).await;
        assert!(matches!(refused, Err(KeyError::AccessDenied(_))), "{refused:?}");
    }
}

async fn damaged_bytes_do_not_unwrap(ground: &Ground) {
    let made = made(ground).await;
    for at in [0, made.wrapped.len() / 2, made.wrapped.len() - 1] {
        let mut damaged = made.wrapped.clone();
        damaged[at] ^= 1;
        let refused = ground
            .keys
            .unwrap_key(&made.master, &damaged, &context("s"))
            .await;
        assert!(matches!(refused, Err(KeyError::AccessDenied(_))), "{refused:?}");
    }
    for length in [0, 1, made.wrapped.len() - 1] {
        let refused = ground
            .keys
            .unwrap_key(&made.master, &made.wrapped[..length], &context("s"))
            .await;
        assert!(matches!(refused, Err(KeyError::AccessDenied(_))), "{refused:?}");
    }
}

async fn every_name_means_the_same_key(ground: &Ground) {
    let Ground { realm, id, alias, .. } = ground;
    let full = format!("{realm}key/{id}");
    for name in [alias, id, &full, &format!("{realm}{alias}")] {
        let described = ground.keys.describe_key(realm, name).await.expect("described");
        assert_eq!(described.master, full, "{name}");
        assert_eq!(described.state, KeyState::Enabled);
        let made = ground
            .keys
            .make_key(realm, name, &context("s"))
            .await
            .expect("made");
        assert_eq!(made.master, full, "{name}");
    }
}

async fn a_name_that_means_nothing_is_not_found(ground: &Ground) {
    let realm = &ground.realm;
    let nobody = "00000000-0000-4000-8000-000000000000";
    let full = format!("{realm}key/{nobody}");
    for name in ["alias/nobody", nobody, &full, "???", "nobody"] {
        let described = ground.keys.describe_key(realm, name).await;
        assert!(
            matches!(described, Err(KeyError::NotFound(_))),
            "{name}: {described:?}"
        );
        let made = ground.keys.make_key(realm, name, &context("s")).await;
        assert!(matches!(made, Err(KeyError::NotFound(_))), "{name}: {made:?}");
    }
    let wrapped = made(ground).await.wrapped;
    let refused = ground.keys.unwrap_key(&full, &wrapped, &context("s")).await;
    assert!(
        matches!(refused, Err(KeyError::NotFound(_) | KeyError::AccessDenied(_))),
        "{refused:?}"
    );
}

async fn a_key_that_is_switched_off_does_nothing_and_loses_nothing(ground: &Ground) {
    let before = made(ground).await;
    for state in [KeyState::Disabled, KeyState::PendingDeletion] {
        (ground.switch)(state);
        let described = ground.keys.describe_key(&ground.realm, &ground.alias).await;
        assert_eq!(described.expect("described").state, state);
        let made = ground
            .keys
            .make_key(&ground.realm, &ground.alias, &context("s"))
            .await
            .map(drop);
        let unwrapped = ground
            .keys
            .unwrap_key(&before.master, &before.wrapped, &context("s"))
            .await;
        for refused in [made.unwrap_err(), unwrapped.unwrap_err()] {
            let fits = match state {
                KeyState::Disabled => matches!(refused, KeyError::Disabled(_)),
                _ => matches!(refused, KeyError::InvalidState(_)),
            };
            assert!(fits, "{state:?}: {refused:?}");
            assert!(refused.to_string().contains(&ground.id), "{refused}");
        }
        (ground.switch)(KeyState::Enabled);
    }
    let after = ground
        .keys
        .unwrap_key(&before.master, &before.wrapped, &context("s"))
        .await;
    assert!(same(&before.key, &after.expect("unwrapped again")));
}
