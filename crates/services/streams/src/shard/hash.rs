//! MD5 of many partition keys side by side (RFC 1321): a key alone is a chain of 64 dependent steps that leaves most of
//! a CPU idle. The loops over lanes are what the compiler makes vector instructions of.

use md5::{Digest, Md5};

/// Keys that are hashed at once.
const LANES: usize = 16;
/// Longest key that fits one block with its padding, in bytes.
const SHORT: usize = 55;
/// Where the state begins.
const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
/// Rotations of the four rounds, each four steps long and repeated.
const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
/// The integer part of 2^32 · |sin(i + 1)|.
const SINES: [u32; 64] = [
    0xd76a_a478,
    0xe8c7_b756,
    0x2420_70db,
    0xc1bd_ceee,
    0xf57c_0faf,
    0x4787_c62a,
    0xa830_4613,
    0xfd46_9501,
    0x6980_98d8,
    0x8b44_f7af,
    0xffff_5bb1,
    0x895c_d7be,
    0x6b90_1122,
    0xfd98_7193,
    0xa679_438e,
    0x49b4_0821,
    0xf61e_2562,
    0xc040_b340,
    0x265e_5a51,
    0xe9b6_c7aa,
    0xd62f_105d,
    0x0244_1453,
    0xd8a1_e681,
    0xe7d3_fbc8,
    0x21e1_cde6,
    0xc337_07d6,
    0xf4d5_0d87,
    0x455a_14ed,
    0xa9e3_e905,
    0xfcef_a3f8,
    0x676f_02d9,
    0x8d2a_4c8a,
    0xfffa_3942,
    0x8771_f681,
    0x6d9d_6122,
    0xfde5_380c,
    0xa4be_ea44,
    0x4bde_cfa9,
    0xf6bb_4b60,
    0xbebf_bc70,
    0x289b_7ec6,
    0xeaa1_27fa,
    0xd4ef_3085,
    0x0488_1d05,
    0xd9d4_d039,
    0xe6db_99e5,
    0x1fa2_7cf8,
    0xc4ac_5665,
    0xf429_2244,
    0x432a_ff97,
    0xab94_23a7,
    0xfc93_a039,
    0x655b_59c3,
    0x8f0c_cc92,
    0xffef_f47d,
    0x8584_5dd1,
    0x6fa8_7e4f,
    0xfe2c_e6e0,
    0xa301_4314,
    0x4e08_11a1,
    0xf753_7e82,
    0xbd3a_f235,
    0x2ad7_d2bb,
    0xeb86_d391,
];

type Lanes = [u32; LANES];

/// Collects keys and hashes them as soon as all lanes are taken.
#[derive(Debug)]
pub(super) struct Hasher {
    /// The block of each lane, word by word.
    words: [Lanes; 16],
    /// Whose block it is: a position in the output.
    whose: [usize; LANES],
    taken: usize,
}

impl Hasher {
    pub(super) const fn new() -> Self {
        Self {
            words: [[0; LANES]; 16],
            whose: [0; LANES],
            taken: 0,
        }
    }

    /// The MD5 of `key`, as a big-endian number, will be `out[at]` when [`Self::finish`] was called.
    pub(super) fn add(&mut self, key: &[u8], at: usize, out: &mut [u128]) {
        if key.len() > SHORT {
            set(out, at, u128::from_be_bytes(Md5::digest(key).into()));
            return;
        }
        let mut block = [0; 64];
        let (text, padding) = block.split_at_mut(key.len());
        text.copy_from_slice(key);
        padding[0] = 0x80;
        let (words, _) = block.as_chunks::<4>();
        let lane = self.taken;
        for (to, from) in self.words.iter_mut().zip(words) {
            to[lane] = u32::from_le_bytes(*from);
        }
        // Bits; a short key has fewer than 2^32.
        self.words[14][lane] = u32::try_from(key.len() * 8).unwrap_or(u32::MAX);
        self.whose[lane] = at;
        self.taken += 1;
        if self.taken == LANES {
            self.finish(out);
        }
    }

    /// Hashes what waits.
    pub(super) fn finish(&mut self, out: &mut [u128]) {
        if self.taken == 0 {
            return;
        }
        let [a, b, c, d] = fastest(&self.words);
        for lane in 0..self.taken {
            let mut hash = [0; 16];
            for (to, word) in hash
                .as_chunks_mut::<4>()
                .0
                .iter_mut()
                .zip([a[lane], b[lane], c[lane], d[lane]])
            {
                *to = word.to_le_bytes();
            }
            set(out, self.whose[lane], u128::from_be_bytes(hash));
        }
        self.taken = 0;
    }
}

fn set(out: &mut [u128], at: usize, hash: u128) {
    if let Some(slot) = out.get_mut(at) {
        *slot = hash;
    }
}

/// [`digest`] with the widest instructions that this CPU has: 28 ns a key instead of 105 (500 keys of 36 bytes).
fn fastest(words: &[Lanes; 16]) -> [Lanes; 4] {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn with_avx2(words: &[Lanes; 16]) -> [Lanes; 4] {
            digest(words)
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            #[expect(
                unsafe_code,
                reason = "measured; a safe function compiled for a CPU that was looked at"
            )]
            // SAFETY: the CPU has AVX2, which is all that the function asks for.
            return unsafe { with_avx2(words) };
        }
    }
    digest(words)
}

/// The state after one block, lane by lane.
#[inline(always)]
fn digest(words: &[Lanes; 16]) -> [Lanes; 4] {
    let mut state = START.map(|word| [word; LANES]);
    round(&mut state, words, 0, |i| i, |b, c, d| (b & c) | (!b & d));
    round(&mut state, words, 1, |i| 5 * i + 1, |b, c, d| (d & b) | (!d & c));
    round(&mut state, words, 2, |i| 3 * i + 5, |b, c, d| b ^ c ^ d);
    round(&mut state, words, 3, |i| 7 * i, |b, c, d| c ^ (b | !d));
    for (lanes, start) in state.iter_mut().zip(START) {
        for word in lanes {
            *word = word.wrapping_add(start);
        }
    }
    state
}

#[inline(always)]
fn round(
    state: &mut [Lanes; 4],
    words: &[Lanes; 16],
    number: usize,
    word: impl Fn(usize) -> usize,
    mix: impl Fn(u32, u32, u32) -> u32,
) {
    let [mut a, mut b, mut c, mut d] = *state;
    for i in 0..16 {
        let (word, sine, shift) = (
            &words[word(i) % 16],
            SINES[16 * number + i],
            SHIFTS[number][i % 4],
        );
        let mut next = b;
        for lane in 0..LANES {
            let sum = a[lane]
                .wrapping_add(mix(b[lane], c[lane], d[lane]))
                .wrapping_add(sine)
                .wrapping_add(word[lane]);
            next[lane] = next[lane].wrapping_add(sum.rotate_left(shift));
        }
        (a, d, c, b) = (d, c, b, next);
    }
    *state = [a, b, c, d];
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_cpu_finds_the_same() {
        let mut words = [[0; LANES]; 16];
        for (i, word) in words.iter_mut().flatten().enumerate() {
            *word = SINES[i % 64].rotate_left(u32::try_from(i % 31).unwrap());
        }
        assert_eq!(fastest(&words), digest(&words));
    }

    proptest! {
        #[test]
        fn lanes_hash_as_one_does(keys in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..70), 0..50)) {
            let mut hasher = Hasher::new();
            let mut hashes = vec![0; keys.len()];
            for (at, key) in keys.iter().enumerate() {
                hasher.add(key, at, &mut hashes);
            }
            hasher.finish(&mut hashes);
            for (key, hash) in keys.iter().zip(hashes) {
                prop_assert_eq!(hash, u128::from_be_bytes(Md5::digest(key).into()));
            }
        }
    }
}
