//! Where the values of a point lie: every so-many-th of them, so few that a day of a thousand points fits.

/// More values than this are never kept.
const KEPT_MAX: usize = 4_096;

/// Values in the order they came, evenly thinned.
#[derive(Clone, Debug)]
pub(crate) struct Spread {
    kept: Vec<f64>,
    /// One of so many is kept.
    stride: u64,
    seen: u64,
}

impl Default for Spread {
    fn default() -> Self {
        Self { kept: Vec::new(), stride: 1, seen: 0 }
    }
}

impl Spread {
    pub(crate) fn take(&mut self, value: f64) {
        if self.seen.is_multiple_of(self.stride) {
            if self.kept.len() == KEPT_MAX {
                self.thin();
            }
            if self.seen.is_multiple_of(self.stride) {
                self.kept.push(value);
            }
        }
        self.seen += 1;
    }

    fn thin(&mut self) {
        let mut even = false;
        self.kept.retain(|_| {
            even = !even;
            even
        });
        self.stride *= 2;
    }

    /// The values below which so many percent lie, each once, in order.
    pub(crate) fn percentiles(&self, percents: &[usize]) -> Vec<f64> {
        let mut sorted = self.kept.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |percent: &usize| sorted.get(sorted.len().saturating_sub(1) * percent / 100).copied();
        let mut found: Vec<f64> = percents.iter().filter_map(at).collect();
        found.sort_unstable_by(f64::total_cmp);
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = f64>) -> Spread {
        let mut spread = Spread::default();
        values.into_iter().for_each(|value| spread.take(value));
        spread
    }

    #[test]
    fn few_values_are_told_exactly() {
        assert_eq!(of((0..=100).rev().map(f64::from)).percentiles(&[90, 10, 50]), [10.0, 50.0, 90.0]);
        assert_eq!(of([]).percentiles(&[50]), [0.0; 0]);
        assert_eq!(of([7.0; 10]).percentiles(&[10, 90]), [7.0]);
    }

    #[test]
    fn many_are_thinned_evenly() {
        let spread = of((0..1_000_000).map(f64::from));
        assert!((KEPT_MAX / 2..=KEPT_MAX).contains(&spread.kept.len()), "{}", spread.kept.len());
        let steps: Vec<f64> = spread.kept.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(steps.iter().all(|step| step.to_bits() == steps[0].to_bits()), "none is nearer to the next than others");
        let median = spread.percentiles(&[50])[0];
        assert!((499_000.0..501_000.0).contains(&median), "{median}");
    }
}
