//! Written instants: RFC 3339 with its offset, or a decimal number of a declared unit (traps 31).

use model::Time;

use crate::decimal::{self, BadDecimal};

/// Before and after which no calendar of four digits reaches.
const YEARS_1_TO_9999: std::ops::Range<i64> = -62_135_596_800_000_000..253_402_300_800_000_000;

/// A decimal number of units since 1970. The error is the problem.
pub(crate) fn number(text: &str, unit_micros: u64) -> Result<Time, &'static str> {
    let micros = decimal::to_micros(text, unit_micros).map_err(|bad| match bad {
        BadDecimal::NotANumber => "is no time",
        BadDecimal::TooLarge => "lies outside the years 1 to 9999",
    })?;
    in_calendar(micros)
}

fn in_calendar(micros: i64) -> Result<Time, &'static str> {
    let inside = YEARS_1_TO_9999.contains(&micros);
    inside.then_some(Time::from_micros(micros)).ok_or("lies outside the years 1 to 9999")
}

/// `2025-03-01T08:00:00.5+08:00`; local time without an offset is refused, never guessed. The error is the problem.
pub(crate) fn rfc3339(text: &str) -> Result<Time, &'static str> {
    const NO_TIME: &str = "is no time";
    let bytes = text.as_bytes();
    if !text.is_ascii() || bytes.len() < 19 {
        return Err(NO_TIME);
    }
    let separators = [(4, b"-" as &[u8]), (7, b"-"), (10, b"Tt "), (13, b":"), (16, b":")];
    if separators.iter().any(|(at, allowed)| !allowed.contains(&bytes[*at])) {
        return Err(NO_TIME);
    }
    let field = |from: usize, to: usize| digits(&text[from..to]).ok_or(NO_TIME);
    let (year, month, day) = (field(0, 4)?, field(5, 7)?, field(8, 10)?);
    let (hour, minute) = (field(11, 13)?, field(14, 16)?);
    let seconds_end = 17 + bytes[17..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let seconds = &text[17..seconds_end];
    // A leap second is the first of the next minute.
    let second = field(17, 19)?;
    let real = (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !real || hour > 23 || minute > 59 || second > 60 || matches!(seconds.as_bytes().get(2), Some(byte) if *byte != b'.') {
        return Err(NO_TIME);
    }
    let micros = decimal::to_micros(seconds, 1_000_000).map_err(|_| NO_TIME)?;
    let offset_minutes = offset(&text[seconds_end..])?;
    let minutes = (days_since_1970(year, month, day) * 24 + hour) * 60 + minute - offset_minutes;
    in_calendar(minutes * 60_000_000 + micros)
}

fn offset(text: &str) -> Result<i64, &'static str> {
    match text.as_bytes() {
        b"Z" | b"z" => Ok(0),
        [] => Err("has no offset from UTC"),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (digits(&text[1..3]), digits(&text[4..6]));
            let (Some(hours @ 0..=23), Some(minutes @ 0..=59)) = (hours, minutes) else { return Err("is no time") };
            let minutes = hours * 60 + minutes;
            Ok(if *sign == b'-' { -minutes } else { minutes })
        }
        _ => Err("is no time"),
    }
}

fn digits(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01, counted in years that begin in March, so that the leap day is the last of its year.
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn instants_with_offsets() {
        let cases = [
            ("1970-01-01T00:00:00Z", 0),
            ("2025-03-01T08:00:00+08:00", 1_740_787_200_000_000),
            ("2025-03-01t00:00:00.0000015z", 1_740_787_200_000_002),
            ("2024-02-29 23:59:60-00:00", 1_709_251_200_000_000),
            ("1969-12-31T23:59:59.5Z", -500_000),
        ];
        for (text, micros) in cases {
            assert_eq!(rfc3339(text), Ok(Time::from_micros(micros)), "{text}");
        }
    }

    #[test]
    fn what_is_no_instant() {
        assert_eq!(rfc3339("2025-03-01T08:00:00"), Err("has no offset from UTC"));
        for text in [
            "2025-02-29T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "2025-01-01T24:00:00Z",
            "2025-01-01T00:00:00+8:00",
            "2025-01-01T00:00:000Z",
            "2025-01-01T00:00:00+24:00",
            "2025-01-01",
            "2025-01-01T00:00:+1Z",
            "二〇二五-01-01T00:00:00Z",
        ] {
            assert_eq!(rfc3339(text), Err("is no time"), "{text}");
        }
        assert_eq!(number("1e18", 1_000_000), Err("lies outside the years 1 to 9999"));
        assert_eq!(rfc3339("9999-12-31T23:59:59-00:01"), Err("lies outside the years 1 to 9999"));
    }

    proptest! {
        #[test]
        fn agrees_with_a_calendar_library(micros in -62_135_000_000_000_000_i64..253_402_000_000_000_000) {
            let text = jiff::Timestamp::from_microsecond(micros).expect("in range").to_string();
            prop_assert_eq!(rfc3339(&text), Ok(Time::from_micros(micros)));
        }

        #[test]
        fn never_panics(text in "[0-9TZ:.+ -]{0,40}|\\PC{0,40}") {
            prop_assert!(rfc3339(&text).is_err() || number(&text, 1_000).is_err());
        }
    }
}
