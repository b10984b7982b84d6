//! Points in time as text: epoch seconds, RFC 3339 and IMF-fixdate. Inside, a time is milliseconds since the epoch.

use millrace_api::TimestampFormat;

const DAY_SECS: i64 = 86_400;
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
/// Longest text of a time that is looked at.
const TEXT_BYTES_MAX: usize = 64;

/// Writes a time in that format.
#[must_use]
pub fn format(format: TimestampFormat, millis: i64) -> String {
    match format {
        TimestampFormat::EpochSeconds => epoch_seconds(millis),
        TimestampFormat::Iso8601 => iso8601(millis),
        TimestampFormat::HttpDate => http_date(millis),
    }
}

/// Reads a time in that format; `None` when it is none.
#[must_use]
pub fn parse(format: TimestampFormat, text: &str) -> Option<i64> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    match format {
        TimestampFormat::EpochSeconds => parse_epoch_seconds(text),
        TimestampFormat::Iso8601 => parse_iso8601(text),
        TimestampFormat::HttpDate => parse_http_date(text),
    }
}

/// Seconds with three decimals where there is a fraction: `1795378026.989`, `1795378026`.
#[must_use]
pub fn epoch_seconds(millis: i64) -> String {
    let sign = if millis < 0 { "-" } else { "" };
    let (secs, fraction) = (millis.unsigned_abs() / 1000, millis.unsigned_abs() % 1000);
    if fraction == 0 {
        format!("{sign}{secs}")
    } else {
        format!("{sign}{secs}.{fraction:03}")
    }
}

/// Reads a number of seconds. Plain decimals are exact, cut to the millisecond; anything else goes through `f64`
/// and saturates.
#[must_use]
pub fn parse_epoch_seconds(text: &str) -> Option<i64> {
    if let Some(exact) = exact_seconds(text) {
        return Some(exact);
    }
    let secs: f64 = text.parse().ok()?;
    secs.is_finite().then(|| millis_of_seconds(secs))
}

/// Seconds as milliseconds, rounded and saturated.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
pub(crate) fn millis_of_seconds(secs: f64) -> i64 {
    (secs * 1000.0).round() as i64
}

fn exact_seconds(text: &str) -> Option<i64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 16 || !plain(whole) || !plain(fraction) {
        return None;
    }
    let mut millis: i128 = whole.parse().ok()?;
    let mut fraction = fraction.bytes();
    for _ in 0..3 {
        millis = millis * 10 + i128::from(fraction.next().unwrap_or(b'0') - b'0');
    }
    let millis = if negative { -millis } else { millis };
    Some(i64::try_from(millis).unwrap_or(if negative { i64::MIN } else { i64::MAX }))
}

/// `2026-11-22T23:56:01Z`, with three decimals where there is a fraction.
#[must_use]
pub fn iso8601(millis: i64) -> String {
    let t = Civil::of(millis);
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        milli,
        ..
    } = t;
    let fraction = if milli == 0 {
        String::new()
    } else {
        format!(".{milli:03}")
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// `Sun, 22 Nov 2026 23:56:01 GMT` (RFC 9110, 5.6.7).
#[must_use]
pub fn http_date(millis: i64) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        weekday,
        ..
    } = Civil::of(millis);
    let name = |names: &[&'static str], i: usize| names.get(i).copied().unwrap_or_default();
    let (weekday, month) = (name(&WEEKDAYS, weekday), name(&MONTHS, month - 1));
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

fn parse_iso8601(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (
        digits(parts.next()?, 4)?,
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
    );
    let (clock, offset_secs) = split_offset(time)?;
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let (second, milli) = second_and_milli(parts.next()?)?;
    let local = civil_to_millis(year, month, day, [hour, minute, second])?;
    local.checked_add(milli)?.checked_sub(offset_secs * 1000)
}

/// Splits `…Z`, `…+02:00` or `…-0330` into the clock and the offset in seconds.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let at = time.rfind(['+', '-'])?;
    let (clock, offset) = time.split_at_checked(at)?;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let offset: String = offset.chars().skip(1).filter(|c| *c != ':').collect();
    let (hours, minutes) = (digits(offset.get(..2)?, 2)?, digits(offset.get(2..)?, 2)?);
    (hours < 24 && minutes < 60).then_some((clock, sign * (hours * 3600 + minutes * 60)))
}

fn second_and_milli(text: &str) -> Option<(i64, i64)> {
    let (second, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let padded: String = fraction.chars().chain("000".chars()).take(3).collect();
    Some((digits(second, 2)?, digits(&padded, 3)?))
}

fn parse_http_date(text: &str) -> Option<i64> {
    let (_, rest) = text.split_once(", ")?;
    let mut words = rest.split(' ');
    let day = digits(words.next()?, 2)?;
    let month_name = words.next()?;
    let month = MONTHS.iter().position(|m| *m == month_name)?;
    let year = digits(words.next()?, 4)?;
    let mut clock = words.next()?.splitn(3, ':');
    let (hour, minute) = (digits(clock.next()?, 2)?, digits(clock.next()?, 2)?);
    let (second, milli) = second_and_milli(clock.next()?)?;
    if words.next()? != "GMT" || words.next().is_some() {
        return None;
    }
    let month = i64::try_from(month).ok()? + 1;
    civil_to_millis(year, month, day, [hour, minute, second])?.checked_add(milli)
}

/// Exactly `len` digits as a number.
fn digits(text: &str, len: usize) -> Option<i64> {
    let plain = text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

/// Milliseconds of a proleptic Gregorian date and time in UTC; `None` when it does not exist.
fn civil_to_millis(year: i64, month: i64, day: i64, clock: [i64; 3]) -> Option<i64> {
    let [hour, minute, second] = clock;
    let in_range = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61; // a leap second counts as the next one's start
    if !in_range {
        return None;
    }
    // Days since 1970-01-01, counting years from March so that the leap day is the last of its year.
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    Some((days * DAY_SECS + hour * 3600 + minute * 60 + second) * 1000)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// A time taken apart, in UTC.
struct Civil {
    year: i64,
    /// 1 to 12.
    month: usize,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    milli: i64,
    /// Days since a Thursday.
    weekday: usize,
}

impl Civil {
    fn of(millis: i64) -> Self {
        let (secs, milli) = (millis.div_euclid(1000), millis.rem_euclid(1000));
        let (days, clock) = (secs.div_euclid(DAY_SECS), secs.rem_euclid(DAY_SECS));
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: usize::try_from(month).unwrap_or(1),
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            hour: clock / 3600,
            minute: clock / 60 % 60,
            second: clock % 60,
            milli,
            weekday: usize::try_from(days.rem_euclid(7)).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_moments() {
        assert_eq!(epoch_seconds(1_795_378_026_989), "1795378026.989");
        assert_eq!(epoch_seconds(-5), "-0.005");
        assert_eq!(iso8601(1_795_378_026_989), "2026-11-22T20:07:06.989Z");
        assert_eq!(http_date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT"); // RFC 9110's example
        assert_eq!(iso8601(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(iso8601(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(
            parse_iso8601("2020-01-01T01:30:00+01:30"),
            Some(1_577_836_800_000)
        );
        assert_eq!(parse_iso8601("2020-01-01T00:00:00.5Z"), Some(1_577_836_800_500));
        assert_eq!(parse_epoch_seconds("1.551924009774E9"), Some(1_551_924_009_774));
        assert_eq!(parse_epoch_seconds("-0.5"), Some(-500));
        assert_eq!(parse_epoch_seconds("1e300"), Some(i64::MAX));
    }

    #[test]
    fn moments_that_are_none() {
        for text in [
            "",
            "2021-02-29T00:00:00Z",
            "2020-13-01T00:00:00Z",
            "2020-01-01T24:00:00Z",
            "2020-01-01",
            "2020-01-01T00:00:00",
        ] {
            assert_eq!(parse(TimestampFormat::Iso8601, text), None, "{text}");
        }
        assert_eq!(
            parse(TimestampFormat::HttpDate, "Sun, 06 Foo 1994 08:49:37 GMT"),
            None
        );
        assert_eq!(parse(TimestampFormat::EpochSeconds, "NaN"), None);
    }

    proptest! {
        #[test]
        fn every_format_comes_back(millis in -62_000_000_000_000_i64..253_000_000_000_000) {
            for kind in [TimestampFormat::EpochSeconds, TimestampFormat::Iso8601] {
                prop_assert_eq!(parse(kind, &format(kind, millis)), Some(millis));
            }
            let whole = millis.div_euclid(1000) * 1000;
            prop_assert_eq!(parse(TimestampFormat::HttpDate, &http_date(whole)), Some(whole));
        }

        #[test]
        fn any_millisecond_is_exact_in_epoch_seconds(millis in any::<i64>()) {
            prop_assert_eq!(parse_epoch_seconds(&epoch_seconds(millis)), Some(millis));
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,40}", millis in any::<i64>()) {
            for kind in [TimestampFormat::EpochSeconds, TimestampFormat::Iso8601, TimestampFormat::HttpDate] {
                let _ = parse(kind, &text);
                let _ = format(kind, millis);
            }
        }
    }
}
