//! Frames made, frames read, frames broken.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

/// A frame written down by hand from the format's description; the checksums were computed with zlib's crc32.
#[test]
fn an_empty_frame_is_these_bytes() {
    // total 16, no headers, CRC-32 of the first eight bytes, CRC-32 of the first twelve.
    let expected = [
        0, 0, 0, 16, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff,
    ];
    assert_eq!(frame(&[], b"").as_ref(), expected);
}

#[test]
fn a_header_is_laid_out_as_described() {
    let bytes = frame(&[("ab", "xyz")], b"{}");
    assert_eq!(&bytes[..4], 27_u32.to_be_bytes());
    assert_eq!(&bytes[4..8], 9_u32.to_be_bytes());
    assert_eq!(&bytes[12..21], b"\x02ab\x07\x00\x03xyz");
    assert_eq!(&bytes[21..23], b"{}");
}

#[test]
fn the_three_messages_say_what_they_are() {
    let json = "application/x-amz-json-1.1";
    let (first, used) = decode(&initial_response(json, b"{}")).unwrap().unwrap();
    assert_eq!(used, initial_response(json, b"{}").len());
    assert_eq!(first.event_type(), Some("initial-response"));
    assert_eq!(first.header(":content-type"), Some(json));
    assert_eq!(first.payload.as_ref(), b"{}");
    let (event, _) = decode(&event("SubscribeToShardEvent", json, b"x"))
        .unwrap()
        .unwrap();
    assert_eq!(
        (event.event_type(), event.exception_type()),
        (Some("SubscribeToShardEvent"), None)
    );
    let (broken, _) = decode(&exception("ResourceInUseException", json, b"y"))
        .unwrap()
        .unwrap();
    assert_eq!(
        (broken.event_type(), broken.exception_type()),
        (None, Some("ResourceInUseException"))
    );
    assert_eq!(broken.header(":message-type"), Some("exception"));
}

#[test]
fn every_header_type_is_read() {
    let mut block = Vec::new();
    for (name, kind, value) in [
        (b'a', 0_u8, &[][..]),
        (b'b', 1, &[]),
        (b'c', 2, &[0xff]),
        (b'd', 3, &[0xff, 0xfe]),
        (b'e', 4, &[0, 0, 1, 0]),
        (b'f', 5, &[0, 0, 0, 0, 0, 0, 0, 9]),
        (b'g', 6, &[0, 2, 7, 8]),
        (b'h', 8, &[0, 0, 0, 0, 0, 0, 0, 5]),
        (b'i', 9, &[3; 16]),
    ] {
        block.extend_from_slice(&[1, name, kind]);
        block.extend_from_slice(value);
    }
    let message = decode(&raw(&block, b"")).unwrap().unwrap().0;
    let values: Vec<_> = message.headers.into_iter().map(|h| h.value).collect();
    let bytes = Bytes::from_static(&[7, 8]);
    let expected = vec![
        HeaderValue::Bool(true),
        HeaderValue::Bool(false),
        HeaderValue::Integer(-1),
        HeaderValue::Integer(-2),
        HeaderValue::Integer(256),
        HeaderValue::Integer(9),
        HeaderValue::Bytes(bytes),
        HeaderValue::Timestamp(5),
        HeaderValue::Uuid([3; 16]),
    ];
    assert_eq!(values, expected);
    assert_eq!(decode(&raw(&[1, b'a', 10], b"")), Err(FrameError::Headers));
    assert_eq!(decode(&raw(&[5, b'a'], b"")), Err(FrameError::Headers));
}

/// A frame around a block of headers, well-formed or not.
fn raw(block: &[u8], payload: &[u8]) -> Bytes {
    let total = u32::try_from(16 + block.len() + payload.len()).unwrap();
    let mut out = Vec::new();
    out.extend_from_slice(&total.to_be_bytes());
    out.extend_from_slice(&u32::try_from(block.len()).unwrap().to_be_bytes());
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(block);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    Bytes::from(out)
}

#[test]
fn impossible_lengths_are_refused_before_anything_is_awaited() {
    for (total, headers) in [(15_u32, 0_u32), (u32::MAX, 0), (16, 1), (400_000, 200_000)] {
        let mut prelude = [total.to_be_bytes(), headers.to_be_bytes()].concat();
        prelude.extend_from_slice(&crc32fast::hash(&prelude).to_be_bytes());
        assert_eq!(decode(&Bytes::from(prelude)), Err(FrameError::Length));
    }
}

#[test]
fn overlong_headers_are_cut_between_characters() {
    let name = "é".repeat(200);
    let value = "é".repeat(40_000);
    let message = decode(&frame(&[(&name, &value)], b"")).unwrap().unwrap().0;
    assert_eq!(message.headers[0].name.len(), 254);
    assert_eq!(message.header(&message.headers[0].name).unwrap().len(), 65_534);
}

proptest! {
    #[test]
    fn what_is_framed_is_read(
        headers in proptest::collection::vec((".{0,20}", ".{0,60}"), 0..5),
        payload in proptest::collection::vec(any::<u8>(), 0..300),
        cut in any::<prop::sample::Index>(),
    ) {
        let pairs: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let bytes = frame(&pairs, &payload);
        let (message, used) = decode(&bytes).unwrap().unwrap();
        prop_assert_eq!(used, bytes.len());
        prop_assert_eq!(message.payload.as_ref(), payload.as_slice());
        let read: Vec<_> = message.headers.iter().map(|h| (h.name.clone(), h.value.clone())).collect();
        let sent: Vec<_> = headers.into_iter().map(|(n, v)| (n, HeaderValue::String(v))).collect();
        prop_assert_eq!(read, sent);
        prop_assert_eq!(decode(&bytes.slice(..cut.index(bytes.len()))), Ok(None));
    }

    #[test]
    fn a_flipped_bit_never_passes(payload in proptest::collection::vec(any::<u8>(), 0..60), bit in any::<prop::sample::Index>()) {
        let mut bytes = frame(&[("a", "b")], &payload).to_vec();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!matches!(decode(&Bytes::from(bytes)), Ok(Some(_))));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&Bytes::from(bytes));
    }
}
