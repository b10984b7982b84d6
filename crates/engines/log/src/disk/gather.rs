//! Bytes on their way into one write: what was copied together, and between it large batches that are written from
//! where they lie. Direct writes take whole blocks at aligned addresses only, so that such a batch has to begin at a
//! block's boundary both in memory and in the file.

use bytes::Bytes;

use super::{AlignedBuf, DIRECT_ALIGN as ALIGN};

/// See the module.
#[derive(Debug, Default)]
pub struct Gather {
    /// What was copied, the last bytes of lent batches among it.
    own: AlignedBuf,
    /// Whole blocks of batches, and where in `own` they belong: at multiples of `ALIGN`.
    lent: Vec<(usize, Bytes)>,
    lent_bytes: usize,
}

impl Gather {
    /// Forgets everything, keeps the memory unless it is larger than `keep`.
    pub fn clear(&mut self, keep: usize) {
        self.own.clear(keep);
        self.lent.clear();
        self.lent_bytes = 0;
    }

    /// Number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.own.len() + self.lent_bytes
    }

    /// Whether there is no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a copy.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.own.extend(bytes);
    }

    /// Appends zeros.
    pub fn zeros(&mut self, count: usize) {
        self.own.resize(self.own.len() + count);
    }

    /// Appends `bytes`, whose address is a multiple of 4096, as the length must be: whole blocks are not copied.
    pub fn lend(&mut self, bytes: &Bytes) {
        debug_assert!(self.len().is_multiple_of(ALIGN) && bytes.as_ptr().align_offset(ALIGN) == 0);
        let whole = bytes.len() - bytes.len() % ALIGN;
        if whole > 0 {
            self.lent.push((self.own.len(), bytes.slice(..whole)));
            self.lent_bytes += whole;
        }
        self.own.extend(&bytes[whole..]);
    }

    /// Zeros that have to stand before `ahead` further bytes, so that what follows those begins at a block's boundary.
    #[must_use]
    pub fn gap(&self, ahead: usize) -> usize {
        let end = self.len() + ahead;
        end.next_multiple_of(ALIGN) - end
    }

    /// What was copied, without what was lent.
    #[must_use]
    pub fn own(&self) -> &[u8] {
        self.own.as_slice()
    }

    /// As [`Self::own`], to change.
    pub fn own_mut(&mut self) -> &mut [u8] {
        self.own.as_mut_slice()
    }

    /// All bytes, in pieces of whole blocks but for the last.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let own = self.own.as_slice();
        let ends = self.lent.iter().map(|(at, _)| *at).chain([own.len()]);
        let begins = [0].into_iter().chain(self.lent.iter().map(|(at, _)| *at));
        let copied = begins.zip(ends).map(move |(begin, end)| &own[begin..end]);
        let lent = self.lent.iter().map(|(_, bytes)| &bytes[..]).chain([&[][..]]);
        let both = copied.zip(lent).flat_map(|(copied, lent)| [copied, lent]);
        both.filter(|piece| !piece.is_empty())
    }

    /// The whole blocks, to be written.
    #[must_use]
    pub fn whole_blocks(&self) -> Vec<&[u8]> {
        let mut left = self.len() - self.len() % ALIGN;
        let mut pieces = Vec::with_capacity(2 * self.lent.len() + 1);
        for piece in self.pieces() {
            let piece = &piece[..piece.len().min(left)];
            left -= piece.len();
            if !piece.is_empty() {
                pieces.push(piece);
            }
        }
        pieces
    }

    /// Forgets the whole blocks, which were written; yields their bytes.
    pub fn drop_whole_blocks(&mut self) -> usize {
        let whole = self.len() - self.len() % ALIGN;
        self.own.consume(self.own.len() - self.own.len() % ALIGN);
        self.lent.clear();
        self.lent_bytes = 0;
        whole
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn aligned(len: usize, fill: u8) -> Bytes {
        let mut memory: Vec<u8> = Vec::with_capacity(len + ALIGN);
        let start = memory.as_ptr().align_offset(ALIGN);
        memory.resize(start, 0);
        memory.resize(start + len, fill);
        Bytes::from(memory).slice(start..)
    }

    proptest! {
        #[test]
        fn pieces_are_what_was_added(parts in prop::collection::vec((0..9000usize, any::<bool>()), 0..12), cut in 0..12usize) {
            let mut gather = Gather::default();
            let (mut expected, mut written) = (Vec::new(), Vec::new());
            for (at, (len, lend)) in parts.into_iter().enumerate() {
                let fill = u8::try_from(at + 1).unwrap();
                if lend {
                    let gap = gather.gap(7);
                    gather.zeros(gap);
                    gather.extend(b"7 bytes");
                    expected.resize(expected.len() + gap, 0);
                    expected.extend_from_slice(b"7 bytes");
                    gather.lend(&aligned(len, fill));
                } else {
                    gather.extend(&vec![fill; len]);
                }
                expected.resize(expected.len() + len, fill);
                if at == cut {
                    let blocks = gather.whole_blocks();
                    prop_assert!(blocks.iter().all(|b| b.len() % ALIGN == 0 && b.as_ptr().align_offset(ALIGN) == 0));
                    written = blocks.concat();
                    prop_assert_eq!(gather.drop_whole_blocks(), written.len());
                }
                prop_assert_eq!(written.len() + gather.len(), expected.len());
            }
            let pieces: Vec<&[u8]> = gather.pieces().collect();
            prop_assert!([&written[..], &pieces.concat()].concat() == expected);
        }
    }
}
