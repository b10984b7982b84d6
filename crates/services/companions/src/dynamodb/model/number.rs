//! Numbers: up to 38 significant decimal digits, exactly, of a magnitude from 1E-130 to 9.99…E+125 (DynamoDB developer
//! guide, "Naming rules and data types").
//!
//! A number is `±coefficient × 10^exponent` in its one canonical form: the coefficient does not end in a zero, and
//! zero is `+0 × 10^0`. So equal numbers are equal structs, however they were written. As a key it is 18 bytes whose
//! order is the numbers':
//!
//! ```text
//! sign u8 (0 negative, 1 zero, 2 positive) | exponent of the first digit + 130, u8 | the digits as 38 of them, u128
//! ```
//! big-endian, with all bits behind the sign flipped for negative numbers.

use std::cmp::Ordering;
use std::fmt;
use std::iter::repeat_n;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Most significant digits.
pub const DIGITS_MAX: u32 = 38;
/// Exponent of the first digit of the largest magnitudes.
const MAGNITUDE_MAX: i64 = 125;
/// Exponent of the first digit of the smallest magnitudes.
const MAGNITUDE_MIN: i64 = -130;
/// Bytes of a number in a key.
pub const KEY_BYTES: usize = 18;

/// A decimal number in canonical form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Number {
    negative: bool,
    /// Below 10^38.
    coefficient: u128,
    exponent: i16,
}

/// Why a text or a sum is no number that can be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// No number at all.
    #[error("The parameter cannot be converted to a numeric value{}", shown(.0))]
    NotANumber(String),
    /// Beyond 9.99…E+125.
    #[error("Number overflow. Attempting to store a number with magnitude larger than supported range")]
    Overflow,
    /// Closer to zero than 1E-130.
    #[error("Number underflow. Attempting to store a number with magnitude smaller than supported range")]
    Underflow,
    /// More than 38 digits.
    #[error("Attempting to store more than 38 significant digits in a Number")]
    TooPrecise,
}

fn shown(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut shown: String = text.chars().take(64).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!(": {shown}")
}

impl Number {
    /// Zero.
    pub const ZERO: Self = Self {
        negative: false,
        coefficient: 0,
        exponent: 0,
    };

    /// The canonical form of `coefficient × 10^exponent`.
    fn canonical(negative: bool, mut coefficient: u128, mut exponent: i64) -> Result<Self, NumberError> {
        if coefficient == 0 {
            return Ok(Self::ZERO);
        }
        while coefficient.is_multiple_of(10) {
            coefficient /= 10;
            exponent += 1;
        }
        let digits = coefficient.ilog10() + 1;
        check_magnitude(exponent.saturating_add(i64::from(digits) - 1))?;
        if digits > DIGITS_MAX {
            return Err(NumberError::TooPrecise);
        }
        Ok(Self {
            negative,
            coefficient,
            exponent: i16::try_from(exponent).map_err(|_| NumberError::Overflow)?,
        })
    }

    /// How many significant digits it has; none for zero.
    fn digits(&self) -> u32 {
        self.coefficient.checked_ilog10().map_or(0, |log| log + 1)
    }

    /// The exponent of its first digit.
    fn magnitude(&self) -> i32 {
        i32::from(self.exponent) + i32::try_from(self.digits()).unwrap_or(0) - 1
    }

    /// Its digits as exactly 38 of them, filled up with zeros behind.
    fn full_digits(&self) -> u128 {
        self.coefficient * 10_u128.pow(DIGITS_MAX.saturating_sub(self.digits()))
    }

    /// Its whole part, where that is neither negative nor above [`u64::MAX`].
    #[must_use]
    pub fn whole(&self) -> Option<u64> {
        let scale = 10_u128.checked_pow(u32::from(self.exponent.unsigned_abs()));
        let whole = if self.exponent < 0 {
            scale.map_or(0, |scale| self.coefficient / scale)
        } else {
            self.coefficient.checked_mul(scale?)?
        };
        if self.negative && !self.is_zero() {
            return None;
        }
        u64::try_from(whole).ok()
    }

    fn is_zero(&self) -> bool {
        self.coefficient == 0
    }

    /// The sum, exactly.
    ///
    /// # Errors
    /// [`NumberError`] where it has too many digits or is out of range.
    pub fn plus(self, other: Self) -> Result<Self, NumberError> {
        if self.is_zero() || other.is_zero() {
            return Ok(if self.is_zero() { other } else { self });
        }
        let exponent = self.exponent.min(other.exponent);
        let (a, b) = (self.scaled(exponent)?, other.scaled(exponent)?);
        let (negative, sum) = if self.negative == other.negative {
            (self.negative, a.checked_add(b).ok_or(NumberError::TooPrecise)?)
        } else if a >= b {
            (self.negative, a - b)
        } else {
            (other.negative, b - a)
        };
        Self::canonical(negative, sum, i64::from(exponent))
    }

    /// The difference, exactly.
    ///
    /// # Errors
    /// As [`Number::plus`].
    pub fn minus(self, other: Self) -> Result<Self, NumberError> {
        self.plus(Self {
            negative: !other.negative && !other.is_zero(),
            ..other
        })
    }

    /// The coefficient at a smaller exponent. One that does not fit is larger than 10^38, and so is its sum with
    /// anything of 38 digits, whose last digit is at that exponent: the sum has too many digits.
    fn scaled(self, exponent: i16) -> Result<u128, NumberError> {
        let by = u32::try_from(i32::from(self.exponent) - i32::from(exponent)).unwrap_or(u32::MAX);
        10_u128
            .checked_pow(by)
            .and_then(|factor| self.coefficient.checked_mul(factor))
            .ok_or(NumberError::TooPrecise)
    }

    /// What it counts for in an item's size, in bytes: one for each pair of digits, one more, and one for a minus.
    #[must_use]
    pub fn size(&self) -> usize {
        if self.is_zero() {
            return 1;
        }
        let digits = usize::try_from(self.digits()).unwrap_or(0);
        // Pairs are those of base 100, whose places are at even exponents.
        let leading = usize::from(self.magnitude().rem_euclid(2) == 0);
        1 + (digits + leading).div_ceil(2) + usize::from(self.negative)
    }

    /// Bytes that sort as numbers do.
    #[must_use]
    pub fn key(&self) -> [u8; KEY_BYTES] {
        let mut bytes = [0; KEY_BYTES];
        let (sign, rest) = bytes.split_at_mut(1);
        sign.fill(match (self.is_zero(), self.negative) {
            (true, _) => 1,
            (false, true) => 0,
            (false, false) => 2,
        });
        let (exponent, digits) = rest.split_at_mut(1);
        exponent.fill(u8::try_from(i64::from(self.magnitude()) - MAGNITUDE_MIN).unwrap_or(0));
        digits.copy_from_slice(&self.full_digits().to_be_bytes());
        if self.negative {
            for byte in rest {
                *byte = !*byte;
            }
        }
        bytes
    }
}

fn check_magnitude(magnitude: i64) -> Result<(), NumberError> {
    if magnitude > MAGNITUDE_MAX {
        return Err(NumberError::Overflow);
    }
    if magnitude < MAGNITUDE_MIN {
        return Err(NumberError::Underflow);
    }
    Ok(())
}

/// Collects digits as they are read: leading zeros are none, trailing ones wait until it is known that more follow.
#[derive(Default)]
struct Digits {
    coefficient: u128,
    count: u32,
    /// Zeros that are not in the coefficient yet.
    pending: i64,
    too_precise: bool,
}

impl Digits {
    fn push(&mut self, digit: u8) {
        if digit == 0 {
            self.pending += i64::from(self.count > 0);
            return;
        }
        let zeros = u32::try_from(self.pending).unwrap_or(u32::MAX);
        self.pending = 0;
        self.count = self.count.saturating_add(zeros).saturating_add(1);
        if self.count > DIGITS_MAX {
            self.too_precise = true;
        } else {
            self.coefficient = self.coefficient * 10_u128.pow(zeros + 1) + u128::from(digit);
        }
    }

    /// The number whose last digit read stands at `exponent`.
    fn finish(self, negative: bool, exponent: i64) -> Result<Number, NumberError> {
        if self.count == 0 {
            return Ok(Number::ZERO);
        }
        let exponent = exponent.saturating_add(self.pending);
        check_magnitude(exponent.saturating_add(i64::from(self.count) - 1))?;
        if self.too_precise {
            return Err(NumberError::TooPrecise);
        }
        Number::canonical(negative, self.coefficient, exponent)
    }
}

/// Splits a leading sign off.
fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let refused = || NumberError::NotANumber(text.to_owned());
        let (negative, unsigned) = sign(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                let (down, digits) = sign(exponent);
                if digits.is_empty() || !is_digits(digits) {
                    return Err(refused());
                }
                // What does not fit is out of every range.
                let size = digits.parse::<i64>().unwrap_or(i64::from(i32::MAX));
                let size = size.min(i64::from(i32::MAX));
                (mantissa, if down { -size } else { size })
            }
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty() || !is_digits(whole) || !is_digits(fraction) {
            return Err(refused());
        }
        let mut digits = Digits::default();
        for byte in whole.bytes().chain(fraction.bytes()) {
            digits.push(byte - b'0');
        }
        let places = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
        digits.finish(negative, exponent.saturating_sub(places))
    }
}

/// In plain digits, as DynamoDB answers.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.coefficient.to_string();
        let mut out = String::with_capacity(digits.len() + 2);
        if self.negative {
            out.push('-');
        }
        let zeros = |count: i32| repeat_n('0', usize::try_from(count).unwrap_or(0));
        let places = -i32::from(self.exponent);
        let length = i32::try_from(digits.len()).unwrap_or(i32::MAX);
        match usize::try_from(length - places) {
            _ if places <= 0 => {
                out.push_str(&digits);
                out.extend(zeros(-places));
            }
            Ok(whole) if whole > 0 => {
                let (whole, fraction) = digits.split_at(whole.min(digits.len()));
                out.push_str(whole);
                out.push('.');
                out.push_str(fraction);
            }
            _ => {
                out.push_str("0.");
                out.extend(zeros(places - length));
                out.push_str(&digits);
            }
        }
        f.write_str(&out)
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |n: &Self| match (n.is_zero(), n.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let size = |n: &Self| (n.magnitude(), n.full_digits());
        sign(self).cmp(&sign(other)).then_with(|| {
            if self.negative {
                size(other).cmp(&size(self))
            } else {
                size(self).cmp(&size(other))
            }
        })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<u32> for Number {
    fn from(value: u32) -> Self {
        Self::canonical(false, u128::from(value), 0).unwrap_or(Self::ZERO)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    fn printed(text: &str) -> String {
        number(text).to_string()
    }

    fn refused(text: &str) -> NumberError {
        text.parse::<Number>().unwrap_err()
    }

    #[test]
    fn texts_come_back_plain() {
        for (text, plain) in [
            ("1", "1"),
            ("-1", "-1"),
            ("+1", "1"),
            ("1.0", "1"),
            ("-0", "0"),
            ("0.0", "0"),
            ("00001", "1"),
            ("1e2", "100"),
            ("1.", "1"),
            (".5", "0.5"),
            ("1.49E-4", "0.000149"),
            ("-12.50", "-12.5"),
            ("1e0000000002", "100"),
            ("0e999999", "0"),
            (
                "12345678901234567890123456789012345678",
                "12345678901234567890123456789012345678",
            ),
        ] {
            assert_eq!(printed(text), plain, "{text}");
        }
        assert_eq!(printed("1e-130"), format!("0.{}1", "0".repeat(129)));
        assert_eq!(printed("-9.9e125"), format!("-99{}", "0".repeat(124)));
    }

    #[test]
    fn what_is_no_number_or_out_of_range_is_refused() {
        for text in [
            "", "abc", " 1", "1 ", "1e", "1e5.5", "0x1", "1_0", "NaN", "Infinity", "1,5", ".", "-", "٣",
        ] {
            assert_eq!(refused(text), NumberError::NotANumber(text.to_owned()), "{text}");
        }
        for (text, error) in [
            ("1e126", NumberError::Overflow),
            ("-1e999999999999999999999", NumberError::Overflow),
            ("1e-131", NumberError::Underflow),
            ("1e-999999999999999999999", NumberError::Underflow),
            ("123456789012345678901234567890123456789", NumberError::TooPrecise),
            (
                "1.00000000000000000000000000000000000001",
                NumberError::TooPrecise,
            ),
        ] {
            assert_eq!(refused(text), error, "{text}");
        }
        assert!(refused(&"x".repeat(100_000)).to_string().len() < 300);
    }

    #[test]
    fn sums_are_exact_or_refused() {
        let sum = |a: &str, b: &str| number(a).plus(number(b)).map(|n| n.to_string());
        assert_eq!(sum("0.1", "0.2").unwrap(), "0.3");
        assert_eq!(sum("1", "-1").unwrap(), "0");
        let nines = "9".repeat(38);
        assert_eq!(sum(&nines, "1").unwrap(), format!("1{}", "0".repeat(38)));
        assert_eq!(
            sum(&format!("1{}", "0".repeat(38)), &format!("-{nines}")).unwrap(),
            "1"
        );
        assert_eq!(sum(&nines, "0.1").unwrap_err(), NumberError::TooPrecise);
        assert_eq!(sum("1", "1e-130").unwrap_err(), NumberError::TooPrecise);
        assert_eq!(sum("9e125", "9e125").unwrap_err(), NumberError::Overflow);
        assert_eq!(number("3").minus(number("5")).unwrap(), number("-2"));
        assert_eq!(number("1e-130").minus(number("1e-130")).unwrap(), Number::ZERO);
    }

    #[test]
    fn sizes_follow_pairs_of_digits() {
        for (text, size) in [
            ("0", 1),
            ("1", 2),
            ("12", 2),
            ("1.2", 3),
            ("123", 3),
            ("-123", 4),
            ("100", 2),
        ] {
            assert_eq!(number(text).size(), size, "{text}");
        }
    }

    /// Canonical numbers of every size and sign.
    fn any_number() -> impl Strategy<Value = Number> {
        (any::<bool>(), 0u128..10u128.pow(38), 0u32..38, -130i64..126).prop_filter_map(
            "in range",
            |(negative, coefficient, cut, exponent)| {
                Number::canonical(negative, coefficient / 10u128.pow(cut), exponent).ok()
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(n in any_number()) {
            prop_assert_eq!(number(&n.to_string()), n);
            prop_assert_eq!(serde_json::from_str::<Number>(&serde_json::to_string(&n).unwrap()).unwrap(), n);
        }

        #[test]
        fn keys_and_numbers_have_one_order(a in any_number(), b in any_number()) {
            prop_assert_eq!(a.key().cmp(&b.key()), a.cmp(&b));
            prop_assert_eq!(a.cmp(&b) == Ordering::Equal, a == b);
        }

        #[test]
        fn the_order_is_that_of_doubles(a in -1000i32..1000, b in -1000i32..1000, e in -3i32..3, f in -3i32..3) {
            let order = (f64::from(a) * 10f64.powi(e)).partial_cmp(&(f64::from(b) * 10f64.powi(f))).unwrap();
            let (x, y) = (number(&format!("{a}e{e}")), number(&format!("{b}e{f}")));
            if order != Ordering::Equal && x != y {
                prop_assert_eq!(x.cmp(&y), order);
            }
        }

        #[test]
        fn sums_are_those_of_integers(a in -10i128.pow(37)..10i128.pow(37), b in -10i128.pow(37)..10i128.pow(37), e in -100i32..80) {
            let scaled = |n: i128| number(&format!("{n}e{e}"));
            prop_assert_eq!(scaled(a).plus(scaled(b)).unwrap(), scaled(a + b));
            prop_assert_eq!(scaled(a).minus(scaled(b)).unwrap(), scaled(a - b));
        }

        #[test]
        fn a_sum_loses_its_summand_again(a in any_number(), b in any_number()) {
            if let Ok(sum) = a.plus(b) {
                prop_assert_eq!(sum.minus(b).unwrap_or(a), a);
            }
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "[-+0-9.eE]{0,60}|\\PC*") {
            if let Ok(n) = text.parse::<Number>() {
                prop_assert_eq!(number(&n.to_string()), n);
            }
        }
    }
}
