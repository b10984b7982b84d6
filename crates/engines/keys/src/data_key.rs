//! Sealing with a data key: AES-256-GCM (NIST SP 800-38D).
//!
//! **Nonces.** Two messages under one key must never share a nonce. [`Nonces`] counts up from a random 64-bit number
//! in front of 32 zero bits: within a process nonces are different for 2^96 messages, and two processes, or two starts of
//! one, that use the same key meet only if their random numbers lie closer together than they count. With 2^13 starts on one key
//! that chance is below 2^-39, and a key is replaced long before (see the users' limits). A random 96-bit nonce for
//! each message would reach 2^-32 after 2^32 messages and cost a call of the operating system for each.
//!
//! **What is wiped.** The bytes a key is made of ([`KeyMaterial`]) are overwritten when they are dropped. `ring` expands
//! them into a schedule of its own, which is dropped with the [`DataKey`] and not overwritten.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use millrace_base::Rng;
use ring::aead::{self, AES_256_GCM, Aad, LessSafeKey, UnboundKey};
use zeroize::Zeroizing;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 12;
/// Bytes by which a sealed message is longer than what it holds.
pub const TAG_BYTES: usize = 16;

/// The bytes of a key; overwritten when dropped.
pub type KeyMaterial = Zeroizing<[u8; KEY_BYTES]>;

/// A key that is ready to seal and to open.
pub struct DataKey(LessSafeKey);

impl DataKey {
    /// The key of these bytes; `None` unless there are [`KEY_BYTES`] of them.
    #[must_use]
    pub fn new(material: &[u8]) -> Option<Self> {
        let key = UnboundKey::new(&AES_256_GCM, material).ok()?;
        Some(Self(LessSafeKey::new(key)))
    }

    /// Seals what stands in `out` from `from` on, in place, and appends the tag. `aad` is not stored: whoever opens must
    /// say the same.
    ///
    /// # Errors
    /// [`Rejected`] for more than 64 GiB, or a `from` behind the end; then `out` is as it was.
    pub fn seal(&self, nonce: &Nonce, aad: &[u8], out: &mut Vec<u8>, from: usize) -> Result<(), Rejected> {
        let plain = out.get_mut(from..).ok_or(Rejected)?;
        let nonce = aead::Nonce::assume_unique_for_key(nonce.0);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(aad), plain);
        out.extend_from_slice(tag.map_err(|_| Rejected)?.as_ref());
        Ok(())
    }

    /// Opens what was sealed, tag included, in place; yields how many bytes it holds. They begin where `sealed` does.
    ///
    /// # Errors
    /// [`Rejected`] if anything of it, the nonce or `aad` is not as it was; then `sealed` holds no plaintext.
    pub fn open(&self, nonce: [u8; NONCE_BYTES], aad: &[u8], sealed: &mut [u8]) -> Result<usize, Rejected> {
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        let plain = self.0.open_in_place(nonce, Aad::from(aad), sealed);
        plain.map(|plain| plain.len()).map_err(|_| Rejected)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(***)")
    }
}

/// The bytes were not sealed by this key, for this place, as they are now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes were not sealed by this key for this place")]
pub struct Rejected;

/// A number that is used once.
#[derive(Debug)]
pub struct Nonce([u8; NONCE_BYTES]);

impl Nonce {
    /// Its bytes, to be stored with what it sealed.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; NONCE_BYTES] {
        &self.0
    }
}

/// Nonces for one key in one process: none comes twice.
#[derive(Debug)]
pub struct Nonces {
    /// 96 bits: a random number, and zeros to count in.
    base: u128,
    count: AtomicU64,
}

impl Nonces {
    /// Starts to count at a random number.
    #[must_use]
    pub fn new(rng: &dyn Rng) -> Self {
        Self {
            base: u128::from(rng.next_u64()) << 32,
            count: AtomicU64::new(0),
        }
    }

    /// The next nonce.
    pub fn next(&self) -> Nonce {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let number = self.base.wrapping_add(u128::from(count));
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&number.to_be_bytes()[16 - NONCE_BYTES..]);
        Nonce(nonce)
    }

    /// How many were taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use millrace_base::SeededRng;
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> DataKey {
        DataKey::new(&[byte; KEY_BYTES]).unwrap()
    }

    fn sealed(key: &DataKey, aad: &[u8], plain: &[u8]) -> ([u8; NONCE_BYTES], Vec<u8>) {
        let nonce = Nonces::new(&SeededRng::new(1)).next();
        let mut out = plain.to_vec();
        key.seal(&nonce, aad, &mut out, 0).unwrap();
        (*nonce.bytes(), out)
    }

    #[test]
    fn the_cipher_is_aes_256_gcm() {
        // NIST's test case 14 of the GCM specification: zeros under a zero key and a zero nonce.
        let mut out = vec![0; 16];
        key(0).seal(&Nonce([0; 12]), b"", &mut out, 0).unwrap();
        assert_eq!(
            hex::encode(&out),
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
        );
    }

    #[test]
    fn a_key_has_32_bytes() {
        assert!(DataKey::new(&[0; 31]).is_none() && DataKey::new(&[0; 33]).is_none());
        assert_eq!(format!("{:?}", key(1)), "DataKey(***)");
    }

    #[test]
    fn nonces_differ_also_across_the_carry() {
        let nonces = Nonces {
            base: u128::from(u64::MAX) << 32,
            count: AtomicU64::new((1 << 32) - 3),
        };
        let all: HashSet<_> = (0..6).map(|_| *nonces.next().bytes()).collect();
        assert_eq!(all.len(), 6);
        assert!(all.contains(&[0xff; 12]) && all.contains(&[0; 12]), "{all:?}");
        assert_eq!(nonces.taken(), (1 << 32) + 3);
    }

    #[test]
    fn nothing_stands_behind_the_end() {
        let nonce = Nonces::new(&SeededRng::new(1)).next();
        assert_eq!(key(1).seal(&nonce, b"", &mut vec![1, 2], 3), Err(Rejected));
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_as_it_was(
            before in prop::collection::vec(any::<u8>(), 0..9),
            plain in prop::collection::vec(any::<u8>(), 0..300),
            aad in prop::collection::vec(any::<u8>(), 0..30),
        ) {
            let nonce = Nonces::new(&SeededRng::new(7)).next();
            let mut out = [&before[..], &plain[..]].concat();
            key(3).seal(&nonce, &aad, &mut out, before.len()).unwrap();
            prop_assert_eq!(out.len(), before.len() + plain.len() + TAG_BYTES);
            prop_assert_eq!(&out[..before.len()], &before[..]);
            let mut body = out.split_off(before.len());
            let length = key(3).open(*nonce.bytes(), &aad, &mut body).unwrap();
            prop_assert_eq!(&body[..length], &plain[..]);
        }

        #[test]
        fn nothing_else_opens(at in 0..1000usize, bit in 0..8u32, plain in prop::collection::vec(1..=u8::MAX, 1..40)) {
            let (nonce, out) = sealed(&key(3), b"place", &plain);
            for (other, aad) in [(key(4), &b"place"[..]), (key(3), b"elsewhere")] {
                prop_assert_eq!(other.open(nonce, aad, &mut out.clone()), Err(Rejected));
            }
            let mut damaged = out.clone();
            let length = damaged.len();
            damaged[at % length] ^= 1 << bit;
            prop_assert_eq!(key(3).open(nonce, b"place", &mut damaged), Err(Rejected));
            prop_assert_ne!(&damaged[..plain.len()], &plain[..], "no plaintext is left behind");
            for end in [0, 1, TAG_BYTES - 1, length - 1] {
                prop_assert_eq!(key(3).open(nonce, b"place", &mut out[..end.min(length)].to_vec()), Err(Rejected));
            }
        }
    }
}
