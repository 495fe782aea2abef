//! Judging one sample against the rules of its point (design: alarm semantics).

use model::{Event, Quality, Sample, Span, Time};

use crate::apply::Core;
use crate::emit::Cause;
use crate::life::Happening;
use crate::point::{Hot, RuleKind, SKEW, TICK};

impl Core {
    /// Takes a sample that may change something; tells whether it was newer than its point's last.
    pub(crate) fn judge_sample(&mut self, local: usize, sample: &Sample, ahead: bool, events: &mut Vec<Event>) -> bool {
        let hot = self.hot[local];
        let value = sample.value.filter(|value| value.is_finite());
        let quality = if value.is_some() { sample.quality } else { Quality::Bad };
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
        hot.set(Hot::SUSPECT, ahead);
        hot.set(Hot::OUT_OF_RANGE, sample.flags.out_of_range);
        hot.set(Hot::SET_BACK, false);
        // While the source is down every step to the next sample may be the outage.
        hot.set(Hot::OUTAGE, hot.has(Hot::DOWN));
        self.counters.judged += 1;
        self.counters.ahead += u64::from(ahead);
        self.judge(local, time, events);
        self.refresh(local);
        true
    }

    fn count_not_newer(&mut self, hot: &Hot, time: Time, value: Option<f64>, quality: Quality) {
        let of = |hot: &Hot| match (hot.has(Hot::BAD), hot.has(Hot::UNCERTAIN)) {
            (true, _) => Quality::Bad,
            (false, true) => Quality::Uncertain,
            (false, false) => Quality::Good,
        };
        let repeated = time == hot.last && value.map(f64::to_bits) == hot.raw_value().map(f64::to_bits) && quality == of(hot);
        if repeated {
            self.counters.repeated += 1;
        } else {
            self.counters.not_newer += 1;
        }
    }

    /// The gateway's clock was set back: what is left of delays and of the time until silence stays as it is (traps 25).
    fn shift(&mut self, local: usize, time: Time) {
        let clock = self.hot[local].clock(self.now);
        let by = time.since(clock);
        let hot = &mut self.hot[local];
        hot.last = hot.last.plus(by);
        // Out of date, so it promises nothing.
        hot.timer = Time::MIN;
        for cell in &mut self.cells[self.layout.rules_of(local)] {
            if cell.due > Time::MIN {
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
            let (active, clear) = match hot.judged_value() {
                _ if kind == RuleKind::Stale => {
                    if !self.cells[cell].flags.cond() {
                        self.cells[cell].due = Time::MIN;
                    }
                    (false, true)
                }
                Some(value) => kind.of_value(value),
                None if kind == RuleKind::Bad => (true, false),
                None => {
                    self.freeze_limit(cell);
                    continue;
                }
            };
            let value = if kind == RuleKind::Stale { None } else { hot.raw_value() };
            self.hold(local, cell, active, clear, &Cause { value, ..cause }, events);
        }
    }

    /// Bad quality keeps a limit alarm as it is: it lets an on-delay run on and breaks an off-delay (traps 29).
    fn freeze_limit(&mut self, cell: usize) {
        let state = &mut self.cells[cell];
        state.pending &= !state.flags.cond();
    }

    /// Starts, keeps or breaks an alarm's delay at `cause.at`; without a delay the alarm moves at once.
    pub(crate) fn hold(
        &mut self,
        local: usize,
        cell: usize,
        active: bool,
        clear: bool,
        cause: &Cause<'_>,
        events: &mut Vec<Event>,
    ) {
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
            self.change(local, cell, happening, cause, events);
        }
    }
}
