//! How long a link waits before it tries again: from a tenth of a second, twice as long each time, to ten seconds, with chance. Pure.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LAST: Duration = Duration::from_secs(10);

/// The pauses of one link.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pause(Duration);

impl Pause {
    pub(super) const fn new() -> Self {
        Self(FIRST)
    }

    /// The next one: half of it for certain, the rest by chance, so that many links do not come at once.
    pub(super) fn next(&mut self, chance: u32) -> Duration {
        let whole = self.0;
        self.0 = (whole * 2).min(LAST);
        whole / 2 + (whole / 2).mul_f64(f64::from(chance) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_ten_seconds() {
        let (mut least, mut most) = (Pause::new(), Pause::new());
        let millis = |it: Duration| it.as_millis();
        let pauses: Vec<_> = (0..9).map(|_| (millis(least.next(0)), millis(most.next(u32::MAX)))).collect();
        assert_eq!(pauses[..3], [(50, 100), (100, 200), (200, 400)]);
        assert_eq!(pauses[8], (5_000, 10_000));
    }
}
