//! The historian between an embedded journal and SQLite, both in a temporary folder.

mod export;
mod faulty;
mod occurrences;
mod serving;
mod statistics;
mod storing;
mod supervising;
mod supervision;
mod trends;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use journal::{Append, Embedded, EmbeddedConfig, Journal, JournalId, Key};
use model::{
    Batch, Body, EnterpriseId, Event, EventBody, GatewayPath, InstallationId, Message, Partition, Point, PointId, PointNumber,
    PointSource, Position, Protocol, Quality, Quantity, Revision, RevisionNumber, Sample, Scope, Site, SiteRevised, Span, Time,
};
use service::{Health, Shutdown};
use store::{SampleQuery, Store, StoredSample};
use tokio::task::JoinHandle;

use crate::HistorianError;
use crate::api::Api;
use crate::progress::Stored;
use crate::run::Rows;

/// Longer than anything here takes; reached only where a test fails.
const LONG: Duration = Duration::from_secs(20);

/// A journal and a store.
struct Plant {
    folder: tempfile::TempDir,
    journal: Arc<Embedded>,
    store: Arc<dyn Store>,
}

impl Plant {
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    async fn with(change: impl FnOnce(&mut EmbeddedConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = EmbeddedConfig::new(folder.path().join("journal"));
        change(&mut config);
        let journal = Embedded::open(config).await.unwrap();
        let store = open_store(folder.path()).await;
        Self { folder, journal, store }
    }

    async fn append(&self, journal: JournalId, key: &str, bodies: Vec<Bytes>) -> Position {
        let append = Append { journal, key: Key::new(key).unwrap(), fence: None, bodies };
        let appended = self.journal.append(append).await.unwrap();
        self.journal.durable(journal, appended.last).await.unwrap();
        appended.last
    }

    async fn samples(&self, partition: u8, samples: Vec<Sample>) -> Position {
        self.append(telemetry(partition), "ingest", vec![batch(samples)]).await
    }

    async fn revise(&self, points: &[(u32, &str)]) {
        self.append(JournalId::Events, "registry", vec![revision(points)]).await;
    }

    async fn event(&self, event: Event) {
        let record = wire::EventRecord { events: vec![event], ..wire::EventRecord::default() };
        self.append(JournalId::Events, "engine/17", vec![wire::encode_event_record(&record)]).await;
    }

    /// Everything durable, by journal.
    fn durable(&self) -> Vec<(JournalId, Position)> {
        let partitions = self.journal.partitions().into_iter().map(JournalId::Telemetry);
        partitions.chain([JournalId::Events, JournalId::Dead]).map(|id| (id, self.journal.bounds(id).durable)).collect()
    }

    fn start(&self) -> Run {
        self.start_on(Arc::clone(&self.store))
    }

    fn start_on(&self, store: Arc<dyn Store>) -> Run {
        let (stored, shutdown, health) = (Arc::new(Stored::default()), Shutdown::new(), Health::new());
        let journal: Arc<dyn Journal> = Arc::<Embedded>::clone(&self.journal);
        let historian = Rows::new(journal, store, Arc::clone(&stored), health.latch("historian"));
        let task = tokio::spawn(historian.serve(shutdown.clone()));
        Run { stored, shutdown, health, task }
    }

    /// Runs a historian until everything that is durable now is stored.
    async fn store_all(&self) {
        let run = self.start();
        run.stored_all(self).await;
        run.stop().await;
    }

    /// The service over a store that holds all there is, without a network.
    fn api(&self, store: Arc<dyn Store>) -> Api {
        let stored = Arc::new(Stored::default());
        for (id, position) in self.durable() {
            stored.reached(id, position);
        }
        Api::new(Arc::<Embedded>::clone(&self.journal) as Arc<dyn Journal>, store, stored, Arc::default())
    }

    async fn every_sample(&self) -> Vec<StoredSample> {
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.samples(&SampleQuery::default(), after, 10_000).await.unwrap();
            rows.extend(page.rows);
            let Some(next) = page.next else { return rows };
            after = Some(next);
        }
    }

    async fn every_event(&self) -> Vec<store::EventRow> {
        let page = self.store.events(&store::EventQuery::default(), None, 10_000).await.unwrap();
        assert_eq!(page.next, None);
        page.rows
    }
}

/// A historian that runs.
struct Run {
    stored: Arc<Stored>,
    shutdown: Shutdown,
    health: Health,
    task: JoinHandle<Result<(), HistorianError>>,
}

impl Run {
    async fn stored_all(&self, plant: &Plant) {
        let targets = plant.durable();
        self.stored.wait(&targets, LONG).await;
        let progress = plant.store.progress().await.unwrap();
        for (id, target) in targets {
            assert!(progress.position(&id.to_string()) >= target, "{id} is not stored up to {target:?} within {LONG:?}");
        }
    }

    async fn stop(self) {
        self.shutdown.request();
        self.task.await.unwrap().unwrap();
    }
}

async fn open_store(folder: &Path) -> Arc<dyn Store> {
    store::open(&format!("sqlite:{}", folder.join("davy.db").display()).parse().unwrap()).await.unwrap()
}

fn telemetry(partition: u8) -> JournalId {
    JournalId::Telemetry(Partition(partition))
}

fn sample(point: u32, time: i64, value: f64) -> Sample {
    Sample::new(PointNumber(point), Time::from_micros(time), Some(value), Quality::Good)
}

fn batch(samples: Vec<Sample>) -> Bytes {
    let count = u32::try_from(samples.len()).unwrap();
    wire::encode_body(&Body::Batch(Batch {
        revision: RevisionNumber(1),
        gateways: vec![GatewayPath::new("rugang/e01/gw1").unwrap()],
        messages: vec![Message { gateway: 0, samples: count, seq: None, digest: [0; 16] }],
        samples,
    }))
}

/// Enterprise `e01` lives in this partition.
const E01: u8 = 68;

/// An event record that puts a site with these points in force; all of enterprise `e01`.
fn revision(points: &[(u32, &str)]) -> Bytes {
    let point = |id: &str| Point {
        id: PointId::new(id).unwrap(),
        name: String::new(),
        installation: InstallationId::new("i1").unwrap(),
        enterprise: EnterpriseId::new("e01").unwrap(),
        park: None,
        quantity: Quantity::Pressure,
        unit: "kPa".to_owned(),
        range: None,
        stale_after: Span::from_secs(300),
        source: PointSource { protocol: Protocol::Mqtt, gateway: GatewayPath::new("a/b/c").unwrap(), tag: id.to_owned() },
        states: Vec::new(),
        alarms: Vec::new(),
        cas: String::new(),
    };
    let site = Site { points: points.iter().map(|(_, id)| point(id)).collect(), ..Site::default() };
    let numbers = points.iter().map(|(number, _)| PointNumber(*number)).collect();
    let site = Revision { number: RevisionNumber(1), site, numbers, ..Revision::default() };
    let revised = SiteRevised { revision: RevisionNumber(1), content_hash: [0; 32], points: 1, alarms: 0 };
    let event = event("site", 0, EventBody::Site(revised));
    wire::encode_event_record(&wire::EventRecord {
        events: vec![event],
        site: Some(Arc::new(site)),
        ..wire::EventRecord::default()
    })
}

fn event(subject: &str, occurred_at: i64, body: EventBody) -> Event {
    let (occurred_at, revision) = (Time::from_micros(occurred_at), RevisionNumber(1));
    let scope = Scope { enterprise: Some(Arc::from("e01")), ..Scope::default() };
    Event { occurred_at, subject: Arc::from(subject), scope, revision, body }
}

/// The status of an answer that names the field at fault, to callers and in words.
#[track_caller]
fn assert_field(status: &tonic::Status, field: &str, shown: &str) {
    assert_eq!(status.code(), tonic::Code::InvalidArgument, "{shown}: {status}");
    assert!(status.message().contains(field), "{shown}: {status}");
    let details = String::from_utf8_lossy(status.details()).into_owned();
    assert!(details.contains(field), "{shown}: {details}");
}

fn at(micros: i64) -> Option<prost_types::Timestamp> {
    Some(wire::time_to_v1(Time::from_micros(micros)))
}

fn letter(gateway: &str, payload: Vec<u8>) -> Bytes {
    let payload_bytes = payload.len() as u64;
    let (topic, reason, detail) = ("t".to_owned(), "not_json".to_owned(), "写错了".to_owned());
    wire::DeadLetter { gateway: gateway.to_owned(), topic, reason, detail, payload, payload_bytes, count: 1 }.encode()
}
