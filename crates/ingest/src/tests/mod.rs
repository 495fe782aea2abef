//! The whole of ingest against a journal in memory; `mosquitto.rs` against a real broker, `scripted.rs` against a scripted one.

mod embedded;
mod local;
mod memory;
mod mosquitto;
mod push;
mod scripted;
mod sparkplug_b;
mod state;

use std::sync::Arc;
use std::time::Duration;

use model::{
    Batch, Body, Enterprise, EnterpriseId, GatewayPath, InstallationId, Partition, Point, PointId, PointNumber, PointSource,
    Protocol, Quantity, Range, Revision, RevisionNumber, Site, Span,
};
use service::{Health, Shutdown};
use tokio::task::JoinHandle;

use crate::{IngestConfig, IngestError, Link, Parts, serve};
pub(crate) use memory::Memory;
use memory::put_site;

/// A site of one gateway `rugang/{enterprise}/gw1` with the tags PI-101, TI-1 and the state XV-1 per enterprise.
fn site(number: u32, enterprises: &[&str]) -> Revision {
    let mut site = Site::default();
    for id in enterprises {
        let enterprise = EnterpriseId::new(id).unwrap();
        site.enterprises.push(Enterprise { id: enterprise.clone(), name: String::new(), park: None, district: String::new() });
        for tag in ["PI-101", "TI-1", "XV-1"] {
            site.points.push(point(&enterprise, tag));
        }
    }
    let numbers = (1..).take(site.points.len()).map(PointNumber).collect();
    Revision { number: RevisionNumber(number), site, numbers, ..Revision::default() }
}

fn point(enterprise: &EnterpriseId, tag: &str) -> Point {
    let is_state = tag.starts_with("XV");
    Point {
        id: PointId::new(&format!("{enterprise}-{tag}")).unwrap(),
        name: String::new(),
        installation: InstallationId::new("i").unwrap(),
        enterprise: enterprise.clone(),
        park: None,
        quantity: if is_state { Quantity::State } else { Quantity::Pressure },
        unit: "kPa".to_owned(),
        range: Some(Range { low: 0.0, high: 4_000.0 }),
        stale_after: Span::from_secs(300),
        source: PointSource {
            protocol: Protocol::Mqtt,
            gateway: GatewayPath::new(&format!("rugang/{enterprise}/gw1")).unwrap(),
            tag: tag.to_owned(),
        },
        states: if is_state { vec![("open".to_owned(), 1.0), ("closed".to_owned(), 0.0)] } else { Vec::new() },
        alarms: Vec::new(),
        cas: String::new(),
    }
}

fn partition(enterprise: &str) -> Partition {
    Partition::of(&EnterpriseId::new(enterprise).unwrap())
}

fn topic(enterprise: &str) -> String {
    format!("davy/v1/rugang/{enterprise}/gw1/telemetry")
}

/// Ingest at work.
pub(crate) struct Plant {
    pub(crate) journal: Arc<Memory>,
    pub(crate) health: Health,
    shutdown: Shutdown,
    serving: JoinHandle<Result<(), IngestError>>,
    data: Arc<tempfile::TempDir>,
}

impl Plant {
    fn start(journal: &Arc<Memory>, link: Link, data: &Arc<tempfile::TempDir>) -> Self {
        Self::start_with(journal, vec![link], data)
    }

    fn start_with(journal: &Arc<Memory>, links: Vec<Link>, data: &Arc<tempfile::TempDir>) -> Self {
        Self::start_guarded(journal, links, data, false)
    }

    fn start_guarded(journal: &Arc<Memory>, links: Vec<Link>, data: &Arc<tempfile::TempDir>, mqtt_guarded: bool) -> Self {
        let (health, shutdown) = (Health::new(), Shutdown::new());
        let parts = Parts {
            journal: Arc::clone(journal) as _,
            links,
            latch: health.latch("ingest"),
            config: IngestConfig { data: data.path().to_owned(), sparkplug_host_id: "davy".to_owned(), mqtt_guarded },
        };
        let serving = tokio::spawn(Box::pin(serve(parts, shutdown.clone())));
        Self { journal: Arc::clone(journal), health, shutdown, serving, data: Arc::clone(data) }
    }

    pub(crate) async fn with_site(link: Link, enterprises: &[&str]) -> Self {
        let (journal, data) = (Arc::new(Memory::new()), Arc::new(tempfile::tempdir().unwrap()));
        put_site(&*journal, site(1, enterprises)).await;
        Self::start(&journal, link, &data)
    }

    pub(crate) async fn stop(self) -> Result<(), IngestError> {
        self.shutdown.request();
        within(self.serving, "ingest to end").await.unwrap()
    }

    pub(crate) async fn until_ready(&self) {
        self.journal.until("readiness", |_| self.health.is_ready()).await;
    }

    fn batches(&self, enterprise: &str) -> Vec<Batch> {
        batches(&self.journal, enterprise)
    }

    /// All values of a tag's point in the order of the journal.
    pub(crate) fn values(&self, enterprise: &str, point: u32) -> Vec<f64> {
        values(&self.journal, enterprise, point)
    }
}

fn batches(journal: &Memory, enterprise: &str) -> Vec<Batch> {
    let batch = |body| if let Body::Batch(batch) = body { Some(batch) } else { None };
    journal.bodies(partition(enterprise)).into_iter().filter_map(batch).collect()
}

pub(crate) fn values(journal: &Memory, enterprise: &str, point: u32) -> Vec<f64> {
    let samples = batches(journal, enterprise).into_iter().flat_map(|batch| batch.samples);
    samples.filter(|it| it.point == PointNumber(point)).filter_map(|it| it.value).collect()
}

pub(crate) async fn within<T>(future: impl Future<Output = T>, what: &str) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.unwrap_or_else(|_| panic!("waited too long for {what}"))
}
