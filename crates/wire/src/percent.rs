//! Percent-encoding (RFC 3986, 2.1), as signatures, forms, paths and IAM's answers have it.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, percent_decode_str, percent_encode};

/// Everything but the unreserved characters (RFC 3986, 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Encodes everything but the unreserved characters, with upper-case digits: shown or iterated in pieces.
pub fn encode<B: AsRef<[u8]> + ?Sized>(bytes: &B) -> PercentEncode<'_> {
    percent_encode(bytes.as_ref(), RESERVED)
}

/// Decodes; what is no valid escape stays as it is.
#[must_use]
pub fn decode(text: &str) -> Cow<'_, [u8]> {
    percent_decode_str(text).into()
}

/// Decodes; `None` when an escape is malformed or the result is not UTF-8.
pub(crate) fn decode_strictly(text: &str) -> Option<Cow<'_, str>> {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let whole =
            byte != b'%' || (0..2).all(|_| bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit()));
        if !whole {
            return None;
        }
    }
    percent_decode_str(text).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_the_unreserved_is_encoded() {
        assert_eq!(
            encode("aZ09-_.~ /+%\u{e4}").to_string(),
            "aZ09-_.~%20%2F%2B%25%C3%A4"
        );
    }

    #[test]
    fn broken_escapes_stay_or_are_refused() {
        assert_eq!(*decode("%41%4z%%2f%e4%"), *b"A%4z%/\xe4%");
        assert_eq!(decode_strictly("a%2Fb%c3%a4").as_deref(), Some("a/b\u{e4}"));
        for broken in ["%", "%4", "%4z", "%z4", "%%41", "%e4"] {
            assert_eq!(decode_strictly(broken), None, "{broken}");
        }
    }
}
