//! Judging one sample against the rules of its point (design: alarm semantics).

use model::{Condition, Event, Quality, Sample, Span, Time};

use crate::apply::Core;
use crate::emit::Cause;
use crate::life::Happening;
use crate::point::{Hot, RuleKind, SKEW, TICK};
use crate::window::{Verdict, WindowKind};

impl Core {
    /// Takes a sample that may change something; tells whether it was newer than its point's last.
    pub(crate) fn judge_sample(&mut self, local: usize, sample: &Sample, ahead: bool, events: &mut Vec<Event>) -> bool {
        let hot = self.hot[local];
        let value = sample.value.filter(|value| value.is_finite());
        let quality = match sample.quality {
            Quality::Calibrating => Quality::Calibrating,
            other => {
                if value.is_some() {
                    other
                } else {
                    Quality::Bad
                }
            }
        };
        let time =
            if ahead { self.now.max(if hot.has(Hot::SEEN) { hot.last.plus(TICK) } else { Time::MIN }) } else { sample.time };
        if hot.has(Hot::SEEN) && !hot.has(Hot::SET_BACK) && time <= hot.last {
            self.count_not_newer(&hot, time, value, quality);
            return false;
        }
        if hot.has(Hot::SET_BACK) {
            self.shift(local, time);
        }
        self.run_point(local, time, events);
        let hot = &mut self.hot[local];
        hot.restart(time, self.now);
        hot.value = value.unwrap_or(0.0);
        hot.set(Hot::SEEN, true);
        hot.set(Hot::VALUE, value.is_some());
        hot.set(Hot::BAD, quality == Quality::Bad);
        hot.set(Hot::UNCERTAIN, quality == Quality::Uncertain);
        hot.set(Hot::CALIBRATING, quality == Quality::Calibrating);
        hot.set(Hot::SILENT, false);
        hot.set(Hot::SUSPECT, ahead);
        hot.set(Hot::OUT_OF_RANGE, sample.flags.out_of_range);
        hot.set(Hot::SET_BACK, false);
        // While the source is down every step to the next sample may be the outage.
        hot.set(Hot::OUTAGE, hot.has(Hot::DOWN));
        self.counters.judged += 1;
        self.counters.ahead += u64::from(ahead);
        self.judge(local, time, events);
        self.refresh(local);
        self.touch_groups(local);
        true
    }

    fn count_not_newer(&mut self, hot: &Hot, time: Time, value: Option<f64>, quality: Quality) {
        let of = |hot: &Hot| match (hot.has(Hot::BAD), hot.has(Hot::CALIBRATING), hot.has(Hot::UNCERTAIN)) {
            (true, ..) => Quality::Bad,
            (_, true, _) => Quality::Calibrating,
            (_, _, true) => Quality::Uncertain,
            _ => Quality::Good,
        };
        let repeated = time == hot.last && value.map(f64::to_bits) == hot.raw_value().map(f64::to_bits) && quality == of(hot);
        if repeated {
            self.counters.repeated += 1;
        } else {
            self.counters.not_newer += 1;
        }
    }

    /// The gateway's clock was set back: what is left of delays and of the time until silence stays as it is (traps 25).
    pub(crate) fn shift(&mut self, local: usize, time: Time) {
        let clock = self.hot[local].clock(self.now);
        let by = time.since(clock);
        let hot = &mut self.hot[local];
        hot.last = hot.last.plus(by);
        // Out of date, so it promises nothing.
        hot.timer = Time::MIN;
        for cell in &mut self.cells[self.layout.rules_of(local)] {
            if cell.due > Time::MIN && cell.due < Time::MAX {
                cell.due = cell.due.plus(by);
            }
        }
    }

    /// Judges the newest sample, at its time.
    fn judge(&mut self, local: usize, time: Time, events: &mut Vec<Event>) {
        let hot = self.hot[local];
        let cause = Cause { value: None, late: time.plus(SKEW) < self.now, ..Cause::of_held(&hot, time) };
        for cell in self.layout.rules_of(local) {
            let kind = self.layout.rules[cell].kind;
            let (active, clear, value) = match (kind, hot.judged_value()) {
                (RuleKind::Stale, _) => {
                    if !self.cells[cell].flags.cond() {
                        self.cells[cell].due = Time::MIN;
                    }
                    (false, true, None)
                }
                (RuleKind::Bad, _) => (hot.has(Hot::BAD), !hot.has(Hot::BAD), hot.raw_value()),
                (RuleKind::Calibrating, _) => (hot.has(Hot::CALIBRATING), !hot.has(Hot::CALIBRATING), hot.raw_value()),
                (_, None) => {
                    self.freeze_limit(cell);
                    self.windows.remove(&cell);
                    continue;
                }
                (RuleKind::Window, Some(value)) => {
                    self.judge_window(cell, (time, value), &cause, events);
                    continue;
                }
                (RuleKind::OneOf, Some(value)) => {
                    let one = self.is_one_of(cell, value);
                    (one, !one, Some(value))
                }
                (_, Some(value)) => {
                    let (active, clear) = kind.of_value(value);
                    (active, clear, Some(value))
                }
            };
            self.hold(cell, (active, clear), &Cause { value, ..cause }, events);
        }
    }

    pub(crate) fn is_one_of(&self, cell: usize, value: f64) -> bool {
        let rule = self.revision.as_deref().map(|revision| &self.layout.rule(revision, cell).condition);
        matches!(rule, Some(Condition::State { values }) if values.contains(&value))
    }

    /// What a rule over time says of a good sample.
    pub(crate) fn judge_window(&mut self, cell: usize, (time, value): (Time, f64), cause: &Cause<'_>, events: &mut Vec<Event>) {
        let Some(kind) = self.window_kind(cell) else { return };
        let local = self.layout.place_of_cell(cell);
        let patience = self.hot[local].stale_after;
        let window = self.windows.entry(cell).or_default();
        window.take(kind, time, value, patience);
        let (verdict, since) = (window.judge(kind), window.still_since());
        if let (WindowKind::Stuck { window, .. }, Some(since), false) = (kind, since, self.cells[cell].flags.cond()) {
            return self.await_standstill(cell, since.plus(window), cause, events);
        }
        match verdict {
            None => self.freeze_limit(cell),
            Some(Verdict { active, clear, measure }) => {
                self.hold(cell, (active, clear), &Cause { value: Some(measure), ..*cause }, events);
            }
        }
    }

    /// A value that does not move is stuck at an exact time, with or without another sample.
    fn await_standstill(&mut self, cell: usize, stuck_at: Time, cause: &Cause<'_>, events: &mut Vec<Event>) {
        let due = stuck_at.plus(self.layout.rules[cell].on_delay);
        let state = &mut self.cells[cell];
        (state.pending, state.due) = (due > cause.at, due);
        if due <= cause.at {
            let value = self.measure(cell);
            self.change(cell, Happening::Alm, &Cause { value, ..*cause }, events);
        }
    }

    pub(crate) fn window_kind(&self, cell: usize) -> Option<WindowKind> {
        WindowKind::of(self.layout.rule(self.revision.as_deref()?, cell))
    }

    pub(crate) fn is_stuck_rule(&self, cell: usize) -> bool {
        matches!(self.window_kind(cell), Some(WindowKind::Stuck { .. }))
    }

    /// What a rule over time compares.
    pub(crate) fn measure(&self, cell: usize) -> Option<f64> {
        Some(self.windows.get(&cell)?.judge(self.window_kind(cell)?)?.measure)
    }

    /// Bad quality keeps a limit alarm as it is: it lets an on-delay run on and breaks an off-delay (traps 29).
    pub(crate) fn freeze_limit(&mut self, cell: usize) {
        let state = &mut self.cells[cell];
        state.pending &= !state.flags.cond();
    }

    /// Starts, keeps or breaks an alarm's delay at `cause.at`; without a delay the alarm moves at once.
    pub(crate) fn hold(&mut self, cell: usize, (active, clear): (bool, bool), cause: &Cause<'_>, events: &mut Vec<Event>) {
        let rule = self.layout.rules[cell];
        let state = &mut self.cells[cell];
        let cond = state.flags.cond();
        let (wanted, delay) = if cond { (clear, rule.off_delay) } else { (active, rule.on_delay) };
        if !wanted {
            state.pending = false;
        } else if state.pending {
            // It holds on.
        } else if delay > Span::ZERO {
            state.pending = true;
            state.due = cause.at.plus(delay);
        } else {
            let happening = if cond { Happening::Rtn } else { Happening::Alm };
            self.change(cell, happening, cause, events);
        }
    }
}
