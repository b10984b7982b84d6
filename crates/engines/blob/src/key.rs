//! What a key may look like: parts of plain characters between single slashes, so that it is one and the same name
//! in every store and never leaves a store's directory.

use object_store::path::Path;

use crate::BlobError;
use crate::limits::{KEY_BYTES_MAX, KEY_PART_BYTES_MAX};

/// Holds `key` against the rules.
pub(crate) fn check(key: &str) -> Result<Path, BlobError> {
    match broken_rule(key) {
        Some(rule) => Err(BlobError::BadKey {
            key: shown(key),
            rule,
        }),
        // Every character that passed stands for itself in every store: nothing is escaped.
        None => Path::parse(key).map_err(|_| BlobError::BadKey {
            key: shown(key),
            rule: "the store refuses this name",
        }),
    }
}

/// Keys are bounded, and so is what an error repeats of one that is not.
fn shown(key: &str) -> String {
    key.chars().take(100).collect()
}

fn broken_rule(key: &str) -> Option<&'static str> {
    if key.is_empty() {
        return Some("a key has at least one character");
    }
    if key.len() > KEY_BYTES_MAX {
        return Some("a key has at most 1024 bytes");
    }
    key.split('/').find_map(broken_part_rule)
}

fn broken_part_rule(part: &str) -> Option<&'static str> {
    if part.is_empty() {
        return Some("a key neither starts nor ends with a slash and has no two slashes in a row");
    }
    if part.len() > KEY_PART_BYTES_MAX {
        return Some("a part between two slashes has at most 200 bytes");
    }
    if part == "." || part == ".." {
        return Some("'.' and '..' are no parts of a key");
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'=' | b'@' | b'+');
    if !part.bytes().all(plain) {
        return Some("a key consists of letters, digits, slashes and - _ . = @ +");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_pass_unchanged() {
        for key in [
            "a",
            "control/0000000000000001/00000000000000000042.snapshot",
            "year=2026/month=01/x.json",
            "a+b@c",
        ] {
            assert_eq!(check(key).unwrap().as_ref(), key);
        }
        assert!(check(&"k".repeat(KEY_PART_BYTES_MAX)).is_ok());
    }

    #[test]
    fn everything_else_is_refused() {
        let long_part = "k".repeat(KEY_PART_BYTES_MAX + 1);
        let long_key = "k/".repeat(KEY_BYTES_MAX / 2) + "k";
        for key in [
            "", "/a", "a/", "a//b", "..", "a/../b", ".", "a b", "a\\b", "a#1", "ä", "a\0", "a%2fb", "~",
        ] {
            assert!(matches!(check(key), Err(BlobError::BadKey { .. })), "{key:?}");
        }
        for key in [long_part, long_key] {
            assert!(
                matches!(check(&key), Err(BlobError::BadKey { .. })),
                "{} bytes",
                key.len()
            );
        }
    }
}
