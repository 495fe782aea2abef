//! The list of open alarms: a fold over events, never filtered by time (traps 46a).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{AlarmId, AlarmTransition, EventBody, EventId, RecordedEvent, Time, Transition};

/// Names an alarm in the whole deployment: point id and alarm id.
pub type AlarmKey = (Arc<str>, AlarmId);

/// One open occurrence.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenAlarm {
    /// The first raise of the occurrence.
    pub first_raised_at: Time,
    /// The raise of the present activation, as recorded.
    pub raise: RecordedEvent,
    /// The acknowledgement of the present activation, as recorded.
    pub acknowledgement: Option<RecordedEvent>,
    /// The last transition of any kind, as recorded.
    pub last: RecordedEvent,
    first_raise: RecordedEvent,
}

impl OpenAlarm {
    /// What the last transition said.
    pub fn now(&self) -> &AlarmTransition {
        transition(&self.last).expect("only alarm transitions are kept here")
    }

    /// What the raise of the present activation said.
    pub fn raised(&self) -> &AlarmTransition {
        transition(&self.raise).expect("only alarm transitions are kept here")
    }

    /// Who acknowledged the present activation.
    pub fn acknowledged_by(&self) -> Option<&str> {
        self.acknowledgement.as_ref().and_then(transition).map(|ack| ack.actor.as_str())
    }

    /// The recorded events from which this entry comes out again, oldest first, each once.
    pub fn essence(&self) -> Vec<&RecordedEvent> {
        let mut events = vec![&self.first_raise, &self.raise];
        events.extend(&self.acknowledgement);
        events.push(&self.last);
        events.sort_by_key(|event| (event.position, event.ordinal));
        events.dedup_by(|a, b| a.id == b.id);
        events
    }
}

fn transition(event: &RecordedEvent) -> Option<&AlarmTransition> {
    match &event.event.body {
        EventBody::Alarm(alarm) => Some(alarm),
        _ => None,
    }
}

/// The open alarms after some prefix of the event journal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlarmList {
    open: BTreeMap<AlarmKey, OpenAlarm>,
}

impl AlarmList {
    /// Takes the next event in the order of the journal; anything but an alarm transition changes nothing.
    pub fn apply(&mut self, event: &RecordedEvent) {
        let Some(alarm) = transition(event) else { return };
        let key = (Arc::clone(&event.event.subject), alarm.alarm.clone());
        match alarm.transition {
            Transition::Raised => self.raise(key, event, &alarm.occurrence),
            Transition::Closed => drop(self.open.remove(&key)),
            Transition::Acknowledged => self.update(&key, |open| {
                open.acknowledgement = Some(event.clone());
                open.last = event.clone();
            }),
            Transition::Returned | Transition::Reset => self.update(&key, |open| open.last = event.clone()),
        }
    }

    fn raise(&mut self, key: AlarmKey, event: &RecordedEvent, occurrence: &EventId) {
        let first = self.open.get(&key).filter(|open| &open.now().occurrence == occurrence).map(|open| open.first_raise.clone());
        let first_raise = first.unwrap_or_else(|| event.clone());
        let open = OpenAlarm {
            first_raised_at: first_raise.event.occurred_at,
            first_raise,
            raise: event.clone(),
            acknowledgement: None,
            last: event.clone(),
        };
        self.open.insert(key, open);
    }

    fn update(&mut self, key: &AlarmKey, change: impl FnOnce(&mut OpenAlarm)) {
        if let Some(open) = self.open.get_mut(key) {
            change(open);
        }
    }

    /// One open alarm.
    pub fn get(&self, point: &str, alarm: &AlarmId) -> Option<&OpenAlarm> {
        self.open.get(&(Arc::from(point), alarm.clone()))
    }

    /// All open alarms in the order of point and alarm.
    pub fn iter(&self) -> impl Iterator<Item = (&AlarmKey, &OpenAlarm)> {
        self.open.iter()
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is open.
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
