//! A data key, wrapped by a master key.
//!
//! ```text
//! format u8 = 1 | version of the master key u32 BE | nonce 12 B | the data key, sealed: 32 + 16 B
//! ```
//! Sealed with AES-256-GCM; what stands before the nonce, the master key's full name and the context are its associated
//! data, so that wrapped bytes are of no use under another key or for another purpose. A nonce is random: a version
//! wraps a few data keys per stream and day, far below the 2^32 that random nonces are good for.

use millrace_base::Rng;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::master::Master;
use super::{broken, denied};
use crate::{Context, DataKey, KEY_BYTES, KeyError, KeyMaterial, NONCE_BYTES, TAG_BYTES};

const FORMAT: u8 = 1;
const HEAD_BYTES: usize = 5;
const WRAPPED_BYTES: usize = HEAD_BYTES + NONCE_BYTES + KEY_BYTES + TAG_BYTES;

/// Wraps under the newest version.
pub(super) fn wrap(
    master: &Master,
    material: &KeyMaterial,
    context: &Context,
    rng: &dyn Rng,
) -> Result<Vec<u8>, KeyError> {
    let newest = u32::try_from(master.versions.len()).map_err(|_| broken(master))?;
    let key = key(master, newest).ok_or_else(|| broken(master))?;
    let mut wrapped = vec![FORMAT];
    wrapped.extend_from_slice(&newest.to_be_bytes());
    let aad = associated(&wrapped, &master.full_name(), context);
    let mut nonce = [0; NONCE_BYTES];
    rng.fill(&mut nonce);
    wrapped.extend_from_slice(&nonce);
    let mut sealed = Zeroizing::new(**material);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), sealed.as_mut_slice());
    let tag = tag.map_err(|_| broken(master))?;
    wrapped.extend_from_slice(sealed.as_slice());
    wrapped.extend_from_slice(tag.as_ref());
    Ok(wrapped)
}

/// Unwraps what [`wrap`] made, under whatever version.
pub(super) fn unwrap(master: &Master, wrapped: &[u8], context: &Context) -> Result<DataKey, KeyError> {
    let wrapped: &[u8; WRAPPED_BYTES] = wrapped.try_into().map_err(|_| denied())?;
    let (head, rest) = wrapped.split_at(HEAD_BYTES);
    let (nonce, sealed) = rest.split_at(NONCE_BYTES);
    let [FORMAT, a, b, c, d] = *head else {
        return Err(denied());
    };
    let key = key(master, u32::from_be_bytes([a, b, c, d])).ok_or_else(denied)?;
    let aad = associated(head, &master.full_name(), context);
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| denied())?;
    let mut sealed = Zeroizing::new(sealed.to_vec());
    let material = key.open_in_place(nonce, Aad::from(aad), sealed.as_mut_slice());
    DataKey::new(material.map_err(|_| denied())?).ok_or_else(denied)
}

/// A version of a master key, counted from 1.
fn key(master: &Master, version: u32) -> Option<LessSafeKey> {
    let at = usize::try_from(version).ok()?.checked_sub(1)?;
    let material = &master.versions.get(at)?.material.0;
    let key = UnboundKey::new(&AES_256_GCM, material.as_slice()).ok()?;
    Some(LessSafeKey::new(key))
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

    /// Wrapped by the first release. Every later one has to unwrap it.
    const FIRST: &str = "0100000001c15c0289ec2d0a9167ec8e65fe4691588a30f90b7d155bbda219031c5a0e28fd4b5fb407696404cbc0616e5f8f135\
                         4b22440780199d31580f5b1da06";

    fn master() -> Master {
        Master {
            realm: "r:".to_owned(),
            id: "i".to_owned(),
            created: Timestamp(0),
            description: String::new(),
            enabled: true,
            deletion: None,
            versions: vec![Version {
                created: Timestamp(0),
                material: Material(Zeroizing::new([7; KEY_BYTES])),
            }],
        }
    }

    #[test]
    fn format_1_stays_readable() {
        let context = Context::from([("stream".to_owned(), "s".to_owned())]);
        let again = wrap(
            &master(),
            &Zeroizing::new([9; KEY_BYTES]),
            &context,
            &SeededRng::new(1),
        );
        assert_eq!(hex::encode(again.unwrap()), FIRST);
        let wrapped = hex::decode(FIRST).unwrap();
        let key = unwrap(&master(), &wrapped, &context).unwrap();
        // It is the key of thirty-two nines.
        let nonce = crate::Nonces::new(&SeededRng::new(1)).next();
        let (mut ours, mut expected) = (vec![1, 2, 3], vec![1, 2, 3]);
        key.seal(&nonce, b"", &mut ours, 0).unwrap();
        let nines = DataKey::new(&[9; KEY_BYTES]).unwrap();
        nines.seal(&nonce, b"", &mut expected, 0).unwrap();
        assert_eq!(ours, expected);
    }

    #[test]
    fn what_is_not_wrapped_is_refused() {
        for bytes in [
            vec![],
            vec![FORMAT],
            vec![0; WRAPPED_BYTES],
            vec![1; WRAPPED_BYTES],
        ] {
            assert_eq!(
                unwrap(&master(), &bytes, &Context::new()).unwrap_err(),
                denied(),
                "{bytes:?}"
            );
        }
    }
}
