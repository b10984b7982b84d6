//! CRC-32C of bytes that are not looked at again: from the checksums of two parts to that of the whole.
//!
//! A checksum is the remainder of a polynomial over GF(2), its bits from the highest power down. `n` bytes behind it
//! multiply it by x^8n; so joining is one multiplication, some hundred nanoseconds however long the second part is.

/// The generator without x^32, highest power first.
const GENERATOR: u32 = 0x82f6_3b78;
/// 1, the highest power first.
const ONE: u32 = 1 << 31;
/// x^(2^k) for every k that a length has.
const POWERS: [u32; 64] = powers();

const fn powers() -> [u32; 64] {
    let mut powers = [ONE >> 1; 64];
    let mut k = 1;
    while k < powers.len() {
        powers[k] = product(powers[k - 1], powers[k - 1]);
        k += 1;
    }
    powers
}

const fn product(a: u32, mut b: u32) -> u32 {
    let (mut sum, mut power) = (0, ONE);
    while power != 0 {
        // Without branches: the bits are as good as random.
        sum ^= b & 0u32.wrapping_sub((a & power != 0) as u32);
        b = (b >> 1) ^ (GENERATOR & 0u32.wrapping_sub(b & 1));
        power >>= 1;
    }
    sum
}

/// The checksum of two parts, one behind the other, from theirs.
pub(crate) fn joined(first: u32, second: u32, second_bytes: usize) -> u32 {
    let (mut shift, mut bytes, mut k) = (ONE, second_bytes, 3);
    while bytes != 0 {
        if bytes & 1 == 1 {
            shift = product(POWERS[k % POWERS.len()], shift);
        }
        bytes >>= 1;
        k += 1;
    }
    product(shift, first) ^ second
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_whole_has_the_checksum_of_its_parts(
            first in prop::collection::vec(any::<u8>(), 0..100),
            second in prop::collection::vec(any::<u8>(), 0..3000),
            zeros in 0..200_000usize,
        ) {
            let second = [second, vec![0; zeros]].concat();
            let whole = crc32c::crc32c(&[&first[..], &second].concat());
            let (a, b) = (crc32c::crc32c(&first), crc32c::crc32c(&second));
            prop_assert_eq!(joined(a, b, second.len()), whole);
        }

        #[test]
        fn it_is_what_the_library_finds_in_its_own_way(a: u32, b: u32, len in 0..1usize << 40) {
            prop_assert_eq!(joined(a, b, len), crc32c::crc32c_combine(a, b, len));
        }
    }
}
