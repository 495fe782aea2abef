//! What is to be said now: openings and adjustments, late steps, escalation, returned conditions.
//!
//! Asked again before its answer was applied, it gives the same again. One opening or adjustment for a topic and a place at a time, the
//! worst rule first; what else there is follows when that has been applied.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    Addressee, AlarmFacts, Event, EventBody, Level, Scope, StepTimes, Time, WarningCause, WarningChange, WarningRule,
    WarningStep, WarningTransition,
};

use crate::cells::Cell;
use crate::fold::Warnings;
use crate::rules::scope_at;
use crate::warning::{Party, Place, Warning};
use crate::{CAUSES_MAX, RETURN_HOLD};

/// A rule that holds at a place and was not told there yet.
struct Candidate<'a> {
    rule: &'a WarningRule,
    place: &'a Place,
    cell: &'a Cell,
    /// When it has held long enough.
    at: Time,
    scope: Scope,
}

impl Warnings {
    /// What is to be appended to `events` now.
    pub fn due(&self, now: Time) -> Vec<Event> {
        let now = now.max(self.now);
        let late = self.open().flat_map(|warning| late(warning, now));
        let returned = self.open().flat_map(|warning| returned(warning, now));
        late.chain(returned).chain(self.opened(now)).collect()
    }

    /// When `due` will have more to give though nothing happens.
    pub fn next_deadline(&self) -> Option<Time> {
        let steps = self.open().flat_map(|it| it.addressees.iter().flat_map(Party::steps));
        let steps = steps.filter(|(_, step)| step.done.is_none() && !step.overdue).map(|(_, step)| step.deadline);
        let returns = self.open().filter(|it| it.returned_at.is_none()).filter_map(|it| it.gone_since);
        let returns = returns.map(|since| since.plus(RETURN_HOLD));
        let rules = self.candidates().filter(|it| self.is_news(it)).map(|it| it.at);
        steps.chain(returns).chain(rules).min()
    }

    fn candidates(&self) -> impl Iterator<Item = Candidate<'_>> {
        self.cells.0.iter().filter_map(|((id, place), cell)| {
            let rule = self.rules.rules.get(id)?;
            let held = cell.held.filter(|held| !held.told)?;
            let alarm = self.active.get(cell.alarms.first()?)?;
            Some(Candidate { rule, place, cell, at: held.since.plus(rule.hold), scope: scope_at(place, &alarm.scope) })
        })
    }

    fn open_at(&self, candidate: &Candidate<'_>) -> Option<&Warning> {
        let id = self.open.get(&(candidate.rule.topic.clone(), candidate.place.clone()))?;
        self.warnings.get(id)
    }

    /// Whether there is anything to say: a new warning, a worse colour, somebody who was not addressed, a condition that is back.
    fn is_news(&self, candidate: &Candidate<'_>) -> bool {
        let Some(warning) = self.open_at(candidate) else { return true };
        let rule = candidate.rule;
        let strangers = || self.rules.addressees(rule, &candidate.scope).iter().any(|(_, it)| warning.party(&it.id).is_none());
        let lifts = rule.level.is_some_and(|level| level > warning.level);
        rule.colour > warning.colour || lifts || warning.returned_at.is_some() || strangers()
    }

    fn opened(&self, now: Time) -> Vec<Event> {
        let mut worst: BTreeMap<(&str, &Place), Candidate<'_>> = BTreeMap::new();
        for candidate in self.candidates().filter(|it| it.at <= now && self.is_news(it)) {
            let key = (candidate.rule.topic.as_str(), candidate.place);
            let rank = |it: &Candidate<'_>| (Reverse(it.rule.colour), it.rule.id.clone());
            match worst.get(&key) {
                Some(known) if rank(known) <= rank(&candidate) => {}
                _ => drop(worst.insert(key, candidate)),
            }
        }
        worst.values().map(|candidate| self.opening(candidate, now)).collect()
    }

    fn opening(&self, candidate: &Candidate<'_>, now: Time) -> Event {
        let change = match self.open_at(candidate) {
            None => self.new_warning(candidate, now),
            Some(warning) => self.adjustment(warning, candidate, now),
        };
        Event {
            occurred_at: candidate.at,
            subject: Arc::clone(&candidate.place.id),
            scope: candidate.scope.clone(),
            revision: self.rules.revision,
            body: EventBody::Warning(Box::new(change)),
        }
    }

    fn new_warning(&self, candidate: &Candidate<'_>, now: Time) -> WarningChange {
        let Candidate { rule, place, .. } = candidate;
        let parties = self.parties(candidate);
        let level = reached(rule, &parties);
        let addressees = parties.into_iter().map(|it| told(it, level, |_| Some(rule.deadlines.from(now)))).collect();
        let (alarms, more_alarms) = self.causes(candidate.cell);
        WarningChange {
            picture: rule.wants_picture(self.facts(candidate.cell)),
            name: rule.name.clone(),
            topic: rule.topic.clone(),
            colour: rule.colour,
            place: place.kind,
            level,
            action: rule.action.clone(),
            within: rule.deadlines,
            escalate: rule.escalate,
            close_on_return: rule.close_on_return,
            alarms,
            more_alarms,
            addressees,
            ..WarningChange::new(WarningTransition::Opened, rule.id.clone())
        }
    }

    /// Of a worse rule the name, the action and the deadlines are taken over; a lesser one only adds those it addresses. Everybody starts
    /// anew where the colour rises or the condition is back: a receipt of yellow is none of red.
    fn adjustment(&self, warning: &Warning, candidate: &Candidate<'_>, now: Time) -> WarningChange {
        let rule = candidate.rule;
        let (rises, back) = (rule.colour > warning.colour, warning.returned_at.is_some());
        let mut parties: Vec<Addressee> = warning.addressees.iter().map(addressee).collect();
        let strangers = self.parties(candidate).into_iter().filter(|it| warning.party(&it.department).is_none());
        parties.extend(strangers);
        let level = warning.level.max(reached(rule, &self.parties(candidate)));
        let within = if rises { rule.deadlines } else { warning.within };
        let is_told = |it: &Addressee| warning.party(&it.department).is_some_and(|party| party.steps.is_some());
        let anew = rises || back;
        let deadlines = |it: &Addressee| (anew || !is_told(it)).then(|| within.from(now));
        let addressees = parties.into_iter().map(|it| told(it, level, deadlines));
        // Who knows already and has nothing to do anew is not named again.
        let addressees = addressees.filter(|it| it.deadlines.is_some() || warning.party(&it.department).is_none()).collect();
        let (alarms, more_alarms) = self.causes(candidate.cell);
        let text = match (rises, back) {
            (true, _) => "a worse rule is met",
            (false, true) => "the condition is back",
            (false, false) => "another rule of the topic is met",
        };
        let mut change = about(warning, WarningTransition::Adjusted);
        change.rule = rule.id.clone();
        if rises {
            (change.name, change.action, change.colour) = (rule.name.clone(), rule.action.clone(), rule.colour);
            (change.escalate, change.close_on_return) = (rule.escalate, rule.close_on_return);
        }
        let elsewhere = || alarms.iter().any(|it| !warning.alarms.iter().any(|known| known.point == it.point));
        let picture = rule.wants_picture(self.facts(candidate.cell)) && (rises || back || elsewhere());
        WarningChange { level, within, alarms, more_alarms, addressees, text: text.to_owned(), picture, ..change }
    }

    fn parties(&self, candidate: &Candidate<'_>) -> Vec<Addressee> {
        let found = self.rules.addressees(candidate.rule, &candidate.scope);
        let addressee = |(level, department): (Level, &model::Department)| Addressee {
            department: department.id.clone(),
            name: department.name.clone(),
            level,
            deadlines: None,
        };
        found.into_iter().map(addressee).collect()
    }

    fn facts<'a>(&'a self, cell: &'a Cell) -> impl Iterator<Item = &'a AlarmFacts> {
        cell.alarms.iter().filter_map(|key| self.active.get(key))
    }

    fn causes(&self, cell: &Cell) -> (Vec<WarningCause>, u32) {
        let alarms = self.facts(cell).take(CAUSES_MAX);
        let cause = |it: &AlarmFacts| WarningCause {
            point: Arc::clone(&it.point),
            alarm: it.alarm.clone(),
            occurrence: it.occurrence.clone(),
        };
        let more = cell.alarms.len().saturating_sub(CAUSES_MAX);
        (alarms.map(cause).collect(), u32::try_from(more).unwrap_or(u32::MAX))
    }
}

/// Up to which level a rule tells at once: that which it names, and in any case the nearest that has somebody.
fn reached(rule: &WarningRule, parties: &[Addressee]) -> Level {
    let nearest = parties.iter().map(|it| it.level).min();
    let wanted = rule.level.or(nearest).unwrap_or(Level::Enterprise);
    let inside = parties.iter().map(|it| it.level).filter(|level| *level <= wanted).max();
    inside.or(nearest).unwrap_or(wanted)
}

fn addressee(party: &Party) -> Addressee {
    Addressee { department: party.department.clone(), name: party.name.clone(), level: party.level, deadlines: None }
}

/// With deadlines, where the warning has reached its level.
fn told(addressee: Addressee, level: Level, deadlines: impl Fn(&Addressee) -> Option<StepTimes>) -> Addressee {
    let deadlines = if addressee.level <= level { deadlines(&addressee) } else { None };
    Addressee { deadlines, ..addressee }
}

/// An event about a warning as it is.
pub(crate) fn about(warning: &Warning, transition: WarningTransition) -> WarningChange {
    WarningChange {
        warning: Some(warning.id.clone()),
        name: warning.name.clone(),
        topic: warning.topic.clone(),
        colour: warning.colour,
        place: warning.place.kind,
        level: warning.level,
        action: warning.action.clone(),
        within: warning.within,
        escalate: warning.escalate,
        close_on_return: warning.close_on_return,
        ..WarningChange::new(transition, warning.rule.clone())
    }
}

/// The same as an event.
pub(crate) fn event(warning: &Warning, occurred_at: Time, change: WarningChange) -> Event {
    Event {
        occurred_at,
        subject: Arc::clone(&warning.place.id),
        scope: warning.scope.clone(),
        revision: warning.revision,
        body: EventBody::Warning(Box::new(change)),
    }
}

/// Steps that are late and were not said to be, and the escalation that follows.
fn late(warning: &Warning, now: Time) -> Vec<Event> {
    let mut events = Vec::new();
    let mut lifts = false;
    for party in &warning.addressees {
        for (step, own) in party.steps() {
            let is_due = own.done.is_none() && !own.overdue && own.deadline <= now;
            if is_due {
                events.push(overdue(warning, party, step, own.deadline));
            }
            lifts |= (is_due || own.overdue) && party.level == warning.level;
        }
    }
    if lifts && warning.escalate {
        events.extend(escalated(warning, now));
    }
    events
}

fn overdue(warning: &Warning, party: &Party, step: WarningStep, deadline: Time) -> Event {
    let change = WarningChange {
        department: Some(party.department.clone()),
        step: Some(step),
        deadline: Some(deadline),
        late: true,
        ..about(warning, WarningTransition::Overdue)
    };
    event(warning, deadline, change)
}

/// The next level that has somebody; its deadlines count from now, when it can be told. `None`: there is none.
fn escalated(warning: &Warning, now: Time) -> Option<Event> {
    let level = warning.addressees.iter().map(|it| it.level).filter(|level| *level > warning.level).min()?;
    let new = warning.addressees.iter().filter(|it| it.steps.is_none() && it.level <= level);
    let addressees = new.map(|it| Addressee { deadlines: Some(warning.within.from(now)), ..addressee(it) }).collect();
    let text = format!("a step of the level {} is late", warning.level.as_str());
    Some(event(warning, now, WarningChange { level, addressees, text, ..about(warning, WarningTransition::Escalated) }))
}

/// That the alarms behind it are gone, and, where its rule says so, its end.
fn returned(warning: &Warning, now: Time) -> Vec<Event> {
    let Some(since) = warning.gone_since.filter(|since| warning.returned_at.is_some() || since.plus(RETURN_HOLD) <= now) else {
        return Vec::new();
    };
    let news = warning.returned_at.is_none().then(|| event(warning, since, about(warning, WarningTransition::ConditionReturned)));
    let closes = warning.close_on_return.then(|| {
        let text = "the alarms behind it have returned, and its rule closes it by that".to_owned();
        event(warning, now, WarningChange { text, ..about(warning, WarningTransition::Closed) })
    });
    news.into_iter().chain(closes).collect()
}
