//! How much goes into one transaction, and how many transactions at a time.
//!
//! Limits: `ROWS_MIN` to `ROWS_MAX` samples a transaction. Few rows cost a commit each; very many hold memory, and a database that has
//! become slow keeps the next ones waiting.

use std::time::{Duration, Instant};

/// Samples of one transaction at first, and at least.
const ROWS_MIN: usize = 10_000;

/// Samples of one transaction at most: some 10 MB, and there may be two at a time.
const ROWS_MAX: usize = 160_000;

/// A full transaction that took less grows; one that took more shrinks.
const GROW_BELOW: Duration = Duration::from_millis(150);
const SHRINK_ABOVE: Duration = Duration::from_millis(800);

/// From this share of the journal's retention on catching up comes before everything.
const HURRY_FROM: f64 = 0.5;

/// From this lag on it is a backlog, for which upkeep gives way ...
const LAG_OF_A_BACKLOG_S: f64 = 5.0;

/// ... and from when on each set has left something behind for so long.
const FULL_SETS_OF_A_BACKLOG: Duration = Duration::from_secs(1);

/// How long a trend of the lag is looked at.
pub(crate) const TREND: Duration = Duration::from_secs(2);

/// The size of transactions, found by what the last ones took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    rows: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { rows: ROWS_MIN }
    }
}

impl Pace {
    /// Samples that one transaction may take.
    pub(crate) const fn rows(self) -> usize {
        self.rows
    }

    /// A transaction was carried out.
    pub(crate) fn took(&mut self, rows: usize, took: Duration) {
        if took > SHRINK_ABOVE {
            self.rows = (self.rows / 2).max(ROWS_MIN);
        } else if rows >= self.rows && took < GROW_BELOW {
            self.rows = (self.rows * 2).min(ROWS_MAX);
        }
    }

    /// A write failed: the next one is small again.
    pub(crate) fn failed(&mut self) {
        *self = Self::default();
    }
}

/// Whether rows need the processors for themselves.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backlog {
    /// When the first of the sets began that have all left something behind.
    full_since: Option<Instant>,
}

impl Backlog {
    /// A set that began at a time was stored, with more behind it or not.
    pub(crate) fn took(&mut self, is_more: bool, began: Instant) {
        self.full_since = is_more.then(|| self.full_since.unwrap_or(began));
    }

    /// Whether there is one: the history is late, or sets have long been full.
    pub(crate) fn is_there(self, lag_s: f64, now: Instant) -> bool {
        let is_full = self.full_since.is_some_and(|since| now.duration_since(since) >= FULL_SETS_OF_A_BACKLOG);
        is_full || lag_s >= LAG_OF_A_BACKLOG_S
    }
}

/// What a stretch of `TREND` showed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trend {
    /// Something was appended to the journal meanwhile.
    pub(crate) live: bool,
    /// The lag at its beginning, and at its end, seconds.
    pub(crate) lag: (f64, f64),
    /// How much of the journal's retention is used up.
    pub(crate) used: f64,
}

/// How many transactions may be under way while there is more to catch up. A backlog that shrinks beside live input is taken one
/// transaction at a time, so that ingest and engine keep a core of their own (traps 70); one that grows, or is about to be dropped by the
/// journal, is not.
pub(crate) fn lanes(all: usize, trend: Trend) -> usize {
    let gentle = trend.live && trend.used < HURRY_FROM && trend.lag.1 < trend.lag.0;
    if gentle { 1 } else { all }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_is_a_late_history_or_a_second_of_full_sets() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut backlog = Backlog::default();
        assert!(!backlog.is_there(4.9, at(0)) && backlog.is_there(5.0, at(0)));
        backlog.took(true, at(0));
        backlog.took(true, at(600));
        assert!(!backlog.is_there(0.1, at(999)), "not yet");
        assert!(backlog.is_there(0.1, at(1_000)), "since the first of them");
        backlog.took(false, at(1_100));
        assert!(!backlog.is_there(0.1, at(1_200)), "one took all there was");
        backlog.took(true, at(1_200));
        assert!(!backlog.is_there(0.1, at(2_100)), "counted anew");
    }

    #[test]
    fn full_and_fast_grows_slow_shrinks_and_both_end() {
        let mut pace = Pace::default();
        pace.took(100, Duration::from_millis(1));
        assert_eq!(pace.rows(), ROWS_MIN, "a transaction that was not full says nothing");
        for _ in 0..10 {
            pace.took(pace.rows(), Duration::from_millis(20));
        }
        assert_eq!(pace.rows(), ROWS_MAX);
        pace.took(pace.rows(), Duration::from_millis(400));
        assert_eq!(pace.rows(), ROWS_MAX);
        pace.took(7, Duration::from_secs(2));
        assert_eq!(pace.rows(), ROWS_MAX / 2);
        for _ in 0..10 {
            pace.took(7, Duration::from_secs(2));
        }
        assert_eq!(pace.rows(), ROWS_MIN);
        pace.took(pace.rows(), Duration::ZERO);
        pace.failed();
        assert_eq!(pace.rows(), ROWS_MIN);
    }

    #[test]
    fn one_at_a_time_only_while_it_leads_somewhere() {
        let trend = Trend { live: true, lag: (60.0, 55.0), used: 0.1 };
        assert_eq!(lanes(2, trend), 1);
        assert_eq!(lanes(2, Trend { live: false, ..trend }), 2, "nobody is in need of the machine");
        assert_eq!(lanes(2, Trend { lag: (60.0, 60.0), ..trend }), 2, "it would never end");
        assert_eq!(lanes(2, Trend { used: HURRY_FROM, ..trend }), 2, "rows would be lost");
        assert_eq!(lanes(1, trend), 1);
    }
}
