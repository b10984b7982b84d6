//! Secrets at rest and session tokens: AES-256-GCM under a data key that the key provider wraps.
//!
//! Nothing is sealed before there is a first secret; so a server without users needs no key.

use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use millrace_base::Rng;
use millrace_control::Part;
use millrace_keys::{Context, DataKey, Keys, NONCE_BYTES, Nonces};
use tokio::sync::OnceCell;

use crate::error::AccessError;
use crate::state::{AccessState, Command, Wrapped};

/// Where the master key lives: keys of access are the server's, not an account's.
const REALM: &str = "arn:aws:kms:us-east-1:000000000000:";
/// The master key; the default key of the provider.
const MASTER: &str = "alias/aws/kinesis";

/// What a sealed text is for: one is never taken for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The secret of an access key.
    Secret,
    /// A session token.
    Token,
}

impl Purpose {
    const fn aad(self) -> &'static [u8] {
        match self {
            Self::Secret => b"millrace access key 1",
            Self::Token => b"millrace session token 1",
        }
    }
}

/// The data key, once it is there.
#[derive(Debug)]
pub(crate) struct Sealer {
    key: OnceCell<DataKey>,
    nonces: Nonces,
}

fn context() -> Context {
    Context::from([("millrace:purpose".to_owned(), "access".to_owned())])
}

impl Sealer {
    pub(crate) fn new(rng: &dyn Rng) -> Self {
        Self {
            key: OnceCell::new(),
            nonces: Nonces::new(rng),
        }
    }

    /// Makes the data key ready: the one that is stored, or a new one.
    pub(crate) async fn ready(
        &self,
        control: &Part<AccessState>,
        keys: &dyn Keys,
    ) -> Result<(), AccessError> {
        let made = self.key.get_or_try_init(|| async {
            if control.read(|state| state.key().is_none()) {
                let made = keys.make_key(REALM, MASTER, &context()).await?;
                let key = Wrapped {
                    master: made.master,
                    key: STANDARD.encode_to_string(&made.wrapped),
                };
                control.propose(Command::Init { key }).await??;
            }
            let wrapped = control.read(|state| state.key().cloned());
            let wrapped =
                wrapped.ok_or_else(|| AccessError::Keys("the control plane keeps none".to_owned()))?;
            let bytes = STANDARD
                .decode_to_vec(&wrapped.key)
                .map_err(|_| AccessError::Keys("it is damaged".to_owned()))?;
            Ok::<_, AccessError>(keys.unwrap_key(&wrapped.master, &bytes, &context()).await?)
        });
        made.await.map(drop)
    }

    /// Seals a text; `None` before the key is ready.
    pub(crate) fn seal(&self, purpose: Purpose, text: &str) -> Option<String> {
        let nonce = self.nonces.next();
        let mut out = nonce.bytes().to_vec();
        out.extend_from_slice(text.as_bytes());
        let key = self.key.get()?;
        key.seal(&nonce, purpose.aad(), &mut out, NONCE_BYTES).ok()?;
        Some(URL_SAFE_NO_PAD.encode_to_string(&out))
    }

    /// Opens what was sealed for this purpose.
    pub(crate) fn open(&self, purpose: Purpose, sealed: &str) -> Option<String> {
        let mut bytes = URL_SAFE_NO_PAD.decode_to_vec(sealed).ok()?;
        let (nonce, rest) = bytes.split_first_chunk_mut::<NONCE_BYTES>()?;
        let length = self.key.get()?.open(*nonce, purpose.aad(), rest).ok()?;
        let plain = rest.get(..length)?;
        String::from_utf8(plain.to_vec()).ok()
    }
}
