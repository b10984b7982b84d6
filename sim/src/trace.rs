//! What happened, as one number, and as text for whoever asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A hash over everything that happened, in order (FNV-1a over words). Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    hash: Arc<AtomicU64>,
    events: Arc<AtomicU64>,
    aloud: bool,
}

impl Trace {
    /// An empty trace; `aloud` prints what it notes.
    pub fn new(aloud: bool) -> Self {
        let trace = Self {
            aloud,
            ..Self::default()
        };
        trace.hash.store(0xcbf2_9ce4_8422_2325, Ordering::Relaxed);
        trace
    }

    /// Something happened.
    pub fn event(&self, word: u64) {
        let hash = (self.hash.load(Ordering::Relaxed) ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        self.hash.store(hash ^ (hash >> 29), Ordering::Relaxed);
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    /// These bytes were seen.
    pub fn bytes(&self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            self.event(u64::from_le_bytes(word));
        }
        chunks
            .remainder()
            .iter()
            .for_each(|byte| self.event(u64::from(*byte)));
    }

    /// Something worth a line happened.
    pub fn note(&self, text: impl FnOnce() -> String) {
        let text = text();
        self.bytes(text.as_bytes());
        if self.aloud {
            println!("{text}");
        }
    }

    /// The hash so far, and of how many events.
    pub fn sum(&self) -> (u64, u64) {
        (
            self.hash.load(Ordering::Relaxed),
            self.events.load(Ordering::Relaxed),
        )
    }
}
