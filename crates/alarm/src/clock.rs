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
        while let Some(entry) = self.deadlines.pop(self.now) {
            let local = entry.local;
            self.deadlines.registered[local] = Time::MAX;
            let Some(due) = self.next_due(local, true) else { continue };
            let journal = self.hot[local].journal_time_of(due.threshold);
            if journal > self.now || journal == Time::MAX {
                self.deadlines.at_the_latest(local, journal);
                continue;
            }
            let exact = Entry { journal, source: due.dated, local, rule: due.cell };
            if exact == entry {
                self.fire(local, due, journal, events);
                self.refresh(local);
            } else {
                // Its turn among those due with it; until then nothing changes it, so it stays exact.
                self.deadlines.push(exact);
            }
        }
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
        while let Some(due) = self.next_due(local, stale).filter(|due| due.threshold <= time) {
            self.fire(local, due, self.now, events);
        }
        self.break_if_silent(local, time);
    }

    /// Breaks the off-delays of a point that is silent on its clock, or would be by `time`: silence never clears (traps 29).
    pub(crate) fn break_if_silent(&mut self, local: usize, time: Time) {
        let hot = &self.hot[local];
        if time.max(hot.clock(self.now)) > hot.silence() {
            for cell in &mut self.cells[self.layout.rules_of(local)] {
                cell.pending &= !cell.flags.cond();
            }
        }
    }

    /// What falls due next on a point; `stale` says whether silence may.
    fn next_due(&self, local: usize, stale: bool) -> Option<Due> {
        let silence = self.hot[local].silence();
        let due = |cell: usize| {
            let (rule, state) = (&self.layout.rules[cell], &self.cells[cell]);
            let (threshold, dated) = match (rule.kind, state.flags.cond(), state.pending) {
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
        self.layout.rules_of(local).filter_map(due).min()
    }

    fn fire(&mut self, local: usize, due: Due, journal: Time, events: &mut Vec<Event>) {
        let hot = self.hot[local];
        let kind = self.layout.rules[due.cell].kind;
        let raises = !self.cells[due.cell].flags.cond();
        let silent = due.dated > hot.silence();
        let held = raises
            && match kind {
                // For these bad quality or silence is the condition itself.
                RuleKind::Stale => false,
                RuleKind::Bad => silent,
                _ => silent || hot.has(Hot::BAD),
            };
        let value = match kind {
            RuleKind::Stale => None,
            RuleKind::Bad => hot.raw_value(),
            _ => hot.judged_value().filter(|_| !silent),
        };
        let late = due.dated.plus(SKEW) < journal;
        let cause = Cause { value, late, held, ..Cause::of_held(&hot, due.dated) };
        self.cells[due.cell].pending = false;
        let happening = if raises { Happening::Alm } else { Happening::Rtn };
        self.change(local, due.cell, happening, &cause, events);
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
        if let Some(due) = self.next_due(local, true) {
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
