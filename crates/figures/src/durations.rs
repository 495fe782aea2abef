//! Durations of which mean, median, ninth decile and greatest are wanted, in bounded memory.
//!
//! Up to `EXACT_MAX` values are kept as they are. Beyond, only counts are: 64 equal steps in each power of two, so that a quantile is
//! given by the upper end of its step and is at most 1/64 (1.6 %) too high, never too low. Count, mean and greatest are always exact.

use std::collections::BTreeMap;

use model::Span;

/// Values kept exactly.
pub const EXACT_MAX: usize = 1_000;

/// Steps in each power of two, as a power of two.
const STEP_BITS: u32 = 6;

/// Some durations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Durations {
    count: u64,
    sum: i128,
    max: i64,
    exact: Vec<i64>,
    /// Empty while all values are kept.
    steps: BTreeMap<u32, u64>,
}

/// What is said of some durations; all zero where there were none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DurationFigures {
    /// How many there were.
    pub count: u64,
    /// Their mean, rounded down to microseconds.
    pub mean: Span,
    /// Half of them are no longer.
    pub median: Span,
    /// Nine tenths of them are no longer.
    pub p90: Span,
    /// The longest.
    pub max: Span,
}

impl Durations {
    /// Adds one; a negative one (a clock set back) counts as none at all.
    pub(crate) fn add(&mut self, span: Span) {
        let micros = span.micros().max(0);
        self.count += 1;
        self.sum += i128::from(micros);
        self.max = self.max.max(micros);
        if !self.steps.is_empty() {
            *self.steps.entry(step(micros)).or_default() += 1;
            return;
        }
        self.exact.push(micros);
        if self.exact.len() > EXACT_MAX {
            for micros in std::mem::take(&mut self.exact) {
                *self.steps.entry(step(micros)).or_default() += 1;
            }
        }
    }

    pub(crate) fn figures(&mut self) -> DurationFigures {
        if self.count == 0 {
            return DurationFigures::default();
        }
        self.exact.sort_unstable();
        let mean = i64::try_from(self.sum / i128::from(self.count)).unwrap_or(i64::MAX);
        DurationFigures {
            count: self.count,
            mean: Span::from_micros(mean),
            median: self.quantile(5),
            p90: self.quantile(9),
            max: Span::from_micros(self.max),
        }
    }

    /// The least value that so many tenths of all do not exceed (nearest rank).
    fn quantile(&self, tenths: u64) -> Span {
        let rank = (self.count * tenths).div_ceil(10).max(1);
        let exact = usize::try_from(rank - 1).ok().and_then(|index| self.exact.get(index));
        Span::from_micros(exact.copied().unwrap_or_else(|| self.in_steps(rank)))
    }

    fn in_steps(&self, rank: u64) -> i64 {
        let mut before = 0;
        for (step, count) in &self.steps {
            before += count;
            if before >= rank {
                return upper_end(*step).min(self.max);
            }
        }
        self.max
    }
}

/// The step a value falls into: its leading bits and their place.
fn step(micros: i64) -> u32 {
    let value = micros.unsigned_abs();
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(STEP_BITS + 1);
    let leading = u32::try_from(value >> shift).expect("at most seven bits are left");
    (shift << (STEP_BITS + 1)) | leading
}

/// The greatest value of a step.
fn upper_end(step: u32) -> i64 {
    let (shift, leading) = (step >> (STEP_BITS + 1), u64::from(step & ((1 << (STEP_BITS + 1)) - 1)));
    i64::try_from(((leading + 1) << shift) - 1).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[i64]) -> DurationFigures {
        let mut durations = Durations::default();
        values.iter().for_each(|micros| durations.add(Span::from_micros(*micros)));
        durations.figures()
    }

    #[test]
    fn few_values_are_exact() {
        assert_eq!(of(&[]), DurationFigures::default());
        let one = of(&[7]);
        assert_eq!([one.mean, one.median, one.p90, one.max], [Span::from_micros(7); 4]);
        let ten = of(&[10, 1, 9, 2, 8, 3, 7, 4, 6, 105]);
        let micros = [ten.mean, ten.median, ten.p90, ten.max].map(Span::micros);
        assert_eq!(micros, [15, 6, 10, 105]);
        assert_eq!(of(&[-5, 3]).mean, Span::from_micros(1), "a clock set back");
    }

    proptest! {
        #[test]
        fn a_step_holds_its_value_within_a_64th(value in 0..i64::MAX) {
            let end = upper_end(step(value));
            prop_assert!(end >= value);
            prop_assert!(end - value <= value / 64, "{value} {end}");
            if value < i64::MAX / 2 {
                prop_assert!(step(value + 1) >= step(value));
            }
        }

        #[test]
        fn many_values_are_near(values in proptest::collection::vec(0..10_000_000_i64, 990..1_100)) {
            let got = of(&values);
            let mut sorted = values.clone();
            sorted.sort_unstable();
            for (tenths, got) in [(5, got.median), (9, got.p90)] {
                let exact = sorted[(sorted.len() * tenths).div_ceil(10) - 1];
                let most = if values.len() <= EXACT_MAX { exact } else { exact + exact / 64 };
                prop_assert!((exact..=most).contains(&got.micros()), "{exact} {got}");
            }
            prop_assert_eq!(got.max.micros(), sorted[sorted.len() - 1]);
            prop_assert_eq!(got.mean.micros(), values.iter().sum::<i64>() / i64::try_from(values.len()).unwrap());
        }
    }
}
