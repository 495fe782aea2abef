//! Warnings over a real server: opened by alarms, answered, late, escalated; kills at every point, another writer, restarts.

use std::sync::Arc;
use std::time::Duration;

use exchange::{Config, ExchangeError};
use journal::{Append, Journal, JournalError, JournalId, Key, Snapshot};
use model::{
    Addressed, AlarmFilter, AlarmKind, Colour, Department, DepartmentId, DepartmentKind, EnterpriseId, Event, EventBody, Level,
    Priority, Revision, RevisionNumber, Scope, Site, SiteRevised, Span, StepSpans, Time, Transition, WarningPlace, WarningRule,
    WarningRuleId,
};
use tonic::Code;
use wire::v1;

use crate::mem::{Crash, MemJournal};
use crate::server::{Served, facts, put, serve_with, transition};

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn at(seconds: i64) -> Time {
    Time::YEAR_2000 + Span::from_secs(seconds)
}

fn department(id: &str, kind: DepartmentKind) -> Department {
    let enterprise = EnterpriseId::new("e01").ok().filter(|_| kind == DepartmentKind::Enterprise);
    let (name, level, id) = (id.to_owned(), kind.usual_level(), DepartmentId::new(id).expect("valid"));
    Department { id, name, kind, level, enterprise, park: None, district: String::new() }
}

/// Received within a minute; the enterprise, then the park.
fn site() -> Revision {
    let addressed = |kind| vec![Addressed::Kind(kind)];
    let minute = Span::from_secs(60);
    let rule = WarningRule {
        id: WarningRuleId::new("high").expect("valid"),
        name: "高报".to_owned(),
        topic: "alarm".to_owned(),
        colour: Colour::Orange,
        when: AlarmFilter { kinds: vec![AlarmKind::High], ..AlarmFilter::default() },
        count: 1,
        per: WarningPlace::Point,
        hold: Span::ZERO,
        addressees: vec![
            (Level::Enterprise, addressed(DepartmentKind::Enterprise)),
            (Level::Park, addressed(DepartmentKind::Park)),
        ],
        level: None,
        action: "look".to_owned(),
        deadlines: StepSpans { received: minute, responded: Span::from_secs(3_600), resolved: Span::from_secs(7_200) },
        escalate: true,
        close_on_return: false,
    };
    let departments = vec![department("e01", DepartmentKind::Enterprise), department("park", DepartmentKind::Park)];
    let site = Site { departments, warnings: vec![rule], ..Site::default() };
    Revision { number: RevisionNumber(1), site, ..Revision::default() }
}

/// A journal with a site in it.
pub(crate) async fn journal() -> Arc<MemJournal> {
    let journal = MemJournal::new();
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

pub(crate) async fn start(journal: &Arc<MemJournal>) -> Served {
    let config = Config { poll_interval: Duration::from_millis(2), snapshot_records: 3, ..Config::default() };
    serve_with(Arc::<MemJournal>::clone(journal), config).await
}

pub(crate) async fn raise(journal: &MemJournal, seconds: i64, point: &str) {
    journal.set_now(at(seconds));
    put(journal, vec![transition(point, "e01", Priority::High, Transition::Raised)]).await;
}

/// What was said of warnings, as kinds.
pub(crate) fn said(journal: &MemJournal) -> Vec<&'static str> {
    let own = journal.all(JournalId::Events).into_iter().filter(|record| record.key.as_str() == "exchange/warnings");
    let events = own.flat_map(|record| wire::decode_event_record(&record.body).expect("own bytes").events);
    events.map(|event| event.body.kind()).collect()
}

pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{what}"));
}

async fn list(served: &mut Served, request: v1::ListWarningsRequest) -> v1::ListWarningsResponse {
    served.client.list_warnings(request).await.expect("lists").into_inner()
}

pub(crate) async fn only(served: &mut Served) -> v1::Warning {
    let answer = list(served, v1::ListWarningsRequest::default()).await;
    assert_eq!((answer.warnings.len(), answer.total_size), (1, 1));
    answer.warnings.into_iter().next().expect("one")
}

pub(crate) fn response(warning: &v1::Warning, department: &str, action: &str) -> v1::RespondToWarningRequest {
    v1::RespondToWarningRequest {
        request_id: format!("{department}-{action}"),
        warning: warning.id.clone(),
        department: department.to_owned(),
        action: action.to_owned(),
        actor: "li".to_owned(),
        text: "valve shut".to_owned(),
        evidence: vec![warning.id.clone()],
    }
}

#[tokio::test]
async fn a_warning_is_opened_answered_and_closed() {
    let journal = journal().await;
    let mut served = start(&journal).await;
    assert_eq!(list(&mut served, v1::ListWarningsRequest::default()).await.warnings, []);
    raise(&journal, 10, "p1").await;
    eventually("opened", || said(&journal) == ["warning.opened"]).await;
    let warning = only(&mut served).await;
    assert_eq!((warning.subject.as_str(), warning.place.as_str(), warning.enterprise.as_str()), ("p1", "point", "e01"));
    assert_eq!((warning.colour.as_str(), warning.colour_name.as_str(), warning.colour_level.as_str()), ("orange", "橙色", "II"));
    assert_eq!((warning.level.as_str(), warning.alarms.len(), warning.late), ("enterprise", 1, false));
    let steps: Vec<_> = warning.addressees.iter().map(|it| (it.department.as_str(), it.steps.len())).collect();
    assert_eq!(steps, [("e01", 3), ("park", 0)]);
    assert_eq!(warning.addressees[0].steps[0].deadline.as_ref().map(wire::time_from_v1), Some(at(70)));

    journal.set_now(at(69));
    let received = served.client.respond_to_warning(response(&warning, "e01", "receive")).await.expect("taken").into_inner();
    let step = received.warning.expect("as it is").addressees[0].steps[0].clone();
    assert_eq!((step.actor.as_str(), step.late, step.done_at.as_ref().map(wire::time_from_v1)), ("li", false, Some(at(69))));
    let again = served.client.respond_to_warning(response(&warning, "e01", "receive")).await.expect("answered").into_inner();
    assert_eq!((again.event_id, again.cursor), (received.event_id, received.cursor));
    journal.set_now(at(3_609));
    journal.looked_at().await;
    assert_eq!(said(&journal), ["warning.opened", "warning.received"], "what was done is not late");
    let closed = served.client.respond_to_warning(response(&warning, "e01", "close")).await.expect("taken").into_inner();
    assert!(closed.warning.expect("as it is").closing.is_some_and(|it| !it.cancelled && it.department == "e01"));
    let open = v1::ListWarningsRequest { open_only: true, ..v1::ListWarningsRequest::default() };
    assert_eq!(list(&mut served, open).await.warnings, []);
    assert!(only(&mut served).await.closing.is_some());
    served.stop().await;
}

#[tokio::test]
async fn what_is_refused_is_on_record_and_says_why() {
    let journal = journal().await;
    let mut served = start(&journal).await;
    raise(&journal, 10, "p1").await;
    eventually("opened", || said(&journal) == ["warning.opened"]).await;
    let warning = only(&mut served).await;
    let refused = served.client.respond_to_warning(response(&warning, "park", "close")).await.expect_err("not yet");
    assert_eq!((refused.code(), facts(&refused).0.as_str()), (Code::FailedPrecondition, "not_addressed"));
    let event = facts(&refused).1["event_id"].clone();
    let again = served.client.respond_to_warning(response(&warning, "park", "close")).await.expect_err("the same");
    assert_eq!(facts(&again).1["event_id"], event);
    assert_eq!(said(&journal), ["warning.opened", "warning.refused"]);
    let other = v1::RespondToWarningRequest { request_id: "park-close".to_owned(), ..response(&warning, "e01", "receive") };
    let reused = served.client.respond_to_warning(other).await.expect_err("another request");
    assert_eq!((reused.code(), said(&journal).len()), (Code::InvalidArgument, 2));
    let bare = v1::RespondToWarningRequest { evidence: Vec::new(), ..response(&warning, "e01", "close") };
    let bare = served.client.respond_to_warning(bare).await.expect_err("no evidence");
    assert_eq!((bare.code(), facts(&bare).0.as_str()), (Code::InvalidArgument, "no_evidence"));
    let stranger = v1::Warning { id: "00000000000000ab-exchange/warnings-42-3".to_owned(), ..warning.clone() };
    let stranger = served.client.respond_to_warning(response(&stranger, "e01", "receive")).await.expect_err("unknown");
    assert_eq!((stranger.code(), said(&journal).len()), (Code::NotFound, 3));
    served.stop().await;
}

#[tokio::test]
async fn a_late_step_lifts_it_once_through_a_restart() {
    let journal = journal().await;
    let served = start(&journal).await;
    raise(&journal, 0, "p1").await;
    eventually("opened", || said(&journal) == ["warning.opened"]).await;
    served.runner.abort();
    // The deadline passes while nobody is there.
    journal.set_now(at(1_000));
    let mut served = start(&journal).await;
    let late = ["warning.opened", "warning.overdue", "warning.escalated"];
    eventually("late", || said(&journal) == late).await;
    let warning = only(&mut served).await;
    assert_eq!((warning.level.as_str(), warning.late), ("park", true));
    let park = &warning.addressees[1];
    assert_eq!(park.steps[0].deadline.as_ref().map(wire::time_from_v1), Some(at(1_060)), "it has its own time");
    served.stop().await;
    journal.forget_snapshots();
    let served = start(&journal).await;
    journal.looked_at().await;
    assert_eq!(said(&journal), late);
    served.stop().await;
}

#[tokio::test]
async fn nothing_is_said_twice_wherever_it_is_killed() {
    for how in [Crash::BeforeWrite, Crash::AfterWrite] {
        let journal = journal().await;
        raise(&journal, 0, "p1").await;
        journal.set_now(at(5_000));
        // Killed after each single append that goes through; the deadlines of what was opened at 5,000 pass in between.
        for round in 0..6 {
            journal.crash(u32::from(round > 0), how);
            let served = start(&journal).await;
            journal.looked_at().await;
            served.runner.abort();
            drop(served);
            journal.set_now(at(5_000 + 61 * round));
        }
        journal.no_crash();
        let served = start(&journal).await;
        let wanted = ["warning.opened", "warning.overdue", "warning.escalated", "warning.overdue"];
        eventually("said", || said(&journal) == wanted).await;
        served.stop().await;
        assert_eq!(said(&journal), wanted, "{how:?}");
    }
}

#[tokio::test]
async fn of_two_only_one_writes() {
    let journal = journal().await;
    let mut served = start(&journal).await;
    list(&mut served, v1::ListWarningsRequest::default()).await;
    let bodies = vec![wire::encode_event_record(&wire::EventRecord::default())];
    let key = Key::new("exchange/warnings").expect("valid");
    journal.append(Append { journal: JournalId::Events, key, fence: None, bodies }).await.expect("appends");
    raise(&journal, 0, "p1").await;
    let ended = tokio::time::timeout(PATIENCE, served.runner).await.expect("in time").expect("no panic");
    assert!(matches!(ended, Err(ExchangeError::Journal(JournalError::Fenced { .. }))), "{ended:?}");
    assert_eq!(said(&journal), Vec::<&str>::new());
}

#[tokio::test]
async fn only_what_is_durable_counts() {
    let journal = journal().await;
    let mut served = start(&journal).await;
    list(&mut served, v1::ListWarningsRequest::default()).await;
    journal.hold();
    raise(&journal, 0, "p1").await;
    journal.looked_at().await;
    assert_eq!(said(&journal), Vec::<&str>::new());
    journal.sync();
    eventually("said", || said(&journal) == ["warning.opened"]).await;
    served.stop().await;
}

#[tokio::test]
async fn pages_and_filters() {
    let journal = journal().await;
    let mut served = start(&journal).await;
    for n in 0..5 {
        raise(&journal, n, &format!("p{n}")).await;
        eventually("opened", || i64::try_from(said(&journal).len()).is_ok_and(|count| count == n + 1)).await;
    }
    let mut request = v1::ListWarningsRequest { page_size: 2, ..v1::ListWarningsRequest::default() };
    let mut subjects = Vec::new();
    loop {
        let page = list(&mut served, request.clone()).await;
        assert_eq!(page.total_size, 5);
        subjects.extend(page.warnings.into_iter().map(|it| it.subject));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(subjects, ["p0", "p1", "p2", "p3", "p4"]);
    let texts = |it: &str| vec![it.to_owned()];
    let empty = v1::ListWarningsRequest::default;
    for (request, count) in [
        (v1::ListWarningsRequest { colours: texts("orange"), ..empty() }, 5),
        (v1::ListWarningsRequest { colours: texts("red"), ..empty() }, 0),
        (v1::ListWarningsRequest { enterprises: texts("e01"), ..empty() }, 5),
        (v1::ListWarningsRequest { parks: texts("e01"), ..empty() }, 0),
        (v1::ListWarningsRequest { departments: texts("e01"), ..empty() }, 5),
        (v1::ListWarningsRequest { departments: texts("park"), ..empty() }, 0),
        (v1::ListWarningsRequest { late_only: true, ..empty() }, 0),
    ] {
        assert_eq!(list(&mut served, request.clone()).await.warnings.len(), count, "{request:?}");
    }
    served.stop().await;
}

#[tokio::test]
async fn unreadable_records_are_passed_over() {
    let journal = journal().await;
    let served = start(&journal).await;
    crate::server::put_body(&*journal, bytes::Bytes::from_static(b"\xff\xff")).await;
    raise(&journal, 0, "p1").await;
    eventually("said", || said(&journal) == ["warning.opened"]).await;
    served.stop().await;
}

/// A snapshot of an earlier version holds less than is asked now: everything is folded anew.
#[tokio::test]
async fn a_snapshot_of_an_earlier_version_is_not_used() {
    let journal = journal().await;
    let served = start(&journal).await;
    raise(&journal, 10, "p1").await;
    eventually("opened", || said(&journal) == ["warning.opened"]).await;
    served.stop().await;
    let position = journal.bounds(JournalId::Events).appended;
    let state = [b"DVWN".as_slice(), &1_u32.to_le_bytes(), &[0; 64]].concat();
    let snapshot = wire::record_v1::WarningSnapshot { site: Some(wire::revision_to_record(&site())), state };
    let (key, body) = (Key::new("exchange/warnings").expect("valid"), prost::Message::encode_to_vec(&snapshot).into());
    journal.put_snapshot(Snapshot { key, journal: JournalId::Events, position, body }).await.expect("kept");
    let mut served = start(&journal).await;
    assert_eq!(only(&mut served).await.subject, "p1");
    served.stop().await;
}
