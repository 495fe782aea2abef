//! What is known after some prefix of `events`: alarms that stand, where rules count them, warnings, outcomes of requests.
//!
//! State changes by applied events alone. What `due` and `judge` give is to be appended to `events` under one fence; it counts when it is
//! read back, so that a replay and another process agree, and nothing is said twice.
//!
//! Alarms of other Davys count like own ones. Their warnings are listed as they go; what is due of them is said there, and what is said to
//! them as well.
//!
//! An alarm counts while its condition is true and it was annunciated; one that an operator hides later goes on counting, or hiding would
//! look like an end of the danger. Memory: the alarms that stand, open warnings, `CLOSED_KEPT` closed ones, requests of a day.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use model::{
    AlarmFacts, AlarmKey, AlarmState, AlarmTransition, EventBody, EventId, Picture, RecordedEvent, RequestId, Revision, Time,
    WarningChange, WarningTransition,
};

use crate::CLOSED_KEPT;
use crate::cells::Cells;
use crate::outcomes::{Outcome, Outcomes};
use crate::rules::Rules;
use crate::warning::{Place, Warning};

/// The fold.
#[derive(Clone, Debug, PartialEq)]
pub struct Warnings {
    pub(crate) rules: Rules,
    /// Alarms that stand.
    pub(crate) active: BTreeMap<AlarmKey, AlarmFacts>,
    pub(crate) cells: Cells,
    /// Open ones, and those closed last.
    pub(crate) warnings: BTreeMap<EventId, Warning>,
    /// By topic and place.
    pub(crate) open: BTreeMap<(String, Place), EventId>,
    /// Oldest first.
    pub(crate) closed: VecDeque<EventId>,
    pub(crate) outcomes: Outcomes,
    /// Warnings whose picture is to be made, each with the event that asks for it.
    pub(crate) wanted: BTreeMap<EventId, EventId>,
    /// The latest picture of each warning.
    pub(crate) pictures: BTreeMap<EventId, Box<Picture>>,
    /// Which Davy issued a warning, where that is another one.
    pub(crate) origins: BTreeMap<EventId, Arc<str>>,
    pub(crate) now: Time,
}

impl Default for Warnings {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            active: BTreeMap::new(),
            cells: Cells::default(),
            warnings: BTreeMap::new(),
            open: BTreeMap::new(),
            closed: VecDeque::new(),
            outcomes: Outcomes::default(),
            wanted: BTreeMap::new(),
            pictures: BTreeMap::new(),
            origins: BTreeMap::new(),
            now: Time::MIN,
        }
    }
}

impl Warnings {
    /// Takes the next event in the order of the journal.
    pub fn apply(&mut self, recorded: &RecordedEvent) {
        self.now = self.now.max(recorded.recorded_at);
        match &recorded.event.body {
            EventBody::Alarm(alarm) => self.alarm(recorded, alarm),
            EventBody::Warning(change) if recorded.is_foreign() => self.changed_elsewhere(recorded, change),
            EventBody::Warning(change) => self.changed(recorded, change),
            EventBody::Picture(picture) => self.has_picture(recorded, picture),
            _ => {}
        }
    }

    /// Another site is in force from here on. What was told stands: open warnings keep their addressees and deadlines.
    pub fn revise(&mut self, revision: &Revision, at: Time) {
        self.now = self.now.max(at);
        self.rules = Rules::of(revision);
        self.cells.recount(&self.rules, &self.active, self.now);
        let places: Vec<_> = self.open.keys().map(|(_, place)| place.clone()).collect();
        self.look_again(&places);
    }

    fn alarm(&mut self, recorded: &RecordedEvent, alarm: &AlarmTransition) {
        let key = (subject_of(recorded), alarm.alarm.clone());
        let before = self.active.get(&key).cloned();
        let after = match alarm.state {
            AlarmState::Unacknowledged | AlarmState::Acknowledged => Some(facts(recorded, alarm)),
            AlarmState::Shelved | AlarmState::Suppressed | AlarmState::OutOfService if alarm.in_alarm => before.clone(),
            _ => None,
        };
        match &after {
            Some(after) => self.active.insert(key.clone(), after.clone()),
            None => self.active.remove(&key),
        };
        let places = self.cells.change(&self.rules, &key, (before.as_ref(), after.as_ref()), self.now);
        self.look_again(&places);
    }

    /// Whether the conditions of open warnings at these places still hold.
    fn look_again(&mut self, places: &[Place]) {
        for ((topic, place), id) in self.open.iter().filter(|((_, place), _)| places.contains(place)) {
            let Some(warning) = self.warnings.get_mut(id) else { continue };
            if self.cells.holds(&self.rules, topic, place) {
                warning.gone_since = None;
            } else {
                warning.gone_since = warning.gone_since.or(Some(self.now));
            }
        }
    }

    fn changed(&mut self, recorded: &RecordedEvent, change: &WarningChange) {
        self.outcomes.apply(recorded, change);
        let place = Place { kind: change.place, id: Arc::clone(&recorded.event.subject) };
        match change.transition {
            WarningTransition::Opened => {
                let warning = Warning::opened(recorded, change);
                if change.picture {
                    self.want(&recorded.id, &recorded.id);
                }
                self.open.insert((warning.topic.clone(), place.clone()), warning.id.clone());
                self.warnings.insert(warning.id.clone(), warning);
                self.cells.told(&change.rule, &place);
                // The alarms may have gone between what was read and what was written.
                self.look_again(std::slice::from_ref(&place));
            }
            _ => self.moved(recorded, change, &place),
        }
    }

    fn moved(&mut self, recorded: &RecordedEvent, change: &WarningChange, place: &Place) {
        let Some(warning) = change.warning.as_ref().and_then(|id| self.warnings.get_mut(id)) else { return };
        warning.take(recorded, change);
        match change.transition {
            WarningTransition::Adjusted => {
                let id = warning.id.clone();
                self.cells.told(&change.rule, place);
                if change.picture {
                    self.want(&id, &recorded.id);
                }
            }
            WarningTransition::Closed | WarningTransition::Cancelled => {
                let id = warning.id.clone();
                self.open.retain(|_, open| *open != id);
                self.cells.spend(&self.rules, &change.topic, place, self.now);
                self.closed.push_back(id);
                self.forget();
            }
            _ => {}
        }
    }

    /// It is never among the open ones that `due` looks at.
    fn changed_elsewhere(&mut self, recorded: &RecordedEvent, change: &WarningChange) {
        if change.transition == WarningTransition::Opened {
            let warning = Warning::opened(recorded, change);
            self.origins.insert(warning.id.clone(), Arc::from(recorded.node()));
            self.warnings.insert(warning.id.clone(), warning);
            return;
        }
        let known = change.warning.as_ref().filter(|id| self.origins.contains_key(id));
        let Some(warning) = known.and_then(|id| self.warnings.get_mut(id)) else { return };
        let was_open = warning.closed.is_none();
        warning.take(recorded, change);
        if was_open && warning.closed.is_some() {
            self.closed.push_back(warning.id.clone());
            self.forget();
        }
    }

    fn forget(&mut self) {
        while self.closed.len() > CLOSED_KEPT {
            let Some(id) = self.closed.pop_front() else { return };
            self.warnings.remove(&id);
            self.wanted.remove(&id);
            self.pictures.remove(&id);
            self.origins.remove(&id);
        }
    }

    /// The Davy that issued a warning, where that is another one.
    pub fn origin(&self, id: &EventId) -> Option<&str> {
        self.origins.get(id).map(|node| &**node)
    }

    /// A warning, open or closed not long ago.
    pub fn get(&self, id: &EventId) -> Option<&Warning> {
        self.warnings.get(id)
    }

    /// All of them, open and closed not long ago, in order of id.
    pub fn iter(&self) -> impl Iterator<Item = &Warning> {
        self.warnings.values()
    }

    /// The open ones that are issued here, in order of topic and place.
    pub fn open(&self) -> impl Iterator<Item = &Warning> {
        self.open.values().filter_map(|id| self.warnings.get(id))
    }

    /// What became of a request of the last day.
    pub fn outcome(&self, request: &RequestId) -> Option<&Outcome> {
        self.outcomes.by_request.get(request)
    }

    /// The site revision in force.
    pub const fn revision(&self) -> model::RevisionNumber {
        self.rules.revision
    }
}

/// What names an alarm among those that stand: two Davys may name a point alike.
fn subject_of(recorded: &RecordedEvent) -> Arc<str> {
    match &recorded.origin {
        None => Arc::clone(&recorded.event.subject),
        Some(origin) => Arc::from(format!("{}:{}", origin.node, recorded.event.subject)),
    }
}

fn facts(recorded: &RecordedEvent, alarm: &AlarmTransition) -> AlarmFacts {
    AlarmFacts {
        point: Arc::clone(&recorded.event.subject),
        alarm: alarm.alarm.clone(),
        kind: alarm.alarm_kind,
        quantity: alarm.quantity,
        priority: alarm.priority,
        scope: recorded.event.scope.clone(),
        occurrence: alarm.occurrence.clone(),
    }
}
