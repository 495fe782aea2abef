//! What an event says of an occurrence of an alarm, as a change to its row.

use std::sync::Arc;

use model::{AlarmTransition, EventBody, RecordedEvent, Transition};
use store::{OccurrenceChange, OccurrenceRow};

/// The change, where the event belongs to an occurrence: an alarm that is shelved while normal has none.
pub(crate) fn change(recorded: &RecordedEvent) -> Option<OccurrenceChange> {
    let EventBody::Alarm(alarm) = &recorded.event.body else { return None };
    let occurrence = alarm.occurrence.as_ref()?;
    let mut row = named(occurrence.to_string(), recorded, alarm);
    let at = Some(recorded.event.occurred_at);
    match alarm.transition {
        Transition::Raised => {
            (row.raised_at, row.recorded_at) = (at, Some(recorded.recorded_at));
            (row.value, row.limit) = (alarm.value, alarm.limit);
            row.annunciated = Some(alarm.annunciated);
        }
        Transition::Returned => row.returned_at = at,
        Transition::Acknowledged => {
            (row.acknowledged_at, row.acknowledged_by) = (at, Some(alarm.actor.clone()));
        }
        Transition::Closed => row.closed_at = at,
        Transition::Reset
        | Transition::Shelved
        | Transition::Unshelved
        | Transition::Suppressed
        | Transition::Unsuppressed
        | Transition::OutOfService
        | Transition::InService
        | Transition::Silenced => {}
    }
    Some(OccurrenceChange { row, raise: alarm.transition == Transition::Raised })
}

/// What every event of an occurrence says.
fn named(id: String, recorded: &RecordedEvent, alarm: &AlarmTransition) -> OccurrenceRow {
    let text = |it: &Option<Arc<str>>| it.as_deref().unwrap_or_default().to_owned();
    let scope = &recorded.event.scope;
    OccurrenceRow {
        id,
        position: recorded.position,
        subject: recorded.event.subject.to_string(),
        alarm: alarm.alarm.to_string(),
        kind: alarm.alarm_kind.as_str().to_owned(),
        priority: alarm.priority.as_str().to_owned(),
        park: text(&scope.park),
        enterprise: text(&scope.enterprise),
        installation: text(&scope.installation),
        operator: alarm.position.to_string(),
        state: alarm.state.as_str().to_owned(),
        activations: alarm.activation,
        ..OccurrenceRow::default()
    }
}
