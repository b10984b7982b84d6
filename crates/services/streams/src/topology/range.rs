//! Ranges of the 128-bit hash-key space `[0, 2^128 - 1]`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A non-empty range of hash keys, both ends inclusive. JSON: `["<start>","<end>"]`, decimal, since a JSON number
/// does not carry 128 bits everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HashRange {
    /// The lowest hash key.
    pub start: u128,
    /// The highest hash key.
    pub end: u128,
}

impl HashRange {
    /// The whole space.
    pub const ALL: Self = Self {
        start: 0,
        end: u128::MAX,
    };

    /// Whether `hash` lies in the range.
    #[must_use]
    pub const fn contains(self, hash: u128) -> bool {
        self.start <= hash && hash <= self.end
    }

    /// Whether this range ends right before `upper` starts.
    #[must_use]
    pub fn touches(self, upper: Self) -> bool {
        self.end.checked_add(1) == Some(upper.start)
    }

    /// The first hash key of its upper half; lies behind the range if that is a single key.
    #[must_use]
    pub const fn middle(self) -> u128 {
        (self.start + (self.end - self.start) / 2).saturating_add(1)
    }

    /// The two parts below and from `at` on; `None` when one of them would be empty.
    #[must_use]
    pub const fn split(self, at: u128) -> Option<[Self; 2]> {
        if at <= self.start || at > self.end {
            return None;
        }
        Some([
            Self {
                start: self.start,
                end: at - 1,
            },
            Self {
                start: at,
                end: self.end,
            },
        ])
    }

    /// The whole space in `count` ranges of the same size: range `i` starts at `floor(2^128 / count) * i`, the last
    /// one ends at `2^128 - 1`. Empty for a count of zero.
    #[must_use]
    pub fn uniform(count: u32) -> Vec<Self> {
        let parts = u128::from(count);
        if parts == 0 {
            return Vec::new();
        }
        if parts == 1 {
            return vec![Self::ALL];
        }
        // floor(2^128 / n), with 2^128 one beyond what fits.
        let size = u128::MAX / parts + u128::from(u128::MAX % parts == parts - 1);
        (0..parts)
            .map(|i| Self {
                start: size * i,
                end: if i + 1 == parts {
                    u128::MAX
                } else {
                    size * (i + 1) - 1
                },
            })
            .collect()
    }
}

impl Serialize for HashRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.start.to_string(), self.end.to_string()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for HashRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (start, end) = <(String, String)>::deserialize(deserializer)?;
        let number = |text: String| text.parse::<u128>().map_err(serde::de::Error::custom);
        let range = Self {
            start: number(start)?,
            end: number(end)?,
        };
        if range.start > range.end {
            return Err(serde::de::Error::custom("a hash range ends before it starts"));
        }
        Ok(range)
    }
}
