//! Receipt handles: stateless, authenticated; one for each receive of a record.
//!
//! ```text
//! base64url( HMAC-SHA-256 [16] | version u8 = 1 | kind u8 (0 live, 1 dead) | queue u64 | shard u32 | offset u64
//!            | receive u64 )                       key: HMAC-SHA-256(iterator key, "queue receipt 1")
//! ```
//! The queue is the number of its log, which is never used again. Numbers are big-endian. Every node reads what another
//! one wrote, and nobody else can write one.

use base64_simd::URL_SAFE_NO_PAD;
use ring::hmac;

use crate::queues::machine::{Kind, Receipt};
use crate::state::{LogNumber, ShardIndex};
use crate::tagged::{self, TAG};

/// Separates these authentications from other uses of the same secret.
const PURPOSE: &[u8] = b"queue receipt 1";
const VERSION: u8 = 1;
/// Bytes behind the authentication.
const MESSAGE: usize = 1 + 1 + 8 + 4 + 8 + 8;

/// What a receipt handle says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Handle {
    pub(super) queue: LogNumber,
    pub(super) kind: Kind,
    pub(super) receipt: Receipt,
}

/// The key for receipt handles under the service's secret.
pub(super) fn key(secret: &[u8; 32]) -> hmac::Key {
    tagged::key(secret, PURPOSE)
}

/// The text of a handle.
pub(super) fn write(key: &hmac::Key, handle: &Handle) -> String {
    let mut bytes = Vec::with_capacity(TAG + MESSAGE);
    bytes.resize(TAG, 0);
    bytes.push(VERSION);
    bytes.push(match handle.kind {
        Kind::Live => 0,
        Kind::Dead => 1,
    });
    bytes.extend_from_slice(&handle.queue.0.to_be_bytes());
    bytes.extend_from_slice(&handle.receipt.shard.0.to_be_bytes());
    bytes.extend_from_slice(&handle.receipt.offset.to_be_bytes());
    bytes.extend_from_slice(&handle.receipt.receive.to_be_bytes());
    tagged::sign(key, &mut bytes);
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

/// What a text says; `None` for anything that [`write`] did not make under this key.
pub(super) fn read(key: &hmac::Key, text: &str) -> Option<Handle> {
    let bytes = URL_SAFE_NO_PAD.decode_to_vec(text).ok()?;
    let ([VERSION, kind], rest) = tagged::verify(key, &bytes)?.split_first_chunk::<2>()? else {
        return None;
    };
    let (queue, rest) = rest.split_first_chunk::<8>()?;
    let (shard, rest) = rest.split_first_chunk::<4>()?;
    let (offset, rest) = rest.split_first_chunk::<8>()?;
    let receive: [u8; 8] = rest.try_into().ok()?;
    Some(Handle {
        queue: LogNumber(u64::from_be_bytes(*queue)),
        kind: match kind {
            0 => Kind::Live,
            1 => Kind::Dead,
            _ => return None,
        },
        receipt: Receipt {
            shard: ShardIndex(u32::from_be_bytes(*shard)),
            offset: u64::from_be_bytes(*offset),
            receive: u64::from_be_bytes(receive),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handle(kind: Kind) -> Handle {
        Handle {
            queue: LogNumber(7),
            kind,
            receipt: Receipt {
                shard: ShardIndex(3),
                offset: u64::MAX,
                receive: 9,
            },
        }
    }

    #[test]
    fn a_handle_comes_back() {
        let key = key(&[1; 32]);
        for kind in [Kind::Live, Kind::Dead] {
            let text = write(&key, &handle(kind));
            assert!(text.len() <= 1024, "{}", text.len());
            assert_eq!(read(&key, &text), Some(handle(kind)));
        }
    }

    #[test]
    fn version_1_stays_readable() {
        let text = "Pk9dTd2yHqsPvWI1Qo0fugEBAAAAAAAAAAcAAAAD__________8AAAAAAAAACQ";
        assert_eq!(write(&key(&[1; 32]), &handle(Kind::Dead)), text);
        assert_eq!(read(&key(&[1; 32]), text), Some(handle(Kind::Dead)));
    }

    #[test]
    fn a_forged_or_altered_one_is_none() {
        let text = write(&key(&[1; 32]), &handle(Kind::Live));
        assert_eq!(read(&key(&[2; 32]), &text), None);
        assert_eq!(read(&key(&[1; 32]), ""), None);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(read(&key(&[1; 32]), &String::from_utf8(bytes).unwrap()), None);
        }
    }
}
