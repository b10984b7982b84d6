//! Shard iterators: stateless, authenticated, valid for five minutes.
//!
//! ```text
//! base64( HMAC-SHA-256 [16] | version u8 = 1 | issued ms u64 | uid u64 | shard u32 | offset u64
//!         | account length u8 | account | region length u8 | region | stream name )
//! ```
//! The key is derived from the service's secret; every node reads what another one wrote, and nobody else can write
//! one. All types of iterator are resolved to an offset when they are made.

use base64_simd::STANDARD;
use millrace_base::Timestamp;
use millrace_log::Offset;
use millrace_wire::timestamp;
use ring::hmac;

use crate::error::StreamsError;
use crate::limits::ITERATOR_LIFE;
use crate::service::Streams;
use crate::state::{ShardIndex, StreamKey, StreamUid};
use crate::tagged::{self, TAG};

/// Separates these authentications from other uses of the same secret.
const PURPOSE: &[u8] = b"shard iterator 1";
const VERSION: u8 = 1;

/// Where a reader stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) stream: StreamKey,
    pub(crate) uid: StreamUid,
    pub(crate) shard: ShardIndex,
    /// The next record to read.
    pub(crate) offset: Offset,
}

/// The signing key for iterators under the service's secret.
pub(crate) fn key(secret: &[u8; 32]) -> hmac::Key {
    tagged::key(secret, PURPOSE)
}

/// The iterator of a position.
pub(crate) fn write(key: &hmac::Key, position: &Position, now: Timestamp) -> String {
    let mut bytes = vec![0; TAG];
    bytes.push(VERSION);
    bytes.extend_from_slice(&now.0.to_be_bytes());
    bytes.extend_from_slice(&position.uid.0.to_be_bytes());
    bytes.extend_from_slice(&position.shard.0.to_be_bytes());
    bytes.extend_from_slice(&position.offset.to_be_bytes());
    for part in [&position.stream.account, &position.stream.region] {
        // Twelve digits and a region's name; neither comes near 255 bytes.
        bytes.push(u8::try_from(part.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes.extend_from_slice(position.stream.name.as_bytes());
    tagged::sign(key, &mut bytes);
    STANDARD.encode_to_string(bytes)
}

/// The position and issue time of an iterator; `None` for anything that [`write`] did not make under this key.
pub(crate) fn read(key: &hmac::Key, text: &str) -> Option<(Position, Timestamp)> {
    let bytes = STANDARD.decode_to_vec(text).ok()?;
    let mut rest = Reader(tagged::verify(key, &bytes)?);
    let [VERSION] = rest.take::<1>()? else { return None };
    let issued = Timestamp(u64::from_be_bytes(rest.take()?));
    let uid = StreamUid(u64::from_be_bytes(rest.take()?));
    let shard = ShardIndex(u32::from_be_bytes(rest.take()?));
    let offset = u64::from_be_bytes(rest.take()?);
    let (account, region) = (rest.text()?, rest.text()?);
    let name = std::str::from_utf8(rest.0).ok()?;
    Some((
        Position {
            stream: StreamKey::new(account, region, name),
            uid,
            shard,
            offset,
        },
        issued,
    ))
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    fn text(&mut self) -> Option<&'a str> {
        let [length] = self.take()?;
        let (head, tail) = self.0.split_at_checked(usize::from(length))?;
        self.0 = tail;
        std::str::from_utf8(head).ok()
    }
}

impl Streams {
    /// The iterator of a position, issued now.
    pub(crate) fn iterator(&self, position: &Position) -> String {
        write(&self.0.iterators, position, self.0.clock.now())
    }

    /// The position of an iterator that is genuine and not expired.
    pub(crate) fn position(&self, text: &str) -> Result<Position, StreamsError> {
        let (position, issued) = read(&self.0.iterators, text)
            .ok_or_else(|| StreamsError::InvalidArgument("Invalid ShardIterator.".to_owned()))?;
        let now = self.0.clock.now();
        if now.since(issued) > ITERATOR_LIFE {
            return Err(StreamsError::ExpiredIterator(format!(
                "Iterator expired. The iterator was created at time {} while right now it is {} which is further in \
                 the future than the tolerated delay of {} milliseconds.",
                date(issued),
                date(now),
                ITERATOR_LIFE.as_millis()
            )));
        }
        Ok(position)
    }
}

/// `Thu Jan 22 01:22:02 UTC 2015`, made of the parts of `Thu, 22 Jan 2015 01:22:02 GMT`.
fn date(time: Timestamp) -> String {
    let text = timestamp::http_date(i64::try_from(time.0).unwrap_or(i64::MAX));
    let parts: Vec<&str> = text.split([' ', ',']).filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [weekday, day, month, year, clock, _] => format!("{weekday} {month} {day} {clock} UTC {year}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position() -> Position {
        Position {
            stream: StreamKey::new("000000000000", "us-east-1", "s".repeat(128)),
            uid: StreamUid(7),
            shard: ShardIndex(3),
            offset: u64::MAX,
        }
    }

    #[test]
    fn an_iterator_comes_back_and_fits_the_api() {
        let key = key(&[1; 32]);
        let text = write(&key, &position(), Timestamp(5));
        assert!(text.len() <= 512, "{}", text.len());
        assert_eq!(read(&key, &text), Some((position(), Timestamp(5))));
    }

    #[test]
    fn version_1_stays_readable() {
        let position = Position {
            stream: StreamKey::new("000000000000", "us-east-1", "s"),
            uid: StreamUid(7),
            shard: ShardIndex(3),
            offset: 9,
        };
        let text =
            "KVNxTtYxZ9ZaceJk+rEPvwEAAAAAAAAABQAAAAAAAAAHAAAAAwAAAAAAAAAJDDAwMDAwMDAwMDAwMAl1cy1lYXN0LTFz";
        assert_eq!(read(&key(&[1; 32]), text), Some((position.clone(), Timestamp(5))));
        assert_eq!(write(&key(&[1; 32]), &position, Timestamp(5)), text);
    }

    #[test]
    fn a_forged_or_altered_one_is_none() {
        let text = write(&key(&[1; 32]), &position(), Timestamp(5));
        assert_eq!(read(&key(&[2; 32]), &text), None);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(read(&key(&[1; 32]), &String::from_utf8(bytes).unwrap()), None);
        }
    }

    #[test]
    fn dates_read_like_the_services() {
        assert_eq!(date(Timestamp(1_421_889_722_000)), "Thu Jan 22 01:22:02 UTC 2015");
    }
}
