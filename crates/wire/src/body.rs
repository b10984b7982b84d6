//! A request's body in the pieces in which it arrived: a large one is scanned where it lies, and joined only for those
//! who need it whole.

use std::sync::OnceLock;

use bytes::{Bytes, BytesMut};

/// See the module. It is cheap to clone where it is one piece.
#[derive(Clone, Debug, Default)]
pub struct Body {
    pieces: Vec<Bytes>,
    length: usize,
    whole: OnceLock<Bytes>,
}

impl Body {
    /// Adds what arrived next.
    pub fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.length += piece.len();
            self.pieces.push(piece);
            self.whole = OnceLock::new();
        }
    }

    /// Bytes of all pieces together.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether there is no byte.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The pieces in their order, none of them empty.
    #[must_use]
    pub fn pieces(&self) -> &[Bytes] {
        &self.pieces
    }

    /// All bytes in a row; what has several pieces is joined once.
    #[must_use]
    pub fn whole(&self) -> &Bytes {
        self.whole.get_or_init(|| match self.pieces.as_slice() {
            [] => Bytes::new(),
            [only] => only.clone(),
            pieces => {
                let mut joined = BytesMut::with_capacity(self.length);
                pieces.iter().for_each(|piece| joined.extend_from_slice(piece));
                joined.freeze()
            }
        })
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        let mut body = Self::default();
        body.push(bytes);
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_joined_on_demand() {
        let mut body = Body::default();
        assert!(body.is_empty() && body.whole().is_empty());
        for piece in ["ab", "", "c"] {
            body.push(Bytes::from_static(piece.as_bytes()));
        }
        assert_eq!(
            (body.len(), body.pieces().len(), &body.whole()[..]),
            (3, 2, &b"abc"[..])
        );
        body.push(Bytes::from_static(b"d"));
        assert_eq!(&body.whole()[..], b"abcd");
    }
}
