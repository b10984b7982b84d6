//! Secrets wrapped by a master key: data keys, and what else fits.
//!
//! ```text
//! format u8 = 2 | version of the master key u32 BE | salt 32 B | the secret, sealed, + 16 B
//! ```
//! Each secret is sealed with AES-256-GCM under a key of its own, HKDF-SHA256 (RFC 5869) of the master key's bytes and the
//! random salt, with a nonce of zeros. So a version may wrap as many as anybody wants; random nonces under the one
//! key would be good for 2^32. What stands before the salt, the master key's full name and the context are the associated
//! data, so that wrapped bytes are of no use under another key or for another purpose. Format 1 was never released.

use millrace_base::Rng;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use zeroize::Zeroizing;

use super::master::Master;
use super::{broken, denied};
use crate::{Context, KeyError, NONCE_BYTES, TAG_BYTES};

const FORMAT: u8 = 2;
const HEAD_BYTES: usize = 5;
const SALT_BYTES: usize = 32;
/// Told apart from other uses of a master key's bytes, should there ever be some.
const PURPOSE: &[u8] = b"millrace-keys wrap 2";

/// Wraps under the newest version.
pub(super) fn wrap(
    master: &Master,
    secret: &[u8],
    context: &Context,
    rng: &dyn Rng,
) -> Result<Vec<u8>, KeyError> {
    let newest = u32::try_from(master.versions.len()).map_err(|_| broken(master))?;
    let mut wrapped = vec![FORMAT];
    wrapped.extend_from_slice(&newest.to_be_bytes());
    let aad = associated(&wrapped, &master.full_name(), context);
    let mut salt = [0; SALT_BYTES];
    rng.fill(&mut salt);
    wrapped.extend_from_slice(&salt);
    let key = key(master, newest, &salt).ok_or_else(|| broken(master))?;
    let mut sealed = Zeroizing::new(secret.to_vec());
    let tag = key.seal_in_place_separate_tag(nonce(), Aad::from(aad), sealed.as_mut_slice());
    let tag = tag.map_err(|_| broken(master))?;
    wrapped.extend_from_slice(sealed.as_slice());
    wrapped.extend_from_slice(tag.as_ref());
    Ok(wrapped)
}

/// Unwraps what [`wrap`] made, under whatever version.
pub(super) fn unwrap(
    master: &Master,
    wrapped: &[u8],
    context: &Context,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (head, rest) = wrapped.split_at_checked(HEAD_BYTES).ok_or_else(denied)?;
    let (salt, sealed) = rest.split_at_checked(SALT_BYTES).ok_or_else(denied)?;
    let [FORMAT, a, b, c, d] = *head else {
        return Err(denied());
    };
    let key = key(master, u32::from_be_bytes([a, b, c, d]), salt).ok_or_else(denied)?;
    let aad = associated(head, &master.full_name(), context);
    let mut secret = Zeroizing::new(sealed.to_vec());
    let opened = key.open_in_place(nonce(), Aad::from(aad), secret.as_mut_slice());
    if opened.is_err() {
        return Err(denied());
    }
    secret.truncate(sealed.len().saturating_sub(TAG_BYTES));
    Ok(secret)
}

/// The key of one secret: of a version, counted from 1, and a salt.
fn key(master: &Master, version: u32, salt: &[u8]) -> Option<LessSafeKey> {
    let at = usize::try_from(version).ok()?.checked_sub(1)?;
    let material = &master.versions.get(at)?.material.0;
    let derived = Salt::new(HKDF_SHA256, salt).extract(material.as_slice());
    let key = derived.expand(&[PURPOSE], &AES_256_GCM).ok()?;
    Some(LessSafeKey::new(UnboundKey::from(key)))
}

/// A key seals one secret.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_BYTES])
}

/// Every part with its length in front, so that no two lists of parts read alike.
fn associated(head: &[u8], master: &str, context: &Context) -> Vec<u8> {
    let pairs = context
        .iter()
        .flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
    let mut bytes = Vec::new();
    for part in [head, master.as_bytes()].into_iter().chain(pairs) {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use millrace_base::{SeededRng, Timestamp};

    use super::super::master::{Material, Version};
    use super::*;
    use crate::KEY_BYTES;

    /// Wrapped by the first release. Every later one has to unwrap it.
    const FIRST: &str = "0200000001c15c0289ec2d0a9167ec8e65a18debbe5e5532fbeea293f80bc942ee9086c171795ec08a464a60599636a02d23\
                         2f5b9bb6d4d95ef58b101020af0da23c0f6d335466b47903a3f2d6e3eb75ab39e25a11";

    fn master() -> Master {
        Master {
            realm: "r:".to_owned(),
            id: "i".to_owned(),
            created: Timestamp(0),
            description: String::new(),
            enabled: true,
            deletion: None,
            imported: false,
            versions: vec![Version {
                created: Timestamp(0),
                material: Material(Zeroizing::new([7; KEY_BYTES])),
            }],
        }
    }

    #[test]
    fn format_2_stays_readable() {
        let context = Context::from([("stream".to_owned(), "s".to_owned())]);
        let again = wrap(&master(), &[9; KEY_BYTES], &context, &SeededRng::new(1));
        assert_eq!(hex::encode(again.unwrap()), FIRST);
        let wrapped = hex::decode(FIRST).unwrap();
        assert_eq!(*unwrap(&master(), &wrapped, &context).unwrap(), [9; KEY_BYTES]);
    }

    #[test]
    fn secrets_of_any_length_come_back() {
        let context = Context::new();
        for length in [0, 1, 16, 1024, 4096] {
            let secret = vec![3; length];
            let wrapped = wrap(&master(), &secret, &context, &SeededRng::new(1)).unwrap();
            assert_eq!(*unwrap(&master(), &wrapped, &context).unwrap(), secret);
        }
    }

    #[test]
    fn what_is_not_wrapped_is_refused() {
        for bytes in [
            vec![],
            vec![FORMAT],
            vec![0; 100],
            vec![FORMAT; HEAD_BYTES + SALT_BYTES],
            vec![FORMAT, 0, 0, 0, 1],
            [&[FORMAT, 0, 0, 0, 1][..], &[0; 64]].concat(),
        ] {
            assert_eq!(
                unwrap(&master(), &bytes, &Context::new()).unwrap_err(),
                denied(),
                "{bytes:?}"
            );
        }
    }
}
