//! A site revision takes effect: what judges as before keeps its state, the rest is judged anew (traps 40).

use std::sync::Arc;

use model::{Event, Point, PointNumber, Revision, Span, Time, Transition};

use crate::apply::{Core, Gateway};
use crate::clock::Deadlines;
use crate::emit::Cause;
use crate::layout::Layout;
use crate::life::{Flags, state_of};
use crate::point::{Cell, Hot, RuleKind, SKEW};

/// A rule to be judged anew: its point, its place, and the rule in its place before, if there was one.
struct Changed {
    local: usize,
    cell: usize,
    before: Option<RuleKind>,
}

impl Core {
    /// From here on this revision judges; one that is not newer than the one in force changes nothing.
    pub(crate) fn revise(&mut self, revision: &Arc<Revision>, events: &mut Vec<Event>) {
        if self.revision.as_ref().is_some_and(|present| revision.number <= present.number) {
            return;
        }
        for local in 0..self.layout.len() {
            // What silence broke stays broken, however long silence may last from here on.
            self.break_if_silent(local, Time::MIN);
        }
        let layout = Layout::of(revision);
        self.close_removed(revision, &layout, events);
        let (hot, cells, changed) = self.carried(revision, &layout);
        let gateways = layout.gateways.iter().map(|path| self.layout.gateway_of_path(path).map(|it| self.gateways[it]));
        self.gateways = gateways.map(Option::unwrap_or_default).collect::<Vec<Gateway>>();
        (self.hot, self.cells) = (hot, cells);
        self.deadlines = Deadlines::new(layout.len());
        let old_layout = std::mem::replace(&mut self.layout, layout);
        let old_revision = self.revision.replace(Arc::clone(revision));
        self.fit_to_sources(&old_layout);
        for rule in &changed {
            self.judge_anew(rule, events);
        }
        for local in 0..self.layout.len() {
            self.refresh(local);
        }
        self.tell_of_outages(old_revision.as_deref().map(|revision| (revision, &old_layout)), events);
    }

    /// Open occurrences whose rule or point is gone end here.
    fn close_removed(&mut self, revision: &Revision, layout: &Layout, events: &mut Vec<Event>) {
        let Some(old) = self.revision.clone() else { return };
        for local in 0..self.layout.len() {
            let point = self.layout.point(&old, local);
            let now = same_point(revision, layout, self.layout.numbers[local], point);
            let first = self.layout.rules_of(local).start;
            for (cell, rule) in (first..).zip(&point.alarms) {
                let kept = now.is_some_and(|now| layout.point(revision, now).alarms.iter().any(|it| it.id == rule.id));
                if !kept && state_of(self.cells[cell].flags) != state_of(Flags::NORMAL) {
                    self.close(local, cell, revision, events);
                }
            }
        }
    }

    fn close(&mut self, local: usize, cell: usize, revision: &Revision, events: &mut Vec<Event>) {
        let at = self.hot[local].clock(self.now);
        let state = &mut self.cells[cell];
        state.flags = Flags::NORMAL;
        state.moved = state.moved.max(at);
        let cause = Cause { at, reason: "rule_removed", ..Cause::default() };
        if let Some(mut event) = self.alarm_event(local, cell, Transition::Closed, &cause) {
            // The words are the old revision's, the deed is the new one's.
            event.revision = revision.number;
            events.push(event);
        }
    }

    /// The state under a new layout, and what has to be judged anew there.
    fn carried(&self, revision: &Revision, layout: &Layout) -> (Vec<Hot>, Vec<Cell>, Vec<Changed>) {
        let (mut hot, mut cells, mut changed) = (Vec::with_capacity(layout.len()), Vec::new(), Vec::new());
        for local in 0..layout.len() {
            let point = layout.point(revision, local);
            let before = self.revision.as_deref().and_then(|old| {
                let was = same_point(old, &self.layout, layout.numbers[local], point)?;
                Some((was, self.layout.point(old, was)))
            });
            let mut here = before.map_or_else(|| Hot::new(self.now), |(was, _)| self.hot[was]);
            here.stale_after = point.stale_after.max(Span::ZERO);
            hot.push(here);
            for (cell, rule) in layout.rules_of(local).zip(&point.alarms) {
                let was = before.and_then(|(was, old)| {
                    let place = old.alarms.iter().position(|it| it.id == rule.id)?;
                    Some((self.layout.rules_of(was).start + place, old, &old.alarms[place]))
                });
                cells.push(was.map_or(Cell::NEW, |(was, ..)| self.cells[was]));
                let kind = layout.rules[cell].kind;
                let same = was.is_some_and(|(_, old, old_rule)| old_rule.judges_like(rule) && same_silence(kind, old, point));
                if !same {
                    changed.push(Changed { local, cell, before: was.map(|(was, ..)| self.layout.rules[was].kind) });
                }
            }
        }
        (hot, cells, changed)
    }

    /// Judges the held value by a rule that is new or judges otherwise than before; its delay starts at the point's clock.
    fn judge_anew(&mut self, changed: &Changed, events: &mut Vec<Event>) {
        let Changed { local, cell, before } = *changed;
        let hot = self.hot[local];
        let kind = self.layout.rules[cell].kind;
        let at = hot.clock(self.now);
        let silent = at > hot.silence();
        let state = &mut self.cells[cell];
        let cond = state.flags.cond();
        let waited = std::mem::replace(&mut state.pending, false);
        state.due = at;
        let (active, clear) = match (kind, hot.judged_value()) {
            // Silence that lasts already counts from here; `run` raises it.
            (RuleKind::Stale, _) => (false, !silent),
            _ if !hot.has(Hot::SEEN) => return,
            (RuleKind::Bad, None) => (true, false),
            // What it waited for cannot be looked at again: it waits anew rather than not at all.
            (_, None) => (!cond && waited && before.is_some_and(|before| same_side(before, kind)), false),
            (_, Some(value)) => {
                let (active, clear) = kind.of_value(value);
                (active, clear && !silent)
            }
        };
        let limit = matches!(kind, RuleKind::High(..) | RuleKind::Low(..));
        let cause = Cause {
            value: match kind {
                RuleKind::Stale => None,
                RuleKind::Bad => hot.raw_value(),
                _ => hot.judged_value().filter(|_| !silent),
            },
            held: !cond && limit && (silent || hot.has(Hot::BAD)),
            late: at.plus(SKEW) < self.now,
            ..Cause::of_held(&hot, at)
        };
        self.hold(local, cell, active, clear, &cause, events);
    }
}

/// The place of a point in another revision: the same number and the same id.
fn same_point(revision: &Revision, layout: &Layout, number: PointNumber, point: &Point) -> Option<usize> {
    layout.local(number).filter(|local| layout.point(revision, *local).id == point.id)
}

/// Whether silence is judged alike; only stale alarms ask.
fn same_silence(kind: RuleKind, old: &Point, new: &Point) -> bool {
    kind != RuleKind::Stale || (old.stale_after == new.stale_after && old.quantity == new.quantity)
}

/// Whether two rules look the same way.
fn same_side(one: RuleKind, other: RuleKind) -> bool {
    matches!((one, other), (RuleKind::High(..), RuleKind::High(..)) | (RuleKind::Low(..), RuleKind::Low(..)))
}
