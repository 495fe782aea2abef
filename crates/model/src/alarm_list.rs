//! The list of open and hidden alarms: a fold over events, never filtered by time (traps 46a).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{AlarmId, AlarmState, AlarmTransition, EventBody, RecordedEvent, Time, Transition};

/// Names an alarm in the whole deployment: point id and alarm id.
pub type AlarmKey = (Arc<str>, AlarmId);

/// An alarm that somebody must see: an occurrence is open, or it is shelved, suppressed or out of service.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenAlarm {
    /// The first raise of the occurrence, as recorded; `None` where none is open.
    pub first_raise: Option<RecordedEvent>,
    /// The raise of the present activation, as recorded.
    pub raise: Option<RecordedEvent>,
    /// The acknowledgement of the present activation, as recorded.
    pub acknowledgement: Option<RecordedEvent>,
    /// The silencing of the present activation, as recorded.
    pub silence: Option<RecordedEvent>,
    /// Why it is on the shelf, if it is.
    pub shelf: Option<RecordedEvent>,
    /// Why it is suppressed, if it is.
    pub suppression: Option<RecordedEvent>,
    /// Why it is out of service, if it is.
    pub outage: Option<RecordedEvent>,
    /// The last transition of any kind, as recorded.
    pub last: RecordedEvent,
}

impl OpenAlarm {
    fn new(last: &RecordedEvent) -> Self {
        Self {
            first_raise: None,
            raise: None,
            acknowledgement: None,
            silence: None,
            shelf: None,
            suppression: None,
            outage: None,
            last: last.clone(),
        }
    }

    /// What the last transition said.
    pub fn now(&self) -> &AlarmTransition {
        transition(&self.last).expect("only alarm transitions are kept here")
    }

    /// What the raise of the present activation said.
    pub fn raised(&self) -> Option<&AlarmTransition> {
        self.raise.as_ref().and_then(transition)
    }

    /// When the occurrence was first raised, in source time.
    pub fn first_raised_at(&self) -> Option<Time> {
        self.first_raise.as_ref().map(|it| it.event.occurred_at)
    }

    /// Who acknowledged the present activation.
    pub fn acknowledged_by(&self) -> Option<&str> {
        self.acknowledgement.as_ref().and_then(transition).map(|it| it.actor.as_str())
    }

    /// What hides it, by precedence: out of service, suppressed, shelved.
    pub fn hidden_by(&self) -> Option<&AlarmTransition> {
        [&self.outage, &self.suppression, &self.shelf].into_iter().flatten().find_map(transition)
    }

    /// The recorded events from which this entry comes out again, oldest first, each once.
    pub fn essence(&self) -> Vec<&RecordedEvent> {
        let mut events: Vec<&RecordedEvent> = self.parts().into_iter().flatten().collect();
        events.push(&self.last);
        events.sort_by_key(|event| (event.position, event.ordinal));
        events.dedup_by(|a, b| a.id == b.id);
        events
    }

    fn parts(&self) -> [Option<&RecordedEvent>; 7] {
        [&self.first_raise, &self.raise, &self.acknowledgement, &self.silence, &self.shelf, &self.suppression, &self.outage]
            .map(Option::as_ref)
    }

    fn take(&mut self, event: &RecordedEvent, alarm: &AlarmTransition) {
        match alarm.transition {
            Transition::Raised => self.take_raise(event, alarm),
            Transition::Acknowledged => self.acknowledgement = Some(event.clone()),
            Transition::Silenced => self.silence = Some(event.clone()),
            Transition::Shelved => self.shelf = Some(event.clone()),
            Transition::Unshelved => self.shelf = None,
            Transition::Suppressed => self.suppression = Some(event.clone()),
            Transition::Unsuppressed => self.suppression = None,
            Transition::OutOfService => self.outage = Some(event.clone()),
            Transition::InService => self.outage = None,
            Transition::Closed => (self.first_raise, self.raise, self.acknowledgement, self.silence) = (None, None, None, None),
            Transition::Returned | Transition::Reset => {}
        }
        self.last = event.clone();
    }

    fn take_raise(&mut self, event: &RecordedEvent, alarm: &AlarmTransition) {
        let same = self.raised().is_some_and(|before| before.occurrence == alarm.occurrence);
        if !same {
            self.first_raise = Some(event.clone());
        }
        self.raise = Some(event.clone());
        (self.acknowledgement, self.silence) = (None, None);
    }
}

fn transition(event: &RecordedEvent) -> Option<&AlarmTransition> {
    match &event.event.body {
        EventBody::Alarm(alarm) => Some(alarm),
        _ => None,
    }
}

/// An alarm of some Davy: of two that name a point alike, each has its own. Own ones, whose node is empty, come first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    key: AlarmKey,
    node: Arc<str>,
}

/// The open and hidden alarms after some prefix of the event journal, those of other Davys among them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlarmList {
    open: BTreeMap<Entry, OpenAlarm>,
}

impl AlarmList {
    /// Takes the next event in the order of the journal; anything but an alarm transition changes nothing.
    pub fn apply(&mut self, event: &RecordedEvent) {
        let Some(alarm) = transition(event) else { return };
        let key = (Arc::clone(&event.event.subject), alarm.alarm.clone());
        let entry = Entry { key, node: event.origin.as_ref().map_or_else(|| Arc::from(""), |it| Arc::clone(&it.node)) };
        if alarm.state == AlarmState::Normal {
            self.open.remove(&entry);
            return;
        }
        self.open.entry(entry).or_insert_with(|| OpenAlarm::new(event)).take(event, alarm);
    }

    /// One open or hidden alarm: of several that are named so the own one, or that of the first Davy by name.
    pub fn get(&self, point: &str, alarm: &AlarmId) -> Option<&OpenAlarm> {
        self.named(point, alarm).next()
    }

    /// All that are named so, the own one first.
    pub fn named(&self, point: &str, alarm: &AlarmId) -> impl Iterator<Item = &OpenAlarm> {
        let first = Entry { key: (Arc::from(point), alarm.clone()), node: Arc::from("") };
        let key = first.key.clone();
        self.open.range(first..).take_while(move |(entry, _)| entry.key == key).map(|(_, open)| open)
    }

    /// All of them in the order of point and alarm, of the same name the own one first.
    pub fn iter(&self) -> impl Iterator<Item = (&AlarmKey, &OpenAlarm)> {
        self.open.iter().map(|(entry, open)| (&entry.key, open))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The recorded events from which this list comes out again, in the order of the journal.
    pub fn essence(&self) -> Vec<RecordedEvent> {
        let mut events: Vec<_> = self.open.values().flat_map(OpenAlarm::essence).cloned().collect();
        events.sort_by_key(|event| (event.position, event.ordinal));
        events
    }
}
