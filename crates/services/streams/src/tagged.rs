//! Messages that only this service's nodes can have written: an authentication (HMAC-SHA-256, its first 16 bytes), then
//! the message.

use ring::hmac;

/// Bytes of the truncated authentication.
pub(crate) const TAG: usize = 16;

/// The key for messages of one purpose under the service's secret.
pub(crate) fn key(secret: &[u8; 32], purpose: &[u8]) -> hmac::Key {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&secret, purpose).as_ref())
}

/// Puts the authentication of what stands behind the first [`TAG`] bytes there.
pub(crate) fn sign(key: &hmac::Key, bytes: &mut [u8]) {
    if let Some((tag, message)) = bytes.split_at_mut_checked(TAG) {
        let signed = hmac::sign(key, message);
        tag.copy_from_slice(signed.as_ref().get(..TAG).unwrap_or(&[0; TAG]));
    }
}

/// The message; `None` for anything that was not signed with this key.
pub(crate) fn verify<'a>(key: &hmac::Key, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let (tag, message) = bytes.split_at_checked(TAG)?;
    let signed = hmac::sign(key, message);
    // The whole tag is compared whatever the bytes are, so that time tells nothing about them.
    let differing = signed
        .as_ref()
        .iter()
        .zip(tag)
        .fold(0, |sum, (a, b)| sum | (a ^ b));
    (differing == 0).then_some(message)
}
