//! A server on a free port, events to feed, and what consumers do with them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use exchange::{Built, Config, ExchangeError, Parts, Samples, exchange_service};
use journal::{Append, Journal, JournalId, Key};
use model::{
    AlarmId, AlarmKind, AlarmState, AlarmTransition, Epoch, Event, EventBody, EventId, KeySeq, Priority, Quantity,
    RevisionNumber, Scope, Transition,
};
use service::{Health, Shutdown};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Server};
use tonic::{Status, Streaming};
use wire::v1;
use wire::v1::exchange_service_client::ExchangeServiceClient;
use wire::v1::subscribe_request::Start;
use wire::v1::subscribe_response::Item;

/// A served exchange with a connected consumer.
pub(crate) struct Served {
    pub(crate) client: ExchangeServiceClient<Channel>,
    pub(crate) shutdown: Shutdown,
    pub(crate) runner: JoinHandle<Result<(), ExchangeError>>,
    /// What is served over HTTP.
    pub(crate) alerts: axum::Router,
    pub(crate) address: SocketAddr,
}

pub(crate) async fn serve(journal: Arc<dyn Journal>) -> Served {
    serve_with(journal, Config::default()).await
}

pub(crate) async fn serve_with(journal: Arc<dyn Journal>, config: Config) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    serve_on(listener, journal, config).await
}

/// The same with somebody who takes samples.
pub(crate) async fn serve_sampling(journal: Arc<dyn Journal>, config: Config, samples: Option<Arc<dyn Samples>>) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    serve_with_all(listener, journal, config, samples).await
}

/// The same where it is to be reached by others.
pub(crate) async fn serve_on(listener: TcpListener, journal: Arc<dyn Journal>, config: Config) -> Served {
    serve_with_all(listener, journal, config, None).await
}

async fn serve_with_all(
    listener: TcpListener,
    journal: Arc<dyn Journal>,
    config: Config,
    samples: Option<Arc<dyn Samples>>,
) -> Served {
    let (health, shutdown) = (Health::new(), Shutdown::new());
    let parts = Parts {
        journal,
        latch: health.latch("exchange"),
        warnings: health.latch("warnings"),
        reports: health.latch("reports"),
        samples,
        config,
    };
    let Built { service, alerts, runner } = exchange_service(parts, shutdown.clone());
    let runner = tokio::spawn(runner.run());
    let address = listener.local_addr().expect("bound");
    let end = shutdown.clone();
    let server = Server::builder().add_service(service);
    tokio::spawn(server.serve_with_incoming_shutdown(TcpListenerStream::new(listener), async move { end.requested().await }));
    let client = ExchangeServiceClient::connect(format!("http://{address}")).await.expect("connects");
    Served { client, shutdown, runner, alerts, address }
}

impl Served {
    pub(crate) async fn subscribe(&mut self, request: v1::SubscribeRequest) -> Result<Feed, Status> {
        Ok(Feed(self.client.subscribe(request).await?.into_inner()))
    }

    pub(crate) async fn at(&mut self, position: v1::StartPosition) -> Feed {
        self.subscribe(from(position)).await.expect("subscribes")
    }

    pub(crate) async fn after(&mut self, cursor: &str) -> Feed {
        self.subscribe(after(cursor)).await.expect("resumes")
    }

    pub(crate) async fn stop(self) {
        self.shutdown.request();
        self.runner.await.expect("no panic").expect("stops cleanly");
    }
}

pub(crate) fn from(position: v1::StartPosition) -> v1::SubscribeRequest {
    v1::SubscribeRequest {
        start: Some(Start::Position(position.into())),
        heartbeat_seconds: 1,
        ..v1::SubscribeRequest::default()
    }
}

pub(crate) fn after(cursor: &str) -> v1::SubscribeRequest {
    v1::SubscribeRequest {
        start: Some(Start::Cursor(cursor.to_owned())),
        heartbeat_seconds: 1,
        ..v1::SubscribeRequest::default()
    }
}

/// What a consumer reads.
pub(crate) struct Feed(Streaming<v1::SubscribeResponse>);

impl Feed {
    pub(crate) fn of(stream: Streaming<v1::SubscribeResponse>) -> Self {
        Self(stream)
    }

    pub(crate) async fn item(&mut self) -> Result<Item, Status> {
        let item = tokio::time::timeout(Duration::from_secs(20), self.0.message()).await.expect("in time")?;
        Ok(item.expect("feeds end with a status").item.expect("an item"))
    }

    /// The next event; heartbeats are passed over.
    pub(crate) async fn event(&mut self) -> v1::Event {
        loop {
            if let Item::Event(event) = self.item().await.expect("goes on") {
                return event;
            }
        }
    }

    pub(crate) async fn events(&mut self, count: usize) -> Vec<v1::Event> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(self.event().await);
        }
        events
    }

    /// The events of a snapshot: those before the first heartbeat.
    pub(crate) async fn opening(&mut self) -> Vec<v1::Event> {
        let mut events = Vec::new();
        while let Item::Event(event) = self.item().await.expect("goes on") {
            assert!(event.snapshot, "{event:?}");
            events.push(event);
        }
        events
    }

    /// The cursor of the next item, which must be a heartbeat.
    pub(crate) async fn heartbeat(&mut self) -> String {
        match self.item().await.expect("goes on") {
            Item::Heartbeat(heartbeat) => heartbeat.cursor,
            Item::Event(event) => panic!("not a heartbeat: {} {}", event.kind, event.subject),
        }
    }
}

/// An alarm transition of a point.
pub(crate) fn transition(subject: &str, enterprise: &str, priority: Priority, transition: Transition) -> Event {
    let occurrence = EventId { epoch: Epoch(7), key: Arc::from("engine/1"), key_seq: KeySeq(1), ordinal: 0 };
    Event {
        occurred_at: model::Time::YEAR_2000,
        subject: Arc::from(subject),
        scope: Scope { park: None, enterprise: Some(Arc::from(enterprise)), installation: None },
        revision: RevisionNumber(1),
        body: EventBody::Alarm(Box::new(AlarmTransition {
            transition,
            alarm: AlarmId::new("high").expect("valid"),
            alarm_kind: AlarmKind::High,
            priority,
            state: if transition == Transition::Closed { AlarmState::Normal } else { AlarmState::Unacknowledged },
            occurrence: Some(occurrence),
            activation: 1,
            value: Some(2.0),
            limit: Some(1.0),
            annunciated: true,
            late: false,
            held: false,
            clock_suspect: false,
            out_of_range: false,
            reason: String::new(),
            actor: String::new(),
            request_id: None,
            unit: Arc::from("kPa"),
            quantity: Quantity::Pressure,
            in_alarm: false,
            position: Arc::from(""),
            group: Arc::from(""),
            first_out: false,
            until: None,
            clock: None,
            advice: None,
        })),
    }
}

pub(crate) fn raise(subject: &str) -> Event {
    transition(subject, "e01", Priority::High, Transition::Raised)
}

/// Appends one record of events.
pub(crate) async fn put(journal: &dyn Journal, events: Vec<Event>) {
    let record = wire::EventRecord { events, ..wire::EventRecord::default() };
    put_body(journal, wire::encode_event_record(&record)).await;
}

pub(crate) async fn put_body(journal: &dyn Journal, body: Bytes) {
    let key = Key::new("engine/1").expect("valid");
    let append = Append { journal: JournalId::Events, key, fence: None, bodies: vec![body] };
    journal.append(append).await.expect("appends");
}

pub(crate) fn subjects(events: &[v1::Event]) -> Vec<&str> {
    events.iter().map(|it| it.subject.as_str()).collect()
}

/// Reason and facts of a refusal.
pub(crate) fn facts(status: &Status) -> (String, std::collections::HashMap<String, String>) {
    use tonic_types::StatusExt as _;
    let info = status.get_error_details().error_info().cloned().expect("facts");
    (info.reason, info.metadata)
}
