//! Rules over several points of one enterprise: judged once after each message that brings a member, at the newest member's time.
//!
//! Each has a clock of its own, like a point: it stands still while the sources of all its members are down. What is missing never clears
//! an alarm (traps 29, 38): a vote returns only on members that are known to be clear.

use std::fmt::Write as _;
use std::sync::Arc;

use expression::Program;
use model::{AlarmRule, Condition, Direction, Event, Formula, MissingMember, PointId, Reference, Time};

use crate::apply::Core;
use crate::emit::Cause;
use crate::life::{Flags, Happening};
use crate::point::{Hot, RuleKind, SKEW, distance};

/// A rule over several points, or a suppression.
#[derive(Debug)]
pub(crate) struct Group {
    /// Its place.
    pub(crate) local: usize,
    /// The points it looks at, in the order that `judge` wants.
    pub(crate) members: Vec<usize>,
    pub(crate) judge: Judge,
    /// The rule it is, as point and place among its alarms.
    pub(crate) rule: Option<(usize, usize)>,
    /// The id of the suppression it is, and what it suppresses.
    pub(crate) suppression: Option<Arc<str>>,
    pub(crate) targets: Vec<usize>,
}

impl Group {
    pub(crate) const fn new(local: usize, members: Vec<usize>, judge: Judge) -> Self {
        Self { local, members, judge, rule: None, suppression: None, targets: Vec::new() }
    }
}

/// How a group judges.
#[derive(Debug)]
pub(crate) enum Judge {
    /// M of all members beyond the limit.
    Vote { active: f64, clear: f64, up: bool, votes: usize, missing: MissingMember },
    /// The first member against the second.
    Apart { active: f64, clear: f64, direction: Direction, fallback: Option<f64> },
    /// Each input is the member of its place.
    Formula(Program),
    /// It cannot be judged; `site` lets no such rule through.
    Broken(String),
}

/// What a group says.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Said {
    active: bool,
    clear: bool,
    /// It could not judge at all.
    unknown: bool,
    /// It could not judge all that it should.
    fault: bool,
    value: Option<f64>,
}

impl Said {
    const UNKNOWN: Self = Self { active: false, clear: false, unknown: true, fault: true, value: None };
}

/// The group behind a configured rule of the point `own`.
pub(crate) fn of_rule(rule: &AlarmRule, own: usize, find: impl Fn(&str) -> Option<usize>) -> (Vec<usize>, Judge) {
    let limit = rule.limit.unwrap_or_default();
    match &rule.condition {
        Condition::Vote { members, votes, direction, missing } => {
            let up = *direction != Direction::Down;
            let clear = if up { limit - rule.deadband } else { limit + rule.deadband };
            let judge = Judge::Vote { active: limit, clear, up, votes: *votes as usize, missing: *missing };
            known(members.iter(), find, judge)
        }
        Condition::Deviation { from: Reference::Point { point, fallback }, direction } => {
            let judge = Judge::Apart { active: limit, clear: limit - rule.deadband, direction: *direction, fallback: *fallback };
            let (other, judge) = known(std::iter::once(point), find, judge);
            ([own].into_iter().chain(other).collect(), judge)
        }
        Condition::Expression(formula) => of_formula(formula, find),
        _ => (Vec::new(), Judge::Broken("this is no rule over several points".to_owned())),
    }
}

/// The group behind a condition in CEL.
pub(crate) fn of_formula(formula: &Formula, find: impl Fn(&str) -> Option<usize>) -> (Vec<usize>, Judge) {
    let names: Vec<&str> = formula.inputs.iter().map(|(name, _)| name.as_str()).collect();
    let judge = match Program::compile(&formula.text, &names) {
        Ok(program) => Judge::Formula(program),
        Err(error) => Judge::Broken(error.to_string()),
    };
    known(formula.inputs.iter().map(|(_, point)| point), find, judge)
}

fn known<'a>(
    points: impl Iterator<Item = &'a PointId>,
    find: impl Fn(&str) -> Option<usize>,
    judge: Judge,
) -> (Vec<usize>, Judge) {
    let mut members = Vec::new();
    for point in points {
        match find(point.as_str()) {
            Some(member) => members.push(member),
            None => return (members, Judge::Broken(format!("there is no point {point}"))),
        }
    }
    (members, judge)
}

impl Core {
    /// Notes that a message changed a point that groups look at.
    pub(crate) fn touch_groups(&mut self, local: usize) {
        if self.hot[local].has(Hot::MEMBER) {
            self.touched.extend(self.layout.groups_of(local));
        }
    }

    /// Judges each group that the message at hand touched, once.
    pub(crate) fn judge_touched(&mut self, events: &mut Vec<Event>) {
        if self.touched.is_empty() {
            return;
        }
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        for group in touched.drain(..) {
            self.judge_group(group, None, events);
        }
        self.touched = touched;
    }

    /// A member fell silent at `time` on its clock: those that look at it judge without it.
    pub(crate) fn member_silent(&mut self, local: usize, time: Time, events: &mut Vec<Event>) {
        self.hot[local].set(Hot::SILENT, true);
        // Its gateway may be silent as a whole: then that is the alarm, and no fault of each rule that looks at its points.
        self.rolls_up(local, self.present(), events);
        for index in 0..self.layout.groups_of(local).len() {
            let group = self.layout.groups_of(local)[index];
            self.judge_group(group, Some(time), events);
        }
    }

    /// Judges a group at its newest member's time, and no earlier than `at_least`.
    pub(crate) fn judge_group(&mut self, group: usize, at_least: Option<Time>, events: &mut Vec<Event>) {
        let place = self.layout.groups[group].local;
        let members = self.layout.groups[group].members.iter().map(|member| &self.hot[*member]);
        let newest = members.filter(|hot| hot.has(Hot::SEEN)).map(|hot| hot.last).max();
        let Some(mut time) = newest.max(at_least) else { return };
        let hot = self.hot[place];
        if hot.has(Hot::SEEN) && time < hot.last {
            // A member's clock was set back, or one fell silent before the newest of the others.
            time = if newest.is_some_and(|newest| newest < hot.last) && at_least.is_none() {
                self.shift(place, time);
                time
            } else {
                hot.last
            };
        }
        self.run_point(place, time, events);
        let said = self.ask(group);
        let suspect = self.layout.groups[group].members.iter().any(|member| self.hot[*member].has(Hot::SUSPECT));
        let present = self.present();
        let hot = &mut self.hot[place];
        hot.restart(time, present);
        hot.value = said.value.unwrap_or(0.0);
        hot.set(Hot::SEEN, true);
        hot.set(Hot::VALUE, said.value.is_some());
        hot.set(Hot::BAD, said.unknown);
        hot.set(Hot::SUSPECT, suspect);
        if self.layout.groups[group].suppression.is_some() {
            self.suppress(group, said.active && !said.unknown, time, events);
        } else {
            self.hold_group(place, said, time, events);
        }
        self.refresh(place);
    }

    fn hold_group(&mut self, place: usize, said: Said, time: Time, events: &mut Vec<Event>) {
        let cause = Cause { late: time.plus(SKEW) < self.present(), ..Cause::of_held(&self.hot[place], time) };
        for cell in self.layout.rules_of(place) {
            match (self.layout.rules[cell].kind, said.unknown) {
                (RuleKind::Fault, _) => self.hold(cell, (said.fault, !said.fault), &cause, events),
                (_, true) => self.freeze_limit(cell),
                (_, false) => {
                    self.hold(cell, (said.active, said.clear), &Cause { value: said.value, ..cause }, events);
                }
            }
        }
    }

    /// Alarms are suppressed while the condition is known to hold, and no longer: what cannot be judged hides nothing.
    fn suppress(&mut self, group: usize, holds: bool, time: Time, events: &mut Vec<Event>) {
        let place = self.layout.groups[group].local;
        self.hot[place].value = if holds { 1.0 } else { 0.0 };
        for index in 0..self.layout.groups[group].targets.len() {
            let cell = self.layout.groups[group].targets[index];
            self.fit_suppression(cell, time, events);
        }
    }

    /// An alarm is suppressed by design while any suppression that names it holds.
    pub(crate) fn fit_suppression(&mut self, cell: usize, at: Time, events: &mut Vec<Event>) {
        let holds = |group: &&usize| {
            let hot = &self.hot[self.layout.groups[**group].local];
            hot.has(Hot::SEEN) && hot.value > 0.0
        };
        let by = self.layout.suppressions_of(cell).iter().find(holds).copied();
        if by.is_some() == self.cells[cell].flags.has(Flags::BY_DESIGN) {
            return;
        }
        let name = by.and_then(|group| self.layout.groups[group].suppression.clone());
        let reason = name.map_or_else(|| "its condition no longer holds".to_owned(), |name| format!("by design: {name}"));
        let happening = if by.is_some() { Happening::Dsu } else { Happening::Dus };
        self.change(cell, happening, &Cause { at, reason: &reason, actor: "system", ..Cause::default() }, events);
        let place = self.layout.place_of_cell(cell);
        self.refresh(place);
    }

    fn ask(&self, group: usize) -> Said {
        let group = &self.layout.groups[group];
        match &group.judge {
            Judge::Vote { .. } => self.vote(group),
            Judge::Apart { active, clear, direction, fallback } => {
                let [own, other] = group.members.as_slice() else { return Said::UNKNOWN };
                let value = |local: usize| (self.missing(local).is_none() && !self.awaited(local)).then(|| self.hot[local].value);
                let reference = value(*other);
                let fault = self.is_at_fault(*own) || self.is_at_fault(*other);
                let Some((value, from)) = value(*own).zip(reference.or(*fallback)) else {
                    return Said { fault, ..Said::UNKNOWN };
                };
                let apart = distance(value, from, *direction);
                Said { active: apart >= *active, clear: apart < *clear, unknown: false, fault, value: Some(value - from) }
            }
            Judge::Formula(program) if program.used().iter().any(|input| self.awaited(group.members[*input])) => {
                let fault = program.used().iter().any(|input| self.is_at_fault(group.members[*input]));
                Said { fault, ..Said::UNKNOWN }
            }
            Judge::Formula(program) => match self.evaluate(program, &group.members) {
                Ok(active) => Said { active, clear: !active, unknown: false, fault: false, value: None },
                Err(_) => {
                    let mut used = program.used().iter().map(|input| group.members[*input]);
                    let waits = used.any(|member| self.missing(member).is_some() && !self.is_at_fault(member));
                    let fault = !waits || program.used().iter().any(|input| self.is_at_fault(group.members[*input]));
                    Said { fault, ..Said::UNKNOWN }
                }
            },
            Judge::Broken(_) => Said::UNKNOWN,
        }
    }

    fn vote(&self, group: &Group) -> Said {
        let Judge::Vote { active, clear, up, votes, missing } = group.judge else { return Said::UNKNOWN };
        let beyond = |value: f64, level: f64| if up { value >= level } else { value <= level };
        let (mut voting, mut holding, mut absent, mut awaited) = (0, 0, 0, 0);
        let fault = group.members.iter().any(|member| self.is_at_fault(*member));
        for member in &group.members {
            if self.awaited(*member) {
                awaited += 1;
                continue;
            }
            if self.missing(*member).is_some() {
                absent += 1;
                continue;
            }
            let value = self.hot[*member].value;
            voting += usize::from(beyond(value, active));
            // Not yet clear: strictly beyond the deadband is.
            holding += usize::from(beyond(value, clear));
        }
        let present = group.members.len() - absent - awaited;
        let (voting, wanted) = match missing {
            MissingMember::Vote => (voting + absent, votes),
            MissingMember::NoVote => (voting, votes),
            MissingMember::Degrade => (voting, votes.min(present + awaited)),
        };
        let unknown = wanted == 0 || present + absent == 0;
        let value = u32::try_from(voting).ok().map(f64::from);
        Said { active: voting >= wanted, clear: holding + absent + awaited < votes, unknown, fault, value }
    }

    fn evaluate(&self, program: &Program, members: &[usize]) -> Result<bool, String> {
        if let Some(missing) = program.used().iter().find_map(|input| self.missing(members[*input])) {
            return Err(missing.to_owned());
        }
        let values: Vec<f64> = members.iter().map(|member| self.hot[*member].value).collect();
        program.evaluate(&values).map_err(|error| error.to_string())
    }

    /// A point that has never sent anything and may still do in time: it is not counted, and nobody is alarmed by a start.
    fn awaited(&self, local: usize) -> bool {
        !self.hot[local].has(Hot::SEEN | Hot::SILENT)
    }

    /// It is missing, and not only because its whole gateway is silent.
    fn is_at_fault(&self, local: usize) -> bool {
        let hot = &self.hot[local];
        let only_silent = hot.has(Hot::SILENT) && !hot.has(Hot::BAD | Hot::CALIBRATING);
        self.missing(local).is_some() && !(only_silent && self.is_silent(self.layout.gateway[local]))
    }

    /// Why a point has no value that counts.
    fn missing(&self, local: usize) -> Option<&'static str> {
        let hot = &self.hot[local];
        let seen = hot.has(Hot::SEEN);
        [
            (!seen && hot.has(Hot::SILENT), "never sent anything"),
            (seen && hot.has(Hot::CALIBRATING), "is being calibrated"),
            (seen && (hot.has(Hot::BAD) || !hot.has(Hot::VALUE)), "is bad"),
            (hot.has(Hot::SILENT), "is silent"),
        ]
        .into_iter()
        .find_map(|(so, why)| so.then_some(why))
    }

    /// Why a group cannot judge all that it should, for the operator.
    pub(crate) fn fault_of(&self, place: usize) -> String {
        let (Some(group), Some(revision)) = (self.layout.group_at(place), self.revision.as_deref()) else { return String::new() };
        let group = &self.layout.groups[group];
        let mut text = String::new();
        for member in &group.members {
            if let Some(why) = self.missing(*member) {
                let comma = if text.is_empty() { "" } else { ", " };
                // A text takes everything.
                write!(text, "{comma}{} {why}", self.layout.point(revision, *member).id).expect("strings take everything");
            }
        }
        match &group.judge {
            _ if !text.is_empty() => text,
            Judge::Broken(why) => why.clone(),
            Judge::Formula(program) => self.evaluate(program, &group.members).err().unwrap_or_default(),
            _ => text,
        }
    }

    /// The clock of a group stands still while the clocks of all its members do.
    pub(crate) fn fit_group_clocks(&mut self) {
        for index in 0..self.layout.groups.len() {
            let group = &self.layout.groups[index];
            let place = group.local;
            let stands = |flag: u16| !group.members.is_empty() && group.members.iter().all(|member| self.hot[*member].has(flag));
            let frozen = group.members.iter().all(|member| self.hot[*member].frozen()) && !group.members.is_empty();
            let reason = if stands(Hot::STOPPED) { Hot::STOPPED } else { Hot::DOWN };
            match (frozen, self.hot[place].frozen()) {
                (true, false) => self.hot[place].freeze(reason, self.now),
                (false, true) => {
                    self.hot[place].thaw(Hot::DOWN | Hot::STOPPED, self.now);
                    self.refresh(place);
                }
                _ => {}
            }
        }
    }
}
