//! The bytes of a sealed record.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use millrace_base::{SeededRng, Timestamp};
use millrace_keys::{DataKey, Nonces, Rejected};
use proptest::prelude::*;

use super::keys::ReadyKey;
use super::place;
use super::seal::Sealer;
use crate::record;
use crate::state::{DataKeyNumber, LogNumber, Shard, ShardIndex, StreamUid};
use crate::topology::HashRange;

/// Written by the first release. Every later one has to read it.
const FIRST: &str = "02 00 00000003 910a2dec89025cc100000000 \
                     481000890e468dd3b638c383142519d670acd49dd98823ef09449f";

fn ready() -> Arc<ReadyKey> {
    Arc::new(ReadyKey {
        key: DataKey::new(&[7; 32]).unwrap(),
        nonces: Nonces::new(&SeededRng::new(1)),
        sealed_bytes: AtomicU64::new(0),
    })
}

fn shard(log: u64) -> Shard {
    Shard {
        index: ShardIndex(0),
        log: LogNumber(log),
        range: HashRange {
            start: 0,
            end: u128::MAX,
        },
        parent: None,
        adjacent_parent: None,
        created: Timestamp(0),
        create_secs: 0,
        closed: None,
    }
}

fn sealed(ready: &Arc<ReadyKey>, key: Option<&str>, data: &[u8]) -> Bytes {
    let sealer = Sealer::of(StreamUid(5), DataKeyNumber(3), Arc::clone(ready));
    let mut out = b"before".to_vec();
    let sealing = sealer.begin(&shard(9), &mut out);
    record::begin(key, &mut out);
    out.extend_from_slice(data);
    sealer.finish(&sealing, &mut out).unwrap();
    Bytes::from(out).slice(6..)
}

fn opened(ready: &ReadyKey, bytes: &Bytes, stream: u64, log: u64) -> Result<Bytes, Rejected> {
    let sealed = record::read_sealed(bytes).ok_or(Rejected)?;
    let mut body = sealed.body.to_vec();
    let place = place(StreamUid(stream), LogNumber(log), sealed.prefix);
    let length = ready.key.open(sealed.nonce, &place, &mut body)?;
    body.truncate(length);
    Ok(body.into())
}

#[test]
fn version_2_stays_readable() {
    let bytes = sealed(&ready(), Some("key"), b"data");
    assert_eq!(hex::encode(&bytes), FIRST.replace(' ', ""));
    let first = Bytes::from(hex::decode(FIRST.replace(' ', "")).unwrap());
    let record = record::read(opened(&ready(), &first, 5, 9).unwrap()).unwrap();
    assert_eq!((record.key(), record.data()), (Some(&b"key"[..]), &b"data"[..]));
}

#[test]
fn a_sealed_record_is_longer_by_what_is_said() {
    for data in [&b""[..], b"x", &[1; 5000]] {
        let mut plain = Vec::new();
        record::begin(Some("key"), &mut plain);
        plain.extend_from_slice(data);
        assert_eq!(
            sealed(&ready(), Some("key"), data).len(),
            plain.len() + Sealer::BYTES
        );
    }
}

#[test]
fn the_same_record_never_looks_the_same() {
    let ready = ready();
    let (one, two) = (sealed(&ready, None, b"data"), sealed(&ready, None, b"data"));
    assert_ne!(one, two);
    assert_eq!(opened(&ready, &one, 5, 9), opened(&ready, &two, 5, 9));
}

proptest! {
    #[test]
    fn a_record_opens_only_where_it_was_put(
        key in prop::option::of("\\PC{0,9}"),
        data in prop::collection::vec(any::<u8>(), 0..50),
        (stream, log) in (0..9u64, 0..19u64),
        at in any::<prop::sample::Index>(),
        bit in 0..8u32,
    ) {
        let ready = ready();
        let bytes = sealed(&ready, key.as_deref(), &data);
        let there = opened(&ready, &bytes, stream, log);
        prop_assert_eq!(there.is_ok(), (stream, log) == (5, 9));
        let record = record::read(opened(&ready, &bytes, 5, 9).unwrap()).unwrap();
        prop_assert_eq!((record.key(), record.data()), (key.as_deref().map(str::as_bytes), &data[..]));
        let mut damaged = bytes.to_vec();
        let at = at.index(damaged.len());
        damaged[at] ^= 1 << bit;
        prop_assert!(opened(&ready, &damaged.into(), 5, 9).is_err());
    }
}
