//! Time as integer microseconds, the only kind that decisions are made with.

use std::fmt;
use std::ops::{Add, Sub};

/// An instant: microseconds since 1970-01-01T00:00:00Z, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

/// A length of time in microseconds; negative where an instant precedes another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

impl Time {
    /// Before every instant that can be recorded.
    pub const MIN: Self = Self(i64::MIN);
    /// After every instant that can be recorded; a deadline that never comes.
    pub const MAX: Self = Self(i64::MAX);
    /// 2000-01-01T00:00:00Z: what is dated before it is a clock that was never set.
    pub const YEAR_2000: Self = Self(946_684_800_000_000);

    /// The instant this many microseconds after 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// This instant moved by a span; stops at the ends of the range instead of wrapping.
    pub const fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// The span from `earlier` to this instant; stops at the ends of the range.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// Milliseconds since 1970, given as a decimal number, rounded half-even once to microseconds.
    /// `None` for what is not finite or lies outside the years 1 to 9999.
    pub fn from_millis_f64(millis: f64) -> Option<Self> {
        Self::from_micros_f64(millis * 1e3)
    }

    /// Seconds since 1970, given as a decimal number, rounded half-even once to microseconds.
    pub fn from_seconds_f64(seconds: f64) -> Option<Self> {
        Self::from_micros_f64(seconds * 1e6)
    }

    fn from_micros_f64(micros: f64) -> Option<Self> {
        let rounded = micros.round_ties_even();
        let limits = -62_135_596_800e6..253_402_300_800e6;
        #[expect(clippy::cast_possible_truncation, reason = "integral and inside the range of i64 by the line before")]
        limits.contains(&rounded).then_some(Self(rounded as i64))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of this many microseconds.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// A span of this many milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// A span of this many seconds.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds.
    pub const fn micros(self) -> i64 {
        self.0
    }
}

impl Add<Span> for Time {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        self.plus(span)
    }
}

impl Sub for Time {
    type Output = Span;

    fn sub(self, earlier: Self) -> Span {
        self.since(earlier)
    }
}

impl Add for Span {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Span {
    /// Seconds with as many decimals as are needed: `1.5s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        let (whole, rest) = (micros / 1_000_000, micros % 1_000_000);
        if rest == 0 {
            return write!(f, "{sign}{whole}s");
        }
        let decimals = format!("{rest:06}");
        write!(f, "{sign}{whole}.{}s", decimals.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_half_even_once() {
        assert_eq!(Time::from_millis_f64(0.0005), Some(Time(0)));
        assert_eq!(Time::from_millis_f64(0.0015), Some(Time(2)));
        assert_eq!(Time::from_millis_f64(1_732_370_000_000.25), Some(Time(1_732_370_000_000_250)));
    }

    #[test]
    fn refuses_what_no_calendar_holds() {
        for millis in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300] {
            assert_eq!(Time::from_millis_f64(millis), None, "{millis}");
        }
    }

    #[test]
    fn saturates_instead_of_wrapping() {
        assert_eq!(Time::MAX + Span::from_secs(1), Time::MAX);
        assert_eq!(Time::MIN.since(Time::MAX), Span(i64::MIN));
    }

    #[test]
    fn spans_read_as_seconds() {
        assert_eq!(Span::from_millis(1_500).to_string(), "1.5s");
        assert_eq!(Span::from_secs(60).to_string(), "60s");
        assert_eq!(Span::from_micros(-1).to_string(), "-0.000001s");
    }
}
