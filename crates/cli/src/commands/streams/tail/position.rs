//! Where `--from` starts.

use std::str::FromStr;
use std::time::Duration;

use millrace_api::{EpochMillis, TimestampFormat};
use millrace_base::Timestamp;
use millrace_wire::timestamp;

use crate::reader::Start;

/// A position that does not depend on a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// Behind the newest record.
    Latest,
    /// At the oldest record.
    TrimHorizon,
    /// At that time.
    At(EpochMillis),
    /// That long ago.
    Ago(Duration),
}

impl Position {
    /// Where that is, now.
    pub(crate) fn start(self, now: Timestamp) -> Start {
        match self {
            Self::Latest => Start::Latest,
            Self::TrimHorizon => Start::TrimHorizon,
            Self::At(time) => Start::AtTimestamp(time),
            Self::Ago(age) => {
                Start::AtTimestamp(EpochMillis(i64::try_from(now.minus(age).0).unwrap_or(i64::MAX)))
            }
        }
    }
}

impl FromStr for Position {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().replace('_', "-").as_str() {
            "latest" => return Ok(Self::Latest),
            "trim-horizon" | "earliest" | "beginning" => return Ok(Self::TrimHorizon),
            _ => {}
        }
        if let Some(age) = age(text) {
            return Ok(Self::Ago(age));
        }
        let formats = [TimestampFormat::Iso8601, TimestampFormat::EpochSeconds];
        let time = formats
            .into_iter()
            .find_map(|format| timestamp::parse(format, text));
        time.filter(|millis| *millis >= 0).map(|millis| Self::At(EpochMillis(millis))).ok_or_else(|| {
            "write latest, trim-horizon, a time such as 2026-01-31T12:00:00Z or 1769860800, or an age such as 90s, 15m, 2h or 1d".to_owned()
        })
    }
}

fn age(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    number.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_read() {
        for (text, position) in [
            ("latest", Position::Latest),
            ("TRIM_HORIZON", Position::TrimHorizon),
            ("15m", Position::Ago(Duration::from_secs(900))),
            ("1769860800.5", Position::At(EpochMillis(1_769_860_800_500))),
            ("1970-01-01T00:00:01Z", Position::At(EpochMillis(1000))),
        ] {
            assert_eq!(text.parse(), Ok(position), "{text}");
        }
        for text in ["", "yesterday", "-5m", "5 m", "-1", "99999999999999999999d"] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
        let start = Position::Ago(Duration::from_secs(2)).start(Timestamp(5000));
        assert_eq!(start, Start::AtTimestamp(EpochMillis(3000)));
    }
}
