//! A request's body: bounded, in few pieces, hashed while it arrives.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::read::GzDecoder;
use http_body::Body;
use http_body_util::BodyExt;
use millrace_wire::Body as Pieces;
use ring::digest::{Context, SHA256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::ServerConfig;
use crate::limits::{BODY_DISCARD_BYTES_MAX, BODY_PERMIT_BYTES, PIECE_BYTES_MIN, UNPACKED_BYTES_MAX};

/// Memory for the bodies of all requests, and how large and slow one may be.
#[derive(Debug)]
pub(crate) struct Bodies {
    memory: Arc<Semaphore>,
    bytes_max: usize,
    patience: Duration,
}

/// A whole body. Its memory counts until this is dropped.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) bytes: Pieces,
    /// SHA-256 of what arrived, if it was asked for.
    pub(crate) sha256: Option<[u8; 32]>,
    _memory: Option<OwnedSemaphorePermit>,
}

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// More than `server.body_max`.
    TooLarge,
    /// Not there within `server.body_secs`.
    TooSlow,
    /// The connection or the stream ended first.
    CutOff,
    /// It is said to be gzip and is none.
    NotGzip,
    /// No memory became free within `server.body_secs`.
    NoMemory,
}

impl Bodies {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        let permits = (config.body_memory.as_usize() / BODY_PERMIT_BYTES).min(Semaphore::MAX_PERMITS);
        Self {
            memory: Arc::new(Semaphore::new(permits)),
            bytes_max: config.body_max.as_usize(),
            patience: config.body_timeout,
        }
    }

    /// Reads a body to its end; hashes it if `hash`.
    pub(crate) async fn collect<B>(&self, body: B, hash: bool) -> Result<Collected, BodyError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        if body.is_end_stream() {
            return Ok(Collected::empty(hash));
        }
        let announced = body.size_hint().exact();
        let announced = announced.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let mut arriving = Arriving {
            bodies: self,
            hash: hash.then(|| Context::new(&SHA256)),
            body: Pieces::default(),
            small: BytesMut::new(),
            length: 0,
            announced: announced.unwrap_or(0),
            memory: None,
            waits_for_memory: false,
            too_large: false,
        };
        match tokio::time::timeout(self.patience, arriving.read(body)).await {
            _ if arriving.too_large => Err(BodyError::TooLarge),
            Ok(Ok(())) => Ok(arriving.whole()),
            Ok(Err(error)) => Err(error),
            Err(_) if arriving.waits_for_memory => Err(BodyError::NoMemory),
            Err(_) => Err(BodyError::TooSlow),
        }
    }

    /// Unpacks a gzip body. The memory of the largest one that is let through is granted before; what is not used is
    /// given back.
    pub(crate) async fn unpack(&self, packed: Collected) -> Result<Collected, BodyError> {
        let most = UNPACKED_BYTES_MAX.min(self.bytes_max);
        let permits = most.div_ceil(BODY_PERMIT_BYTES);
        let wanted = u32::try_from(permits).map_err(|_| BodyError::TooLarge)?;
        let granted = Arc::clone(&self.memory).acquire_many_owned(wanted);
        let granted = tokio::time::timeout(self.patience, granted).await;
        let mut memory = granted.ok().and_then(Result::ok).ok_or(BodyError::NoMemory)?;
        let mut bytes = Vec::new();
        let ends = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        let read = GzDecoder::new(packed.bytes.whole().as_ref())
            .take(ends)
            .read_to_end(&mut bytes);
        read.map_err(|_| BodyError::NotGzip)?;
        if bytes.len() > most {
            return Err(BodyError::TooLarge);
        }
        drop(memory.split(permits.saturating_sub(bytes.len().div_ceil(BODY_PERMIT_BYTES))));
        Ok(Collected {
            bytes: Bytes::from(bytes).into(),
            sha256: packed.sha256,
            _memory: Some(memory),
        })
    }
}

impl Collected {
    fn empty(hash: bool) -> Self {
        Self {
            bytes: Pieces::default(),
            sha256: hash.then(|| sha256(Context::new(&SHA256))),
            _memory: None,
        }
    }
}

/// A body on its way.
struct Arriving<'a> {
    bodies: &'a Bodies,
    hash: Option<Context>,
    /// What arrived, but for `small`.
    body: Pieces,
    /// Pieces that were too small to be kept each on its own.
    small: BytesMut,
    length: usize,
    announced: usize,
    memory: Option<OwnedSemaphorePermit>,
    waits_for_memory: bool,
    too_large: bool,
}

impl Arriving<'_> {
    async fn read(&mut self, mut body: impl Body<Data = Bytes> + Unpin) -> Result<(), BodyError> {
        self.too_large = self.announced > self.bodies.bytes_max;
        if !self.too_large {
            self.reserve(self.announced).await?;
        }
        let mut discarded = self.announced.saturating_sub(self.bodies.bytes_max);
        while discarded < BODY_DISCARD_BYTES_MAX
            && let Some(frame) = body.frame().await
        {
            let Ok(piece) = frame.map_err(|_| BodyError::CutOff)?.into_data() else {
                continue;
            };
            if self.too_large || self.length + piece.len() > self.bodies.bytes_max {
                self.too_large = true;
                (self.body, self.small) = (Pieces::default(), BytesMut::new());
                self.memory = None;
                discarded = discarded.saturating_add(if self.announced > 0 { 0 } else { piece.len() });
            } else {
                self.take(piece).await?;
            }
        }
        Ok(())
    }

    async fn take(&mut self, piece: Bytes) -> Result<(), BodyError> {
        self.length += piece.len();
        self.reserve(self.length).await?;
        if let Some(hash) = &mut self.hash {
            hash.update(&piece);
        }
        // The first one is kept as it is: a small body is never copied.
        let first = self.body.is_empty() && self.small.is_empty();
        if first || piece.len() >= PIECE_BYTES_MIN {
            self.flush();
            self.body.push(piece);
        } else {
            self.small.extend_from_slice(&piece);
        }
        Ok(())
    }

    fn flush(&mut self) {
        self.body.push(self.small.split().freeze());
    }

    /// Waits until the memory of `bytes` in all is granted.
    async fn reserve(&mut self, bytes: usize) -> Result<(), BodyError> {
        let held = self.memory.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = bytes.div_ceil(BODY_PERMIT_BYTES).saturating_sub(held);
        if missing == 0 {
            return Ok(());
        }
        let missing = u32::try_from(missing).map_err(|_| BodyError::TooLarge)?;
        self.waits_for_memory = true;
        let granted = Arc::clone(&self.bodies.memory).acquire_many_owned(missing).await;
        self.waits_for_memory = false;
        let granted = granted.map_err(|_| BodyError::NoMemory)?;
        match &mut self.memory {
            Some(memory) => memory.merge(granted),
            None => self.memory = Some(granted),
        }
        Ok(())
    }

    fn whole(mut self) -> Collected {
        self.flush();
        Collected {
            bytes: self.body,
            sha256: self.hash.map(sha256),
            _memory: self.memory,
        }
    }
}

fn sha256(context: Context) -> [u8; 32] {
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    hash
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};
    use ring::digest::digest;

    use super::*;
    use crate::config::Config;

    fn bodies() -> Bodies {
        let settings = [
            ("server.body_max", "64KiB"),
            ("server.body_memory", "64KiB"),
            ("server.body_secs", "1"),
        ];
        let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Bodies::new(&Config::load(None, &|_| None, &settings).unwrap().server)
    }

    fn pieces(pieces: &[&[u8]]) -> impl Body<Data = Bytes, Error = &'static str> + Unpin + use<> {
        let frames: Vec<_> = pieces
            .iter()
            .map(|p| Ok(Frame::data(Bytes::copy_from_slice(p))))
            .collect();
        StreamBody::new(stream::iter(frames))
    }

    fn never(first: &[u8]) -> impl Body<Data = Bytes, Error = &'static str> + Unpin + use<> {
        let first = Ok(Frame::data(Bytes::copy_from_slice(first)));
        StreamBody::new(stream::iter([first]).chain(stream::pending()))
    }

    #[tokio::test]
    async fn pieces_are_joined_and_hashed() {
        let bodies = bodies();
        for given in [
            &[][..],
            &[&b"abc"[..]],
            &[b"", b"abc"],
            &[b"abc", b"", b"defg", &[7; 5000]],
        ] {
            let whole = given.concat();
            let body = bodies.collect(pieces(given), true).await.unwrap();
            assert_eq!(*body.bytes.whole(), whole);
            assert_eq!(body.sha256.unwrap(), digest(&SHA256, &whole).as_ref());
            let body = bodies
                .collect(Full::new(Bytes::from(whole.clone())), false)
                .await
                .unwrap();
            assert_eq!(
                (body.bytes.whole().clone(), body.sha256),
                (Bytes::from(whole), None)
            );
        }
    }

    fn gzip(bytes: &[u8]) -> Collected {
        use std::io::Write;
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).unwrap();
        Collected {
            bytes: Bytes::from(packer.finish().unwrap()).into(),
            sha256: Some([7; 32]),
            _memory: None,
        }
    }

    #[tokio::test]
    async fn a_packed_body_is_unpacked_within_bounds() {
        let bodies = bodies();
        let free = bodies.memory.available_permits();
        let unpacked = bodies.unpack(gzip(&[b'x'; 5000])).await.unwrap();
        assert_eq!((unpacked.bytes.len(), unpacked.sha256), (5000, Some([7; 32])));
        assert_eq!(
            bodies.memory.available_permits(),
            free - 5,
            "the rest was given back"
        );
        drop(unpacked);
        assert_eq!(bodies.memory.available_permits(), free);
        // A bomb: a few hundred bytes that would be a megabyte.
        let bomb = bodies.unpack(gzip(&vec![0; 1 << 20])).await;
        assert_eq!(bomb.unwrap_err(), BodyError::TooLarge);
        let mut cut = gzip(b"abcdef");
        cut.bytes = cut.bytes.whole().slice(..12).into();
        assert_eq!(bodies.unpack(cut).await.unwrap_err(), BodyError::NotGzip);
        assert_eq!(bodies.memory.available_permits(), free);
    }

    #[tokio::test]
    async fn one_piece_is_not_copied() {
        let given = Bytes::from(vec![1; 1000]);
        let body = bodies().collect(Full::new(given.clone()), true).await.unwrap();
        assert_eq!(body.bytes.whole().as_ptr(), given.as_ptr());
    }

    #[tokio::test]
    async fn small_pieces_are_joined_and_large_ones_are_not() {
        let large = vec![2; PIECE_BYTES_MIN];
        let given: [&[u8]; 6] = [b"first", b"a", b"b", &large, b"c", &large];
        let body = bodies().collect(pieces(&given), true).await.unwrap();
        let lengths: Vec<usize> = body.bytes.pieces().iter().map(Bytes::len).collect();
        assert_eq!(lengths, [5, 2, PIECE_BYTES_MIN, 1, PIECE_BYTES_MIN]);
        assert_eq!(body.bytes.whole()[..], given.concat());
    }

    #[tokio::test]
    async fn bounds_hold_with_and_without_an_announced_length() {
        let bodies = bodies();
        let most = vec![0; 64 << 10];
        assert_eq!(
            bodies
                .collect(Full::new(Bytes::from(most.clone())), false)
                .await
                .unwrap()
                .bytes
                .len(),
            64 << 10
        );
        let too_large = Full::new(Bytes::from([most.as_slice(), b"x"].concat()));
        assert_eq!(
            bodies.collect(too_large, false).await.unwrap_err(),
            BodyError::TooLarge
        );
        assert_eq!(
            bodies.collect(pieces(&[&most, b"x"]), false).await.unwrap_err(),
            BodyError::TooLarge
        );
        assert_eq!(
            bodies.collect(never(b"x"), false).await.unwrap_err(),
            BodyError::TooSlow
        );
        let broken = StreamBody::new(stream::iter([
            Ok(Frame::data(Bytes::from_static(b"x"))),
            Err("reset"),
        ]));
        assert_eq!(
            bodies.collect(broken, false).await.unwrap_err(),
            BodyError::CutOff
        );
    }

    #[tokio::test]
    async fn memory_is_held_until_the_body_is_dropped() {
        let bodies = bodies();
        let held = bodies.collect(pieces(&[&[0; 64 << 10]]), false).await.unwrap();
        assert_eq!(
            bodies.collect(pieces(&[b"x"]), false).await.unwrap_err(),
            BodyError::NoMemory
        );
        assert!(
            bodies.collect(pieces(&[]), false).await.is_ok(),
            "an empty body needs none"
        );
        drop(held);
        assert!(bodies.collect(pieces(&[b"x"]), false).await.is_ok());
        assert_eq!(bodies.memory.available_permits(), 64);
    }
}
