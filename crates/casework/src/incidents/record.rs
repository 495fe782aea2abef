//! The record of an incident: who knew, said and did what when.

use model::{DutyChange, EventId, IncidentChange, IncidentTransition, RecordedEvent, Time};

use super::{Incident, Sightings};
use crate::book::{Book, Seen};
use crate::{ABOUT_MAX, NOTES_MAX};

/// One line of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it happened: of a notice when somebody was told, as they say; else as on record.
    pub at: Time,
    /// When it came on record, journal time.
    pub recorded_at: Time,
    /// The event that says it.
    pub event: EventId,
    /// Its kind.
    pub kind: String,
    /// The duty that it is about; empty for none.
    pub duty: String,
    /// Whether that was done, or is, too late.
    pub late: bool,
    /// Which department or enterprise; empty for Davy itself.
    pub department: String,
    /// Who, in person.
    pub actor: String,
    /// What they wrote; of a notice, who told whom and how.
    pub text: String,
}

impl Entry {
    pub(super) fn of(recorded: &RecordedEvent, change: &IncidentChange) -> Self {
        let notice = change.notice.as_ref();
        let at = match change.transition {
            IncidentTransition::Reminder | IncidentTransition::Overdue => recorded.event.occurred_at,
            _ => notice.map_or(recorded.recorded_at, |it| it.told_at),
        };
        let told = notice.map(|it| {
            let how = [it.how.as_str(), it.reference.as_str()].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>();
            let how = if how.is_empty() { String::new() } else { format!(" ({})", how.join(", ")) };
            let text = if change.text.is_empty() { String::new() } else { format!(": {}", change.text) };
            format!("{} -> {}{how}{text}", it.who, it.whom)
        });
        let text = match change.transition {
            IncidentTransition::Reminder => format!("{} % of the time are over", change.percent),
            IncidentTransition::Overdue => "no notice is on record".to_owned(),
            _ => told.unwrap_or_else(|| change.text.clone()),
        };
        Self {
            at,
            recorded_at: recorded.recorded_at,
            event: recorded.id.clone(),
            kind: change.transition.as_str().to_owned(),
            duty: change.duty.clone(),
            late: change.late,
            department: change.department.as_ref().map(ToString::to_string).unwrap_or_default(),
            actor: change.actor.clone(),
            text,
        }
    }

    pub(super) fn of_book(recorded: &RecordedEvent, change: &DutyChange) -> Self {
        let to = if change.to_person.is_empty() { String::new() } else { format!("to {}: ", change.to_person) };
        Self {
            at: recorded.recorded_at,
            recorded_at: recorded.recorded_at,
            event: recorded.id.clone(),
            kind: change.transition.as_str().to_owned(),
            duty: String::new(),
            late: false,
            department: change.department.to_string(),
            actor: change.actor.clone(),
            text: format!("{to}{}", change.text),
        }
    }

    fn of_seen(seen: &Seen) -> Self {
        Self {
            at: seen.at,
            recorded_at: seen.at,
            event: seen.by.clone(),
            kind: "duty.seen".to_owned(),
            duty: String::new(),
            late: false,
            department: seen.department.to_string(),
            actor: seen.person.clone(),
            text: String::new(),
        }
    }
}

impl Incident {
    /// Whether an event is about it.
    pub(super) fn concerns(&self, event: &EventId) -> bool {
        self.id == *event || self.about.iter().any(|it| it.event == *event)
    }

    pub(super) fn note(&mut self, entry: Entry) {
        if self.entries.len() < NOTES_MAX {
            self.entries.push(entry);
        } else {
            self.more_entries = self.more_entries.saturating_add(1);
        }
    }

    /// It is about these events too: when they came, and who had seen them before anybody spoke of an incident.
    pub(super) fn learn(&mut self, about: &[EventId], sightings: &Sightings, book: &Book) {
        for event in about {
            if self.concerns(event) || self.about.len() >= ABOUT_MAX {
                continue;
            }
            self.about.push(sightings.about(event));
            for seen in book.seen_of(event) {
                if !self.entries.iter().any(|it| it.event == seen.by) {
                    self.note(Entry::of_seen(seen));
                }
            }
        }
    }

    /// Everything that was said of it and the alarms and warnings about it, in the order of time.
    pub fn record(&self) -> Vec<Entry> {
        let about = self.about.iter().filter_map(|it| {
            let at = it.at?;
            Some(Entry {
                at,
                recorded_at: at,
                event: it.event.clone(),
                kind: if it.warning { "warning.opened" } else { "alarm.raised" }.to_owned(),
                duty: String::new(),
                late: false,
                department: String::new(),
                actor: String::new(),
                text: it.subject.to_string(),
            })
        });
        let mut all: Vec<_> = about.chain(self.entries.iter().cloned()).collect();
        all.sort_by_key(|it| (it.at, it.recorded_at));
        all
    }
}
