//! Points in time of conditions: seconds since the Unix epoch, or ISO 8601 in the forms of the W3C's note – a year, a
//! month, a day, or a time of day with its zone. Without a zone it is UTC.

use millrace_api::TimestampFormat;

use crate::timestamp;

/// Milliseconds since the Unix epoch; `None` where the text is no point in time.
pub(super) fn parse(text: &str) -> Option<i64> {
    if text.len() > 40 {
        return None;
    }
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse::<i64>().ok()?.checked_mul(1000);
    }
    let (date, time) = text.split_once(['T', 't']).unwrap_or((text, ""));
    let date = match date.len() {
        4 => format!("{date}-01-01"),
        7 => format!("{date}-01"),
        _ => date.to_owned(),
    };
    let time = if time.is_empty() { "00:00Z" } else { time };
    let zone = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at_checked(zone)?;
    let seconds = if clock.len() == 5 { ":00" } else { "" };
    let zone = if zone.is_empty() { "Z" } else { zone };
    timestamp::parse(
        TimestampFormat::Iso8601,
        &format!("{date}T{clock}{seconds}{zone}"),
    )
}
