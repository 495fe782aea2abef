//! `davy up`: everything in one process. Builds from the left, stops from the left.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use engine::{AlarmApi, AlarmConfig, AlarmParts, FloodParts, FloodsConfig, OnlineRates};
use ingest::{BrokerConfig, EmbeddedBroker, IngestConfig, Link, Users};
use journal::{Embedded, EmbeddedConfig, Journal};
use model::{ErrorKind, Revision};
use service::{Health, MetricsHandle, Shutdown};
use site::{Loaded, SourceFile};
use store::{Store, StoreError, StoreUrl};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::service::Routes;
use wire::v1::alarm_service_server::AlarmServiceServer;
use wire::v1::case_service_server::CaseServiceServer;
use wire::v1::duty_service_server::DutyServiceServer;
use wire::v1::history_service_server::{HistoryService, HistoryServiceServer};

use crate::demo::Outlet;
use crate::exit::CommandError;
use crate::running::{Running, Stage};
use crate::samples::ToIngest;
use crate::serve_grpc::serve_grpc;
use crate::settings::Settings;
use crate::{demo, site_files};

/// How long the whole stop may take; what is not done by then is cut, and replayed at the next start.
const DRAIN_WITHIN: Duration = Duration::from_millis(3_500);

/// How long the history may take to close after that.
const STORE_CLOSE_WITHIN: Duration = Duration::from_millis(500);

/// How long a start waits for the store before it goes on without it.
const STORE_OPEN_WITHIN: Duration = Duration::from_secs(5);

/// How often the event journal is sealed.
const SEAL_EVERY: Duration = Duration::from_secs(60);

/// Runs until shutdown is requested or a part fails.
pub async fn up(settings: Settings, shutdown: Shutdown) -> Result<(), CommandError> {
    let loaded = load_site(&settings)?;
    let grpc = bind(settings.grpc_listen, "gRPC", "--grpc-listen").await?;
    let http = bind(settings.http_listen, "HTTP", "--http-listen").await?;
    let broker = bind_broker(&settings).await?;
    let metrics = service::install_metrics();
    let config = EmbeddedConfig::new(settings.data.join("journal"));
    let journal: Arc<dyn Journal> = Embedded::open(config).await.map_err(|error| CommandError::of(error.kind(), error))?;
    let store = open_store(&settings.store).await?;
    ingest::mark_start(&*journal).await.map_err(|error| CommandError::of(error.kind(), error))?;
    let revision = registry::publish(&*journal, loaded.site, &loaded.content).await;
    let revision = revision.map_err(|error| CommandError::of(error.kind(), error))?;

    let health = Health::new();
    let mut parts = Running::new();
    let addresses = (address(&grpc)?, address(&http)?);
    let mqtt = broker.as_ref().map(EmbeddedBroker::local_addr);
    let mut links = start_links(&settings, &revision, addresses.0, &mut parts);
    if let Some(broker) = broker {
        links.push(start_broker(broker, &settings, &revision, &health, &mut parts));
    }
    let (push, pushed) = ingest::push_link();
    links.push(Link::Push(pushed));
    let (samples, sampled) = ingest::local_link();
    links.push(Link::Beside(sampled));
    let (site_sender, site) = watch::channel(Arc::clone(&revision));
    let seal_public_key = journal.seal_public_key();

    let config = ingest_config(&settings);
    let ingest = ingest::Parts { journal: Arc::clone(&journal), links, latch: health.latch("ingest"), config };
    parts.start(Stage::Intake, "ingest", |stop| ingest::serve(ingest, stop));
    let alarm_service = start_engine(&journal, &health, &mut parts);
    start_floods(&journal, settings.flood, &health, &mut parts);
    let history_service = start_historian(&settings, &journal, &store, &health, &mut parts);
    let (exchange_service, alerts) = start_exchange(&settings, &journal, ToIngest(samples), &health, &mut parts);
    let (cases, duty) = start_casework(&journal, &health, &mut parts);
    let registry = registry::Parts {
        journal: Arc::clone(&journal),
        latch: health.latch("registry"),
        site: site_sender,
        seal_every: SEAL_EVERY,
    };
    parts.start(Stage::Serve, "registry", |stop| registry::serve(registry, stop));

    let routes = Routes::new(alarm_service)
        .add_service(exchange_service)
        .add_service(cases)
        .add_service(duty)
        .add_service(history_service)
        .add_service(ingest::ingest_service(push, parts.stop(Stage::Intake)))
        .add_service(registry::registry_service(site, seal_public_key));
    let grpc_health = health.clone();
    parts.start(Stage::Serve, "grpc", |stop| serve_grpc(grpc, routes, grpc_health, stop));
    let (http_health, http_metrics) = (health.clone(), metrics.clone());
    parts.start(Stage::Serve, "http", |stop| service::serve_http(http, http_health, http_metrics, alerts, stop));
    parts.start(Stage::Serve, "metrics", |stop| upkeep(metrics, stop));

    report(&settings, addresses, mqtt, &seal_public_key);
    let failed = parts.run(&shutdown, DRAIN_WITHIN).await;
    // Rows and position are one transaction, so a store that does not close in time loses nothing.
    if tokio::time::timeout(STORE_CLOSE_WITHIN, store.close()).await.is_err() {
        tracing::warn!("the history did not close in time; what it has not stored is stored at the next start");
    }
    let closed = journal.close().await.map_err(|error| CommandError::of(error.kind(), error));
    if settings.temporary {
        remove(&settings.data);
    }
    failed.and(closed)?;
    tracing::info!("stopped; everything acknowledged is on disk");
    Ok(())
}

/// Feeds, warnings, reports, and the feeds of others; warnings also as pages of HTTP.
fn start_exchange(
    settings: &Settings,
    journal: &Arc<dyn Journal>,
    samples: ToIngest,
    health: &Health,
    parts: &mut Running,
) -> (exchange::ExchangeServer, axum::Router) {
    let exchange = exchange::Parts {
        journal: Arc::clone(journal),
        latch: health.latch("exchange"),
        warnings: health.latch("warnings"),
        reports: health.latch("reports"),
        samples: Some(Arc::new(samples)),
        config: exchange::Config {
            webhooks: settings.webhooks.clone(),
            upstreams: settings.upstreams.clone(),
            node: settings.node.clone(),
            ..exchange::Config::default()
        },
    };
    let exchange::Built { service, alerts, runner } = exchange::exchange_service(exchange, parts.stop(Stage::Serve));
    parts.start(Stage::Serve, "exchange", |_| runner.run());
    (service, alerts)
}

/// Joint cases, incidents and duty books.
fn start_casework(
    journal: &Arc<dyn Journal>,
    health: &Health,
    parts: &mut Running,
) -> (CaseServiceServer<exchange::CaseApi>, DutyServiceServer<exchange::DutyApi>) {
    let casework = exchange::CaseworkParts {
        journal: Arc::clone(journal),
        latch: health.latch("casework"),
        config: exchange::Config::default(),
    };
    let (cases, duty, runner) = exchange::casework_services(casework);
    parts.start(Stage::Serve, "casework", |stop| runner.run(stop));
    (cases, duty)
}

/// The store, which may be away: alarms do not wait for it, and the historian reaches it when it is back. What no waiting can mend, such as
/// tables of a later version, stops the start.
async fn open_store(url: &StoreUrl) -> Result<Arc<dyn Store>, CommandError> {
    let failed = |error: StoreError| CommandError::of(error.kind(), error);
    let store = store::open(url).await.map_err(failed)?;
    match tokio::time::timeout(STORE_OPEN_WITHIN, store.prepare()).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) if error.kind() == ErrorKind::Unavailable => {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(%error, cause, "the store is away; alarms go on, history waits in the journal");
        }
        Ok(Err(error)) => return Err(failed(error)),
        Err(_) => tracing::error!("the store does not answer; alarms go on, history waits in the journal"),
    }
    Ok(store)
}

/// The engine, and the alarm service beside it: they share what the engine counts.
fn start_engine(journal: &Arc<dyn Journal>, health: &Health, parts: &mut Running) -> AlarmServiceServer<AlarmApi> {
    let online = Arc::<OnlineRates>::default();
    let engine = engine::Parts {
        journal: Arc::clone(journal),
        latch: health.latch("engine"),
        online: Arc::clone(&online),
        config: engine::Config::default(),
    };
    parts.start(Stage::Evaluate, "engine", |stop| engine::serve(engine, stop));
    let alarms =
        AlarmParts { journal: Arc::clone(journal), latch: health.latch("alarms"), online, config: AlarmConfig::default() };
    let (service, runner) = engine::alarm_service(alarms);
    parts.start(Stage::Serve, "alarms", |stop| runner.run(stop));
    service
}

/// The historian and its service.
fn start_historian(
    settings: &Settings,
    journal: &Arc<dyn Journal>,
    store: &Arc<dyn Store>,
    health: &Health,
    parts: &mut Running,
) -> HistoryServiceServer<impl HistoryService + use<>> {
    let history = historian::Parts {
        journal: Arc::clone(journal),
        store: Arc::clone(store),
        latch: health.latch("historian"),
        upkeep: health.latch("upkeep").release(),
        policy: settings.history.clone(),
    };
    let (service, historian) = historian::build(history);
    parts.start(Stage::Serve, "historian", |stop| historian.serve(stop));
    service
}

/// The watch over floods and nuisances; it reads and writes `events`, and nobody calls it.
fn start_floods(journal: &Arc<dyn Journal>, flood: figures::FloodConfig, health: &Health, parts: &mut Running) {
    let floods = FloodParts {
        journal: Arc::clone(journal),
        latch: health.latch("floods"),
        config: FloodsConfig { flood, ..FloodsConfig::default() },
    };
    parts.start(Stage::Serve, "floods", |stop| engine::watch_floods(floods, stop));
}

fn ingest_config(settings: &Settings) -> IngestConfig {
    IngestConfig {
        data: settings.data.clone(),
        sparkplug_host_id: settings.sparkplug_host_id.clone(),
        mqtt_guarded: settings.mqtt_users.is_some(),
    }
}

fn load_site(settings: &Settings) -> Result<Loaded, CommandError> {
    match &settings.site {
        Some(path) => site_files::load(path),
        None => {
            let file = SourceFile { name: "demo/site.toml".to_owned(), text: simulator::DEMO_SITE.to_owned() };
            site::load(&[file]).map_err(|faults| CommandError::input(anyhow!("read the demo's site: {} faults", faults.len())))
        }
    }
}

async fn bind(address: SocketAddr, what: &str, flag: &str) -> Result<TcpListener, CommandError> {
    let bound = TcpListener::bind(address).await;
    bound
        .with_context(|| format!("listen for {what} on {address}; choose another with {flag}"))
        .map_err(CommandError::unreachable)
}

fn address(listener: &TcpListener) -> Result<SocketAddr, CommandError> {
    listener.local_addr().context("learn the address listened on").map_err(CommandError::unreachable)
}

/// Binds the broker inside where no other is named.
async fn bind_broker(settings: &Settings) -> Result<Option<EmbeddedBroker>, CommandError> {
    if settings.mqtt.is_some() {
        return Ok(None);
    }
    let failed = |error: ingest::IngestError| CommandError::of(error.kind(), error);
    let users = settings.mqtt_users.as_deref().map(Users::load).transpose().map_err(failed)?;
    let mut listen = settings.mqtt_listen;
    // The demo is for a look: a broker that is there already must not be in its way.
    if settings.demo && !settings.mqtt_listen_given && is_taken(listen).await {
        eprintln!("davy: {listen} is taken; the demo's broker takes a free port, choose one with --mqtt-listen");
        listen.set_port(0);
    }
    EmbeddedBroker::bind(BrokerConfig { listen, users }).await.map(Some).map_err(failed)
}

async fn is_taken(address: SocketAddr) -> bool {
    TcpListener::bind(address).await.is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
}

/// What an address for gRPC that more than this machine reaches means.
fn grpc_warning(address: SocketAddr) -> Option<String> {
    (!address.ip().is_loopback()).then(|| {
        format!(
            "davy: --grpc-listen {address}: anybody who reaches it can push and command; let a firewall or a proxy say who may"
        )
    })
}

/// The broker outside, if there is one; with `--demo` the simulated park publishes to it, and an operator is added.
fn start_links(settings: &Settings, revision: &Revision, grpc: SocketAddr, parts: &mut Running) -> Vec<Link> {
    let server = format!("http://{grpc}");
    if settings.demo {
        parts.start(Stage::Intake, "demo operator", |stop| demo::operator(server, stop));
    }
    let Some(mqtt) = &settings.mqtt else { return Vec::new() };
    if settings.demo {
        let (site, outlet) = (revision.site.clone(), Outlet::Mqtt(mqtt.clone()));
        parts.start(Stage::Intake, "demo park", |stop| demo::park(site, outlet, stop));
    }
    vec![Link::Mqtt(mqtt.clone()), Link::Sparkplug(mqtt.clone())]
}

/// The broker inside; the demo's park publishes beside it, inside the process.
fn start_broker(broker: EmbeddedBroker, settings: &Settings, revision: &Revision, health: &Health, parts: &mut Running) -> Link {
    let (publisher, receiver) = ingest::local_link();
    if settings.demo {
        let (site, outlet) = (revision.site.clone(), Outlet::Local(publisher.clone()));
        parts.start(Stage::Intake, "demo park", |stop| demo::park(site, outlet, stop));
    }
    let latch = health.latch("broker");
    parts.start(Stage::Intake, "broker", |stop| broker.serve(publisher, latch, stop));
    Link::Local(receiver)
}

async fn upkeep(metrics: MetricsHandle, shutdown: Shutdown) -> Result<(), anyhow::Error> {
    let mut every = tokio::time::interval(Duration::from_secs(5));
    loop {
        tokio::select! {
            // Waiting for the next time or the end.
            _ = every.tick() => metrics.upkeep(),
            () = shutdown.requested() => return Ok(()),
        }
    }
}

/// Where to look, one line each.
fn report(settings: &Settings, (grpc, http): (SocketAddr, SocketAddr), inside: Option<SocketAddr>, seal_public_key: &[u8; 32]) {
    if !grpc.ip().is_loopback() {
        tracing::warn!(address = %grpc, "gRPC listens beyond this machine: anybody who reaches it can push and command");
    }
    let key: String = seal_public_key.iter().map(|byte| format!("{byte:02x}")).collect();
    eprintln!("grpc    http://{grpc}");
    if let Some(warning) = grpc_warning(settings.grpc_listen) {
        eprintln!("{warning}");
    }
    eprintln!("http    http://{http}/readyz /healthz /metrics /cap");
    if let Some(mqtt) = &settings.mqtt {
        eprintln!("mqtt    {}:{} topics davy/v1/+/+/+/telemetry", mqtt.host, mqtt.port);
    }
    if let Some(inside) = inside {
        let users = if settings.mqtt_users.is_some() { "users of --mqtt-users" } else { "anybody on this machine" };
        eprintln!("mqtt    mqtt://{inside} (inside, {users}) topics davy/v1/+/+/+/telemetry, spBv1.0/#");
    }
    eprintln!("data    {}", settings.data.display());
    eprintln!("store   {}", settings.store);
    eprintln!("seals   ed25519 {key}");
    eprintln!("look    davy watch --server http://{grpc}");
}

fn remove(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder) {
        tracing::warn!(%error, folder = %folder.display(), "temporary data could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::UpArgs;

    #[tokio::test]
    async fn the_demo_finds_a_free_port_where_its_own_is_taken_and_nobody_chose_it() {
        let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let taken = holder.local_addr().unwrap();
        let mut settings = Settings::resolve(&UpArgs { demo: true, ..UpArgs::default() }).unwrap();
        settings.mqtt_listen = taken;
        let broker = bind_broker(&settings).await.unwrap().unwrap();
        assert_ne!(broker.local_addr().port(), taken.port());
        settings.mqtt_listen_given = true;
        assert!(bind_broker(&settings).await.is_err(), "a port that was chosen is not exchanged");
    }

    #[test]
    fn grpc_beyond_this_machine_is_warned_of() {
        assert_eq!(grpc_warning(SocketAddr::from(([127, 0, 0, 1], 1))), None);
        assert!(grpc_warning(SocketAddr::from(([0, 0, 0, 0], 1))).unwrap().contains("push and command"));
    }
}
