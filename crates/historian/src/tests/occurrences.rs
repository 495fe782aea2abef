//! Lives of alarms: from events to rows, and from rows to answers.

use std::sync::Arc;

use model::{
    AlarmId, AlarmKind, AlarmState, AlarmTransition, Epoch, Event, EventBody, EventId, KeySeq, Priority, Quantity,
    RevisionNumber, Scope, Time, Transition,
};
use store::OccurrenceChange;
use tonic::Request;
use wire::v1;
use wire::v1::history_service_server::HistoryService;

use super::{Plant, assert_field, at};

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

/// A life that is stored.
async fn lived() -> Plant {
    let plant = Plant::new().await;
    for event in life() {
        plant.event(event).await;
    }
    plant.store_all().await;
    plant
}

fn points(answer: &v1::ListAlarmOccurrencesResponse) -> Vec<&str> {
    answer.occurrences.iter().map(|it| it.point.as_str()).collect()
}

#[tokio::test]
async fn an_occurrence_is_told_whole() {
    let plant = lived().await;
    let api = plant.api(Arc::clone(&plant.store));
    let answer = api.list_alarm_occurrences(Request::new(v1::ListAlarmOccurrencesRequest::default())).await.unwrap().into_inner();
    assert_eq!(points(&answer), ["p3", "p1"], "newest raise first");
    assert!(answer.complete_to.is_some() && answer.next_page_token.is_empty());
    let wanted = v1::AlarmOccurrence {
        id: P1.to_owned(),
        point: "p1".to_owned(),
        alarm: "high".to_owned(),
        alarm_kind: "high".to_owned(),
        priority: v1::Priority::High.into(),
        state: v1::AlarmState::Normal.into(),
        park: "p".to_owned(),
        enterprise: "e01".to_owned(),
        installation: "i1".to_owned(),
        position: "panel-1".to_owned(),
        activations: 2,
        raised_at: at(10),
        recorded_at: answer.occurrences[1].recorded_at,
        value: Some(30.0),
        limit: Some(1.5),
        annunciated: Some(true),
        returned_at: at(50),
        acknowledged_at: at(40),
        acknowledged_by: "li".to_owned(),
        closed_at: at(50),
    };
    assert_eq!(answer.occurrences[1], wanted);
    assert_eq!((answer.occurrences[0].closed_at, answer.occurrences[0].state), (None, v1::AlarmState::Unacknowledged.into()));
}

#[tokio::test]
async fn occurrences_are_filtered_and_come_page_by_page() {
    let plant = lived().await;
    let api = plant.api(Arc::clone(&plant.store));
    let ask = async |selection: v1::OccurrenceSelection, page_size, page_token: &str| {
        let page_token = page_token.to_owned();
        let request = v1::ListAlarmOccurrencesRequest { selection: Some(selection), page_size, page_token };
        api.list_alarm_occurrences(Request::new(request)).await.map(tonic::Response::into_inner)
    };
    let list = |text: &str| vec![text.to_owned()];
    let all = v1::OccurrenceSelection::default;
    for (selection, wanted) in [
        (v1::OccurrenceSelection { open: Some(true), ..all() }, &["p3"][..]),
        (v1::OccurrenceSelection { open: Some(false), ..all() }, &["p1"]),
        (v1::OccurrenceSelection { points: list("p1"), ..all() }, &["p1"]),
        (v1::OccurrenceSelection { alarms: list("low"), ..all() }, &[]),
        (v1::OccurrenceSelection { priorities: vec![v1::Priority::High.into()], ..all() }, &["p1"]),
        (
            v1::OccurrenceSelection { parks: list("p"), enterprises: list("e01"), installations: list("i1"), ..all() },
            &["p3", "p1"],
        ),
        (v1::OccurrenceSelection { positions: list("panel-2"), ..all() }, &[]),
        (v1::OccurrenceSelection { from: at(10), to: at(35), ..all() }, &["p1"]),
        (v1::OccurrenceSelection { from: at(11), to: at(36), ..all() }, &["p3"]),
    ] {
        let shown = format!("{selection:?}");
        assert_eq!(points(&ask(selection, 0, "").await.unwrap()), wanted, "{shown}");
    }
    let first = ask(all(), 1, "").await.unwrap();
    let second = ask(all(), 1, &first.next_page_token).await.unwrap();
    assert_eq!((points(&first), points(&second)), (vec!["p3"], vec!["p1"]));
    assert_eq!(second.next_page_token, "");

    let other = v1::OccurrenceSelection { open: Some(true), ..all() };
    for (selection, token) in [(other, &*first.next_page_token), (all(), "x"), (all(), "x.y.z"), (all(), "AAAA")] {
        assert_field(&ask(selection, 1, token).await.unwrap_err(), "page_token", token);
    }
    let unknown = v1::OccurrenceSelection { priorities: vec![0], ..all() };
    assert_field(&ask(unknown, 0, "").await.unwrap_err(), "priorities", "0");
    let backward = v1::OccurrenceSelection { from: at(2), to: at(1), ..all() };
    assert_field(&ask(backward, 0, "").await.unwrap_err(), "to", "backward");
    for page_size in [-1, 5_001] {
        assert_field(&ask(all(), page_size, "").await.unwrap_err(), "page_size", "page_size");
    }
}
