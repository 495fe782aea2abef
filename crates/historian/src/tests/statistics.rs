//! Figures of the alarm system from stored rows.

use std::sync::Arc;

use bytes::Bytes;
use journal::{Journal, JournalId, JournalRecord, Key, RecordKind};
use model::{
    AlarmId, AlarmKind, AlarmState, AlarmTransition, Epoch, Event, EventBody, KeySeq, Position, Priority, Quantity,
    RevisionNumber, Scope, Span, Time, Transition,
};
use prost_types::Timestamp;
use store::Store;
use tonic::{Code, Request, Status};
use wire::v1;
use wire::v1::history_service_server::HistoryService;

use super::Plant;
use crate::api::Api;

/// So many seconds into the year 2020.
fn at(seconds: i64) -> Time {
    Time::from_micros(1_577_836_800_000_000) + Span::from_secs(seconds)
}

fn stamp(seconds: i64) -> Option<Timestamp> {
    Some(wire::time_to_v1(at(seconds)))
}

fn alarm(seconds: i64, point: &str, enterprise: &str, transition: Transition) -> (Time, Event) {
    let state = if transition == Transition::Closed { AlarmState::Normal } else { AlarmState::Unacknowledged };
    let alarm = AlarmTransition {
        transition,
        alarm: AlarmId::new("high").unwrap(),
        alarm_kind: AlarmKind::High,
        priority: Priority::High,
        state,
        occurrence: None,
        activation: 1,
        in_alarm: transition == Transition::Raised,
        value: Some(1.0),
        limit: None,
        annunciated: transition == Transition::Raised,
        late: false,
        held: false,
        clock_suspect: false,
        out_of_range: false,
        reason: String::new(),
        actor: String::new(),
        request_id: None,
        unit: Arc::from("kPa"),
        quantity: Quantity::Pressure,
        position: Arc::from(if point.starts_with("desk") { "desk" } else { "" }),
        group: Arc::from(""),
        first_out: false,
        until: None,
        clock: None,
        advice: None,
    };
    let scope = Scope { park: Some(Arc::from("p")), enterprise: Some(Arc::from(enterprise)), installation: None };
    let body = EventBody::Alarm(Box::new(alarm));
    (at(seconds), Event { occurred_at: at(seconds), subject: Arc::from(point), scope, revision: RevisionNumber(1), body })
}

/// Served from rows that were recorded at times of the test's choice, one event a record.
struct Past {
    plant: Plant,
    api: Api,
}

impl Past {
    async fn of(mut events: Vec<(Time, Event)>) -> Self {
        events.sort_by_key(|(recorded_at, _)| *recorded_at);
        let plant = Plant::new().await;
        let records: Vec<_> = events.into_iter().zip(1..).map(|((time, event), number)| record(time, event, number)).collect();
        let batch = crate::convert::batch(JournalId::Events, Epoch(1), Position(0), &records);
        if !records.is_empty() {
            plant.store.write(&batch).await.unwrap();
        }
        let journal: Arc<dyn Journal> = Arc::<journal::Embedded>::clone(&plant.journal);
        let api = Api::new(journal, Arc::clone(&plant.store) as Arc<dyn Store>, Arc::default(), Arc::default());
        Self { plant, api }
    }

    async fn ask(&self, request: v1::GetAlarmStatisticsRequest) -> Result<v1::AlarmStatistics, Status> {
        self.api.get_alarm_statistics(Request::new(request)).await.map(tonic::Response::into_inner)
    }
}

fn record(time: Time, event: Event, number: u64) -> JournalRecord {
    let body: Bytes = wire::encode_event_record(&wire::EventRecord { events: vec![event], ..wire::EventRecord::default() });
    JournalRecord {
        journal: JournalId::Events,
        position: Position(number),
        epoch: Epoch(1),
        time,
        key: Key::new("engine/1").unwrap(),
        key_seq: KeySeq(number),
        kind: RecordKind::Data,
        body,
    }
}

fn period(from: i64, to: i64) -> v1::GetAlarmStatisticsRequest {
    v1::GetAlarmStatisticsRequest { from: stamp(from), to: stamp(to), ..Default::default() }
}

fn judgement<'a>(figures: &'a v1::PositionStatistics, figure: &str) -> &'a v1::Judgement {
    figures.judgements.iter().find(|it| it.figure == figure).unwrap()
}

const DAY: i64 = 86_400;

#[tokio::test]
async fn the_whole_table_comes_with_targets_and_verdicts() {
    let mut events = Vec::new();
    // 3,000 alarms of one desk on one day, one every 28.8 s, each acknowledged after 7 s and back after 14 s: three pages of rows.
    for n in 0..3_000 {
        let second = n * 288 / 10;
        let point = format!("desk-{}", n % 7);
        events.push(alarm(second, &point, "e01", Transition::Raised));
        events.push(alarm(second + 7, &point, "e01", Transition::Acknowledged));
        events.push(alarm(second + 14, &point, "e01", Transition::Returned));
    }
    events.push(alarm(3_600, "LI-1", "e02", Transition::Raised));
    let past = Past::of(events).await;
    let answer = past.ask(period(0, DAY)).await.unwrap();
    assert_eq!((answer.from, answer.to, answer.shorter_than_30_days), (stamp(0), stamp(DAY), true));
    let names: Vec<_> = answer.positions.iter().map(|it| (it.position.as_str(), it.alarms)).collect();
    assert_eq!(names, [("desk", 3_000), ("e02", 1)]);
    let desk = &answer.positions[0];
    let per_day = judgement(desk, "alarms_per_day");
    assert_eq!((per_day.value, per_day.target, per_day.maximum), (3_000.0, 150.0, Some(300.0)));
    assert_eq!((per_day.verdict.as_str(), per_day.below, per_day.clause.is_empty()), ("over_maximum", false, false));
    assert_eq!(judgement(desk, "flood_share").verdict, "over_target");
    assert!(judgement(desk, "flood_share").below);
    assert_eq!((desk.floods, desk.by_priority.as_slice()), (1, &[0, 0, 3_000, 0][..]));
    assert_eq!((desk.most_frequent.len(), desk.most_frequent[0].point.as_str(), desk.most_frequent[0].count), (7, "desk-0", 429));
    let (acks, returns) = (desk.time_to_acknowledge.unwrap(), desk.time_to_return.unwrap());
    assert_eq!((acks.count, acks.mean_us, acks.max_us), (3_000, 7_000_000, 7_000_000));
    assert_eq!((returns.count, returns.max_us, returns.median_us), (3_000, 14_000_000, 14_000_000));
    assert_eq!(desk.eemua_class, "reactive");
    assert_eq!(answer.total.unwrap().alarms, 3_001);
    drop(past.plant);
}

#[tokio::test]
async fn what_was_before_is_known_and_not_counted() {
    let events = vec![
        alarm(-8 * DAY, "unknown", "e01", Transition::Raised),
        alarm(-2 * DAY, "PI-1", "e01", Transition::Raised),
        alarm(100, "PI-2", "e01", Transition::Raised),
        alarm(DAY, "PI-3", "e01", Transition::Raised),
    ];
    let past = Past::of(events).await;
    let total = past.ask(period(0, DAY)).await.unwrap().total.unwrap();
    assert_eq!((total.alarms, total.standing, total.standing_at_end), (1, 1, 1), "a week is looked back");
}

#[tokio::test]
async fn parks_enterprises_and_positions_are_filters() {
    let events = vec![
        alarm(1, "desk-1", "e01", Transition::Raised),
        alarm(2, "PI-1", "e01", Transition::Raised),
        alarm(3, "PI-2", "e02", Transition::Raised),
    ];
    let past = Past::of(events).await;
    let names = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let alarms = async |parks: &[&str], enterprises: &[&str], positions: &[&str]| {
        let (parks, enterprises, positions) = (names(parks), names(enterprises), names(positions));
        let request = v1::GetAlarmStatisticsRequest { parks, enterprises, positions, ..period(0, DAY) };
        past.ask(request).await.unwrap().total.unwrap().alarms
    };
    assert_eq!(alarms(&[], &[], &[]).await, 3);
    assert_eq!((alarms(&["p"], &[], &[]).await, alarms(&["q"], &[], &[]).await), (3, 0));
    assert_eq!((alarms(&[], &["e01"], &[]).await, alarms(&[], &["e01", "e02"], &[]).await), (2, 3));
    assert_eq!((alarms(&[], &[], &["desk"]).await, alarms(&[], &["e01"], &["e01"]).await), (1, 1));
}

#[tokio::test]
async fn the_period_is_checked_and_the_field_named() {
    let past = Past::of(Vec::new()).await;
    let many = vec![String::new(); 10_001];
    let wrong = [
        (period(5, 4), "to"),
        (period(5, 5), "from"),
        (period(0, 400 * DAY + 1), "from"),
        (
            v1::GetAlarmStatisticsRequest { from: Some(Timestamp { seconds: 9_000_000_000, nanos: 0 }), ..Default::default() },
            "from",
        ),
        (v1::GetAlarmStatisticsRequest { to: Some(Timestamp { seconds: 0, nanos: -1 }), ..Default::default() }, "to"),
        (v1::GetAlarmStatisticsRequest { parks: many.clone(), ..period(0, 1) }, "parks"),
        (v1::GetAlarmStatisticsRequest { enterprises: many.clone(), ..period(0, 1) }, "enterprises"),
        (v1::GetAlarmStatisticsRequest { positions: many, ..period(0, 1) }, "positions"),
    ];
    for (request, field) in wrong {
        let status = past.ask(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{field}: {status}");
        assert!(status.message().starts_with(field), "{field}: {status}");
    }
    let longest = past.ask(period(0, 400 * DAY)).await.unwrap();
    assert!(!longest.shorter_than_30_days);
    let usual = past.ask(v1::GetAlarmStatisticsRequest::default()).await.unwrap();
    let (from, to) = (wire::time_from_v1(&usual.from.unwrap()), wire::time_from_v1(&usual.to.unwrap()));
    assert_eq!(to - from, Span::from_secs(30 * DAY));
    assert!(to <= past.plant.journal.now() && !usual.shorter_than_30_days);
}
