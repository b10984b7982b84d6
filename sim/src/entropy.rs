//! The operating system's randomness, decided by the seed.
//!
//! The standard library asks the C library for the keys of its hash maps, and tokio derives from these in which order
//! `select!` looks at its branches. A program may put its own `getrandom` before the C library's: with this one, both
//! follow the seed. Nothing in the simulator is secret.

use std::sync::atomic::{AtomicU64, Ordering};

static STATE: AtomicU64 = AtomicU64::new(0x006d_696c_6c72_6163);

/// From here on everything random follows `seed`.
pub fn seed(seed: u64) {
    STATE.store(seed, Ordering::SeqCst);
}

fn next() -> u64 {
    let state = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
    crate::dice::mix(state)
}

/// In place of the C library's.
///
/// # Safety
/// As the C library's: `buffer` is `len` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut u8, len: usize, _flags: u32) -> isize {
    for at in 0..len {
        let byte = next().to_le_bytes()[0];
        // SAFETY: the caller owns `len` bytes from `buffer` on.
        unsafe { buffer.add(at).write(byte) };
    }
    isize::try_from(len).unwrap_or(isize::MAX)
}
