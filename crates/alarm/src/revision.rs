//! A site revision takes effect: what judges as before keeps its state, the rest is judged anew (traps 40).

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{AlarmRule, Event, Point, PointNumber, Revision, Span, Time};

use crate::apply::{Core, Gateway};
use crate::clock::Deadlines;
use crate::emit::Cause;
use crate::group::Group;
use crate::layout::{Layout, Owner};
use crate::life::Flags;
use crate::link::Link;
use crate::point::{Cell, Hot, RuleKind, SKEW};
use crate::timer::Extras;
use crate::window::Window;

/// A rule to be judged anew: its point, its place, and the rule in its place before, if there was one.
struct Changed {
    local: usize,
    cell: usize,
    before: Option<RuleKind>,
}

/// The state under a new layout, and what has to be judged anew there.
#[derive(Default)]
struct Carried {
    hot: Vec<Hot>,
    cells: Vec<Cell>,
    windows: BTreeMap<usize, Window>,
    extras: Extras,
    changed: Vec<Changed>,
    new_groups: Vec<usize>,
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
        let Carried { hot, cells, windows, extras, changed, new_groups } = self.carried(revision, &layout);
        let gateways = layout.gateways.iter().map(|path| self.layout.gateway_of_path(path).map(|it| self.gateways[it]));
        self.gateways = gateways.map(Option::unwrap_or_default).collect::<Vec<Gateway>>();
        let was_silent = |it: &Link| self.was_link(it).is_some_and(|was| self.silent[was]);
        self.silent = layout.links.all.iter().map(was_silent).collect();
        (self.hot, self.cells, self.windows, self.extras) = (hot, cells, windows, extras);
        self.deadlines = Deadlines::new(layout.places());
        let old_layout = std::mem::replace(&mut self.layout, layout);
        let old_revision = self.revision.replace(Arc::clone(revision));
        self.fit_to_sources(&old_layout);
        self.fit_group_clocks();
        for rule in &changed {
            self.judge_anew(rule, events);
        }
        self.judge_groups_anew(&new_groups, events);
        self.release_rolled_up();
        for local in 0..self.layout.places() {
            self.refresh(local);
        }
        self.tell_of_outages(old_revision.as_deref().map(|revision| (revision, &old_layout)), events);
        self.judge_links(events);
    }

    /// Open occurrences whose rule or point is gone end here, and so does what hid an alarm that is gone.
    fn close_removed(&mut self, revision: &Revision, layout: &Layout, events: &mut Vec<Event>) {
        let Some(old) = self.revision.clone() else { return };
        for cell in 0..self.cells.len() {
            let flags = self.cells[cell].flags;
            if (flags.is_open() || flags.hidden()) && !self.is_kept(&old, cell, revision, layout) {
                let at = self.hot[self.layout.place_of_cell(cell)].clock(self.now);
                self.close(cell, at, revision.number, events);
            }
        }
    }

    fn is_kept(&self, old: &Revision, cell: usize, revision: &Revision, layout: &Layout) -> bool {
        match self.layout.owners[cell] {
            Owner::Rule { local, alarm } => {
                let point = self.layout.point(old, local);
                let now = same_point(revision, layout, self.layout.numbers[local], point);
                now.is_some_and(|now| layout.point(revision, now).alarms.iter().any(|it| it.id == point.alarms[alarm].id))
            }
            Owner::Link(link) => layout.links.all.iter().any(|it| it.subject == self.layout.links.all[link].subject),
        }
    }

    fn carried(&self, revision: &Revision, layout: &Layout) -> Carried {
        let mut carried = Carried::default();
        for local in 0..layout.len() {
            let point = layout.point(revision, local);
            let was = self.was_point(revision, layout, local);
            let mut here = was.map_or_else(|| Hot::new(self.now), |was| self.hot[was]);
            here.stale_after = point.stale_after.max(Span::ZERO);
            here.set(Hot::MEMBER, layout.is_member(local));
            carried.hot.push(here);
        }
        let mut kept = Vec::new();
        for cell in 0..layout.rules.len() {
            let was = self.was_cell(revision, layout, cell);
            carried.cells.push(was.map_or(Cell::NEW, |was| self.cells[was]));
            let same = was.is_some_and(|was| self.judges_as_before(was, revision, layout, cell));
            if let (Owner::Rule { local, .. }, false) = (layout.owners[cell], same) {
                carried.changed.push(Changed { local, cell, before: was.map(|was| self.layout.rules[was].kind) });
            }
            let Some(was) = was else { continue };
            kept.push((cell, self.extras.get(was)));
            if let (Some(window), true) = (self.windows.get(&was), same) {
                carried.windows.insert(cell, window.clone());
            }
        }
        carried.extras = Extras::of(kept.into_iter().filter(|(_, extra)| *extra != crate::timer::Extra::default()));
        for (at, group) in layout.groups.iter().enumerate() {
            let was = self.was_group(revision, layout, group);
            if was.is_none() {
                carried.new_groups.push(at);
            }
            carried.hot.push(was.map_or_else(|| Hot::new(self.now), |was| self.hot[was]));
        }
        for link in &layout.links.all {
            let was = self.was_link(link).map(|was| self.hot[self.layout.place_of_link(was)]);
            carried.hot.push(was.unwrap_or_else(|| Hot::new(self.now)));
        }
        carried.hot[layout.len()..].iter_mut().for_each(|hot| hot.stale_after = Span::from_micros(i64::MAX));
        carried
    }

    fn was_point(&self, revision: &Revision, layout: &Layout, local: usize) -> Option<usize> {
        let old = self.revision.as_deref()?;
        same_point(old, &self.layout, layout.numbers[local], layout.point(revision, local))
    }

    /// Where an alarm's state is under the layout in force.
    fn was_cell(&self, revision: &Revision, layout: &Layout, cell: usize) -> Option<usize> {
        let old = self.revision.as_deref()?;
        match layout.owners[cell] {
            Owner::Rule { local, .. } => {
                let was = self.was_point(revision, layout, local)?;
                let id = &layout.rule(revision, cell).id;
                let alarm = self.layout.point(old, was).alarms.iter().position(|it| it.id == *id)?;
                Some(self.layout.cell_of(was, alarm))
            }
            Owner::Link(link) => {
                let was = self.was_link(&layout.links.all[link])?;
                Some(self.layout.rules_of(self.layout.place_of_link(was)).start)
            }
        }
    }

    fn was_link(&self, link: &Link) -> Option<usize> {
        self.layout.links.all.iter().position(|it| it.subject == link.subject)
    }

    fn judges_as_before(&self, was: usize, revision: &Revision, layout: &Layout, cell: usize) -> bool {
        let Some(old) = self.revision.as_deref() else { return false };
        let (before, now): (&AlarmRule, &AlarmRule) = (self.layout.rule(old, was), layout.rule(revision, cell));
        let (Owner::Rule { local: old_local, .. }, Owner::Rule { local, .. }) = (self.layout.owners[was], layout.owners[cell])
        else {
            return true;
        };
        let (old_point, point) = (self.layout.point(old, old_local), layout.point(revision, local));
        let alike = match layout.rules[cell].kind {
            RuleKind::Stale => old_point.stale_after == point.stale_after && old_point.quantity == point.quantity,
            RuleKind::Outside(_) => old_point.range == point.range,
            _ => true,
        };
        before.judges_like(now) && alike
    }

    /// The place of a group that judged as this one does.
    fn was_group(&self, revision: &Revision, layout: &Layout, group: &Group) -> Option<usize> {
        let old = self.revision.as_deref()?;
        if let Some(id) = &group.suppression {
            let find = |revision: &Revision| revision.site.suppressions.iter().find(|it| it.id == **id).map(|it| it.when.clone());
            let was = self.layout.groups.iter().find(|it| it.suppression.as_ref() == Some(id))?;
            return (find(old) == find(revision)).then_some(was.local);
        }
        let (local, alarm) = group.rule?;
        let cell = layout.cell_of(local, alarm);
        let was = self.was_cell(revision, layout, cell)?;
        let place = self.layout.place_of_cell(was);
        let same = self.layout.group_at(place).is_some() && self.judges_as_before(was, revision, layout, cell);
        same.then_some(place)
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
        let cause = Cause {
            value: match kind {
                RuleKind::Stale => None,
                RuleKind::Bad | RuleKind::Calibrating => hot.raw_value(),
                _ => hot.judged_value().filter(|_| !silent),
            },
            held: !cond && kind.judges_values() && (silent || hot.has(Hot::BAD | Hot::CALIBRATING)),
            late: at.plus(SKEW) < self.now,
            ..Cause::of_held(&hot, at)
        };
        let (active, clear) = match (kind, hot.judged_value()) {
            // Silence that lasts already counts from here; `run` raises it.
            (RuleKind::Stale, _) => (false, !silent),
            // These are judged with all their members.
            (RuleKind::Group | RuleKind::Fault | RuleKind::Link, _) => return,
            _ if !hot.has(Hot::SEEN) => return,
            (RuleKind::Bad, _) => (hot.has(Hot::BAD), !hot.has(Hot::BAD) && !silent),
            (RuleKind::Calibrating, _) => (hot.has(Hot::CALIBRATING), !hot.has(Hot::CALIBRATING) && !silent),
            // Its window begins here: the past that it would need was not kept for it.
            (RuleKind::Window, Some(value)) if !silent && self.is_stuck_rule(cell) => {
                return self.judge_window(cell, (at, value), &cause, events);
            }
            (RuleKind::Window, _) => return,
            // What it waited for cannot be looked at again: it waits anew rather than not at all.
            (_, None) => (!cond && waited && before.is_some_and(|before| same_side(before, kind)), false),
            (RuleKind::OneOf, Some(value)) => {
                let one = self.is_one_of(cell, value);
                (one, !one && !silent)
            }
            (_, Some(value)) => {
                let (active, clear) = kind.of_value(value);
                (active, clear && !silent)
            }
        };
        self.hold(cell, (active, clear), &cause, events);
    }

    /// Groups that are new, or judge otherwise, look at what their members hold now; and what suppresses is fitted to what is named.
    fn judge_groups_anew(&mut self, new: &[usize], events: &mut Vec<Event>) {
        for group in new {
            let members = self.layout.groups[*group].members.iter().map(|member| &self.hot[*member]);
            let clocks = members.filter(|hot| hot.has(Hot::SEEN)).map(|hot| hot.clock(self.now));
            if let Some(at) = clocks.max() {
                self.judge_group(*group, Some(at), events);
            }
        }
        for cell in 0..self.cells.len() {
            if self.cells[cell].flags.has(Flags::BY_DESIGN) || !self.layout.suppressions_of(cell).is_empty() {
                self.fit_suppression(cell, self.now, events);
            }
        }
    }

    /// Points that wait for a gateway that is not theirs any more, or is not silent, wait no longer.
    fn release_rolled_up(&mut self) {
        for local in 0..self.layout.len() {
            if !self.is_silent(self.layout.gateway[local]) {
                self.release(local);
            }
        }
    }
}

/// The place of a point in another revision: the same number and the same id.
fn same_point(revision: &Revision, layout: &Layout, number: PointNumber, point: &Point) -> Option<usize> {
    layout.local(number).filter(|local| layout.point(revision, *local).id == point.id)
}

/// Whether two rules look the same way.
fn same_side(one: RuleKind, other: RuleKind) -> bool {
    matches!((one, other), (RuleKind::High(..), RuleKind::High(..)) | (RuleKind::Low(..), RuleKind::Low(..)))
}
