//! What a reader does with sealed records.

use std::sync::Arc;

use bytes::Bytes;
use millrace_log::{Entry, Offset};

use super::keys::ReadyKey;
use super::place;
use crate::error::StreamsError;
use crate::record::{self, Record, SealedRecord};
use crate::routing::StreamView;
use crate::sequence::SequenceNumber;
use crate::service::Streams;
use crate::shard::read::{self, Read};
use crate::state::{Command, DataKeyNumber, Encryption, Shard};

/// The keys one page needed so far.
struct Opener<'a> {
    streams: &'a Streams,
    view: &'a StreamView,
    shard: &'a Shard,
    /// Neighbours mostly share one.
    last: Option<(DataKeyNumber, Arc<ReadyKey>)>,
    /// The stream's encryption as it is now, where the page's view was too old for a record.
    newest: Option<Arc<Encryption>>,
}

impl Streams {
    /// Appends what these entries hold, sealed or plain, to `records`. Where a data key cannot be had now and there are
    /// records already, yields the offset to go on from; where there are none, the reason.
    pub(crate) async fn open_sealed(
        &self,
        view: &StreamView,
        shard: &Shard,
        entries: Vec<Entry>,
        records: &mut Vec<Read>,
    ) -> Result<Option<Offset>, StreamsError> {
        let mut opener = Opener {
            streams: self,
            view,
            shard,
            last: None,
            newest: None,
        };
        for entry in entries {
            if !record::is_sealed(&entry.bytes) {
                records.extend(read::read(shard, entry));
                continue;
            }
            let offset = entry.offset;
            match opener.open(entry).await {
                Ok(Some(read)) => records.push(read),
                Ok(None) => self.0.metrics.corrupt_records.add(1),
                Err(_) if !records.is_empty() => return Ok(Some(offset)),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

impl Opener<'_> {
    /// A sealed record; none where it is damaged or not where it belongs.
    async fn open(&mut self, entry: Entry) -> Result<Option<Read>, StreamsError> {
        let record = match record::read_sealed(&entry.bytes) {
            Some(sealed) => match self.key(sealed.data_key).await? {
                Some(ready) => self.unseal(&ready, &sealed),
                None => None,
            },
            None => None,
        };
        let Some(record) = record else {
            tracing::error!(
                stream = %self.view.key,
                shard = %self.shard.index,
                offset = entry.offset,
                "a sealed record does not open: it is damaged or was moved here"
            );
            return Ok(None);
        };
        self.streams.0.metrics.opened_records.add(1);
        Ok(Some(Read {
            number: SequenceNumber::of(self.shard, entry.offset, entry.time),
            time: entry.time,
            record,
        }))
    }

    fn unseal(&self, ready: &ReadyKey, sealed: &SealedRecord) -> Option<Record> {
        let place = place(self.view.uid, self.shard.log, sealed.prefix);
        let mut bytes = sealed.body.to_vec();
        let length = ready.key.open(sealed.nonce, &place, &mut bytes).ok()?;
        bytes.truncate(length);
        Some(record::read(Bytes::from(bytes))?.opened())
    }

    /// A data key; none where the stream never had it, or has it no more.
    async fn key(&mut self, number: DataKeyNumber) -> Result<Option<Arc<ReadyKey>>, StreamsError> {
        if let Some((_, ready)) = self.last.as_ref().filter(|(last, _)| *last == number) {
            return Ok(Some(Arc::clone(ready)));
        }
        let known = Arc::clone(self.newest.as_ref().unwrap_or(&self.view.encryption));
        let known = if known.next <= number && self.newest.is_none() {
            self.newest().await?
        } else {
            known
        };
        let Some(entry) = known.data_keys.get(&number) else {
            return Ok(None);
        };
        let ready = self.streams.data_key(self.view, number, entry).await?;
        self.last = Some((number, Arc::clone(&ready)));
        Ok(Some(ready))
    }

    /// The stream's encryption with everything that was decided before now. A record may be read on one node before the
    /// command that brought its data key is applied there; a command of this node's own comes behind that one.
    async fn newest(&mut self) -> Result<Arc<Encryption>, StreamsError> {
        let nothing = Command::LogsDeleted { logs: Vec::new() };
        self.streams.propose(nothing).await?;
        let now = self.streams.view(&self.view.key)?;
        if now.uid != self.view.uid {
            return Err(StreamsError::StreamNotFound(self.view.key.clone()));
        }
        let newest = Arc::clone(&now.encryption);
        self.newest = Some(Arc::clone(&newest));
        Ok(newest)
    }
}
