//! What the list shows of alarms, over a real server; the events are written as an engine would.

use std::sync::Arc;
use std::time::Duration;

use engine::AlarmConfig;
use journal::{Journal, JournalId};
use model::{
    Advice, AlarmId, AlarmKind, AlarmState, AlarmTransition, ClockOffset, Epoch, Event, EventBody, EventId, KeySeq, Position,
    Priority, Quantity, RevisionNumber, Scope, Span, Time, Transition,
};
use tonic::{Code, Status};
use wire::v1;

use crate::api::{Box_, connect, facts, revise};
use crate::mem::MemJournal;
use crate::plant::{GAS, PRESSURE, append};

/// A transition of one alarm, to be changed where a test needs it otherwise.
pub(crate) fn transition(kind: Transition, state: AlarmState) -> AlarmTransition {
    AlarmTransition {
        transition: kind,
        alarm: AlarmId::new("high").expect("valid"),
        alarm_kind: AlarmKind::High,
        priority: Priority::High,
        state,
        occurrence: Some(EventId { epoch: Epoch(7), key: Arc::from("engine/1"), key_seq: KeySeq(1), ordinal: 0 }),
        activation: 1,
        in_alarm: kind == Transition::Raised,
        value: Some(30.0),
        limit: Some(25.0),
        annunciated: true,
        late: false,
        held: false,
        clock_suspect: false,
        out_of_range: false,
        reason: String::new(),
        actor: String::new(),
        request_id: None,
        unit: Arc::from("%LEL"),
        quantity: Quantity::CombustibleGas,
        position: Arc::from(""),
        group: Arc::from(""),
        first_out: false,
        until: None,
        clock: None,
        advice: None,
    }
}

pub(crate) fn raise() -> AlarmTransition {
    transition(Transition::Raised, AlarmState::Unacknowledged)
}

/// Hidden while normal: no occurrence is open.
fn hide(kind: Transition, state: AlarmState) -> AlarmTransition {
    AlarmTransition { occurrence: None, activation: 0, value: None, limit: None, ..transition(kind, state) }
}

pub(crate) fn event(subject: &str, at_s: i64, alarm: AlarmTransition) -> Event {
    Event {
        occurred_at: Time::YEAR_2000 + Span::from_secs(at_s),
        subject: Arc::from(subject),
        scope: Scope { park: Some(Arc::from("park")), enterprise: Some(Arc::from("e01")), installation: None },
        revision: RevisionNumber(1),
        body: EventBody::Alarm(Box::new(alarm)),
    }
}

/// Appends one record with these events.
pub(crate) async fn put(journal: &dyn Journal, events: Vec<Event>) {
    let record = wire::EventRecord { events, ..wire::EventRecord::default() };
    append(journal, JournalId::Events, "engine/1", wire::encode_event_record(&record)).await;
}

/// A server over a journal in memory with the site, but without an engine.
pub(crate) async fn served() -> (Arc<MemJournal>, Box_) {
    let journal = MemJournal::new();
    revise(&*journal).await;
    let config = AlarmConfig { wait_limit: Duration::from_secs(10), ..AlarmConfig::default() };
    let plant = connect(Arc::clone(&journal) as _, config, false).await;
    (journal, plant)
}

pub(crate) async fn list(plant: &mut Box_, request: v1::ListAlarmsRequest) -> Result<v1::ListAlarmsResponse, Status> {
    plant.client.list_alarms(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn now(plant: &mut Box_) -> v1::ListAlarmsResponse {
    list(plant, v1::ListAlarmsRequest::default()).await.expect("lists")
}

pub(crate) fn points(list: &v1::ListAlarmsResponse) -> Vec<&str> {
    list.alarms.iter().map(|it| it.point.as_str()).collect()
}

fn shelved() -> AlarmTransition {
    AlarmTransition {
        until: Some(Time::YEAR_2000 + Span::from_secs(3_600)),
        actor: "li".to_owned(),
        reason: "sensor exchanged".to_owned(),
        ..hide(Transition::Shelved, AlarmState::Shelved)
    }
}

#[tokio::test]
async fn an_alarm_says_what_the_operator_needs() {
    let (journal, mut plant) = served().await;
    let advice = Advice {
        cause: "flange leaks".to_owned(),
        consequence: "fire".to_owned(),
        action: "evacuate".to_owned(),
        respond_within: Some(Span::from_secs(180)),
    };
    let alarm = AlarmTransition {
        position: Arc::from("panel-1"),
        clock: Some(ClockOffset { offset: Span::from_millis(20), uncertainty: Span::from_millis(3) }),
        advice: Some(Box::new(advice)),
        ..raise()
    };
    let silenced = AlarmTransition {
        actor: "li".to_owned(),
        in_alarm: true,
        position: Arc::from("panel-1"),
        ..transition(Transition::Silenced, AlarmState::Unacknowledged)
    };
    put(&*journal, vec![event(GAS, 5, alarm)]).await;
    put(&*journal, vec![event(GAS, 6, silenced)]).await;
    let shown = now(&mut plant).await.alarms.remove(0);
    assert_eq!((shown.cause.as_str(), shown.consequence.as_str(), shown.action.as_str()), ("flange leaks", "fire", "evacuate"));
    assert_eq!(shown.respond_within_us, Some(180_000_000));
    assert_eq!((shown.clock_offset_us, shown.clock_uncertainty_us), (Some(20_000), Some(3_000)));
    assert_eq!((shown.position.as_str(), shown.point_name.as_str()), ("panel-1", "可燃气体"));
    assert!(shown.in_alarm && shown.annunciated && shown.silenced && shown.hidden.is_none());
    assert_eq!(shown.silenced_by, "li");
    let got = plant.client.get_alarm(v1::GetAlarmRequest { point: GAS.to_owned(), alarm: "high".to_owned() }).await;
    assert_eq!(got.expect("open").into_inner(), shown);
    // Raised again: what was said of the activation before no longer holds.
    put(&*journal, vec![event(GAS, 7, AlarmTransition { activation: 2, annunciated: false, ..raise() })]).await;
    let again = now(&mut plant).await.alarms.remove(0);
    assert_eq!((again.silenced, again.annunciated, again.cause.as_str()), (false, false, ""));
    plant.shutdown.request();
}

#[tokio::test]
async fn hidden_alarms_stay_listed_last_with_why_and_until() {
    let (journal, mut plant) = served().await;
    put(&*journal, vec![event("b-hidden", 1, shelved())]).await;
    let by_design = AlarmTransition { reason: "unit_down".to_owned(), ..hide(Transition::Suppressed, AlarmState::Suppressed) };
    put(&*journal, vec![event("a-design", 2, AlarmTransition { priority: Priority::Critical, ..by_design })]).await;
    put(&*journal, vec![event("z-low", 3, AlarmTransition { priority: Priority::Low, ..raise() })]).await;
    let shown = now(&mut plant).await;
    assert_eq!(points(&shown), ["z-low", "a-design", "b-hidden"], "in alarm before hidden, then by priority");
    assert_eq!((shown.total_size, shown.hidden_size), (3, 2));
    let counts: Vec<_> = shown.counts.iter().map(|it| (it.priority(), it.unacknowledged, it.total)).collect();
    let wanted =
        [(v1::Priority::Critical, 0, 0), (v1::Priority::High, 0, 0), (v1::Priority::Medium, 0, 0), (v1::Priority::Low, 1, 1)];
    assert_eq!(counts, wanted);
    let [_, design, shelf] = shown.alarms.as_slice() else { panic!("three") };
    assert!(!shelf.in_alarm && shelf.occurrence.is_empty() && shelf.raised_at.is_none());
    let hidden = shelf.hidden.as_ref().expect("hidden");
    assert_eq!((hidden.state(), hidden.by.as_str(), hidden.why.as_str()), (v1::AlarmState::Shelved, "li", "sensor exchanged"));
    let until = hidden.until.as_ref().map(wire::time_from_v1);
    assert_eq!(until, Some(Time::YEAR_2000 + Span::from_secs(3_600)));
    let hidden = design.hidden.as_ref().expect("hidden");
    assert_eq!((hidden.by.as_str(), hidden.why.as_str(), &hidden.until), ("", "unit_down", &None));

    // Out of service is stronger, and what lies below comes back with it.
    let outage = AlarmTransition { actor: "wang".to_owned(), ..hide(Transition::OutOfService, AlarmState::OutOfService) };
    put(&*journal, vec![event("b-hidden", 4, outage)]).await;
    let shown = now(&mut plant).await.alarms.into_iter().find(|it| it.point == "b-hidden").expect("listed");
    assert_eq!(shown.hidden.expect("hidden").by, "wang");
    put(&*journal, vec![event("b-hidden", 5, hide(Transition::InService, AlarmState::Shelved))]).await;
    let shown = now(&mut plant).await.alarms.into_iter().find(|it| it.point == "b-hidden").expect("listed");
    assert_eq!(shown.hidden.expect("hidden").by, "li");
    // Raised while hidden: listed, not told.
    let raised = AlarmTransition { annunciated: false, state: AlarmState::Shelved, ..raise() };
    put(&*journal, vec![event("b-hidden", 6, raised)]).await;
    let shown = now(&mut plant).await.alarms.into_iter().find(|it| it.point == "b-hidden").expect("listed");
    assert!(shown.in_alarm && !shown.annunciated && shown.hidden.is_some());
    put(&*journal, vec![event("a-design", 7, hide(Transition::Unsuppressed, AlarmState::Normal))]).await;
    assert_eq!(points(&now(&mut plant).await), ["z-low", "b-hidden"], "normal and not hidden is gone");
    plant.shutdown.request();
}

#[tokio::test]
async fn hidden_alarms_survive_a_restart_by_their_snapshot() {
    let (journal, mut plant) = served().await;
    put(&*journal, vec![event("a", 1, raise())]).await;
    put(&*journal, vec![event("a", 2, AlarmTransition { in_alarm: true, ..shelved() })]).await;
    put(&*journal, vec![event("a", 3, hide(Transition::Closed, AlarmState::Shelved))]).await;
    put(&*journal, vec![event("b", 4, shelved())]).await;
    put(&*journal, vec![event("b", 5, AlarmTransition { state: AlarmState::Shelved, annunciated: false, ..raise() })]).await;
    let before = now(&mut plant).await;
    plant.shutdown.request();
    let key = journal::Key::new("alarms").expect("valid");
    let kept = async {
        while journal.snapshots(&key).await.expect("reads").is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), kept).await.expect("a snapshot at the end");
    let mut again = connect(Arc::clone(&journal) as _, AlarmConfig::default(), false).await;
    assert_eq!(now(&mut again).await, before, "names and times too");
    again.shutdown.request();
}

#[tokio::test]
async fn filters_take_positions_and_states() {
    let (journal, mut plant) = served().await;
    let at = |position: &str| Arc::from(position);
    put(&*journal, vec![event("a", 1, AlarmTransition { position: at("panel-1"), ..raise() })]).await;
    put(&*journal, vec![event("b", 2, AlarmTransition { position: at("panel-2"), ..raise() })]).await;
    put(&*journal, vec![event("c", 3, AlarmTransition { position: at("panel-1"), ..shelved() })]).await;
    let request = v1::ListAlarmsRequest { positions: vec!["panel-1".to_owned()], ..Default::default() };
    let shown = list(&mut plant, request.clone()).await.expect("lists");
    assert_eq!((points(&shown), shown.hidden_size), (vec!["a", "c"], 1));
    let request = v1::ListAlarmsRequest { states: vec![v1::AlarmState::Unacknowledged.into()], ..request };
    assert_eq!(points(&list(&mut plant, request).await.expect("lists")), ["a"]);
    for wrong in [v1::AlarmState::Normal as i32, v1::AlarmState::Unspecified as i32, 99] {
        let request = v1::ListAlarmsRequest { states: vec![wrong], ..Default::default() };
        assert_eq!(list(&mut plant, request).await.expect_err("not listed").code(), Code::InvalidArgument, "{wrong}");
    }
    plant.shutdown.request();
}

/// One alarm of the group `trip`, raised at a time by a clock that is known so well.
fn of_group(first_out: bool, uncertainty_s: i64) -> AlarmTransition {
    let clock = Some(ClockOffset { offset: Span::ZERO, uncertainty: Span::from_secs(uncertainty_s) });
    AlarmTransition { group: Arc::from("trip"), first_out, clock, ..raise() }
}

#[tokio::test]
async fn the_first_out_is_marked_and_said_to_be_certain_or_not() {
    let (journal, mut plant) = served().await;
    put(&*journal, vec![event("a", 10, of_group(true, 1)), event("b", 13, of_group(false, 1))]).await;
    let marks = |list: &v1::ListAlarmsResponse| {
        let mark = |it: &v1::Alarm| (it.point.clone(), it.first_out, it.order_certain);
        let mut marks: Vec<_> = list.alarms.iter().map(mark).collect();
        marks.sort();
        marks
    };
    let mark = |point: &str, first_out, certain| (point.to_owned(), first_out, certain);
    assert_eq!(marks(&now(&mut plant).await), [mark("a", true, true), mark("b", false, false)], "3 s apart, known to 2 s");
    put(&*journal, vec![event("c", 12, of_group(false, 1))]).await;
    assert_eq!(marks(&now(&mut plant).await)[0], mark("a", true, false), "2 s apart are not more than 2 s");
    // Late data bring an older one: it takes the mark.
    put(&*journal, vec![event("d", 5, of_group(true, 1))]).await;
    let shown = now(&mut plant).await;
    assert_eq!(marks(&shown)[0], mark("a", false, false));
    assert_eq!(marks(&shown)[3], mark("d", true, true));
    // What came first keeps its mark after it has returned, and is compared with what is still in alarm.
    let returned = transition(Transition::Returned, AlarmState::ReturnedUnacknowledged);
    put(&*journal, vec![event("d", 20, AlarmTransition { group: Arc::from("trip"), ..returned })]).await;
    let shown = now(&mut plant).await;
    assert_eq!(marks(&shown)[3], mark("d", true, true));
    // The same group of another enterprise is another group.
    let mut other = event("e", 1, of_group(true, 1));
    other.scope.enterprise = Some(Arc::from("e02"));
    put(&*journal, vec![other]).await;
    assert_eq!(marks(&now(&mut plant).await)[4], mark("e", true, true));
    plant.shutdown.request();
}

#[tokio::test]
async fn points_of_one_gateway_have_one_clock() {
    let (journal, mut plant) = served().await;
    // Both points of the site have the same gateway: their order is certain whatever its clock.
    let unknown = |first_out| AlarmTransition { clock: None, ..of_group(first_out, 0) };
    put(&*journal, vec![event(GAS, 10, unknown(true)), event(PRESSURE, 11, unknown(false))]).await;
    let shown = now(&mut plant).await;
    let gas = shown.alarms.iter().find(|it| it.point == GAS).expect("listed");
    assert!(gas.first_out && gas.order_certain);
    put(&*journal, vec![event("elsewhere", 12, unknown(false))]).await;
    let shown = now(&mut plant).await;
    let gas = shown.alarms.iter().find(|it| it.point == GAS).expect("listed");
    assert!(gas.first_out && !gas.order_certain, "another clock, of which nothing is known");
    plant.shutdown.request();
}

#[tokio::test]
async fn pages_go_on_at_subjects_of_any_text() {
    let (journal, mut plant) = served().await;
    let subjects = ["park/a~b", "park/gw 1", "e01", "节点/1~"];
    for (at, subject) in (0..).zip(subjects) {
        put(&*journal, vec![event(subject, at, raise())]).await;
    }
    let mut request = v1::ListAlarmsRequest { page_size: 1, ..Default::default() };
    let mut shown = Vec::new();
    loop {
        let page = list(&mut plant, request.clone()).await.expect("lists");
        shown.extend(page.alarms.into_iter().map(|it| it.point));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(shown, subjects);
    plant.shutdown.request();
}

#[tokio::test]
async fn commands_go_to_the_partition_of_their_subject() {
    let journal = MemJournal::new();
    revise(&*journal).await;
    let config = AlarmConfig { wait_limit: Duration::from_millis(50), ..AlarmConfig::default() };
    let mut plant = connect(Arc::clone(&journal) as _, config, false).await;
    for (subject, alarm) in [("none/e01/gw1", "gateway_down"), ("e01", "enterprise_down"), (GAS, "high")] {
        let before = journal.bounds(crate::plant::input()).appended;
        let request = v1::AcknowledgeAlarmRequest {
            point: subject.to_owned(),
            alarm: alarm.to_owned(),
            actor: "li".to_owned(),
            ..v1::AcknowledgeAlarmRequest::default()
        };
        let status = plant.client.acknowledge_alarm(request).await.expect_err("nobody judges");
        assert_eq!(facts(&status).0, "outcome_unknown", "{subject}");
        assert_eq!(journal.bounds(crate::plant::input()).appended, Position(before.0 + 1), "{subject}");
    }
    let request = v1::AcknowledgeAlarmRequest {
        point: "none/e09/gw1".to_owned(),
        alarm: "gateway_down".to_owned(),
        actor: "li".to_owned(),
        ..v1::AcknowledgeAlarmRequest::default()
    };
    assert_eq!(plant.client.acknowledge_alarm(request).await.expect_err("nowhere").code(), Code::NotFound);
    plant.shutdown.request();
}
