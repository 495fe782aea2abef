//! Connections to a broker: MQTT 5, manual acknowledgements; for plain JSON with a persistent session, for Sparkplug B with a clean one.
//!
//! Every attempt has a client and an event loop of its own. An acknowledgement carries the client of the connection its message
//! came over, so one that is late goes nowhere instead of to another message with the same packet identifier (traps 5).

mod backoff;
mod connection;
mod dropped;
mod identity;
mod role;
mod voice;

use std::sync::Arc;
use std::time::{Duration, Instant};

use journal::Journal;
use metrics::{counter, gauge};
use model::{SourceId, Time};
use parking_lot::Mutex;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnectProperties, Publish};
use rumqttc::v5::{AsyncClient, EventLoop, MqttOptions};
use rumqttc::{NetworkOptions, TlsConfiguration, Transport};
use service::Shutdown;
use tokio::sync::{Semaphore, mpsc, watch};
use tracing::{debug, error, info, warn};

use crate::acks::Publisher;
use crate::config::MAX_PACKET_BYTES;
use crate::index::SiteIndex;
use crate::link::{Arrival, Outgoing as Command};
use crate::{IngestError, MqttConfig, metrics as names};
use backoff::Backoff;
use connection::{Alive, End, EndKind};
pub(crate) use dropped::{Dropped, Reading, keep_dropped};
pub(crate) use identity::{client_id, host_client_id};
pub(crate) use role::Role;
pub(crate) use voice::{Say, Voice};

/// QoS 0 deliveries that may wait; what is beyond is dropped and counted, nobody can be slowed (traps 9).
pub(crate) const QOS0_WAITING: usize = 4_096;
/// Payload bytes that may wait. Beyond it the connection is not read for `ROOM_WAIT`, and then let go: the broker keeps the rest.
const BYTES_WAITING: usize = 256 * 1024 * 1024;
/// Room in the queue for changes of the link itself.
const CHANGES_WAITING: usize = 64;
/// The wait after another client took this one's place: two instances would do so to each other for ever (traps 14).
const TAKEN_OVER_WAIT: Duration = Duration::from_secs(60);
/// How long the rest of the acknowledgements may take at shutdown.
const LEAVE_WAIT: Duration = Duration::from_secs(2);

/// What a waiting delivery takes beside its payload, bytes; so that bytes alone bound how many may wait.
const DELIVERY_BYTES: usize = 256;

/// How many arrivals may wait: as many as the bytes allow, and changes of the link; so the poll loop never waits for a place. More than the
/// Receive Maximum, for not every broker keeps to it: Mosquitto 2.0.11 sends tens of thousands at once to a session that it resumes.
pub(crate) const ARRIVALS_WAITING: usize = BYTES_WAITING / DELIVERY_BYTES + CHANGES_WAITING;

/// What a delivery takes of the bytes that may wait.
fn delivery_bytes(payload: usize) -> u32 {
    u32::try_from(payload + DELIVERY_BYTES).unwrap_or(u32::MAX)
}

/// Acknowledges one delivery over the connection it came from.
#[derive(Debug)]
pub(crate) struct MqttAck {
    client: AsyncClient,
    packet_id: u16,
}

impl MqttAck {
    fn new(client: &AsyncClient, packet_id: u16) -> Self {
        gauge!(names::IN_FLIGHT).increment(1.0);
        Self { client: client.clone(), packet_id }
    }

    /// Waits for room in the connection's queue; an acknowledgement whose connection has ended is dropped.
    pub(crate) async fn send(self) {
        let publish = Publish { pkid: self.packet_id, qos: QoS::AtLeastOnce, ..Publish::default() };
        if self.client.ack(&publish).await.is_err() {
            counter!(names::STALE_ACKS).increment(1);
        }
    }
}

impl Drop for MqttAck {
    fn drop(&mut self) {
        gauge!(names::IN_FLIGHT).decrement(1.0);
    }
}

/// The link to one broker over all its connections.
pub(crate) struct MqttLink {
    pub(crate) config: MqttConfig,
    pub(crate) client_id: String,
    /// What it is for.
    pub(crate) role: Role,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) arrivals: mpsc::Sender<Arrival>,
    pub(crate) clients: watch::Sender<Option<Publisher>>,
    /// What to publish at QoS 0, where somebody does.
    pub(crate) commands: Option<mpsc::Receiver<Command>>,
    pub(crate) sites: watch::Receiver<Arc<SiteIndex>>,
    pub(crate) voice: Voice,
}

/// What outlives a connection.
struct Shared {
    link: MqttLink,
    canary_topic: String,
    bytes: Arc<Semaphore>,
    qos0: Arc<Semaphore>,
}

impl MqttLink {
    /// Connects, and connects again, until shutdown.
    pub(crate) async fn run(self, shutdown: Shutdown) -> Result<(), IngestError> {
        let transport = transport(self.config.tls).await?;
        gauge!(names::IN_FLIGHT_LIMIT).set(f64::from(self.config.receive_maximum));
        let mut backoff = Backoff::new(self.config.backoff_min, self.config.backoff_max);
        let mut shared = Shared {
            canary_topic: format!("davy/v1/_canary/{}", self.client_id),
            bytes: Arc::new(Semaphore::new(BYTES_WAITING)),
            qos0: Arc::new(Semaphore::new(QOS0_WAITING)),
            link: self,
        };
        let mut said = None;
        while !shutdown.is_requested() {
            let (end, was_up) = shared.connect(transport.clone(), &shutdown).await;
            counter!(names::RECONNECTS).increment(1);
            if shutdown.is_requested() {
                break;
            }
            if was_up {
                backoff.reset();
                said = None;
            }
            let wait = match end.kind {
                EndKind::TakenOver => TAKEN_OVER_WAIT + backoff.next(),
                EndKind::Other => backoff.next(),
            };
            shared.say(&end, &mut said, wait);
            // Both arms are cancel-safe: a timer and a token.
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = shutdown.requested() => {}
            }
        }
        info!("link to the broker closed");
        Ok(())
    }
}

impl Shared {
    /// One connection from its attempt to its end; says why it ended, and whether it was up.
    async fn connect(&mut self, transport: Transport, shutdown: &Shutdown) -> (End, bool) {
        let (client, events) = self.client(transport);
        let mut commands = self.link.commands.take();
        // What was meant for nodes of the connection before is asked anew where it still matters.
        while commands.as_mut().is_some_and(|it| it.try_recv().is_ok()) {}
        let alive = Arc::new(Alive::new(self.link.journal.now()));
        let mut events = Box::new(events);
        let (config, canary_topic) = (self.link.config.clone(), self.canary_topic.clone());
        // The arms are not resumed: the first to end ends the connection and drops the others with it.
        let end = tokio::select! {
            end = Box::pin(self.poll(&mut events, &client, &alive)) => end,
            end = connection::send_canaries(&config, &canary_topic, &client, &alive) => end,
            () = connection::send_commands(&mut commands, &client) => End::other("nobody sends commands"),
            () = connection::leave(shutdown, &alive) => End::other("shutdown"),
        };
        self.link.clients.send_replace(None);
        drop(events);
        self.link.commands = commands;
        if alive.was_told() {
            let source = SourceId::of(self.link.role.protocol());
            let down = Arrival::Down { source, since: alive.last(), reason: end.reason.clone() };
            if self.link.arrivals.send(down).await.is_err() {
                debug!("link went down after writing ended");
            }
        }
        (end, alive.is_up())
    }

    fn client(&mut self, transport: Transport) -> (AsyncClient, EventLoop) {
        let config = self.link.config.clone();
        let mut options = MqttOptions::new(&self.link.client_id, &config.host, config.port);
        let mut network = NetworkOptions::new();
        // Without it every acknowledgement waits for the peer's delayed one: 52 times slower against one broker.
        network.set_tcp_nodelay(true);
        let mut properties = ConnectProperties::new();
        properties.receive_maximum = Some(config.receive_maximum);
        properties.max_packet_size = Some(MAX_PACKET_BYTES);
        options
            .set_transport(transport)
            .set_network_options(network)
            .set_keep_alive(config.keep_alive.max(Duration::from_secs(5)))
            .set_manual_acks(true)
            // Nearly all that is published goes out at QoS 0.
            .set_outgoing_inflight_upper_limit(16);
        if let Some((user, password)) = &config.login {
            options.set_credentials(user, password.expose());
        }
        self.link.role.prepare(&mut options, &mut properties, self.link.journal.now());
        options.set_connect_properties(properties);
        // Room for all acknowledgements there can be, and some receipts: an acknowledgement must not wait for a poll loop that waits for room.
        AsyncClient::new(options, ARRIVALS_WAITING + 1_024)
    }

    /// Once per state: the same trouble again is for debugging only.
    fn say(&self, end: &End, said: &mut Option<String>, wait: Duration) {
        let MqttConfig { host, port, .. } = &self.link.config;
        let wait_ms = wait.as_millis();
        let link = self.link.role.name();
        let trouble = format!("broker {host}:{port}, {link}: {}", end.reason);
        let required = self.link.role.is_required(&self.link.sites.borrow());
        self.link.voice.say(link, if required { Say::Unready(trouble) } else { Say::Degraded(trouble) });
        if end.kind == EndKind::TakenOver {
            error!(client_id = %self.link.client_id, wait_ms, "another client took this one's session: two instances share a client id");
        } else if said.as_deref() == Some(&*end.reason) {
            debug!(broker = %host, port, link, reason = %end.reason, wait_ms, "broker still not reached");
        } else {
            warn!(broker = %host, port, link, reason = %end.reason, wait_ms, "broker lost or not reached, trying again");
        }
        *said = Some(end.reason.clone());
    }
}

async fn transport(tls: bool) -> Result<Transport, IngestError> {
    if !tls {
        return Ok(Transport::Tcp);
    }
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        debug!("a crypto provider is installed already");
    }
    // Reads files, and panics where there are none: on a thread of its own.
    let roots = tokio::task::spawn_blocking(TlsConfiguration::default).await;
    roots.map(Transport::tls_with_config).map_err(|_| IngestError::Certificates)
}

/// When a message last came, in both kinds of time.
type Last = Mutex<(Instant, Time)>;
