//! Which records go into the next request.
//!
//! A request may be taken in part, and what was refused is sent again later. So that records of one key stay in
//! order all the same, a request carries at most one record of each key: the next one goes when it was taken.

use std::collections::{HashSet, VecDeque};

use super::limits::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, WINDOW_BYTES_MAX, WINDOW_RECORDS_MAX};
use super::source::Input;

/// A record on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) input: Input,
    /// Attempts so far.
    pub(super) attempts: u32,
}

impl Pending {
    pub(super) fn bytes(&self) -> usize {
        self.input.data.len() + self.input.key.len()
    }
}

/// Records that were read and not yet taken, in order.
#[derive(Debug, Default)]
pub(super) struct Window {
    records: VecDeque<Pending>,
    bytes: usize,
}

impl Window {
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= WINDOW_RECORDS_MAX || self.bytes >= WINDOW_BYTES_MAX
    }

    pub(super) fn push(&mut self, input: Input) {
        let pending = Pending { input, attempts: 0 };
        self.bytes += pending.bytes();
        self.records.push_back(pending);
    }

    /// Puts refused records back in front of everything that is behind them, in their order.
    pub(super) fn put_back(&mut self, refused: Vec<Pending>) {
        for pending in refused.into_iter().rev() {
            self.bytes += pending.bytes();
            self.records.push_front(pending);
        }
    }

    /// Takes the next request's records out; with `any_order` several of one key.
    pub(super) fn batch(&mut self, any_order: bool) -> Vec<Pending> {
        let mut keys = HashSet::new();
        let (mut batch, mut rest, mut bytes) = (Vec::new(), VecDeque::new(), 0);
        while let Some(pending) = self.records.pop_front() {
            let fits = batch.is_empty() || bytes + pending.bytes() <= BATCH_BYTES_MAX;
            // A key whose record stays behind is used up as well: its later records must not overtake it.
            let first_of_key = keys.insert(pending.input.key.clone());
            if batch.len() < BATCH_RECORDS_MAX && fits && (any_order || first_of_key) {
                bytes += pending.bytes();
                batch.push(pending);
            } else {
                rest.push_back(pending);
            }
            if batch.len() == BATCH_RECORDS_MAX || (any_order && !rest.is_empty()) {
                break;
            }
        }
        rest.append(&mut self.records);
        self.records = rest;
        self.bytes -= bytes;
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    static ZEROS: [u8; 2 * BATCH_BYTES_MAX] = [0; 2 * BATCH_BYTES_MAX];

    fn input(key: &str, place: usize, bytes: usize) -> Input {
        Input {
            place: place.to_string(),
            key: key.to_owned(),
            data: bytes::Bytes::from_static(&ZEROS[..bytes]),
        }
    }

    #[test]
    fn a_batch_is_bounded() {
        let mut window = Window::default();
        for n in 0..1200 {
            window.push(input(&n.to_string(), n, 10));
        }
        assert_eq!([(); 3].map(|()| window.batch(false).len()), [500, 500, 200]);
        assert_eq!(window.bytes, 0);
        for n in 0..3 {
            window.push(input(&n.to_string(), n, BATCH_BYTES_MAX / 2));
        }
        assert_eq!([(); 3].map(|()| window.batch(true).len()), [1, 1, 1]);
        window.push(input("k", 0, 2 * BATCH_BYTES_MAX));
        assert_eq!(window.batch(false).len(), 1);
    }

    proptest! {
        /// Whatever the server refuses, the records of one key are taken in the order in which they were read.
        #[test]
        fn keys_keep_their_order(
            keys in prop::collection::vec("[a-d]", 0..200),
            refusals in prop::collection::vec(any::<bool>(), 0..400),
            large in any::<bool>(),
        ) {
            let mut window = Window::default();
            for (place, key) in keys.iter().enumerate() {
                window.push(input(key, place, if large { BATCH_BYTES_MAX / 2 } else { 1 }));
            }
            let mut refusals = refusals.into_iter();
            let mut taken: Vec<Pending> = Vec::new();
            while !window.is_empty() {
                let (refused, accepted): (Vec<_>, Vec<_>) =
                    window.batch(false).into_iter().partition(|_| refusals.next().unwrap_or(false));
                taken.extend(accepted);
                window.put_back(refused);
            }
            prop_assert_eq!(window.bytes, 0);
            prop_assert_eq!(taken.len(), keys.len());
            for key in ["a", "b", "c", "d"] {
                let places: Vec<usize> =
                    taken.iter().filter(|p| p.input.key == key).map(|p| p.input.place.parse().unwrap()).collect();
                prop_assert!(places.is_sorted(), "{}: {:?}", key, places);
            }
        }
    }
}
