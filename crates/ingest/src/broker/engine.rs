//! MQTT on the wire, by the crate `mqtt5`; nothing of that crate is named outside this file.
//!
//! Each connection gets a handler of the crate with hooks of its own. The crate awaits `on_client_publish` before it answers with PUBACK
//! or PUBREC, in both versions of MQTT; a will does not come that way, so the session keeps it and says it when the handler has ended.
//! Nothing that clients say is retained: gateways have nothing to retain, and the crate answers a retained message beyond its limit before
//! the hook, which MQTT 3.1.1 reads as an acknowledgement. At QoS 2 the hook routes by itself, as the message is durable by then: the crate
//! would keep the payload until PUBREL, which may never come.
//! The crate cannot be told to withhold an answer. What it routes at QoS 0 it does not answer: so a publication that was not taken is
//! turned into one that nobody hears, and the connection is taken out of the routing table, upon which its handler closes it.

use std::future::Future;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use mqtt5::QoS;
use mqtt5::broker::auth::{AuthProvider, AuthResult};
use mqtt5::broker::client_handler::ClientHandler;
use mqtt5::broker::config::{BrokerConfig, StorageConfig};
use mqtt5::broker::events::{BrokerEventHandler, ClientConnectEvent, ClientDisconnectEvent, ClientPublishEvent, PublishAction};
use mqtt5::broker::resource_monitor::{ResourceLimits, ResourceMonitor};
use mqtt5::broker::router::MessageRouter;
use mqtt5::broker::storage::{DynamicStorage, MemoryBackend, QueueLimits, StorageBackend as _};
use mqtt5::broker::sys_topics::BrokerStats;
use mqtt5::broker::transport::BrokerTransport;
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::packet::publish::PublishPacket;
use mqtt5::protocol::v5::reason_codes::ReasonCode;
use tokio::net::TcpStream;
use tokio::sync::broadcast;
use tracing::{debug, error, warn};

use crate::Outgoing;
use crate::broker::Engine;
use crate::broker::rights::NOWHERE;
use crate::broker::session::{Admission, Login, Said, Session};
use crate::config::MAX_PACKET_BYTES;

/// Messages that wait for one subscriber, and their bytes, while it is connected or its session is kept; then the oldest give way.
const QUEUED_MESSAGES: usize = 1_000;
const QUEUED_BYTES: usize = 8 * 1024 * 1024;
/// Messages between the routing and one connection; beyond it QoS 0 is dropped, QoS 1 waits two seconds at most and is then queued.
const LANE_MESSAGES: usize = 256;
/// Unacknowledged messages on the way to one subscriber.
const OUT_IN_FLIGHT: u16 = 64;
/// Unacknowledged QoS 1 and 2 messages a client of MQTT 5 may send.
const IN_FLIGHT: u16 = 1_024;
/// How long a session is kept for a client that is away; in memory, so a restart forgets it.
const SESSION_KEPT: Duration = Duration::from_secs(3_600);
const SUBSCRIPTIONS: usize = 1_000;
const TOPIC_ALIASES: u16 = 32;

/// The crate's parts, put together without its server: connections are accepted, bounded and ended by our own.
pub(crate) struct Mqtt5 {
    config: BrokerConfig,
    router: Arc<MessageRouter>,
    storage: Arc<DynamicStorage>,
    stats: Arc<BrokerStats>,
    monitor: Arc<ResourceMonitor>,
    stop: broadcast::Sender<()>,
}

impl Mqtt5 {
    pub(crate) fn new() -> Self {
        let limits = QueueLimits { max_messages: QUEUED_MESSAGES, max_bytes: QUEUED_BYTES };
        let storage = Arc::new(DynamicStorage::Memory(MemoryBackend::with_queue_limits(limits)));
        // No limit of retained messages, so that none is refused: clients leave none.
        let router = MessageRouter::with_storage(Arc::clone(&storage));
        let unlimited =
            ResourceLimits { max_message_rate_per_client: 0, max_bandwidth_per_client: 0, ..ResourceLimits::default() };
        Self {
            config: config(),
            router: Arc::new(router),
            storage,
            stats: Arc::new(BrokerStats::new()),
            monitor: Arc::new(ResourceMonitor::new(unlimited)),
            stop: broadcast::channel(1).0,
        }
    }
}

/// Every setting that would otherwise listen, write to disk or publish by itself is set, although only the server of the crate heeds some.
fn config() -> BrokerConfig {
    BrokerConfig {
        bind_addresses: Vec::new(),
        tls_config: None,
        websocket_config: None,
        websocket_tls_config: None,
        quic_config: None,
        cluster_listener_config: None,
        bridges: Vec::new(),
        load_balancer: None,
        sys_topics_enabled: false,
        storage_config: StorageConfig { enable_persistence: false, ..StorageConfig::default() },
        session_expiry_interval: SESSION_KEPT,
        max_packet_size: MAX_PACKET_BYTES as usize,
        maximum_qos: 2,
        topic_alias_maximum: TOPIC_ALIASES,
        max_subscriptions_per_client: SUBSCRIPTIONS,
        client_channel_capacity: LANE_MESSAGES,
        max_outbound_inflight: OUT_IN_FLIGHT,
        server_receive_maximum: Some(IN_FLIGHT),
        ..BrokerConfig::default()
    }
}

#[async_trait]
impl Engine for Mqtt5 {
    async fn connection(&self, stream: TcpStream, peer: SocketAddr, session: Arc<Session>) {
        let hooks = Arc::new(Hooks { session: Arc::clone(&session), router: Arc::clone(&self.router) });
        let config = BrokerConfig { event_handler: Some(Arc::clone(&hooks) as _), ..self.config.clone() };
        let handler = ClientHandler::new(
            BrokerTransport::tcp(stream),
            peer,
            Arc::new(config),
            Arc::clone(&self.router),
            hooks,
            Some(Arc::clone(&self.storage)),
            Arc::clone(&self.stats),
            Arc::clone(&self.monitor),
            self.stop.subscribe(),
        );
        // What a client sends must not end more than its own connection, whatever the crate makes of it.
        match AssertUnwindSafe(Box::pin(handler.run())).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!(%error, client.addr = %peer, "connection ended"),
            Err(_) => {
                error!(client.addr = %peer, client.id = session.client(), "the broker stumbled over a connection");
                self.router.unregister_client(&session.client()).await;
            }
        }
    }

    async fn publish(&self, message: Outgoing) {
        // As Sparkplug has it: STATE at QoS 1, commands at QoS 0; receipts are said again each second.
        let qos = if message.topic.starts_with("spBv1.0/STATE/") { QoS::AtLeastOnce } else { QoS::AtMostOnce };
        let mut publish = PublishPacket::new(message.topic, message.payload, qos);
        publish.retain = message.retain;
        self.router.route_sys_message(&publish).await;
    }

    async fn tidy(&self) {
        if let Err(error) = self.storage.cleanup_expired().await {
            warn!(%error, "sessions that ended could not be removed");
        }
        self.router.sweep_sessions().await;
    }

    fn stop(&self) {
        // An error says that nobody is connected.
        drop(self.stop.send(()));
    }
}

/// The crate's questions and events of one connection, put to its session.
struct Hooks {
    session: Arc<Session>,
    router: Arc<MessageRouter>,
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Hooks {
    /// Ends the connection without an answer to what came last. One that was taken over ends by itself, and its client id is another's.
    async fn withhold(&self) -> PublishAction {
        self.session.close();
        if self.session.holds_client_id() {
            self.router.disconnect_client(&self.session.client()).await;
        }
        PublishAction::Transform(PublishPacket::new(NOWHERE, Bytes::new(), QoS::AtMostOnce))
    }

    async fn published(&self, event: ClientPublishEvent) -> PublishAction {
        let allowed = self.session.has_reasons() || self.session.may_publish(&event.topic);
        if self.session.is_closing() || !allowed {
            return self.withhold().await;
        }
        if !self.session.take(&event.topic, event.payload.clone(), event.qos != QoS::AtMostOnce).await {
            return self.withhold().await;
        }
        if !event.retain && event.qos != QoS::ExactlyOnce {
            return PublishAction::Continue;
        }
        // What is passed on so loses its properties of MQTT 5; Davy reads none.
        let mut publish = PublishPacket::new(&*event.topic, event.payload, event.qos);
        publish.packet_id = event.packet_id;
        if event.qos == QoS::ExactlyOnce {
            self.router.route_message(&publish, Some(&event.client_id)).await;
            return PublishAction::Handled;
        }
        PublishAction::Transform(publish)
    }
}

impl AuthProvider for Hooks {
    fn authenticate<'a>(&'a self, connect: &'a ConnectPacket, _: SocketAddr) -> Answer<'a, mqtt5::Result<AuthResult>> {
        let will = connect.will.as_ref();
        let login = Login {
            client: &connect.client_id,
            user: connect.username.as_deref(),
            password: connect.password.as_deref(),
            will: will.map(|will| Said { topic: will.topic.clone(), payload: will.payload.clone().into(), retain: will.retain }),
            has_reasons: connect.protocol_version >= 5,
        };
        Box::pin(async move {
            Ok(match self.session.admit(login).await {
                Admission::Welcome { user: Some(user) } => AuthResult::success_with_user(user),
                Admission::Welcome { user: None } => AuthResult::success(),
                Admission::WrongPassword => AuthResult::fail(ReasonCode::BadUsernameOrPassword),
                Admission::NotAuthorized => AuthResult::fail(ReasonCode::NotAuthorized),
            })
        })
    }

    /// MQTT 3.1.1 has no word for a refusal: there the publication goes on to the hook, which ends the connection.
    fn authorize_publish<'a>(&'a self, _: &str, _: Option<&'a str>, topic: &'a str) -> Answer<'a, bool> {
        Box::pin(async move { !self.session.has_reasons() || self.session.may_publish(topic) })
    }

    fn authorize_subscribe<'a>(&'a self, _: &str, _: Option<&'a str>, filter: &'a str) -> Answer<'a, bool> {
        Box::pin(async move { self.session.may_subscribe(filter) })
    }
}

impl BrokerEventHandler for Hooks {
    fn on_client_connect<'a>(&'a self, _: ClientConnectEvent) -> Answer<'a, ()> {
        Box::pin(self.session.arrive())
    }

    fn on_client_publish<'a>(&'a self, event: ClientPublishEvent) -> Answer<'a, PublishAction> {
        Box::pin(self.published(event))
    }

    fn on_client_disconnect<'a>(&'a self, event: ClientDisconnectEvent) -> Answer<'a, ()> {
        self.session.part(!event.unexpected);
        Box::pin(async {})
    }
}
