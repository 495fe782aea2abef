//! Lives of alarms: from events to rows.

use std::sync::Arc;

use model::{
    AlarmId, AlarmKind, AlarmState, AlarmTransition, Epoch, Event, EventBody, EventId, KeySeq, Priority, Quantity,
    RevisionNumber, Scope, Time, Transition,
};
use store::OccurrenceChange;

use super::Plant;

/// An event of an alarm `high` in enterprise `e01` of park `p`.
struct Said {
    point: &'static str,
    transition: Transition,
    state: AlarmState,
    at: i64,
    /// Key sequence of the raise that named the occurrence.
    occurrence: Option<u64>,
    activation: u32,
}

fn said(
    (point, transition, state): (&'static str, Transition, AlarmState),
    at: i64,
    occurrence: Option<u64>,
    activation: u32,
) -> Event {
    Said { point, transition, state, at, occurrence, activation }.event()
}

impl Said {
    fn event(self) -> Event {
        let raised = self.transition == Transition::Raised;
        let of = |key_seq| EventId { epoch: Epoch(7), key: Arc::from("engine/17"), key_seq: KeySeq(key_seq), ordinal: 0 };
        let alarm = AlarmTransition {
            transition: self.transition,
            alarm: AlarmId::new("high").unwrap(),
            alarm_kind: AlarmKind::High,
            priority: if self.point == "p1" { Priority::High } else { Priority::Low },
            state: self.state,
            occurrence: self.occurrence.map(of),
            activation: self.activation,
            in_alarm: raised,
            value: Some(self.at as f64),
            limit: Some(1.5),
            annunciated: raised && self.activation == 1,
            late: false,
            held: false,
            clock_suspect: false,
            out_of_range: false,
            reason: String::new(),
            actor: if self.transition == Transition::Acknowledged { "li" } else { "" }.to_owned(),
            request_id: None,
            unit: Arc::from("kPa"),
            quantity: Quantity::Pressure,
            position: Arc::from("panel-1"),
            group: Arc::from(""),
            first_out: false,
            until: None,
            clock: None,
            advice: None,
        };
        Event {
            occurred_at: Time::from_micros(self.at),
            subject: Arc::from(self.point),
            scope: Scope { park: Some(Arc::from("p")), enterprise: Some(Arc::from("e01")), installation: Some(Arc::from("i1")) },
            revision: RevisionNumber(1),
            body: EventBody::Alarm(Box::new(alarm)),
        }
    }
}

/// p1 is raised, acknowledged, returns and is raised again, returns and closes; p2 is shelved while normal; p3 is raised and stays.
fn life() -> Vec<Event> {
    use AlarmState::{Acknowledged, Normal, ReturnedUnacknowledged, Shelved, Unacknowledged};
    vec![
        said(("p1", Transition::Raised, Unacknowledged), 10, Some(1), 1),
        said(("p1", Transition::Returned, ReturnedUnacknowledged), 20, Some(1), 1),
        said(("p2", Transition::Shelved, Shelved), 25, None, 0),
        said(("p1", Transition::Raised, Unacknowledged), 30, Some(1), 2),
        said(("p3", Transition::Raised, Unacknowledged), 35, Some(9), 1),
        said(("p1", Transition::Acknowledged, Acknowledged), 40, Some(1), 2),
        said(("p1", Transition::Returned, Normal), 50, Some(1), 2),
        said(("p1", Transition::Closed, Normal), 50, Some(1), 2),
    ]
}

const P1: &str = "0000000000000007-engine/17-1-0";
const P3: &str = "0000000000000007-engine/17-9-0";

#[tokio::test]
async fn events_say_what_they_know_of_an_occurrence() {
    let plant = Plant::new().await;
    for event in life() {
        plant.event(event).await;
    }
    let id = journal::JournalId::Events;
    let limit = journal::ReadLimit { records: 100, bytes: 1_000_000 };
    let journal: &dyn journal::Journal = &*plant.journal;
    let records = journal.read(id, model::Position(0), journal::Level::Durable, limit).await.unwrap();
    let changes = crate::convert::batch(id, journal.epoch(), model::Position(0), &records).occurrences;
    let what: Vec<_> = changes.iter().map(|OccurrenceChange { row, raise }| (row.id.as_str(), row.activations, *raise)).collect();
    let wanted = [(P1, 1, true), (P1, 1, false), (P1, 2, true), (P3, 1, true), (P1, 2, false), (P1, 2, false), (P1, 2, false)];
    assert_eq!(what, wanted, "an alarm shelved while normal has no occurrence");
    let time = |micros| Some(Time::from_micros(micros));
    let raise = &changes[0].row;
    assert_eq!((raise.raised_at, raise.value, raise.limit, raise.annunciated), (time(10), Some(10.0), Some(1.5), Some(true)));
    assert_eq!(raise.recorded_at, Some(records[0].time));
    assert_eq!((raise.subject.as_str(), raise.kind.as_str(), raise.priority.as_str()), ("p1", "high", "high"));
    assert_eq!((raise.park.as_str(), raise.enterprise.as_str(), raise.installation.as_str()), ("p", "e01", "i1"));
    assert_eq!((raise.operator.as_str(), raise.state.as_str()), ("panel-1", "unacknowledged"));
    assert_eq!((raise.returned_at, raise.acknowledged_at, raise.closed_at), (None, None, None));
    let returned = &changes[1].row;
    assert_eq!((returned.returned_at, returned.value, returned.annunciated, returned.raised_at), (time(20), None, None, None));
    assert_eq!(changes[2].row.annunciated, Some(false));
    let acknowledged = &changes[4].row;
    assert_eq!((acknowledged.acknowledged_at, acknowledged.acknowledged_by.as_deref()), (time(40), Some("li")));
    assert_eq!((changes[6].row.closed_at, changes[6].row.returned_at), (time(50), None));
    assert!(changes.iter().all(|it| it.row.position > model::Position(0)));
}
