//! Waits between attempts: doubled each time up to a limit, with jitter, so that many clients do not return as one.

use std::time::Duration;

pub(super) struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, next: min }
    }

    pub(super) fn reset(&mut self) {
        self.next = self.min;
    }

    /// Between half of the wait and all of it.
    pub(super) fn next(&mut self) -> Duration {
        let wait = self.next.min(self.max);
        self.next = (wait * 2).min(self.max);
        let random = getrandom::u32().unwrap_or(u32::MAX);
        wait / 2 + (wait / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_start_anew() {
        let seconds = Duration::from_secs;
        let mut backoff = Backoff::new(seconds(1), seconds(5));
        for want in [1, 2, 4, 5, 5] {
            let wait = backoff.next();
            assert!(wait >= seconds(want) / 2 && wait <= seconds(want), "{wait:?} for {want}");
        }
        backoff.reset();
        assert!(backoff.next() <= seconds(1));
    }
}
