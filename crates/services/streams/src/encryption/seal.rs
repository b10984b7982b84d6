//! What a put does for an encrypted stream.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use millrace_keys::{Nonce, TAG_BYTES};

use super::keys::ReadyKey;
use super::{PLACE_BYTES, place};
use crate::error::StreamsError;
use crate::limits::{DATA_KEY_BYTES_MAX, DATA_KEY_LIFE};
use crate::record::{self, SEALED_HEADER_BYTES};
use crate::routing::StreamView;
use crate::service::Streams;
use crate::state::{DataKeyNumber, Shard, StreamUid};

/// Seals records of one stream.
#[derive(Debug)]
pub(crate) struct Sealer {
    stream: StreamUid,
    number: DataKeyNumber,
    ready: Arc<ReadyKey>,
}

/// A record that is being written and will be sealed.
#[derive(Debug)]
pub(crate) struct Sealing {
    nonce: Nonce,
    place: [u8; PLACE_BYTES],
    /// Where what is sealed begins.
    from: usize,
}

impl Streams {
    /// What a put to this stream encrypts with; none where the stream is not encrypted.
    pub(crate) async fn sealer(&self, view: &StreamView) -> Result<Option<Sealer>, StreamsError> {
        let Some((number, entry)) = view.encryption.current() else {
            return Ok(None);
        };
        let ready = self.data_key(view, number, entry).await?;
        let is_old = self.0.clock.now().since(entry.since) >= DATA_KEY_LIFE;
        if is_old || ready.sealed_bytes.load(Ordering::Relaxed) >= DATA_KEY_BYTES_MAX {
            self.replace_data_key(view, number);
        }
        Ok(Some(Sealer::of(view.uid, number, ready)))
    }
}

impl Sealer {
    /// Bytes by which a sealed record is longer than a plain one.
    pub(crate) const BYTES: usize = SEALED_HEADER_BYTES + TAG_BYTES;

    /// Seals with a data key of that stream.
    pub(super) const fn of(stream: StreamUid, number: DataKeyNumber, ready: Arc<ReadyKey>) -> Self {
        Self {
            stream,
            number,
            ready,
        }
    }

    /// Appends what stands before a record in that shard. The record is to be appended next.
    pub(crate) fn begin(&self, shard: &Shard, out: &mut Vec<u8>) -> Sealing {
        let nonce = self.ready.nonces.next();
        let prefix = record::begin_sealed(self.number, nonce.bytes(), out);
        Sealing {
            nonce,
            place: place(self.stream, shard.log, prefix),
            from: out.len(),
        }
    }

    /// Seals everything that was appended since.
    pub(crate) fn finish(&self, sealing: &Sealing, out: &mut Vec<u8>) -> Result<(), StreamsError> {
        self.ready.count(out.len().saturating_sub(sealing.from));
        let Sealing { nonce, place, from } = sealing;
        let sealed = self.ready.key.seal(nonce, place, out, *from);
        sealed.map_err(|_| StreamsError::NotStored)
    }
}
