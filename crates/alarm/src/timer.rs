//! What few alarms have beside their state, and what ends by journal time instead of a point's clock: shelves, suppressions and times out
//! of service with an end, and alarms that are announced anew.

use std::collections::{BTreeMap, BTreeSet};

use model::{Event, Time};

use crate::apply::Core;
use crate::emit::Cause;
use crate::life::{Flags, Happening};

/// Who ends what has a time.
const SYSTEM: &str = "system";

/// What few alarms have beside their state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extra {
    /// When the shelf ends.
    pub(crate) shelved_until: Option<Time>,
    /// When a suppression by command ends.
    pub(crate) suppressed_until: Option<Time>,
    /// When a time out of service ends.
    pub(crate) out_until: Option<Time>,
    /// When it is announced anew.
    pub(crate) realarm_at: Option<Time>,
    /// When it returned last, source time; only where repeats are kept quiet.
    pub(crate) returned_at: Option<Time>,
    /// When it was raised last, source time; only of first-out groups.
    pub(crate) raised_at: Option<Time>,
}

/// What ends, in the order in which things that end at once do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Shelf,
    Suppression,
    Outage,
    Realarm,
}

impl Extra {
    fn due(&self, timer: Timer) -> Option<Time> {
        match timer {
            Timer::Shelf => self.shelved_until,
            Timer::Suppression => self.suppressed_until,
            Timer::Outage => self.out_until,
            Timer::Realarm => self.realarm_at,
        }
    }

    fn set(&mut self, timer: Timer, due: Option<Time>) {
        *match timer {
            Timer::Shelf => &mut self.shelved_until,
            Timer::Suppression => &mut self.suppressed_until,
            Timer::Outage => &mut self.out_until,
            Timer::Realarm => &mut self.realarm_at,
        } = due;
    }
}

/// The extras of a partition, and their timers in order.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    of: BTreeMap<usize, Extra>,
    timers: BTreeSet<(Time, usize, Timer)>,
}

const TIMERS: [Timer; 4] = [Timer::Shelf, Timer::Suppression, Timer::Outage, Timer::Realarm];

impl Extras {
    /// Those of cells, as they were kept.
    pub(crate) fn of(kept: impl Iterator<Item = (usize, Extra)>) -> Self {
        let mut extras = Self::default();
        for (cell, extra) in kept {
            for timer in TIMERS {
                extras.timers.extend(extra.due(timer).map(|due| (due, cell, timer)));
            }
            extras.of.insert(cell, extra);
        }
        extras
    }

    pub(crate) fn get(&self, cell: usize) -> Extra {
        self.of.get(&cell).copied().unwrap_or_default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, Extra)> + use<'_> {
        self.of.iter().map(|(cell, extra)| (*cell, *extra))
    }

    /// The earliest end.
    pub(crate) fn next(&self) -> Option<Time> {
        self.timers.first().map(|(due, ..)| *due)
    }

    /// Sets or ends a timer.
    pub(crate) fn set_timer(&mut self, cell: usize, timer: Timer, due: Option<Time>) {
        self.change(cell, |extra| extra.set(timer, due));
    }

    /// Changes what a cell has, and its timers with it.
    pub(crate) fn change(&mut self, cell: usize, change: impl FnOnce(&mut Extra)) {
        let before = self.get(cell);
        let mut after = before;
        change(&mut after);
        if before == after {
            return;
        }
        for timer in TIMERS {
            if let Some(due) = before.due(timer) {
                self.timers.remove(&(due, cell, timer));
            }
            self.timers.extend(after.due(timer).map(|due| (due, cell, timer)));
        }
        if after == Extra::default() {
            self.of.remove(&cell);
        } else {
            self.of.insert(cell, after);
        }
    }

    fn pop(&mut self, now: Time) -> Option<(Time, usize, Timer)> {
        let first = *self.timers.first().filter(|(due, ..)| *due <= now)?;
        self.set_timer(first.1, first.2, None);
        Some(first)
    }
}

impl Core {
    /// Ends the first thing that is due by journal time.
    pub(crate) fn end_first(&mut self, events: &mut Vec<Event>) {
        let Some((at, cell, timer)) = self.extras.pop(self.now) else { return };
        let cause = |reason| Cause { at, reason, actor: SYSTEM, ..Cause::default() };
        match timer {
            Timer::Shelf => self.change(cell, Happening::Exp, &cause("its time is over"), events),
            Timer::Suppression => self.change(cell, Happening::Usp, &cause("its time is over"), events),
            Timer::Outage => self.change(cell, Happening::Rts, &cause("its time is over"), events),
            Timer::Realarm => {
                let reason = "it still stands";
                self.change(cell, Happening::Ral, &Cause { at, reason, ..Cause::default() }, events);
            }
        }
    }

    /// After a transition: an alarm that stands in sight is announced anew when its rule says so.
    pub(crate) fn set_realarm(&mut self, cell: usize, annunciated_at: Option<Time>) {
        let flags = self.cells[cell].flags;
        if !flags.cond() || flags.hidden() {
            self.extras.set_timer(cell, Timer::Realarm, None);
        } else if let (Some(at), Some(revision)) = (annunciated_at, self.revision.as_deref()) {
            let after = self.layout.rule(revision, cell).realarm_after;
            self.extras.set_timer(cell, Timer::Realarm, after.map(|after| at.plus(after)));
        }
    }

    /// What hides an alarm by command ends with its flag.
    pub(crate) fn drop_timers(&mut self, cell: usize) {
        let flags = self.cells[cell].flags;
        self.extras.change(cell, |extra| {
            extra.shelved_until = extra.shelved_until.filter(|_| flags.has(Flags::SHELVED));
            extra.suppressed_until = extra.suppressed_until.filter(|_| flags.has(Flags::SUPPRESSED));
            extra.out_until = extra.out_until.filter(|_| flags.has(Flags::OUT_OF_SERVICE));
        });
    }
}
