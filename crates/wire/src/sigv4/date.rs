//! The two spellings of time in a signature: `20150830T123600Z` and its date.

use millrace_base::Timestamp;

/// Reads `YYYYMMDDTHHMMSSZ`.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    if bytes.len() != 16 || bytes.get(8) != Some(&b'T') || bytes.get(15) != Some(&b'Z') {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        digits
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    u64::try_from(seconds * 1000).ok().map(Timestamp)
}

/// Writes `YYYYMMDDTHHMMSSZ`; its first eight characters are the date.
pub(super) fn format(time: Timestamp) -> String {
    let text = crate::timestamp::iso8601(i64::try_from(time.seconds() * 1000).unwrap_or(i64::MAX));
    let mut out: String = text
        .chars()
        .filter(|c| !matches!(c, '-' | ':'))
        .take(15)
        .collect();
    out.push('Z');
    out
}

/// Days since the Unix epoch of a date in the Gregorian calendar, by counting from March of year 0.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_and_write() {
        assert_eq!(parse("20150830T123600Z"), Some(Timestamp(1_440_938_160_000)));
        assert_eq!(format(Timestamp(1_440_938_160_999)), "20150830T123600Z");
        assert_eq!(parse("19700101T000000Z"), Some(Timestamp(0)));
        assert_eq!(parse("20240229T235960Z"), Some(Timestamp(1_709_251_200_000)));
        for bad in [
            "",
            "20150830",
            "20151330T123600Z",
            "2015-830T123600Z",
            "20150830T1236ééZ",
            "00000101T000000Z",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
