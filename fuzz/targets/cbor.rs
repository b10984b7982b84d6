//! CBOR bodies of every operation, in both dialects: no panic, and what decodes comes back the same.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use millrace_fuzz::{hold, split};
use millrace_wire::Codec;

fuzz_target!(|data: &[u8]| {
    let Some(body) = split(data) else { return };
    hold(Codec::Cbor11, &body);
    if let Ok(value) = Codec::RpcV2Cbor.decode(body.shape, &body.bytes) {
        // Times are seconds in a double there, so they may be rounded once.
        let once = Bytes::from(Codec::RpcV2Cbor.encode(body.shape, &value));
        let again = Codec::RpcV2Cbor.decode(body.shape, &once);
        assert!(again.is_ok(), "{value:?} is {once:?}, which reads as {again:?}");
    }
});
