//! Page tokens (`NextToken`): stateless, authenticated, short-lived.
//!
//! ```text
//! base64url( HMAC-SHA-256 [16] | JSON )        key: HMAC-SHA-256(iterator key, "page token 1")
//! ```
//! The JSON says when the token was made, for which account and region, and how the listing goes on. Any node can
//! read what another one wrote; nobody else can write one.

use base64_simd::URL_SAFE_NO_PAD;
use millrace_base::Timestamp;
use millrace_wire::Caller;
use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::error::StreamsError;
use crate::limits::{NEXT_TOKEN_BYTES_MAX, NEXT_TOKEN_LIFE};
use crate::service::Streams;
use crate::state::{ShardIndex, StreamKey, StreamUid};
use crate::tagged::{self, TAG};

/// Separates these authentications from other uses of the same secret.
const PURPOSE: &[u8] = b"page token 1";

/// How a listing goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Page {
    /// ListStreams: names greater than this one.
    Streams { after: String },
    /// ListChannels: ids greater than this one, under the first page's filter.
    Channels { after: String, streams: Vec<StreamKey> },
    /// ListQueues: identifiers greater than this one.
    Queues { after: String },
    /// ListStreamConsumers: names greater than this one.
    Consumers {
        stream: StreamKey,
        uid: StreamUid,
        after: String,
    },
    /// ListShards: shards greater than this one that the first page's filter lets through.
    Shards {
        stream: StreamKey,
        uid: StreamUid,
        after: ShardIndex,
        filter: ShardFilter,
    },
}

/// Which shards are listed, fixed when the first page is made, so that all pages together cover exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShardFilter {
    /// Shards that were closed at this time or before have expired.
    pub(crate) oldest: Timestamp,
    /// What else a shard must be.
    pub(crate) span: Span,
}

/// Which part of a stream's life a shard must belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Span {
    /// Any.
    All,
    /// It lived at this time, which is no later than the newest birth, so that the answer never changes.
    At(Timestamp),
    /// It was open at this time or later.
    From(Timestamp),
}

#[derive(Serialize, Deserialize)]
struct Token {
    at: Timestamp,
    account: String,
    region: String,
    page: Page,
}

impl Streams {
    /// The `NextToken` for `page`.
    pub(crate) fn next_token(&self, caller: &Caller, page: Page) -> Result<String, StreamsError> {
        let token = Token {
            at: self.0.clock.now(),
            account: caller.account.clone(),
            region: caller.region.clone(),
            page,
        };
        let mut bytes = vec![0; TAG];
        serde_json::to_writer(&mut bytes, &token)
            .map_err(|error| StreamsError::InvalidArgument(format!("the page has no token: {error}")))?;
        tagged::sign(&self.token_key(), &mut bytes);
        Ok(URL_SAFE_NO_PAD.encode_to_string(bytes))
    }

    /// Where a listing goes on.
    pub(crate) fn page(&self, caller: &Caller, token: &str) -> Result<Page, StreamsError> {
        let invalid = || StreamsError::InvalidArgument("NextToken is invalid.".to_owned());
        if token.len() > NEXT_TOKEN_BYTES_MAX {
            return Err(invalid());
        }
        let bytes = URL_SAFE_NO_PAD.decode_to_vec(token).map_err(|_| invalid())?;
        let json = tagged::verify(&self.token_key(), &bytes).ok_or_else(invalid)?;
        let token: Token = serde_json::from_slice(json).map_err(|_| invalid())?;
        if token.account != caller.account || token.region != caller.region {
            return Err(invalid());
        }
        if self.0.clock.now().since(token.at) > NEXT_TOKEN_LIFE {
            return Err(StreamsError::ExpiredNextToken(NEXT_TOKEN_LIFE.as_secs()));
        }
        Ok(token.page)
    }

    fn token_key(&self) -> hmac::Key {
        tagged::key(self.0.iterator_key.expose(), PURPOSE)
    }
}

/// That a token belongs to another operation.
pub(crate) fn foreign() -> StreamsError {
    StreamsError::InvalidArgument("NextToken is invalid: it was made by another operation.".to_owned())
}
