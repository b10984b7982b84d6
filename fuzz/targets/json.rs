//! awsJson bodies of every operation: no panic, what decodes comes back the same, and it was JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace_fuzz::{hold, split};
use millrace_wire::Codec;

fuzz_target!(|data: &[u8]| {
    let Some(body) = split(data) else { return };
    if hold(Codec::Json11, &body).is_some() {
        // An independent parser has to agree that it is JSON. It refuses deep nesting and numbers beyond f64.
        let checked = serde_json::from_slice::<serde::de::IgnoredAny>(&body.bytes);
        let excused = |error: &serde_json::Error| {
            let text = error.to_string();
            text.contains("recursion limit") || text.contains("number out of range")
        };
        assert!(checked.as_ref().err().is_none_or(excused), "{checked:?}");
    }
});
