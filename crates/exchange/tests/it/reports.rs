//! Reports over a real server: on record and on feeds, repeated, refused, sampled; kills at every point, restarts.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use exchange::{Config, NotTaken, Samples};
use journal::{Append, Journal, JournalId, Key};
use model::{
    Department, DepartmentId, DepartmentKind, Enterprise, EnterpriseId, Event, EventBody, GatewayPath, Installation,
    InstallationId, InstallationKind, Park, ParkId, Point, PointId, PointNumber, PointSource, Protocol, Quantity, Revision,
    RevisionNumber, Scope, Site, SiteRevised, Span, Time,
};
use parking_lot::Mutex;
use tonic::{Code, Status};
use wire::v1;
use wire::v1::report::{AllClear, ExternalAlert, GatePass, HeadCount, Location, VehiclePosition};
use wire::v1::submit_report_request::Body;

use crate::mem::{Crash, MemJournal};
use crate::server::{Served, facts, from, serve_sampling};

const PATIENCE: Duration = Duration::from_secs(10);

fn at(seconds: i64) -> Time {
    Time::YEAR_2000 + Span::from_secs(seconds)
}

fn department(id: &str, kind: DepartmentKind) -> Department {
    let park = ParkId::new("rugang").ok().filter(|_| kind == DepartmentKind::Park);
    let (name, level, id) = (id.to_owned(), kind.usual_level(), DepartmentId::new(id).expect("valid"));
    Department { id, name, kind, level, enterprise: None, park, district: String::new() }
}

fn point(gateway: &str) -> Point {
    Point {
        id: PointId::new("people").expect("valid"),
        name: String::new(),
        installation: InstallationId::new("unit").expect("valid"),
        enterprise: EnterpriseId::new("e01").expect("valid"),
        park: ParkId::new("rugang").ok(),
        quantity: Quantity::Headcount,
        unit: String::new(),
        range: None,
        stale_after: Span::from_secs(60),
        source: PointSource {
            protocol: Protocol::Mqtt,
            gateway: GatewayPath::strict(gateway).expect("valid"),
            tag: "unit.people".to_owned(),
        },
        states: Vec::new(),
        alarms: Vec::new(),
        cas: String::new(),
    }
}

fn site() -> Revision {
    let enterprise = EnterpriseId::new("e01").expect("valid");
    let park = ParkId::new("rugang").expect("valid");
    let unit = Installation {
        id: InstallationId::new("unit").expect("valid"),
        name: String::new(),
        enterprise: enterprise.clone(),
        kind: InstallationKind::Process,
        exposed_people: 0,
        location: None,
        substances: Vec::new(),
        wind: None,
    };
    let kinds = [DepartmentKind::Park, DepartmentKind::Transport, DepartmentKind::Emergency];
    let zone = Park {
        id: park.clone(),
        name: String::new(),
        time_zone: "Asia/Shanghai".to_owned(),
        district: String::new(),
        wind: None,
    };
    let site = Site {
        parks: vec![zone],
        enterprises: vec![Enterprise { id: enterprise, name: String::new(), park: Some(park), district: String::new() }],
        installations: vec![unit],
        points: vec![point("rugang/other/gw1"), point("rugang/park/reports")],
        departments: kinds.into_iter().map(|kind| department(kind.as_str(), kind)).collect(),
        ..Site::default()
    };
    Revision { number: RevisionNumber(1), numbers: vec![PointNumber(1), PointNumber(2)], site, ..Revision::default() }
}

/// A journal with a site in it.
async fn journal() -> Arc<MemJournal> {
    let journal = MemJournal::new();
    let event = Event {
        occurred_at: at(0),
        subject: Arc::from("site"),
        scope: Scope::default(),
        revision: RevisionNumber(1),
        body: EventBody::Site(SiteRevised { revision: RevisionNumber(1), content_hash: [0; 32], points: 2, alarms: 0 }),
    };
    let record = wire::EventRecord { events: vec![event], site: Some(Arc::new(site())), ..wire::EventRecord::default() };
    let bodies = vec![wire::encode_event_record(&record)];
    let key = Key::new("registry").expect("valid");
    journal.append(Append { journal: JournalId::Events, key, fence: None, bodies }).await.expect("appends");
    journal.set_now(at(100));
    journal
}

/// Takes samples unless it is told not to.
#[derive(Default)]
struct Taker {
    taken: Mutex<Vec<(String, String)>>,
    broken: Mutex<bool>,
}

#[async_trait]
impl Samples for Taker {
    async fn take(&self, topic: String, payload: String) -> Result<(), NotTaken> {
        if *self.broken.lock() {
            return Err(NotTaken("it ends".to_owned()));
        }
        self.taken.lock().push((topic, payload));
        Ok(())
    }
}

async fn start(journal: &Arc<MemJournal>) -> (Served, Arc<Taker>) {
    let config = Config { poll_interval: Duration::from_millis(2), snapshot_records: 3, ..Config::default() };
    let taker = Arc::<Taker>::default();
    let served = serve_sampling(Arc::<MemJournal>::clone(journal), config, Some(Arc::<Taker>::clone(&taker) as _)).await;
    (served, taker)
}

fn request(id: &str, department: &str, body: Body) -> v1::SubmitReportRequest {
    v1::SubmitReportRequest {
        request_id: id.to_owned(),
        department: department.to_owned(),
        actor: "li".to_owned(),
        body: Some(body),
        ..v1::SubmitReportRequest::default()
    }
}

fn gate_pass(id: &str, vehicle: &str) -> v1::SubmitReportRequest {
    let (gate, vehicle) = ("东门".to_owned(), vehicle.to_owned());
    request(id, "park", Body::GatePass(GatePass { gate, vehicle, way: "in".to_owned(), waybill: String::new() }))
}

fn head_count(id: &str, people: u32) -> v1::SubmitReportRequest {
    request(id, "park", Body::HeadCount(HeadCount { place: "unit".to_owned(), people }))
}

async fn submit(served: &mut Served, request: v1::SubmitReportRequest) -> Result<v1::SubmitReportResponse, Status> {
    let answer = tokio::time::timeout(PATIENCE, served.client.submit_report(request)).await.expect("in time");
    answer.map(tonic::Response::into_inner)
}

/// What was reported, as kind and request.
fn said(journal: &MemJournal) -> Vec<(String, String)> {
    let own = journal.all(JournalId::Events).into_iter().filter(|record| record.key.as_str() == "exchange/reports");
    let events = own.flat_map(|record| wire::decode_event_record(&record.body).expect("own bytes").events);
    let reports = events.filter_map(|event| match event.body {
        EventBody::Report(report) => Some((report.body.kind().word().to_owned(), report.request_id.as_str().to_owned())),
        _ => None,
    });
    reports.collect()
}

#[tokio::test]
async fn a_report_is_on_record_and_on_the_feeds_that_it_concerns() {
    let journal = journal().await;
    let (mut served, _) = start(&journal).await;
    let mut all = served.at(v1::StartPosition::Latest).await;
    let filter =
        v1::EventFilter { enterprises: vec!["e01".to_owned()], kinds: vec!["report.*".to_owned()], ..Default::default() };
    let filtered = v1::SubscribeRequest { filter: Some(filter), ..from(v1::StartPosition::Latest) };
    let mut of_e01 = served.subscribe(filtered).await.expect("subscribes");
    all.heartbeat().await;
    of_e01.heartbeat().await;

    let pass = submit(&mut served, gate_pass("g", "苏F1")).await.expect("taken");
    let clear = v1::SubmitReportRequest {
        occurred_at: Some(wire::time_to_v1(at(40))),
        text: "现场已处置".to_owned(),
        about: vec![pass.event_id.clone()],
        ..request("c", "emergency", Body::AllClear(AllClear { place: "unit".to_owned() }))
    };
    let answer = submit(&mut served, clear).await.expect("taken");
    assert!(!pass.sampled && !answer.sampled && pass.event_id != answer.event_id);
    let events = all.events(2).await;
    assert_eq!([&events[0].id, &events[1].id], [&pass.event_id, &answer.event_id]);
    assert_eq!((events[0].subject.as_str(), events[0].park.as_str(), events[0].enterprise.as_str()), ("东门", "rugang", ""));
    let event = of_e01.event().await;
    assert_eq!((event.id, event.cursor.is_empty()), (answer.event_id, false));
    assert_eq!((event.kind.as_str(), event.subject.as_str(), event.installation.as_str()), ("report.all_clear", "unit", "unit"));
    assert_eq!(event.occurred_at.as_ref().map(wire::time_from_v1), Some(at(40)));
    let Some(v1::event::Body::Report(report)) = event.body else { panic!("a report") };
    assert_eq!((report.department.as_str(), report.actor.as_str(), report.text.as_str()), ("emergency", "li", "现场已处置"));
    assert_eq!((report.about, report.request_id.as_str()), (vec![pass.event_id], "c"));
    // Who resumes at the answer's cursor sees nothing twice.
    let mut after = served.after(&answer.cursor).await;
    after.heartbeat().await;
    served.stop().await;
}

#[tokio::test]
async fn a_repeat_is_answered_again_also_after_restarts() {
    let journal = journal().await;
    let (mut served, _) = start(&journal).await;
    let first = submit(&mut served, gate_pass("g", "苏F1")).await.expect("taken");
    journal.set_now(at(200));
    assert_eq!(submit(&mut served, gate_pass("g", "苏F1")).await.expect("answered"), first);
    let other = submit(&mut served, gate_pass("g", "苏F2")).await.expect_err("another report");
    assert_eq!((other.code(), facts(&other).0.as_str()), (Code::InvalidArgument, "invalid_field"));
    served.stop().await;
    for forget in [false, true] {
        if forget {
            journal.forget_snapshots();
        }
        let (mut served, _) = start(&journal).await;
        assert_eq!(submit(&mut served, gate_pass("g", "苏F1")).await.expect("answered"), first);
        submit(&mut served, gate_pass("g", "苏F2")).await.expect_err("another report");
        served.stop().await;
    }
    assert_eq!(said(&journal), [("gate_pass".to_owned(), "g".to_owned())]);
}

#[tokio::test]
async fn what_is_not_right_or_not_theirs_is_refused_and_leaves_nothing() {
    let journal = journal().await;
    let (mut served, taker) = start(&journal).await;
    let refusal = submit(&mut served, v1::SubmitReportRequest { department: "emergency".to_owned(), ..gate_pass("g", "v") });
    let refusal = refusal.await.expect_err("no park");
    assert_eq!((refusal.code(), facts(&refusal).0.as_str()), (Code::FailedPrecondition, "not_allowed"));
    assert!(refusal.message().contains("gate_pass is reported by park"), "{}", refusal.message());
    let faults = [
        (v1::SubmitReportRequest { body: None, ..gate_pass("g", "v") }, "body"),
        (gate_pass("g", ""), "gate_pass.vehicle"),
        (v1::SubmitReportRequest { enterprise: "e99".to_owned(), ..gate_pass("g", "v") }, "enterprise"),
        (v1::SubmitReportRequest { department: "nobody".to_owned(), ..gate_pass("g", "v") }, "department"),
        (v1::SubmitReportRequest { occurred_at: Some(wire::time_to_v1(at(161))), ..gate_pass("g", "v") }, "occurred_at"),
    ];
    for (request, field) in faults {
        use tonic_types::StatusExt as _;
        let refusal = submit(&mut served, request).await.expect_err(field);
        let named = refusal.get_error_details().bad_request().map(|it| it.field_violations[0].field.clone());
        assert_eq!((refusal.code(), named.as_deref()), (Code::InvalidArgument, Some(field)));
    }
    assert_eq!((said(&journal).len(), taker.taken.lock().len()), (0, 0));
    submit(&mut served, gate_pass("g", "v")).await.expect("a refused id may be used");
    served.stop().await;
}

#[tokio::test]
async fn samples_go_to_points_and_only_what_changes_is_an_event() {
    let journal = journal().await;
    let (mut served, taker) = start(&journal).await;
    let answers = [("a", 0, true), ("b", 0, false), ("c", 5, true), ("d", 6, false), ("e", 0, true)];
    for (n, (id, people, news)) in answers.into_iter().enumerate() {
        journal.set_now(at(100 + i64::try_from(n).expect("small")));
        let answer = submit(&mut served, head_count(id, people)).await.expect("taken");
        assert_eq!((answer.sampled, !answer.event_id.is_empty(), !answer.cursor.is_empty()), (true, news, news), "{id}");
    }
    let requests: Vec<_> = said(&journal).into_iter().map(|(_, id)| id).collect();
    assert_eq!(requests, ["a", "c", "e"]);
    let base = at(100).micros() / 1_000;
    let sample = |n: i64, people: u32| {
        let payload = format!(r#"{{"ts":{},"values":{{"unit.people":{people}.0}}}}"#, base + 1_000 * n);
        ("davy/v1/rugang/park/reports/telemetry".to_owned(), payload)
    };
    let samples = vec![sample(0, 0), sample(1, 0), sample(2, 5), sample(3, 6), sample(4, 0)];
    assert_eq!(*taker.taken.lock(), samples);
    // A repeat is the same sample: ingest drops it by its time.
    journal.set_now(at(900));
    for id in ["c", "d"] {
        submit(&mut served, head_count(id, if id == "c" { 5 } else { 6 })).await.expect("answered");
    }
    assert_eq!(taker.taken.lock()[5..], [sample(2, 5), sample(3, 6)]);
    assert_eq!(said(&journal).len(), 3, "nobody came back");

    let location = Some(Location { lat: 32.0, lon: 120.0 });
    let position = VehiclePosition { vehicle: "苏F1".to_owned(), location, ..VehiclePosition::default() };
    let answer = submit(&mut served, request("v", "transport", Body::VehiclePosition(position))).await.expect("taken");
    assert!(!answer.sampled && !answer.event_id.is_empty(), "no point stands for transport");
    served.stop().await;
}

#[tokio::test]
async fn an_answer_waits_for_its_sample_and_a_repeat_brings_it() {
    let journal = journal().await;
    let (mut served, taker) = start(&journal).await;
    *taker.broken.lock() = true;
    let failed = submit(&mut served, head_count("a", 3)).await.expect_err("not taken");
    assert_eq!((failed.code(), facts(&failed).0.as_str()), (Code::Unavailable, "sample_not_taken"));
    *taker.broken.lock() = false;
    let answer = submit(&mut served, head_count("a", 3)).await.expect("taken");
    assert!(answer.sampled && !answer.event_id.is_empty());
    assert_eq!((said(&journal).len(), taker.taken.lock().len()), (1, 1));
    served.stop().await;
}

#[tokio::test]
async fn nothing_is_on_record_twice_wherever_it_is_killed() {
    for how in [Crash::BeforeWrite, Crash::AfterWrite] {
        let journal = journal().await;
        for round in 0..4 {
            journal.crash(u32::from(round > 1), how);
            let (mut served, _) = start(&journal).await;
            // The caller hears nothing, or that the outcome is not known.
            drop(tokio::time::timeout(Duration::from_millis(50), served.client.submit_report(gate_pass("g", "v"))).await);
            served.runner.abort();
        }
        journal.no_crash();
        let (mut served, _) = start(&journal).await;
        let answer = submit(&mut served, gate_pass("g", "v")).await.expect("taken");
        let again = submit(&mut served, gate_pass("g", "v")).await.expect("answered");
        served.stop().await;
        assert_eq!((said(&journal).len(), answer), (1, again), "{how:?}");
    }
}

#[tokio::test]
async fn an_alert_of_another_system_is_read_before_it_is_taken() {
    let journal = journal().await;
    let (mut served, _) = start(&journal).await;
    let xml = r#"<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>A1</identifier><sender>cma</sender>
      <sent>2026-11-29T08:36:00+08:00</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope>
      <info><category>Met</category><event>雷电</event><urgency>Expected</urgency><severity>Severe</severity>
      <certainty>Likely</certainty></info></alert>"#;
    let alert = |xml: &str| Body::ExternalAlert(ExternalAlert { xml: xml.to_owned(), ..ExternalAlert::default() });
    let faulty =
        submit(&mut served, request("a", "emergency", alert(&xml.replace("Severe", "Grave")))).await.expect_err("faults");
    assert!(faulty.code() == Code::InvalidArgument && faulty.message().contains("Grave"), "{faulty:?}");
    let mut feed = served.at(v1::StartPosition::Latest).await;
    feed.heartbeat().await;
    submit(&mut served, request("a", "emergency", alert(xml))).await.expect("taken");
    let event = feed.event().await;
    let Some(v1::event::Body::Report(v1::Report { body: Some(v1::report::Body::ExternalAlert(said)), .. })) = event.body else {
        panic!("an alert: {event:?}")
    };
    assert_eq!((event.subject.as_str(), said.event.as_str(), said.xml.as_str()), ("A1", "雷电", ""));
    served.stop().await;
}
