//! What a caller keeps of something encrypted: it says which key made it.
//!
//! ```text
//! format u8 = 1 | the key's id, a UUID, 16 B | what the key wrapped
//! ```

const FORMAT: u8 = 1;
const ID_BYTES: usize = 16;

/// The ciphertext of what the key `id` wrapped; `None` where the id is no UUID.
pub(super) fn join(id: &str, wrapped: &[u8]) -> Option<Vec<u8>> {
    let id = hex::decode(id.replace('-', "")).ok()?;
    (id.len() == ID_BYTES).then(|| [&[FORMAT][..], &id, wrapped].concat())
}

/// The key's id and what it wrapped; `None` for what is no ciphertext.
pub(super) fn split(ciphertext: &[u8]) -> Option<(String, &[u8])> {
    let (format, rest) = ciphertext.split_first()?;
    let (id, wrapped) = rest.split_at_checked(ID_BYTES)?;
    let id = hex::encode(id);
    let part = |from: usize, to: usize| id.get(from..to).unwrap_or_default();
    let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
    (*format == FORMAT).then(|| (parts.join("-"), wrapped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ciphertext_names_its_key() {
        let id = "0f8fad5b-d9cb-469f-a165-70867728950e";
        let ciphertext = join(id, b"wrapped").unwrap();
        assert_eq!(ciphertext.len(), 1 + 16 + 7);
        assert_eq!(split(&ciphertext), Some((id.to_owned(), &b"wrapped"[..])));
        assert_eq!(join("no uuid", b"wrapped"), None);
        for none in [&b""[..], b"\x01", &[2; 40], &[1; 16]] {
            assert_eq!(split(none), None, "{none:?}");
        }
    }
}
