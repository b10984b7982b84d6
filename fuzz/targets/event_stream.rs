//! Frames of an event stream: no panic, lengths add up, a frame of string headers is made again byte for byte, and
//! one byte changed is noticed.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use millrace_wire::event_stream::{HeaderValue, Message, decode, frame};

fuzz_target!(|data: &[u8]| {
    let mut rest = Bytes::copy_from_slice(data);
    while let Ok(Some((message, len))) = decode(&rest) {
        assert!((16..=rest.len()).contains(&len), "{len} of {}", rest.len());
        again(&message, &rest.slice(..len));
        rest = rest.slice(len..);
    }
    made(data);
});

/// What was read is what was written.
fn again(message: &Message, bytes: &Bytes) {
    let strings: Option<Vec<(&str, &str)>> = message
        .headers
        .iter()
        .map(|header| match &header.value {
            HeaderValue::String(text) => Some((header.name.as_str(), text.as_str())),
            _ => None,
        })
        .collect();
    if let Some(strings) = strings {
        assert_eq!(frame(&strings, &message.payload), *bytes);
    }
}

/// The input as the payload of a frame: it reads back, and no single damaged byte passes.
fn made(data: &[u8]) {
    let headers = [
        (":event-type", "SubscribeToShardEvent"),
        (":message-type", "event"),
    ];
    let good = frame(&headers, data);
    let (message, len) = decode(&good).unwrap().unwrap();
    assert_eq!((message.payload.as_ref(), len), (data, good.len()));
    assert_eq!(message.event_type(), Some("SubscribeToShardEvent"));
    let at = data.iter().fold(0usize, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(usize::from(*byte))
    });
    let mut bad = good.to_vec();
    let at = at % bad.len();
    bad[at] ^= 1 << (data.len() % 8);
    assert!(
        !matches!(decode(&bad.into()), Ok(Some(_))),
        "a flipped bit at {at} passes"
    );
}
