//! Joint cases, incidents and duty books over a real server: asked, late, closed; kills at every point, another writer, restarts.

use std::sync::Arc;
use std::time::Duration;

use exchange::{CaseworkParts, Config, ExchangeError, casework_services};
use journal::{Append, Journal, JournalError, JournalId, Key};
use model::{
    Department, DepartmentId, DepartmentKind, Enterprise, EnterpriseId, Event, EventBody, Priority, Revision, RevisionNumber,
    Scope, Site, SiteRevised, Span, Time, Transition,
};
use service::{Health, Shutdown};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Code;
use tonic::transport::{Channel, Server};
use wire::v1;
use wire::v1::case_service_client::CaseServiceClient;
use wire::v1::duty_service_client::DutyServiceClient;

use crate::mem::{Crash, MemJournal};
use crate::server::{facts, put, transition};

const PATIENCE: Duration = Duration::from_secs(10);
const ALARM: &str = "0000000000000007-engine/1-1-0";

fn at(seconds: i64) -> Time {
    Time::YEAR_2000 + Span::from_secs(1_000_000 + seconds)
}

fn stamp(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(wire::time_to_v1(at(seconds)))
}

fn site() -> Revision {
    let department = |id: &str, kind: DepartmentKind| Department {
        id: DepartmentId::new(id).expect("valid"),
        name: format!("{id} 局"),
        kind,
        level: kind.usual_level(),
        enterprise: None,
        park: None,
        district: String::new(),
    };
    let enterprise = Enterprise {
        id: EnterpriseId::new("e01").expect("valid"),
        name: "示例化工".to_owned(),
        park: None,
        district: String::new(),
    };
    let departments =
        vec![department("emergency", DepartmentKind::Emergency), department("transport", DepartmentKind::Transport)];
    let site = Site { departments, enterprises: vec![enterprise], ..Site::default() };
    Revision { number: RevisionNumber(1), site, ..Revision::default() }
}

/// A journal with a site in it, at 0.
async fn journal() -> Arc<MemJournal> {
    let journal = MemJournal::new();
    journal.set_now(at(0));
    let revised = SiteRevised { revision: RevisionNumber(1), content_hash: [0; 32], points: 0, alarms: 0 };
    let event = Event {
        occurred_at: at(0),
        subject: Arc::from("site"),
        scope: Scope::default(),
        revision: RevisionNumber(1),
        body: EventBody::Site(revised),
    };
    let record = wire::EventRecord { events: vec![event], site: Some(Arc::new(site())), ..wire::EventRecord::default() };
    let bodies = vec![wire::encode_event_record(&record)];
    let key = Key::new("registry").expect("valid");
    journal.append(Append { journal: JournalId::Events, key, fence: None, bodies }).await.expect("appends");
    journal
}

struct Served {
    cases: CaseServiceClient<Channel>,
    duty: DutyServiceClient<Channel>,
    shutdown: Shutdown,
    runner: JoinHandle<Result<(), ExchangeError>>,
}

impl Served {
    async fn stop(self) {
        self.shutdown.request();
        self.runner.await.expect("no panic").expect("stops cleanly");
    }
}

async fn start(journal: &Arc<MemJournal>) -> Served {
    let config = Config { poll_interval: Duration::from_millis(2), snapshot_records: 3, ..Config::default() };
    let (health, shutdown) = (Health::new(), Shutdown::new());
    let journal = Arc::<MemJournal>::clone(journal);
    let (cases, duty, runner) = casework_services(CaseworkParts { journal, latch: health.latch("casework"), config });
    let runner = tokio::spawn(runner.run(shutdown.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    let end = shutdown.clone();
    let server = Server::builder().add_service(cases).add_service(duty);
    tokio::spawn(server.serve_with_incoming_shutdown(TcpListenerStream::new(listener), async move { end.requested().await }));
    let cases = CaseServiceClient::connect(address.clone()).await.expect("connects");
    let duty = DutyServiceClient::connect(address).await.expect("connects");
    Served { cases, duty, shutdown, runner }
}

/// What was said, as kinds.
fn said(journal: &MemJournal) -> Vec<&'static str> {
    let own = journal.all(JournalId::Events).into_iter().filter(|record| record.key.as_str() == "exchange/casework");
    let events = own.flat_map(|record| wire::decode_event_record(&record.body).expect("own bytes").events);
    events.map(|event| event.body.kind()).collect()
}

async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{what}"));
}

/// Transport has until 100.
fn opening(request_id: &str) -> v1::OpenCaseRequest {
    let task = v1::NewTask { department: "transport".to_owned(), task: "查运单".to_owned(), due: stamp(100) };
    v1::OpenCaseRequest {
        request_id: request_id.to_owned(),
        department: "emergency".to_owned(),
        actor: "li".to_owned(),
        title: "装载量与库存不符".to_owned(),
        place: "enterprise".to_owned(),
        subject: "e01".to_owned(),
        tasks: vec![task],
        evidence: vec![ALARM.to_owned()],
        text: String::new(),
    }
}

fn answer(case: &str) -> v1::AnswerTaskRequest {
    v1::AnswerTaskRequest {
        request_id: "answer".to_owned(),
        case: case.to_owned(),
        department: "transport".to_owned(),
        actor: "wu".to_owned(),
        text: "运单已补".to_owned(),
        evidence: vec![],
    }
}

fn declaration(request_id: &str) -> v1::DeclareIncidentRequest {
    v1::DeclareIncidentRequest {
        request_id: request_id.to_owned(),
        department: "e01".to_owned(),
        actor: "chen".to_owned(),
        what: "accident".to_owned(),
        title: "氯气泄漏".to_owned(),
        place: "enterprise".to_owned(),
        subject: "e01".to_owned(),
        losses: Some(v1::IncidentLosses { dead: Some(1), ..v1::IncidentLosses::default() }),
        ..v1::DeclareIncidentRequest::default()
    }
}

fn notice(incident: &str, duty: &str) -> v1::NotifyRequest {
    v1::NotifyRequest {
        request_id: format!("notify-{duty}"),
        incident: incident.to_owned(),
        department: "e01".to_owned(),
        actor: "chen".to_owned(),
        duty: duty.to_owned(),
        how: "telephone".to_owned(),
        ..v1::NotifyRequest::default()
    }
}

async fn open(served: &mut Served) -> v1::Case {
    served.cases.open_case(opening("open")).await.expect("opens").into_inner().case.expect("as it is")
}

async fn only(served: &mut Served) -> v1::Case {
    let list = served.cases.list_cases(v1::ListCasesRequest::default()).await.expect("lists").into_inner();
    assert_eq!((list.cases.len(), list.total_size), (1, 1));
    list.cases.into_iter().next().expect("one")
}

#[tokio::test]
async fn a_case_is_opened_extended_answered_and_closes_by_itself() {
    let journal = journal().await;
    let mut served = start(&journal).await;
    let opened = served.cases.open_case(opening("open")).await.expect("opens").into_inner();
    let case = opened.case.clone().expect("as it is");
    assert_eq!((case.id.as_str(), case.subject.as_str(), case.opener.as_str()), (opened.event_id.as_str(), "e01", "emergency"));
    let task = &case.tasks[0];
    assert_eq!((task.name.as_str(), task.due.as_ref().map(wire::time_from_v1)), ("transport 局", Some(at(100))));
    let again = served.cases.open_case(opening("open")).await.expect("answered").into_inner();
    assert_eq!((&again.event_id, &again.cursor), (&opened.event_id, &opened.cursor));

    journal.set_now(at(100));
    eventually("late", || said(&journal) == ["case.opened", "case.overdue"]).await;
    assert!(only(&mut served).await.late);
    let extension = v1::ExtendTaskRequest {
        request_id: "extend".to_owned(),
        case: case.id.clone(),
        department: "emergency".to_owned(),
        actor: "li".to_owned(),
        task_of: "transport".to_owned(),
        due: stamp(300),
        text: "等待外省回函".to_owned(),
    };
    let extended = served.cases.extend_task(extension).await.expect("extends").into_inner().case.expect("as it is");
    assert_eq!((extended.late, extended.tasks[0].extensions.len()), (false, 1));
    journal.set_now(at(299));
    let answered = served.cases.answer_task(answer(&case.id)).await.expect("answers").into_inner();
    assert!(!answered.case.expect("as it is").tasks[0].late);
    let wanted = ["case.opened", "case.overdue", "case.extended", "case.answered", "case.closed"];
    eventually("closed", || said(&journal) == wanted).await;
    let end = only(&mut served).await.end.expect("it ended");
    assert!(!end.cancelled && end.actor.is_empty());
    let open_only = v1::ListCasesRequest { open_only: true, ..v1::ListCasesRequest::default() };
    assert_eq!(served.cases.list_cases(open_only).await.expect("lists").into_inner().cases, []);
    served.stop().await;
}

#[tokio::test]
async fn what_is_refused_is_on_record_and_says_why() {
    let journal = journal().await;
    let mut served = start(&journal).await;
    let case = open(&mut served).await;
    let cancel = v1::CancelCaseRequest {
        request_id: "cancel".to_owned(),
        case: case.id.clone(),
        department: "transport".to_owned(),
        actor: "wu".to_owned(),
        text: "不归我管".to_owned(),
    };
    let refused = served.cases.cancel_case(cancel.clone()).await.expect_err("its opener alone may");
    assert_eq!((refused.code(), facts(&refused).0.as_str()), (Code::FailedPrecondition, "not_allowed"));
    let again = served.cases.cancel_case(cancel).await.expect_err("the same");
    assert_eq!(facts(&again).1["event_id"], facts(&refused).1["event_id"]);
    assert_eq!(said(&journal), ["case.opened", "case.refused"]);
    let reused = served.cases.open_case(opening("cancel")).await.expect_err("another request");
    assert_eq!((reused.code(), said(&journal).len()), (Code::InvalidArgument, 2));
    let stranger = served.cases.answer_task(answer(ALARM)).await.expect_err("unknown");
    assert_eq!((stranger.code(), facts(&stranger).0.as_str(), said(&journal).len()), (Code::NotFound, "no_such_case", 2));
    let nobody = v1::OpenCaseRequest { subject: "e09".to_owned(), ..opening("other") };
    let nobody = served.cases.open_case(nobody).await.expect_err("no such place");
    assert_eq!((nobody.code(), facts(&nobody).0.as_str()), (Code::InvalidArgument, "unknown_place"));
    served.stop().await;
}

#[tokio::test]
async fn an_incident_has_its_clocks_its_record_and_its_doubts() {
    let journal = journal().await;
    let mut served = start(&journal).await;
    put(&*journal, vec![transition("e01-GT-1", "e01", Priority::High, Transition::Raised)]).await;
    let alarm = journal.all(JournalId::Events).pop().expect("one");
    let alarm = format!("{}-engine/1-{}-0", alarm.epoch, alarm.key_seq.0);
    let roster = v1::SetRosterRequest {
        department: "emergency".to_owned(),
        actor: "li".to_owned(),
        shifts: vec![v1::DutyShift { person: "sun".to_owned(), role: "值班员".to_owned(), from: stamp(0), to: stamp(28_800) }],
        ..v1::SetRosterRequest::default()
    };
    served.duty.set_roster(roster).await.expect("sets");
    let seen = v1::MarkSeenRequest {
        department: "emergency".to_owned(),
        actor: "sun".to_owned(),
        events: vec![alarm.clone()],
        ..v1::MarkSeenRequest::default()
    };
    journal.set_now(at(30));
    served.duty.mark_seen(seen).await.expect("notes");
    // The enterprise says that it knew only two hours after the alarm.
    journal.set_now(at(7_200));
    let declaration = v1::DeclareIncidentRequest { about: vec![alarm], ..declaration("declare") };
    let declared = served.duty.declare_incident(declaration).await.expect("declares").into_inner().incident.expect("as it is");
    assert_eq!(
        (declared.class.as_str(), declared.class_name.as_str(), declared.doubts.as_slice()),
        ("ordinary", "一般事故", &["alarm_earlier".to_owned()][..])
    );
    let row = declared.duties.iter().find(|it| it.duty == "head-to-county").expect("by law");
    assert_eq!((row.whom_name.as_str(), row.due.as_ref().map(wire::time_from_v1)), ("县级应急管理部门", Some(at(10_800))));
    journal.set_now(at(9_000));
    eventually("half", || said(&journal).contains(&"incident.reminder")).await;
    served.duty.notify(notice(&declared.id, "head-to-county")).await.expect("notes");
    journal.set_now(at(20_000));
    eventually("late", || said(&journal).iter().filter(|it| **it == "incident.overdue").count() == 2).await;

    let record = v1::GetIncidentRecordRequest { incident: declared.id.clone() };
    let record = served.duty.get_incident_record(record).await.expect("answers").into_inner();
    let kinds: Vec<_> = record.entries.iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(&kinds[..3], ["alarm.raised", "duty.seen", "incident.declared"]);
    assert_eq!(record.on_duty.iter().map(|it| it.person.as_str()).collect::<Vec<_>>(), ["sun"]);
    let incident = record.incident.expect("as it is");
    let state = |duty: &str| incident.duties.iter().find(|it| it.duty == duty).map(|it| (it.done_at.is_some(), it.late));
    assert_eq!(
        (state("head-to-county"), state("county-to-city"), state("spot-to-head")),
        (Some((true, false)), Some((false, true)), Some((false, true)))
    );
    let close = v1::CloseIncidentRequest {
        incident: declared.id.clone(),
        department: "emergency".to_owned(),
        actor: "li".to_owned(),
        text: "已处置".to_owned(),
        ..v1::CloseIncidentRequest::default()
    };
    let refused = served.duty.close_incident(close).await.expect_err("duties are open");
    assert_eq!(facts(&refused).0, "duties_open");
    for (request, count) in [
        (v1::ListIncidentsRequest { doubtful_only: true, ..v1::ListIncidentsRequest::default() }, 1),
        (v1::ListIncidentsRequest { late_only: true, ..v1::ListIncidentsRequest::default() }, 1),
        (v1::ListIncidentsRequest { what: vec!["near_miss".to_owned()], ..v1::ListIncidentsRequest::default() }, 0),
        (v1::ListIncidentsRequest { parks: vec!["p".to_owned()], ..v1::ListIncidentsRequest::default() }, 0),
    ] {
        let list = served.duty.list_incidents(request.clone()).await.expect("lists").into_inner();
        assert_eq!(list.incidents.len(), count, "{request:?}");
    }
    served.stop().await;
}

#[tokio::test]
async fn a_shift_hands_over_and_the_next_takes_over() {
    let journal = journal().await;
    let mut served = start(&journal).await;
    let over = v1::HandOverRequest {
        department: "emergency".to_owned(),
        actor: "sun".to_owned(),
        to_person: "qian".to_owned(),
        text: "e01 报警未消".to_owned(),
        events: vec![ALARM.to_owned()],
        ..v1::HandOverRequest::default()
    };
    let hand_over = served.duty.hand_over(over).await.expect("hands over").into_inner().event_id;
    let confirm = |actor: &str| v1::ConfirmHandOverRequest {
        department: "emergency".to_owned(),
        actor: actor.to_owned(),
        hand_over: hand_over.clone(),
        ..v1::ConfirmHandOverRequest::default()
    };
    let refused = served.duty.confirm_hand_over(confirm("sun")).await.expect_err("another has to");
    assert_eq!(facts(&refused).0, "not_allowed");
    journal.set_now(at(5));
    served.duty.confirm_hand_over(confirm("qian")).await.expect("takes over");
    let request = v1::GetDutyRequest { from: stamp(0), to: stamp(10), ..v1::GetDutyRequest::default() };
    let duty = served.duty.get_duty(request).await.expect("answers").into_inner();
    let shown = &duty.hand_overs[0];
    assert_eq!(
        (duty.hand_overs.len(), shown.events.as_slice(), shown.confirmed_at.as_ref().map(wire::time_from_v1)),
        (1, &[ALARM.to_owned()][..], Some(at(5)))
    );
    assert_eq!((duty.on_duty.len(), duty.more), (0, false));
    served.stop().await;
}

#[tokio::test]
async fn what_is_late_is_said_once_through_a_restart() {
    let journal = journal().await;
    let mut served = start(&journal).await;
    open(&mut served).await;
    served.runner.abort();
    // The due time passes while nobody is there.
    journal.set_now(at(1_000));
    let mut served = start(&journal).await;
    let late = ["case.opened", "case.overdue"];
    eventually("late", || said(&journal) == late).await;
    assert!(only(&mut served).await.late);
    served.stop().await;
    journal.forget_snapshots();
    let mut served = start(&journal).await;
    // Whoever is answered stands behind everything that was due before.
    served.duty.declare_incident(declaration("declare")).await.expect("declares");
    assert_eq!(said(&journal), [&late[..], &["incident.declared"]].concat());
    served.stop().await;
}

#[tokio::test]
async fn nothing_is_said_twice_wherever_it_is_killed() {
    for how in [Crash::BeforeWrite, Crash::AfterWrite] {
        let journal = journal().await;
        let mut served = start(&journal).await;
        open(&mut served).await;
        served.duty.declare_incident(declaration("declare")).await.expect("declares");
        served.stop().await;
        // Killed after each single append that goes through; the clocks run in between.
        for round in 1..8 {
            journal.set_now(at(round * 1_500));
            journal.crash(u32::from(round % 2 == 0), how);
            let served = start(&journal).await;
            journal.looked_at().await;
            served.runner.abort();
        }
        journal.no_crash();
        let served = start(&journal).await;
        let count = |kind: &str| said(&journal).iter().filter(|it| **it == kind).count();
        // At 10,500 s: the task, the first report, that to the county; half of the time of the city is over.
        eventually("said", || count("incident.overdue") == 2 && count("case.overdue") == 1).await;
        served.stop().await;
        assert_eq!((count("case.overdue"), count("incident.overdue"), count("incident.declared")), (1, 2, 1), "{how:?}");
    }
}

#[tokio::test]
async fn of_two_only_one_writes() {
    let journal = journal().await;
    let mut served = start(&journal).await;
    served.cases.list_cases(v1::ListCasesRequest::default()).await.expect("lists");
    let bodies = vec![wire::encode_event_record(&wire::EventRecord::default())];
    let key = Key::new("exchange/casework").expect("valid");
    journal.append(Append { journal: JournalId::Events, key, fence: None, bodies }).await.expect("appends");
    let refused = served.cases.open_case(opening("open")).await.expect_err("nobody answers");
    assert_eq!(refused.code(), Code::Unavailable);
    let ended = tokio::time::timeout(PATIENCE, served.runner).await.expect("in time").expect("no panic");
    assert!(matches!(ended, Err(ExchangeError::Journal(JournalError::Fenced { .. }))), "{ended:?}");
    assert_eq!(said(&journal), Vec::<&str>::new());
}

#[tokio::test]
async fn pages_and_filters() {
    let journal = journal().await;
    let mut served = start(&journal).await;
    for n in 0..5 {
        journal.set_now(at(n));
        let request = v1::OpenCaseRequest { title: format!("t{n}"), ..opening(&format!("r{n}")) };
        served.cases.open_case(request).await.expect("opens");
    }
    let mut request = v1::ListCasesRequest { page_size: 2, ..v1::ListCasesRequest::default() };
    let mut titles = Vec::new();
    loop {
        let page = served.cases.list_cases(request.clone()).await.expect("lists").into_inner();
        assert_eq!(page.total_size, 5);
        titles.extend(page.cases.into_iter().map(|it| it.title));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(titles, ["t0", "t1", "t2", "t3", "t4"]);
    let texts = |it: &str| vec![it.to_owned()];
    let empty = v1::ListCasesRequest::default;
    for (request, count) in [
        (v1::ListCasesRequest { enterprises: texts("e01"), ..empty() }, 5),
        (v1::ListCasesRequest { parks: texts("e01"), ..empty() }, 0),
        (v1::ListCasesRequest { departments: texts("transport"), ..empty() }, 5),
        (v1::ListCasesRequest { departments: texts("emergency"), ..empty() }, 5),
        (v1::ListCasesRequest { departments: texts("ecology"), ..empty() }, 0),
        (v1::ListCasesRequest { late_only: true, ..empty() }, 0),
    ] {
        let list = served.cases.list_cases(request.clone()).await.expect("lists").into_inner();
        assert_eq!(list.cases.len(), count, "{request:?}");
    }
    served.stop().await;
}
