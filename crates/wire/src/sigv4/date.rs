//! The spellings of time in a signature: `20150830T123600Z`, its date, and what a `Date` header has.

use millrace_api::TimestampFormat::{HttpDate, Iso8601};
use millrace_base::Timestamp;

use crate::timestamp;

/// Reads `YYYYMMDDTHHMMSSZ`.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    if text.len() != 16 {
        return None;
    }
    let (year, month, day) = (text.get(..4)?, text.get(4..6)?, text.get(6..8)?);
    let (hour, minute, second) = (text.get(9..11)?, text.get(11..13)?, text.get(13..15)?);
    if text.get(8..9)? != "T" || !text.ends_with('Z') {
        return None;
    }
    let extended = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z");
    time(timestamp::parse(Iso8601, &extended)?)
}

/// Reads the `Date` header's `Sun, 30 Aug 2015 12:36:00 GMT`.
pub(super) fn parse_http(text: &str) -> Option<Timestamp> {
    time(timestamp::parse(HttpDate, text)?)
}

fn time(millis: i64) -> Option<Timestamp> {
    u64::try_from(millis).ok().map(Timestamp)
}

/// Writes `YYYYMMDDTHHMMSSZ`; its first eight characters are the date.
pub(super) fn format(time: Timestamp) -> String {
    let seconds = i64::try_from(time.seconds()).unwrap_or(i64::MAX / 1000);
    let text = timestamp::iso8601(seconds.saturating_mul(1000));
    text.chars().filter(|c| !matches!(c, '-' | ':')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_and_write() {
        assert_eq!(parse("20150830T123600Z"), Some(Timestamp(1_440_938_160_000)));
        assert_eq!(
            parse_http("Sun, 30 Aug 2015 12:36:00 GMT"),
            parse("20150830T123600Z")
        );
        assert_eq!(format(Timestamp(1_440_938_160_999)), "20150830T123600Z");
        assert_eq!(parse("19700101T000000Z"), Some(Timestamp(0)));
        assert_eq!(parse("20240229T235960Z"), Some(Timestamp(1_709_251_200_000)));
        for bad in [
            "",
            "20150830",
            "20151330T123600Z",
            "20150231T123600Z",
            "2015-830T123600Z",
            "2015083 T123600Z",
            "20150830T1236éé",
            "20150830t123600z",
            "20150830T12360.0",
            "00000101T000000Z",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert!(!format(Timestamp(u64::MAX)).is_empty());
    }
}
