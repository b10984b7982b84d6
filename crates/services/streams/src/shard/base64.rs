//! Base64 of records' data, where it is most of the work. Elsewhere the crate base64-simd does, and here it is the oracle.

use base64_turbo::STANDARD;

/// Bytes that decoding may write behind the data before it cuts them off.
pub(crate) const SLACK: usize = 2;

/// Appends what `text` says. False, and nothing appended, when it is no base64 with padding (RFC 4648, section 4).
pub(crate) fn decode(text: &[u8], out: &mut Vec<u8>) -> bool {
    STANDARD.decode_vec(text, out).is_ok()
}

/// Appends the text of `data`.
pub(crate) fn encode(data: &[u8], out: &mut Vec<u8>) {
    let begin = out.len();
    out.resize(begin + STANDARD.encoded_len(data.len()), 0);
    // It has exactly the room that it needs.
    let _ = STANDARD.encode_slice(data, &mut out[begin..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As another library does it.
    fn decoded(text: &[u8]) -> Option<Vec<u8>> {
        base64_simd::STANDARD.decode_to_vec(text).ok()
    }

    fn here(text: &[u8]) -> Option<Vec<u8>> {
        let mut out = b"before".to_vec();
        let done = decode(text, &mut out);
        assert!(out.starts_with(b"before") && (done || out.len() == 6));
        done.then(|| out.split_off(6))
    }

    proptest! {
        #[test]
        fn data_comes_back(data in prop::collection::vec(any::<u8>(), 0..2000)) {
            let mut text = b"before".to_vec();
            encode(&data, &mut text);
            let expected = base64_simd::STANDARD.encode_to_string(&data);
            prop_assert_eq!(&text[6..], expected.as_bytes());
            prop_assert_eq!(here(&text[6..]), Some(data));
        }

        #[test]
        fn what_is_no_base64_is_refused(
            data in prop::collection::vec(any::<u8>(), 0..400), changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..4),
            cut in 0..5usize,
        ) {
            let mut text = base64_simd::STANDARD.encode_to_string(&data).into_bytes();
            for (at, byte) in changes {
                let at = at % text.len().max(1);
                if let Some(place) = text.get_mut(at) {
                    *place = byte;
                }
            }
            text.truncate(text.len() - cut.min(text.len()));
            prop_assert_eq!(here(&text), decoded(&text));
        }
    }

    #[test]
    fn every_last_group_is_told_alike() {
        let alphabet = b"AQgwBRhx/+=-_ \n\0";
        for front in ["", "AAAA", &"abcd".repeat(40)] {
            for a in alphabet {
                for b in alphabet {
                    for c in alphabet {
                        for d in alphabet {
                            let text = [front.as_bytes(), &[*a, *b, *c, *d]].concat();
                            for text in [&text[..], &text[..text.len() - 1]] {
                                assert_eq!(here(text), decoded(text), "{}", text.escape_ascii());
                            }
                        }
                    }
                }
            }
        }
    }
}
