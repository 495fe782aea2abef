//! Decimal texts as integer microseconds, exact and rounded half-even once; durations.

use model::Span;
use std::cmp::Ordering;

/// Why a text is no number of microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadDecimal {
    /// Not a decimal number.
    NotANumber,
    /// Beyond what 64 bits of microseconds hold.
    TooLarge,
}

/// Significant digits taken into account; what follows only breaks ties.
const DIGITS_MAX: u32 = 27;

/// `text` times `unit_micros` as microseconds, rounded half-even once. Takes a sign, digits, a point and an exponent.
pub(crate) fn to_micros(text: &str, unit_micros: u64) -> Result<i64, BadDecimal> {
    let (negative, magnitude) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match magnitude.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| BadDecimal::NotANumber)?),
        None => (magnitude, 0),
    };
    let (digits, scale, rest) = digits_of(mantissa)?;
    let exponent = i64::from(exponent) + scale;
    let micros = scaled(digits * u128::from(unit_micros), exponent, rest)?;
    let micros = i64::try_from(micros).map_err(|_| BadDecimal::TooLarge)?;
    Ok(if negative { -micros } else { micros })
}

/// The significant digits as an integer, the power of ten it stands for, and whether anything but zeros was cut.
fn digits_of(mantissa: &str) -> Result<(u128, i64, bool), BadDecimal> {
    let (mut value, mut taken, mut scale, mut rest) = (0_u128, 0, 0_i64, false);
    let (mut seen, mut fraction) = (false, false);
    for byte in mantissa.bytes() {
        match byte {
            b'.' if !fraction => fraction = true,
            b'0'..=b'9' => {
                seen = true;
                if taken < DIGITS_MAX {
                    value = value * 10 + u128::from(byte - b'0');
                    taken += u32::from(value > 0);
                    scale -= i64::from(fraction);
                } else {
                    rest |= byte != b'0';
                    scale += i64::from(!fraction);
                }
            }
            _ => return Err(BadDecimal::NotANumber),
        }
    }
    if seen { Ok((value, scale, rest)) } else { Err(BadDecimal::NotANumber) }
}

fn scaled(product: u128, exponent: i64, rest: bool) -> Result<u128, BadDecimal> {
    if product == 0 {
        return Ok(0);
    }
    let power = |exponent: u64| u32::try_from(exponent).ok().and_then(|exponent| 10_u128.checked_pow(exponent));
    if exponent >= 0 {
        let factor = power(exponent.unsigned_abs()).ok_or(BadDecimal::TooLarge)?;
        return product.checked_mul(factor).ok_or(BadDecimal::TooLarge);
    }
    let Some(divisor) = power(exponent.unsigned_abs()) else { return Ok(0) };
    let (whole, part) = (product / divisor, product % divisor);
    let up = match part.cmp(&(divisor - part)) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => rest || whole % 2 == 1,
    };
    Ok(whole + u128::from(up))
}

/// Reads a duration: a decimal number and `ms`, `s`, `m`, `h` or `d`. The error is the problem; `CURE_DURATION` is its cure.
pub fn duration(text: &str) -> Result<Span, &'static str> {
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    if number.starts_with('-') {
        return Err("is negative");
    }
    let unit_micros = match unit {
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        "" => return Err("has no unit"),
        _ => return Err("is no duration"),
    };
    match to_micros(number, unit_micros) {
        Ok(micros) => Ok(Span::from_micros(micros)),
        Err(BadDecimal::NotANumber) => Err("is no duration"),
        Err(BadDecimal::TooLarge) => Err("is longer than any time that can be recorded"),
    }
}

/// How to write a duration.
pub(crate) const CURE_DURATION: &str = "write a decimal number and ms, s, m, h or d, such as \"1.5s\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_and_round_half_even_once() {
        let cases = [
            ("0", 0),
            ("1.8", 1_800_000),
            ("-1.5", -1_500_000),
            ("0.0000005", 0),
            ("0.0000015", 2),
            ("0.0000025", 2),
            ("0.00000250000000000000000000000000000000001", 3),
            ("0.00000249999999999999999999999999999999999", 2),
            ("1732370000.1234565", 1_732_370_000_123_456),
            ("1732370000.1234575", 1_732_370_000_123_458),
            ("1.73237e9", 1_732_370_000_000_000),
            ("1e-400", 0),
            (".5", 500_000),
            ("5.", 5_000_000),
            ("+2", 2_000_000),
            ("0e999999999", 0),
            ("000000000000000000000000000000000000000000001.5", 1_500_000),
        ];
        for (text, micros) in cases {
            assert_eq!(to_micros(text, 1_000_000), Ok(micros), "{text}");
        }
    }

    #[test]
    fn decimals_refuse_the_rest() {
        for text in ["", ".", "-", "1.2.3", "1e", "e5", "nan", "inf", "1_000", "0x10", "1,5", " 1", "一"] {
            assert_eq!(to_micros(text, 1_000_000), Err(BadDecimal::NotANumber), "{text}");
        }
        for text in ["1e300", "99999999999999999999999999999999", "9223372036854.775808", "1e2147483647"] {
            assert_eq!(to_micros(text, 1_000_000), Err(BadDecimal::TooLarge), "{text}");
        }
        assert_eq!(to_micros("9223372036854.775807", 1_000_000), Ok(i64::MAX));
    }

    #[test]
    fn durations_have_units() {
        let cases = [("1.5s", 1_500_000), ("250ms", 250_000), ("0.0005ms", 0), ("0.0015ms", 2), ("1m", 60_000_000)];
        for (text, micros) in cases {
            assert_eq!(duration(text), Ok(Span::from_micros(micros)), "{text}");
        }
        assert_eq!(duration("0.5h"), Ok(Span::from_secs(1_800)));
        assert_eq!(duration("2d"), Ok(Span::from_secs(172_800)));
        for (text, problem) in [
            ("60", "has no unit"),
            ("-1s", "is negative"),
            ("s", "is no duration"),
            ("nans", "is no duration"),
            ("1S", "is no duration"),
            ("1 s", "is no duration"),
            ("", "has no unit"),
            ("200000000d", "is longer than any time that can be recorded"),
        ] {
            assert_eq!(duration(text), Err(problem), "{text}");
        }
    }
}
