//! What is to be said of incidents now: that half or four fifths of the time of a duty are over, and that it is late.
//!
//! Of what is over only the last is said. A duty of a class that nobody is sure of is reminded of and never late.

use std::sync::Arc;

use duty::REMINDERS_PERCENT;
use model::{Event, EventBody, IncidentChange, IncidentTransition, Span, Time};

use super::{Incident, Incidents, Row};

impl Incidents {
    pub(crate) fn due(&self, now: Time) -> Vec<Event> {
        if self.next.is_none_or(|next| next > now) {
            return Vec::new();
        }
        self.open().flat_map(|it| it.rows.iter().filter_map(move |row| it.due(row, now))).collect()
    }
}

impl Incident {
    fn due(&self, row: &Row, now: Time) -> Option<Event> {
        if row.waived || row.done.is_some() || row.overdue {
            return None;
        }
        if row.is_open() && row.duty.due <= now {
            let change = IncidentChange { late: true, ..self.of_row(row, IncidentTransition::Overdue) };
            return Some(event(self, row.duty.due, change));
        }
        let (percent, at) = row.reminders().filter(|(percent, at)| *percent > row.reminded && *at <= now).last()?;
        Some(event(self, at, IncidentChange { percent, ..self.of_row(row, IncidentTransition::Reminder) }))
    }

    fn of_row(&self, row: &Row, transition: IncidentTransition) -> IncidentChange {
        IncidentChange {
            duty: row.duty.duty.clone(),
            due: Some(row.duty.due),
            duties: vec![row.duty.clone()],
            ..about(self, transition)
        }
    }

    /// When there is something to say of it.
    pub(super) fn next(&self) -> Option<Time> {
        self.rows.iter().filter_map(Row::next).min()
    }
}

impl Row {
    /// The reminders before its end.
    fn reminders(&self) -> impl Iterator<Item = (u32, Time)> {
        let span = self.duty.due.since(self.duty.from).micros();
        let part = move |percent: i64| Span::from_micros(span / 100 * percent + span % 100 * percent / 100);
        let percents = REMINDERS_PERCENT.into_iter().filter(|it| *it < 100);
        percents.map(move |percent| (u32::try_from(percent).unwrap_or(0), self.duty.from + part(percent)))
    }

    fn next(&self) -> Option<Time> {
        if self.waived || self.done.is_some() || self.overdue {
            return None;
        }
        let reminder = self.reminders().find(|(percent, _)| *percent > self.reminded).map(|(_, at)| at);
        reminder.or_else(|| self.is_open().then_some(self.duty.due))
    }
}

/// An event about an incident as it is.
pub(super) fn about(incident: &Incident, transition: IncidentTransition) -> IncidentChange {
    IncidentChange {
        incident: Some(incident.id.clone()),
        title: incident.title.clone(),
        happened_at: incident.happened_at,
        known_at: incident.known_at,
        losses: incident.losses,
        class: incident.class,
        ..IncidentChange::new(transition, incident.kind, incident.place.kind)
    }
}

/// The same as an event.
pub(super) fn event(incident: &Incident, occurred_at: Time, change: IncidentChange) -> Event {
    Event {
        occurred_at,
        subject: Arc::clone(&incident.place.id),
        scope: incident.scope.clone(),
        revision: incident.revision,
        body: EventBody::Incident(Box::new(change)),
    }
}
