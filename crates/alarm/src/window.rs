//! What rules over a stretch of source time remember of their point: slopes that noise does not fool, and values that do not move
//! (traps 37).
//!
//! A window keeps at most `KEPT_MAX` samples, in source time: one that comes sooner than a part of the window after the last but one takes
//! the place of the last. So what is kept depends on the samples alone, never on how they were batched.

use model::{AlarmRule, Condition, Direction, Span, Time};

use crate::point::distance;

/// Samples that a window keeps for a slope of least squares ...
const RATE_PARTS: i64 = 64;
/// ... and for a median of slopes, whose cost grows with the square.
const TREND_PARTS: i64 = 32;
/// Two more than parts: one from before the window, one in the making.
const KEPT_MAX: usize = 66;
/// A trend needs so many samples: of four one may lie.
const TREND_SAMPLES_MIN: usize = 5;
/// A prediction is taken back when it is so much farther away than where it was made, as a ratio of 4 to 5: less would chatter.
const TREND_CLEAR: (f64, f64) = (5.0, 4.0);

/// What a rule over time judges by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum WindowKind {
    /// The limit per `per`, where it clears, and which way counts.
    Rate { window: Span, per: Span, limit: f64, clear: f64, direction: Direction },
    /// The greatest difference that is no movement.
    Stuck { window: Span, noise: f64 },
    /// The limit, from which side, and how soon.
    Trend { window: Span, within: Span, limit: f64, up: bool },
}

impl WindowKind {
    /// What of a configured rule counts, if it is a rule over time.
    pub(crate) fn of(rule: &AlarmRule) -> Option<Self> {
        let limit = rule.limit.unwrap_or_default();
        match rule.condition {
            Condition::Rate { window, per, direction } => {
                Some(Self::Rate { window, per, limit, clear: limit - rule.deadband, direction })
            }
            Condition::Stuck { window, noise } => Some(Self::Stuck { window, noise }),
            Condition::TimeToLimit { window, within, direction } => {
                Some(Self::Trend { window, within, limit, up: direction != Direction::Down })
            }
            _ => None,
        }
    }

    const fn window(self) -> Span {
        match self {
            Self::Rate { window, .. } | Self::Stuck { window, .. } | Self::Trend { window, .. } => window,
        }
    }

    const fn parts(self) -> i64 {
        match self {
            Self::Trend { .. } => TREND_PARTS,
            _ => RATE_PARTS,
        }
    }
}

/// What is remembered: samples in the order of time; of a stuck rule the newest, and the band since it last moved.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Window {
    pub(crate) samples: Vec<(Time, f64)>,
}

/// What a rule over time says after a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) active: bool,
    pub(crate) clear: bool,
    /// What was compared: a slope, or the value.
    pub(crate) measure: f64,
}

impl Window {
    /// Takes a good sample. `patience` is the longest time between two samples of one stretch.
    pub(crate) fn take(&mut self, kind: WindowKind, time: Time, value: f64, patience: Span) {
        if self.samples.last().is_some_and(|(last, _)| time.since(*last) > patience.max(kind.window()) || time <= *last) {
            self.samples.clear();
        }
        match kind {
            WindowKind::Stuck { noise, .. } => self.take_in_band(time, value, noise),
            _ => self.take_in_window(kind, time, value),
        }
    }

    /// Two samples hold the band: the first of them its start and lower end, the second its upper end. A value outside starts a new one.
    fn take_in_band(&mut self, time: Time, value: f64, noise: f64) {
        if let [(since, low), (_, high)] = self.samples.as_slice() {
            let (low, high) = (low.min(value), high.max(value));
            if high - low <= noise {
                self.samples = vec![(*since, low), (time, high)];
                return;
            }
        }
        self.samples = vec![(time, value), (time, value)];
    }

    fn take_in_window(&mut self, kind: WindowKind, time: Time, value: f64) {
        let least = Span::from_micros(kind.window().micros() / kind.parts());
        match self.samples.as_mut_slice() {
            [.., (before, _), last] if time.since(*before) < least => *last = (time, value),
            _ => self.samples.push((time, value)),
        }
        // One sample from before the window stays, so that a source slower than the window has a slope too.
        let start = Time::from_micros(time.micros().saturating_sub(kind.window().micros()));
        let outside = self.samples.iter().skip(1).take_while(|(kept, _)| *kept <= start).count();
        self.samples.drain(..outside.max(self.samples.len().saturating_sub(KEPT_MAX)));
    }

    /// Since when the value has not moved beyond its noise.
    pub(crate) fn still_since(&self) -> Option<Time> {
        self.samples.first().map(|(since, _)| *since)
    }

    /// What the rule says now; `None` where there is too little to say anything.
    pub(crate) fn judge(&self, kind: WindowKind) -> Option<Verdict> {
        let (newest, value) = *self.samples.last()?;
        match kind {
            WindowKind::Stuck { window, .. } => {
                let still = newest.since(self.still_since()?);
                Some(Verdict { active: false, clear: still < window, measure: value })
            }
            WindowKind::Rate { window, per, limit, clear, direction } => {
                self.spans_half(window).then_some(())?;
                let slope = self.slope_of_least_squares()? * seconds(per);
                let rate = distance(slope, 0.0, direction);
                Some(Verdict { active: rate >= limit, clear: rate < clear, measure: slope })
            }
            WindowKind::Trend { window, within, limit, up } => {
                (self.spans_half(window) && self.samples.len() >= TREND_SAMPLES_MIN).then_some(())?;
                let (slope, level) = self.robust_line()?;
                let ahead = if up { limit - level } else { level - limit };
                let speed = if up { slope } else { -slope };
                let within = seconds(within);
                // Never a division: a slope near zero reaches nothing.
                let active = ahead <= 0.0 || ahead <= speed * within;
                let clear = ahead > 0.0 && ahead * TREND_CLEAR.1 > speed * within * TREND_CLEAR.0;
                Some(Verdict { active, clear, measure: value })
            }
        }
    }

    /// Seconds until the limit is reached, where the trend says that it will be.
    pub(crate) fn seconds_to_limit(&self, kind: WindowKind) -> Option<f64> {
        let WindowKind::Trend { limit, up, .. } = kind else { return None };
        let (slope, level) = self.robust_line()?;
        let (ahead, speed) = if up { (limit - level, slope) } else { (level - limit, -slope) };
        if ahead <= 0.0 { Some(0.0) } else { (speed > 0.0).then(|| ahead / speed) }
    }

    /// A slope over less than half of the window says more of the noise than of the plant.
    fn spans_half(&self, window: Span) -> bool {
        let ends = self.samples.first().zip(self.samples.last());
        ends.is_some_and(|((first, _), (last, _))| last.since(*first).micros() >= window.micros() / 2)
    }

    /// Units per second; times count from the newest sample, so that no digit is lost to the calendar.
    fn slope_of_least_squares(&self) -> Option<f64> {
        let (newest, reference) = *self.samples.last()?;
        let points = || self.samples.iter().map(|(time, value)| (seconds(time.since(newest)), value - reference));
        let count = f64::from(u32::try_from(self.samples.len()).ok()?);
        let (sum_x, sum_y) = points().fold((0.0, 0.0), |(x, y), (dx, dy)| (x + dx, y + dy));
        let (mean_x, mean_y) = (sum_x / count, sum_y / count);
        let (xx, xy) = points().fold((0.0, 0.0), |(xx, xy), (x, y)| {
            let dx = x - mean_x;
            (xx + dx * dx, xy + dx * (y - mean_y))
        });
        (xx > 0.0).then(|| xy / xx)
    }

    /// Theil and Sen: the median of all slopes, and the level at the newest time as the median of what each sample says of it. A third of
    /// the samples may be wrong before it is.
    fn robust_line(&self) -> Option<(f64, f64)> {
        let mut slopes = Vec::with_capacity(self.samples.len() * self.samples.len() / 2);
        for (at, (later, high)) in self.samples.iter().enumerate() {
            for (earlier, low) in &self.samples[..at] {
                slopes.push((high - low) / seconds(later.since(*earlier)));
            }
        }
        let slope = median(slopes)?;
        let (newest, _) = *self.samples.last()?;
        let levels = self.samples.iter().map(|(time, value)| value + slope * seconds(newest.since(*time)));
        Some((slope, median(levels.collect())?))
    }
}

/// A span as seconds; exact up to 285 years.
#[expect(clippy::cast_precision_loss, reason = "windows are a day at most, far below 2^53 microseconds")]
fn seconds(span: Span) -> f64 {
    span.micros() as f64 / 1e6
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(values[middle - 1], upper)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Span = Span::from_secs(60);

    fn rate(window: Span) -> WindowKind {
        WindowKind::Rate { window, per: MINUTE, limit: 6.0, clear: 5.0, direction: Direction::Both }
    }

    fn trend() -> WindowKind {
        WindowKind::Trend { window: MINUTE, within: Span::from_secs(120), limit: 100.0, up: true }
    }

    fn window(kind: WindowKind, samples: impl IntoIterator<Item = (f64, f64)>) -> Window {
        let mut window = Window::default();
        for (time, value) in samples {
            window.take(kind, Time::from_seconds_f64(time).expect("a time"), value, Span::from_secs(300));
        }
        window
    }

    fn ramp(count: u32, step: f64, slope: f64) -> impl Iterator<Item = (f64, f64)> {
        (0..count).map(move |at| (f64::from(at) * step, f64::from(at) * step * slope))
    }

    #[test]
    fn a_ramp_has_its_slope_however_dense_it_is() {
        for step in [0.1, 1.0, 10.0, 45.0, 90.0] {
            let verdict = window(rate(MINUTE), ramp(2_000, step, 0.1)).judge(rate(MINUTE)).expect("enough");
            assert!((verdict.measure - 6.0).abs() < 1e-9, "{step}: {}", verdict.measure);
        }
    }

    #[test]
    fn two_samples_a_millisecond_apart_are_no_slope() {
        assert_eq!(window(rate(MINUTE), [(0.0, 0.0), (0.001, 50.0)]).judge(rate(MINUTE)), None);
        assert_eq!(window(rate(MINUTE), [(0.0, 0.0), (29.9, 50.0)]).judge(rate(MINUTE)), None, "less than half of the window");
        assert!(window(rate(MINUTE), [(0.0, 0.0), (30.0, 50.0)]).judge(rate(MINUTE)).is_some());
    }

    #[test]
    fn a_gap_drops_the_baseline() {
        let kind = rate(MINUTE);
        let samples = ramp(60, 1.0, 0.0).chain([(59.0 + 300.1, 500.0)]);
        assert_eq!(window(kind, samples).judge(kind), None, "longer than the patience");
        let samples = ramp(60, 1.0, 0.0).chain([(59.0 + 300.0, 500.0)]);
        assert!(window(kind, samples).judge(kind).is_some());
    }

    #[test]
    fn a_window_is_bounded() {
        for kind in [rate(MINUTE), trend()] {
            let kept = window(kind, ramp(100_000, 0.01, 1.0)).samples.len();
            assert!((30..=KEPT_MAX).contains(&kept), "{kept}");
        }
    }

    #[test]
    fn a_third_of_liars_does_not_bend_a_trend() {
        let honest = ramp(61, 1.0, 0.5);
        let lying = honest.map(|(time, value)| (time, if time % 4.0 == 3.0 { value + 1_000.0 } else { value }));
        let window = window(trend(), lying);
        // 30 at 60 s, rising by 0.5 a second: 140 s to 100, which is not within 120 s.
        let seconds = window.seconds_to_limit(trend()).expect("rising");
        assert!((seconds - 140.0).abs() < 5.0, "{seconds}");
        assert!(!window.judge(trend()).expect("enough").active);
    }

    #[test]
    fn a_trend_is_active_when_the_limit_is_near_enough() {
        let judge = |slope: f64| window(trend(), ramp(61, 1.0, slope)).judge(trend()).expect("enough");
        // After 60 s: level 60 s, so (100 - 60 s)/s <= 120 from s = 100/180 on; taken back below 100/210.
        assert!(judge(0.556).active && !judge(0.555).active);
        assert!(!judge(0.477).clear && judge(0.476).clear);
        assert!(judge(-1.0).clear && judge(0.0).clear);
        assert!(judge(2.0).active && !judge(2.0).clear, "beyond the limit");
    }

    #[test]
    fn a_value_is_still_until_it_leaves_its_noise() {
        let kind = WindowKind::Stuck { window: MINUTE, noise: 0.5 };
        let since = |samples: &[(f64, f64)]| window(kind, samples.iter().copied()).still_since().expect("some").micros();
        assert_eq!(since(&[(1.0, 5.0), (2.0, 5.5), (3.0, 5.0)]), 1_000_000);
        assert_eq!(since(&[(1.0, 5.0), (2.0, 5.3), (3.0, 4.75)]), 3_000_000, "5.3 and 4.75 are farther apart than the noise");
        assert_eq!(since(&[(1.0, 5.0), (2.0, 6.0), (3.0, 6.0)]), 2_000_000);
    }

    #[test]
    fn medians_of_even_and_odd_counts() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
