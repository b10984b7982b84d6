//! Numbers of conditions: integers and decimals, compared exactly.

/// Digits behind the point that are kept; more are refused.
const FRACTION_DIGITS: usize = 9;
/// Digits before the point at most.
const WHOLE_DIGITS_MAX: usize = 20;

/// A decimal number, in billionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number(i128);

impl Number {
    /// Reads `-12.5`; `None` where it is no such number or has more digits than are kept.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let fraction = fraction.trim_end_matches('0');
        if whole.is_empty() || whole.len() > WHOLE_DIGITS_MAX || fraction.len() > FRACTION_DIGITS {
            return None;
        }
        if !plain(whole) || !plain(fraction) || digits.ends_with('.') {
            return None;
        }
        let scaled: i128 = format!("{whole}{fraction:0<FRACTION_DIGITS$}").parse().ok()?;
        Some(Self(if negative { -scaled } else { scaled }))
    }
}

impl From<u64> for Number {
    fn from(whole: u64) -> Self {
        Self(i128::from(whole) * 1_000_000_000)
    }
}
