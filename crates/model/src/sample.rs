//! One value of one point at one time.

use crate::{PointNumber, Time};

/// How far a value can be trusted. `Good` and `Uncertain` are judged, `Bad` and `Calibrating` are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quality {
    /// Trusted.
    Good,
    /// Judged like good, shown with a mark.
    Uncertain,
    /// Not judged.
    Bad,
    /// The instrument is being calibrated: it is neither broken nor silent, and what it shows is not the plant. Not judged.
    Calibrating,
}

impl Quality {
    /// The word used in files, JSON and CSV.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Uncertain => "uncertain",
            Self::Bad => "bad",
            Self::Calibrating => "calibrating",
        }
    }

    /// The quality that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "good" => Some(Self::Good),
            "uncertain" => Some(Self::Uncertain),
            "bad" => Some(Self::Bad),
            "calibrating" => Some(Self::Calibrating),
            _ => None,
        }
    }
}

/// What else is known of a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SampleFlags {
    /// Back-filled by the gateway: stored, never judged.
    pub historical: bool,
    /// The gateway gave no time; the time is that of arrival.
    pub arrival_time: bool,
    /// A finite value outside the instrument's range: flagged and counted, and judged.
    pub out_of_range: bool,
    /// Replayed by the broker on subscribing (traps 12): judged only if newer, like any other.
    pub retained: bool,
    /// Marked by the gateway as not worth keeping (Sparkplug B `is_transient`): judged, never stored.
    pub transient: bool,
}

/// One value of one point at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The point.
    pub point: PointNumber,
    /// Source time, or time of arrival where the gateway gave none.
    pub time: Time,
    /// Absent for null, NaN and the infinities; the quality is then `Bad`.
    pub value: Option<f64>,
    /// How far to trust it.
    pub quality: Quality,
    /// What else is known.
    pub flags: SampleFlags,
}

impl Sample {
    /// A sample of a value as it came: what is not finite has no value and is bad.
    pub fn new(point: PointNumber, time: Time, value: Option<f64>, quality: Quality) -> Self {
        let value = value.filter(|value| value.is_finite());
        let quality = if value.is_some() || quality == Quality::Calibrating { quality } else { Quality::Bad };
        Self { point, time, value, quality, flags: SampleFlags::default() }
    }

    /// The value to judge: there, finite and not of bad quality.
    pub fn judged_value(&self) -> Option<f64> {
        match self.quality {
            Quality::Good | Quality::Uncertain => self.value,
            Quality::Bad | Quality::Calibrating => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_is_bad() {
        for value in [None, Some(f64::NAN), Some(f64::INFINITY), Some(f64::NEG_INFINITY)] {
            let sample = Sample::new(PointNumber(1), Time::YEAR_2000, value, Quality::Good);
            assert_eq!((sample.value, sample.quality, sample.judged_value()), (None, Quality::Bad, None));
        }
    }

    #[test]
    fn bad_values_are_kept_and_not_judged() {
        let sample = Sample::new(PointNumber(1), Time::YEAR_2000, Some(3.0), Quality::Bad);
        assert_eq!((sample.value, sample.judged_value()), (Some(3.0), None));
    }
}
