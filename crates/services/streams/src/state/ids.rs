//! Names of things: streams, shards, and the logs behind them.

use std::fmt;
use std::str::FromStr;

use millrace_log::LogId;
use millrace_wire::arn::Arn;
use serde::{Deserialize, Serialize};

/// Log numbers of this service carry this in their upper bits, so that services sharing one engine never collide.
pub const LOG_ID_SPACE: u64 = 1 << 56;

/// A key of account, region and one more part as text: `account/region/part`, whose first two hold no slash.
macro_rules! written_with_slashes {
    ($Key:ident, $part:ident) => {
        impl std::fmt::Display for $Key {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}/{}/{}", self.account, self.region, self.$part)
            }
        }

        impl serde::Serialize for $Key {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $Key {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let mut parts = text.splitn(3, '/').map(str::to_owned);
                match (parts.next(), parts.next(), parts.next()) {
                    (Some(account), Some(region), Some($part)) => Ok(Self {
                        account,
                        region,
                        $part,
                    }),
                    _ => Err(serde::de::Error::custom(concat!(
                        "a key is account/region/",
                        stringify!($part)
                    ))),
                }
            }
        }
    };
}
pub(super) use written_with_slashes;

/// Where a stream lives and what it is called. JSON: `"account/region/name"`; none of the three contains a slash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamKey {
    /// Twelve digits.
    pub account: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// The stream's name.
    pub name: String,
}

impl StreamKey {
    /// A key of these parts.
    pub fn new(account: impl Into<String>, region: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            account: account.into(),
            region: region.into(),
            name: name.into(),
        }
    }

    /// The stream's ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        Arn::stream(&self.region, &self.account, &self.name).to_string()
    }
}

written_with_slashes!(StreamKey, name);

/// Tells a stream from an earlier one of the same name; never used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamUid(pub u64);

/// A shard's number within its stream; never used twice in one stream. Prints as `shardId-000000000000`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShardIndex(pub u32);

impl ShardIndex {
    /// The shard's id; answers hold one for every record.
    #[must_use]
    pub fn text(self) -> [u8; 20] {
        let mut text = *b"shardId-000000000000";
        let mut rest = self.0;
        for digit in text.iter_mut().rev() {
            if rest == 0 {
                break;
            }
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
        text
    }
}

impl fmt::Display for ShardIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

/// A text that names no shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAShardId;

impl FromStr for ShardIndex {
    type Err = NotAShardId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("shardId-").ok_or(NotAShardId)?;
        if digits.len() != 12 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NotAShardId);
        }
        digits.parse().map(Self).map_err(|_| NotAShardId)
    }
}

/// A log of this service, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogNumber(pub u64);

impl LogNumber {
    /// The number in the engine.
    #[must_use]
    pub const fn id(self) -> LogId {
        LogId(LOG_ID_SPACE | self.0)
    }
}

/// A secret in hex. It is stored, but it does not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HexKey(String);

impl HexKey {
    /// Wraps hex digits.
    #[must_use]
    pub const fn new(hex: String) -> Self {
        Self(hex)
    }

    /// The digits.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
