//! The alarm API over a real server.

use std::sync::Arc;
use std::time::Duration;

use engine::{AlarmConfig, AlarmParts, Config, OnlineRates, Parts, alarm_service, serve};
use journal::{Journal, JournalId};
use model::{Body, Event, EventBody, RevisionNumber, Scope, SiteRevised, Time};
use service::{Health, Shutdown};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Server};
use tonic::{Code, Status};
use wire::v1;
use wire::v1::alarm_service_client::AlarmServiceClient;

use crate::mem::MemJournal;
use crate::plant::{GAS, PRESSURE, append, input, put_on, revision, sample};

pub(crate) struct Box_ {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) client: AlarmServiceClient<Channel>,
    pub(crate) shutdown: Shutdown,
}

/// The site as the registry writes it into `events`.
pub(crate) async fn revise(journal: &dyn Journal) {
    let body = EventBody::Site(SiteRevised { revision: RevisionNumber(1), content_hash: [1; 32], points: 2, alarms: 5 });
    let event = Event {
        occurred_at: journal.now(),
        subject: Arc::from("site"),
        scope: Scope::default(),
        revision: RevisionNumber(1),
        body,
    };
    let record = wire::EventRecord { events: vec![event], site: Some(revision(1)), ..wire::EventRecord::default() };
    append(journal, JournalId::Events, "registry", wire::encode_event_record(&record)).await;
    put_on(journal, &Body::Revision(revision(1))).await;
}

pub(crate) async fn connect(journal: Arc<dyn Journal>, config: AlarmConfig, with_engine: bool) -> Box_ {
    let (health, shutdown) = (Health::new(), Shutdown::new());
    let online = Arc::<OnlineRates>::default();
    let parts = AlarmParts { journal: Arc::clone(&journal), latch: health.latch("alarms"), online: Arc::clone(&online), config };
    let (service, runner) = alarm_service(parts);
    tokio::spawn(runner.run(shutdown.clone()));
    if with_engine {
        let config = Config { online_interval: Duration::ZERO, ..Config::default() };
        let parts = Parts { journal: Arc::clone(&journal), latch: health.latch("engine"), online, config };
        tokio::spawn(serve(parts, shutdown.clone()));
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound");
    let end = shutdown.clone();
    let server = Server::builder().add_service(service);
    tokio::spawn(server.serve_with_incoming_shutdown(TcpListenerStream::new(listener), async move { end.requested().await }));
    let client = AlarmServiceClient::connect(format!("http://{address}")).await.expect("connects");
    Box_ { journal, client, shutdown }
}

impl Box_ {
    pub(crate) async fn sample(&self, number: u32, value: f64) {
        // The next whole second of the journal, so that every sample is newer than the last.
        let position = i64::try_from(self.journal.bounds(input()).appended.0).expect("small");
        let at = Time::from_micros(self.journal.now().micros() + position);
        put_on(&*self.journal, &sample(number, at, value)).await;
    }

    /// The list once so many alarms are open.
    pub(crate) async fn listed(&mut self, open: usize) -> v1::ListAlarmsResponse {
        let wait = async {
            loop {
                let list = self.client.list_alarms(v1::ListAlarmsRequest::default()).await.expect("lists").into_inner();
                if list.alarms.len() == open {
                    return list;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), wait).await.expect("in time")
    }

    async fn ack(&mut self, seen: &v1::Alarm, request_id: &str) -> Result<v1::AcknowledgeAlarmResponse, Status> {
        let request = v1::AcknowledgeAlarmRequest {
            point: seen.point.clone(),
            alarm: seen.alarm.clone(),
            occurrence: seen.occurrence.clone(),
            activation: seen.activation,
            actor: "li".to_owned(),
            why: "seen".to_owned(),
            request_id: request_id.to_owned(),
        };
        self.client.acknowledge_alarm(request).await.map(tonic::Response::into_inner)
    }

    async fn reset(&mut self, seen: &v1::Alarm) -> Result<v1::ResetAlarmResponse, Status> {
        let request = v1::ResetAlarmRequest {
            point: seen.point.clone(),
            alarm: seen.alarm.clone(),
            actor: "li".to_owned(),
            ..v1::ResetAlarmRequest::default()
        };
        self.client.reset_alarm(request).await.map(tonic::Response::into_inner)
    }
}

pub(crate) fn facts(status: &Status) -> (String, std::collections::HashMap<String, String>) {
    use tonic_types::StatusExt as _;
    let info = status.get_error_details().error_info().cloned().expect("facts");
    (info.reason, info.metadata)
}

pub(crate) async fn plant() -> Box_ {
    let journal: Arc<dyn Journal> = MemJournal::new();
    revise(&*journal).await;
    connect(journal, AlarmConfig::default(), true).await
}

#[tokio::test]
async fn an_alarm_is_listed_acknowledged_and_reset() {
    let mut plant = plant().await;
    plant.sample(2, 60.0).await;
    let list = plant.listed(2).await;
    let shown: Vec<_> = list.alarms.iter().map(|it| it.alarm.as_str()).collect();
    assert_eq!(shown, ["high_high", "high"], "highest priority first");
    let cursor = wire::Cursor::decode(&list.cursor).expect("a cursor");
    assert_eq!(cursor.filter, wire::FilterBinding::Any);
    assert!(cursor.position.0 > 0);

    let high_high = list.alarms[0].clone();
    let early = plant.reset(&high_high).await.expect_err("not acknowledged");
    assert_eq!((early.code(), facts(&early).0.as_str()), (Code::FailedPrecondition, "wrong_state"));

    let first = plant.ack(&high_high, "req-1").await.expect("accepted");
    let outcome = first.outcome.clone().expect("an outcome");
    assert_eq!((outcome.request_id.as_str(), outcome.state()), ("req-1", v1::AlarmState::Acknowledged));
    let request = v1::GetAlarmRequest { point: GAS.to_owned(), alarm: "high_high".to_owned() };
    let shown = plant.client.get_alarm(request).await.expect("open").into_inner();
    assert_eq!(shown.acknowledged_by, "li");

    let before = plant.journal.bounds(input()).appended;
    assert_eq!(plant.ack(&high_high, "req-1").await.expect("the same"), first, "a repeat is answered alike");
    assert_eq!(plant.journal.bounds(input()).appended, before, "and not carried out again");
    let other = plant.ack(&list.alarms[1], "req-1").await.expect_err("another command");
    assert_eq!(other.code(), Code::InvalidArgument);

    plant.sample(2, 1.0).await;
    let reset = async {
        loop {
            match plant.reset(&high_high).await {
                Ok(reset) => return reset,
                Err(status) => assert_eq!(facts(&status).0, "wrong_state", "{status}"),
            }
        }
    };
    let reset = tokio::time::timeout(Duration::from_secs(10), reset).await.expect("in time");
    assert_eq!(reset.outcome.expect("an outcome").state(), v1::AlarmState::Normal);
    plant.listed(1).await;
    let gone = plant.client.get_alarm(v1::GetAlarmRequest { point: GAS.to_owned(), alarm: "high_high".to_owned() }).await;
    assert_eq!(gone.expect_err("closed").code(), Code::NotFound);
    plant.shutdown.request();
}

#[tokio::test]
async fn a_stale_acknowledgement_is_refused_with_what_is() {
    let mut plant = plant().await;
    plant.sample(2, 30.0).await;
    let seen = plant.listed(1).await.alarms[0].clone();
    plant.sample(2, 1.0).await;
    plant.sample(2, 30.0).await;
    let wait = async { while plant.listed(1).await.alarms[0].activation == seen.activation {} };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("raised again");
    let refused = plant.ack(&seen, "").await.expect_err("it came back meanwhile");
    let (reason, facts) = facts(&refused);
    assert_eq!((refused.code(), reason.as_str()), (Code::FailedPrecondition, "stale_activation"));
    assert_eq!((facts["activation"].as_str(), facts["state"].as_str()), ("2", "unacknowledged"));
    assert_eq!(facts["occurrence"], seen.occurrence);
    plant.shutdown.request();
}

#[tokio::test]
async fn requests_name_the_field_that_is_wrong() {
    use tonic_types::StatusExt as _;
    let mut plant = plant().await;
    let good = v1::AcknowledgeAlarmRequest {
        point: GAS.to_owned(),
        alarm: "high".to_owned(),
        actor: "li".to_owned(),
        ..v1::AcknowledgeAlarmRequest::default()
    };
    let wrong = [
        ("point", v1::AcknowledgeAlarmRequest { point: "a b".to_owned(), ..good.clone() }),
        ("alarm", v1::AcknowledgeAlarmRequest { alarm: String::new(), ..good.clone() }),
        ("actor", v1::AcknowledgeAlarmRequest { actor: " ".to_owned(), ..good.clone() }),
        ("occurrence", v1::AcknowledgeAlarmRequest { occurrence: "x".to_owned(), ..good.clone() }),
        ("request_id", v1::AcknowledgeAlarmRequest { request_id: "a b".to_owned(), ..good.clone() }),
    ];
    for (field, request) in wrong {
        let status = plant.client.acknowledge_alarm(request).await.expect_err(field);
        let details = status.get_error_details();
        let violations = &details.bad_request().expect("a field").field_violations;
        assert_eq!((status.code(), violations[0].field.as_str()), (Code::InvalidArgument, field));
    }
    let nowhere = v1::AcknowledgeAlarmRequest { point: "e09-X".to_owned(), ..good.clone() };
    assert_eq!(plant.client.acknowledge_alarm(nowhere).await.expect_err("no such point").code(), Code::NotFound);
    let closed = plant.client.acknowledge_alarm(good).await.expect_err("nothing is open");
    assert_eq!((closed.code(), facts(&closed).0.as_str()), (Code::NotFound, "not_found"));
    plant.shutdown.request();
}

#[tokio::test]
async fn pages_follow_each_other_and_keep_the_first_cursor() {
    let mut plant = plant().await;
    plant.sample(2, 60.0).await;
    let all = plant.listed(2).await;
    let request = v1::ListAlarmsRequest { page_size: 1, ..v1::ListAlarmsRequest::default() };
    let first = plant.client.list_alarms(request.clone()).await.expect("lists").into_inner();
    assert_eq!((first.alarms.len(), first.total_size), (1, 2));
    let request = v1::ListAlarmsRequest { page_token: first.next_page_token.clone(), ..request };
    // Acknowledging changes the list between the pages.
    plant.ack(&all.alarms[0], "").await.expect("accepted");
    let second = plant.client.list_alarms(request.clone()).await.expect("lists").into_inner();
    assert_eq!((&second.alarms[0], &second.cursor), (&all.alarms[1], &first.cursor));
    assert_eq!(second.next_page_token, "");
    let other = v1::ListAlarmsRequest { enterprises: vec!["e02".to_owned()], ..request };
    assert_eq!(plant.client.list_alarms(other).await.expect_err("of another request").code(), Code::InvalidArgument);
    let elsewhere = v1::ListAlarmsRequest { enterprises: vec!["e02".to_owned()], ..v1::ListAlarmsRequest::default() };
    assert!(plant.client.list_alarms(elsewhere).await.expect("lists").into_inner().alarms.is_empty());
    let urgent = v1::ListAlarmsRequest { min_priority: v1::Priority::Critical.into(), ..v1::ListAlarmsRequest::default() };
    assert_eq!(plant.client.list_alarms(urgent).await.expect("lists").into_inner().total_size, 1);
    plant.shutdown.request();
}

#[tokio::test]
async fn without_an_engine_the_outcome_is_unknown() {
    let journal: Arc<dyn Journal> = MemJournal::new();
    revise(&*journal).await;
    let config = AlarmConfig { wait_limit: Duration::from_millis(100), ..AlarmConfig::default() };
    let mut plant = connect(journal, config, false).await;
    let seen = v1::Alarm { point: PRESSURE.to_owned(), alarm: "high".to_owned(), ..v1::Alarm::default() };
    let status = plant.ack(&seen, "req-9").await.expect_err("nobody judges");
    assert_eq!((status.code(), facts(&status).0.as_str()), (Code::Unavailable, "outcome_unknown"));
    plant.shutdown.request();
}

#[tokio::test]
async fn list_and_outcomes_survive_a_restart_by_their_snapshot() {
    let mut plant = plant().await;
    plant.sample(2, 60.0).await;
    let list = plant.listed(2).await;
    let first = plant.ack(&list.alarms[1], "req-1").await.expect("accepted");
    plant.shutdown.request();
    let key = journal::Key::new("alarms").expect("valid");
    let kept = async {
        while plant.journal.snapshots(&key).await.expect("reads").is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), kept).await.expect("a snapshot at the end");
    let mut again = connect(Arc::clone(&plant.journal), AlarmConfig::default(), false).await;
    let shown = again.listed(2).await;
    assert_eq!(shown.alarms[0], list.alarms[0]);
    assert_eq!(shown.alarms[1].acknowledged_by, "li");
    assert_eq!(again.ack(&list.alarms[1], "req-1").await.expect("remembered"), first);
    again.shutdown.request();
}

/// All snapshots of the process share one disk: those of 256 partitions may be before this one.
#[tokio::test]
async fn a_snapshot_that_takes_long_delays_no_answer() {
    let journal = MemJournal::new();
    journal.hold_snapshots("alarms");
    revise(&*journal).await;
    let config = AlarmConfig { snapshot_records: 1, ..AlarmConfig::default() };
    let mut plant = connect(Arc::clone(&journal) as _, config, true).await;
    plant.sample(2, 60.0).await;
    let list = plant.listed(2).await;
    plant.ack(&list.alarms[0], "req-1").await.expect("accepted");
    plant.ack(&list.alarms[1], "req-2").await.expect("accepted");
    assert_eq!(journal.snapshots_stuck(), 1, "one at a time, and one was due");
    plant.shutdown.request();
    journal.let_snapshots_go();
    let key = journal::Key::new("alarms").expect("valid");
    let whole = async {
        loop {
            let newest = journal.snapshots(&key).await.expect("reads").first().map(|it| it.position);
            if newest == Some(journal.bounds(JournalId::Events).durable) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), whole).await.expect("the last state is kept at the end");
}
