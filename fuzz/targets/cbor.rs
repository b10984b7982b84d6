//! CBOR bodies of every operation: no panic, and what decodes comes back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace_fuzz::{hold, split};
use millrace_wire::Codec;

fuzz_target!(|data: &[u8]| {
    if let Some(body) = split(data) {
        hold(Codec::Cbor11, &body);
    }
});
