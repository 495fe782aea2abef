//! What the tests of this crate make their journals of.

mod tables;
mod tables_laws;
mod watching;
mod watching_laws;

use std::sync::Arc;

use model::{
    AlarmId, AlarmKind, AlarmState, AlarmTransition, Epoch, Event, EventBody, EventId, KeySeq, Position, Priority, Quantity,
    RecordedEvent, RevisionNumber, Scope, Span, Time, Transition,
};

/// So many seconds after the beginning of the tests' time.
fn at(seconds: i64) -> Time {
    Time::YEAR_2000 + Span::from_secs(seconds)
}

/// A journal being written.
#[derive(Clone, Debug, Default)]
struct Log {
    events: Vec<RecordedEvent>,
}

/// One alarm as the tests name it.
#[derive(Clone, Copy, Debug)]
struct Alarm {
    point: &'static str,
    kind: AlarmKind,
    priority: Priority,
    position: &'static str,
    quantity: Quantity,
}

impl Alarm {
    const fn on(point: &'static str) -> Self {
        Self { point, kind: AlarmKind::High, priority: Priority::Low, position: "desk", quantity: Quantity::Pressure }
    }

    const fn kind(self, kind: AlarmKind) -> Self {
        Self { kind, ..self }
    }

    const fn priority(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }

    const fn position(self, position: &'static str) -> Self {
        Self { position, ..self }
    }

    const fn gas(self) -> Self {
        Self { quantity: Quantity::ToxicGas, ..self }
    }

    fn transition(self, transition: Transition, state: AlarmState, annunciated: bool) -> AlarmTransition {
        AlarmTransition {
            transition,
            alarm: AlarmId::new(self.kind.as_str()).unwrap(),
            alarm_kind: self.kind,
            priority: self.priority,
            state,
            occurrence: None,
            activation: 1,
            in_alarm: transition == Transition::Raised,
            value: None,
            limit: None,
            annunciated,
            late: false,
            held: false,
            clock_suspect: false,
            out_of_range: false,
            reason: String::new(),
            actor: String::new(),
            request_id: None,
            unit: Arc::from("kPa"),
            quantity: self.quantity,
            position: Arc::from(self.position),
            group: Arc::from(""),
            first_out: false,
            until: None,
            clock: None,
            advice: None,
        }
    }
}

impl Log {
    /// Writes an event that occurred and was recorded at these times.
    fn write(&mut self, occurred_at: Time, recorded_at: Time, subject: &str, body: EventBody) {
        let scope = Scope { enterprise: Some(Arc::from("e01")), ..Scope::default() };
        self.put(recorded_at, Event { occurred_at, subject: Arc::from(subject), scope, revision: RevisionNumber(1), body });
    }

    fn put(&mut self, recorded_at: Time, event: Event) {
        let position = Position(self.events.len() as u64 + 1);
        let id = EventId { epoch: Epoch(1), key: Arc::from("engine/1"), key_seq: KeySeq(position.0), ordinal: 0 };
        self.events.push(RecordedEvent { id, position, ordinal: 0, recorded_at, event, origin: None });
    }

    /// As if another Davy had recorded all of it.
    fn of_another(mut self) -> Self {
        let origin = Arc::new(model::Origin { node: Arc::from("county-a"), recorded_at: at(0) });
        self.events.iter_mut().for_each(|event| event.origin = Some(Arc::clone(&origin)));
        self
    }

    fn moved(&mut self, seconds: i64, alarm: Alarm, transition: Transition, state: AlarmState) {
        let body = EventBody::Alarm(Box::new(alarm.transition(transition, state, transition == Transition::Raised)));
        self.write(at(seconds), at(seconds), alarm.point, body);
    }

    fn raise(&mut self, seconds: i64, alarm: Alarm) {
        self.moved(seconds, alarm, Transition::Raised, AlarmState::Unacknowledged);
    }

    /// Raised while shelved.
    fn raise_hidden(&mut self, seconds: i64, alarm: Alarm) {
        let body = EventBody::Alarm(Box::new(alarm.transition(Transition::Raised, AlarmState::Shelved, false)));
        self.write(at(seconds), at(seconds), alarm.point, body);
    }

    fn back(&mut self, seconds: i64, alarm: Alarm) {
        self.moved(seconds, alarm, Transition::Returned, AlarmState::ReturnedUnacknowledged);
    }

    fn ack(&mut self, seconds: i64, alarm: Alarm) {
        self.moved(seconds, alarm, Transition::Acknowledged, AlarmState::Acknowledged);
    }

    fn close(&mut self, seconds: i64, alarm: Alarm) {
        self.moved(seconds, alarm, Transition::Closed, AlarmState::Normal);
    }

    /// In alarm for a while.
    fn pulse(&mut self, seconds: i64, lasting: i64, alarm: Alarm) {
        self.raise(seconds, alarm);
        self.back(seconds + lasting, alarm);
    }
}
