//! When alarms were raised and warnings opened, as far back as is kept: the name of an event does not tell its time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use model::{EventBody, EventId, RecordedEvent, Time, Transition, WarningTransition};

/// So many are remembered.
const KEPT: usize = 20_000;

/// An alarm or a warning when it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sighting {
    pub(crate) at: Time,
    /// A warning rather than an alarm.
    pub(crate) warning: bool,
    pub(crate) subject: Arc<str>,
}

/// An event that an incident is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its name.
    pub event: EventId,
    /// When it was on record, journal time; `None`: it is no raise of an alarm and no opening of a warning, or long ago.
    pub at: Option<Time>,
    /// A warning rather than an alarm.
    pub warning: bool,
    /// The point, or the place of the warning; empty where its time is not known.
    pub subject: Arc<str>,
}

/// The last ones, by name and in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sightings {
    pub(crate) by_event: BTreeMap<EventId, Sighting>,
    pub(crate) in_order: VecDeque<EventId>,
}

impl Sightings {
    pub(crate) fn apply(&mut self, recorded: &RecordedEvent) {
        let warning = match &recorded.event.body {
            EventBody::Alarm(alarm) if alarm.transition == Transition::Raised => false,
            EventBody::Warning(change) if change.transition == WarningTransition::Opened => true,
            _ => return,
        };
        let sighting = Sighting { at: recorded.first_recorded_at(), warning, subject: Arc::clone(&recorded.event.subject) };
        self.by_event.insert(recorded.id.clone(), sighting);
        self.in_order.push_back(recorded.id.clone());
        while self.in_order.len() > KEPT {
            self.in_order.pop_front().map(|id| self.by_event.remove(&id));
        }
    }

    /// When the first of these came, as far as known.
    pub(crate) fn first(&self, events: &[EventId]) -> Option<Time> {
        events.iter().filter_map(|it| self.by_event.get(it)).map(|it| it.at).min()
    }

    pub(crate) fn about(&self, event: &EventId) -> About {
        let known = self.by_event.get(event);
        About {
            event: event.clone(),
            at: known.map(|it| it.at),
            warning: known.is_some_and(|it| it.warning),
            subject: known.map(|it| Arc::clone(&it.subject)).unwrap_or_default(),
        }
    }
}
