//! Alarm transitions and how events are made of them.

use std::sync::Arc;

use model::{
    AlarmState, AlarmTransition, Epoch, Event, EventBody, EventId, KeySeq, Point, RequestId, RevisionNumber, Scope, Time,
    Transition,
};

use crate::apply::Core;
use crate::life::{Happening, state_of, step};
use crate::point::Hot;

/// Why an alarm moves, and what its events say of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cause<'a> {
    pub(crate) at: Time,
    pub(crate) value: Option<f64>,
    pub(crate) late: bool,
    pub(crate) held: bool,
    pub(crate) clock_suspect: bool,
    pub(crate) out_of_range: bool,
    pub(crate) reason: &'a str,
    pub(crate) actor: &'a str,
    pub(crate) request_id: Option<&'a RequestId>,
}

impl Cause<'_> {
    /// The newest sample of a point, at a time.
    pub(crate) fn of_held(hot: &Hot, at: Time) -> Self {
        Self { at, clock_suspect: hot.has(Hot::SUSPECT), out_of_range: hot.has(Hot::OUT_OF_RANGE), ..Self::default() }
    }
}

impl Core {
    /// Moves an alarm if its state machine has the arc, and says so; whenever it becomes normal its occurrence closes.
    pub(crate) fn change(&mut self, local: usize, cell: usize, happening: Happening, cause: &Cause<'_>, events: &mut Vec<Event>) {
        let next = (self.header.epoch.0, self.key_seq.0.saturating_add(1), u32::try_from(events.len()).unwrap_or(u32::MAX));
        let latching = self.layout.rules[cell].latching;
        let state = &mut self.cells[cell];
        let before = state_of(state.flags);
        let Ok(flags) = step(state.flags, happening, latching) else { return };
        state.flags = flags;
        // Nothing is dated before what it follows.
        state.moved = state.moved.max(cause.at);
        if happening == Happening::Alm {
            if before == AlarmState::Normal {
                (state.occurrence, state.activation) = (next, 0);
            }
            state.activation = state.activation.saturating_add(1);
        }
        if happening == Happening::Rtn {
            // A stale alarm's silence counts from the newest sample again.
            state.due = Time::MIN;
        }
        let transition = match happening {
            Happening::Alm => Transition::Raised,
            Happening::Rtn => Transition::Returned,
            Happening::Ack => Transition::Acknowledged,
            Happening::Rst => Transition::Reset,
        };
        events.extend(self.alarm_event(local, cell, transition, cause));
        if state_of(flags) == AlarmState::Normal {
            events.extend(self.alarm_event(local, cell, Transition::Closed, cause));
        }
    }

    /// The event of a transition that has just taken place.
    pub(crate) fn alarm_event(&self, local: usize, cell: usize, transition: Transition, cause: &Cause<'_>) -> Option<Event> {
        let point = self.layout.point(self.revision.as_deref()?, local);
        let rule = point.alarms.get(cell - self.layout.rules_of(local).start)?;
        let state = &self.cells[cell];
        let alarm = AlarmTransition {
            transition,
            alarm: rule.id.clone(),
            alarm_kind: rule.kind,
            priority: rule.priority,
            state: state_of(state.flags),
            occurrence: Some(self.event_id(state.occurrence)),
            activation: state.activation,
            value: cause.value,
            limit: rule.limit,
            annunciated: transition == Transition::Raised,
            late: cause.late,
            held: cause.held,
            clock_suspect: cause.clock_suspect,
            out_of_range: cause.out_of_range && cause.value.is_some(),
            reason: cause.reason.to_owned(),
            actor: cause.actor.to_owned(),
            request_id: cause.request_id.cloned(),
            unit: Arc::from(point.unit.as_str()),
            quantity: point.quantity,
            in_alarm: false,
            position: Arc::from(""),
            group: Arc::from(""),
            first_out: false,
            until: None,
            clock: None,
            advice: None,
        };
        Some(self.event(state.moved, point.id.shared(), scope_of(point), EventBody::Alarm(Box::new(alarm))))
    }

    /// The id behind an alarm's stored occurrence.
    pub(crate) fn event_id(&self, (epoch, key_seq, ordinal): (u64, u64, u32)) -> EventId {
        EventId { epoch: Epoch(epoch), key: Arc::clone(&self.key), key_seq: KeySeq(key_seq), ordinal }
    }

    /// An event under the revision in force.
    pub(crate) fn event(&self, occurred_at: Time, subject: Arc<str>, scope: Scope, body: EventBody) -> Event {
        let revision = self.revision.as_ref().map_or(RevisionNumber(0), |revision| revision.number);
        Event { occurred_at, subject, scope, revision, body }
    }
}

/// Whom a point's events concern.
pub(crate) fn scope_of(point: &Point) -> Scope {
    Scope { installation: Some(point.installation.shared()), ..enterprise_scope_of(point) }
}

/// Whom the events of a point's gateway or source concern.
pub(crate) fn enterprise_scope_of(point: &Point) -> Scope {
    Scope {
        park: point.park.as_ref().map(model::ParkId::shared),
        enterprise: Some(point.enterprise.shared()),
        installation: None,
    }
}
