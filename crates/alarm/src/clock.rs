//! The clocks of all points as one row of deadlines in journal time; what is due fires in one fixed order.
//!
//! A point is in the heap with a deadline that is never later than its true one, so a sample that only moves it later costs nothing here.
//! What pops is compared with the point as it is now and goes back if it is not due: laziness never shows in what comes out.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use model::{Event, Time};

use crate::apply::Core;
use crate::emit::Cause;
use crate::life::Happening;
use crate::point::{Hot, RuleKind, SKEW, TICK};

/// The order in which things fall due: journal time, source time, point number, rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    journal: Time,
    source: Time,
    /// Local points are in the order of their numbers.
    local: usize,
    rule: usize,
}

/// Who is due when.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    heap: BinaryHeap<Reverse<Entry>>,
    /// The journal time each point stands in the heap with; other entries of it are void.
    registered: Vec<Time>,
}

impl Deadlines {
    /// For so many points, none of them due.
    pub(crate) fn new(points: usize) -> Self {
        Self { heap: BinaryHeap::new(), registered: vec![Time::MAX; points] }
    }

    /// Sees to it that the point is looked at no later than `journal`.
    #[inline]
    pub(crate) fn at_the_latest(&mut self, local: usize, journal: Time) {
        if journal < self.registered[local] {
            // Before every exact entry of that time, for its source time may yet change.
            self.push(Entry { journal, source: Time::MIN, local, rule: 0 });
        }
    }

    /// The earliest registered time.
    pub(crate) fn next(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse(entry)| entry.journal)
    }

    /// The earliest time that still counts.
    fn next_valid(&mut self) -> Option<Time> {
        while let Some(Reverse(entry)) = self.heap.peek() {
            if self.registered[entry.local] == entry.journal {
                return Some(entry.journal);
            }
            self.heap.pop();
        }
        None
    }

    fn push(&mut self, entry: Entry) {
        if self.heap.len() > 2 * self.registered.len() + 64 {
            self.drop_void();
        }
        self.registered[entry.local] = entry.journal;
        self.heap.push(Reverse(entry));
    }

    /// Leaves one entry a point at most: a backlog that comes in a moment may void many without their time ever coming.
    fn drop_void(&mut self) {
        let mut entries = std::mem::take(&mut self.heap).into_vec();
        entries.retain(|Reverse(entry)| self.registered[entry.local] == entry.journal);
        entries.sort_unstable_by_key(|Reverse(entry)| (entry.local, *entry));
        entries.dedup_by_key(|Reverse(entry)| entry.local);
        self.heap = BinaryHeap::from(entries);
    }

    fn pop(&mut self, now: Time) -> Option<Entry> {
        while self.heap.peek().is_some_and(|Reverse(entry)| entry.journal <= now) {
            let Reverse(entry) = self.heap.pop()?;
            if self.registered[entry.local] == entry.journal {
                return Some(entry);
            }
        }
        None
    }
}

/// Stands for the silence of a point that groups look at, after all its alarms.
const MEMBER: usize = usize::MAX;

/// The next thing that falls due on a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Due {
    /// The point's clock must have reached this.
    threshold: Time,
    /// What it is dated.
    dated: Time,
    /// Which alarm.
    cell: usize,
}

impl Core {
    /// Runs the clocks of the partition to `target`, never backwards, and fires what is due.
    pub(crate) fn run(&mut self, target: Time, events: &mut Vec<Event>) {
        self.now = self.now.max(target);
        loop {
            let timer = self.extras.next().filter(|due| *due <= self.now);
            let deadline = self.deadlines.next_valid();
            match timer {
                // What ends by journal time ends before what falls due then.
                Some(timer) if deadline.is_none_or(|deadline| timer <= deadline) => self.end_first(events),
                _ if !self.run_first(events) => return,
                _ => {}
            }
        }
    }

    /// Fires what falls due first, or finds its turn; false where nothing is due.
    fn run_first(&mut self, events: &mut Vec<Event>) -> bool {
        let Some(entry) = self.deadlines.pop(self.now) else { return false };
        let local = entry.local;
        self.deadlines.registered[local] = Time::MAX;
        let Some(due) = self.next_due(local, true, true) else { return true };
        let journal = self.hot[local].journal_time_of(due.threshold);
        if journal > self.now || journal == Time::MAX {
            self.deadlines.at_the_latest(local, journal);
            return true;
        }
        let exact = Entry { journal, source: due.dated, local, rule: due.cell };
        if exact == entry {
            self.fire(local, due, Some(journal), events);
            self.refresh(local);
        } else {
            // Its turn among those due with it; until then nothing changes it, so it stays exact.
            self.deadlines.push(exact);
        }
        true
    }

    /// Fires what is due on one point before its sample at `time`, and breaks what its silence until then broke.
    pub(crate) fn run_point(&mut self, local: usize, time: Time, events: &mut Vec<Event>) {
        let hot = self.hot[local];
        if time < hot.timer && time.max(hot.clock(self.now)) <= hot.silence() {
            return;
        }
        // No storm after an outage (traps 27): only the clock, not the jump to the next sample, makes a point stale then.
        // Nor does the first sample of all tell how long its gateway was silent.
        let stale = hot.has(Hot::SEEN) && !hot.has(Hot::OUTAGE);
        while let Some(due) = self.next_due(local, stale, false).filter(|due| due.threshold <= time) {
            self.fire(local, due, None, events);
        }
        self.break_if_silent(local, time);
    }

    /// Breaks the off-delays of a point that is silent on its clock, or would be by `time`: silence never clears (traps 29).
    pub(crate) fn break_if_silent(&mut self, local: usize, time: Time) {
        let hot = &self.hot[local];
        if time.max(hot.clock(self.now)) > hot.silence() {
            for cell in self.layout.rules_of(local) {
                self.cells[cell].pending &= !self.cells[cell].flags.cond();
                if self.layout.rules[cell].kind == RuleKind::Window && self.is_stuck_rule(cell) {
                    // Silence is no standstill either.
                    self.cells[cell].pending = false;
                    self.windows.remove(&cell);
                }
            }
        }
    }

    /// What falls due next on a point; `stale` says whether silence may, `by_clock` that its clock runs there and not a sample.
    fn next_due(&self, local: usize, stale: bool, by_clock: bool) -> Option<Due> {
        let hot = &self.hot[local];
        let silence = hot.silence();
        let due = |cell: usize| {
            let (rule, state) = (&self.layout.rules[cell], &self.cells[cell]);
            let (threshold, dated) = match (rule.kind, state.flags.cond(), state.pending) {
                // So is a standstill.
                (RuleKind::Window, false, true) if state.due > silence && self.is_stuck_rule(cell) => return None,
                // Beyond the silence it is broken, not due.
                (_, true, true) if state.due <= silence => (state.due, state.due),
                (RuleKind::Stale, false, _) if stale => {
                    let onset = silence.max(state.due);
                    let reached = silence.plus(TICK).max(state.due);
                    let dated = onset.plus(rule.on_delay);
                    // Silence is strictly more than `stale_after`.
                    (dated.max(reached), dated)
                }
                (RuleKind::Stale, false, _) => return None,
                (_, false, true) => (state.due, state.due),
                _ => return None,
            };
            (threshold < Time::MAX).then_some(Due { threshold, dated, cell })
        };
        // Those that look at it are told of its silence.
        let watched = by_clock && hot.has(Hot::MEMBER) && !hot.has(Hot::SILENT) && silence < Time::MAX;
        let member = watched.then(|| Due { threshold: silence.plus(TICK), dated: silence.plus(TICK), cell: MEMBER });
        self.layout.rules_of(local).filter_map(due).chain(member).min()
    }

    /// `journal` is when it falls due by the clock; without it a sample that comes later tells.
    fn fire(&mut self, local: usize, due: Due, journal: Option<Time>, events: &mut Vec<Event>) {
        if due.cell == MEMBER {
            return self.member_silent(local, due.threshold, events);
        }
        let hot = self.hot[local];
        let kind = self.layout.rules[due.cell].kind;
        let raises = !self.cells[due.cell].flags.cond();
        if let (RuleKind::Stale, true, Some(journal)) = (kind, raises, journal)
            && self.rolls_up(local, hot.journal_time_of(due.dated).min(journal), events)
        {
            // Until its gateway is back.
            self.cells[due.cell].due = Time::MAX;
            return;
        }
        let silent = due.dated > hot.silence();
        let held = raises
            && match kind {
                // For these bad quality or silence is the condition itself.
                RuleKind::Stale | RuleKind::Fault | RuleKind::Link => false,
                RuleKind::Bad | RuleKind::Calibrating => silent,
                _ => silent || hot.has(Hot::BAD | Hot::CALIBRATING),
            };
        let value = match kind {
            RuleKind::Stale | RuleKind::Fault | RuleKind::Link => None,
            RuleKind::Bad | RuleKind::Calibrating => hot.raw_value(),
            RuleKind::Window => self.measure(due.cell).filter(|_| !silent),
            _ => hot.judged_value().filter(|_| !silent),
        };
        let late = due.dated.plus(SKEW) < journal.unwrap_or(self.now);
        let cause = Cause { value, late, held, journal, ..Cause::of_held(&hot, due.dated) };
        self.cells[due.cell].pending = false;
        let happening = if raises { Happening::Alm } else { Happening::Rtn };
        self.change(due.cell, happening, &cause, events);
    }

    /// Makes a point's caches anew after any change of its alarms or its clock, and registers when it is due.
    pub(crate) fn refresh(&mut self, local: usize) {
        let (mut lo, mut hi, mut timer) = (f64::NEG_INFINITY, f64::INFINITY, Time::MAX);
        for cell in self.layout.rules_of(local) {
            let state = &self.cells[cell];
            let (low, high) = self.layout.rules[cell].kind.quiet_values(state.flags.cond(), state.pending);
            (lo, hi) = (lo.max(low), hi.min(high));
            if state.pending {
                timer = timer.min(state.due);
            }
        }
        let hot = &mut self.hot[local];
        (hot.lo, hot.hi, hot.timer) = (lo, hi, timer);
        if let Some(due) = self.next_due(local, true, true) {
            self.deadlines.at_the_latest(local, self.hot[local].journal_time_of(due.threshold));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(micros: i64) -> Time {
        Time::from_micros(micros)
    }

    #[test]
    fn void_entries_do_not_pile_up() {
        let mut deadlines = Deadlines::new(2);
        deadlines.at_the_latest(1, time(500_000));
        for earlier in 0..100_000 {
            deadlines.at_the_latest(0, time(1_000_000 - earlier));
        }
        assert!(deadlines.heap.len() <= 70, "{}", deadlines.heap.len());
        assert_eq!(deadlines.next(), Some(time(500_000)));
        assert_eq!(deadlines.pop(time(1_000_000)).map(|entry| entry.local), Some(1));
        assert_eq!(deadlines.pop(time(1_000_000)).map(|entry| entry.journal), Some(time(900_001)));
        deadlines.registered[0] = Time::MAX;
        assert_eq!(deadlines.pop(time(1_000_000)), None, "the void ones are passed over");
    }
}
