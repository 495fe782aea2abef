//! A publisher on a broker, for simulated gateways: QoS 1, with the acknowledgements counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use ingest::MqttConfig;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::{AsyncClient, Event, EventLoop, Incoming, MqttOptions};
use rumqttc::{NetworkOptions, Transport};
use tokio::sync::Notify;

use crate::exit::CommandError;
use crate::play::Outgoing;

/// How long the broker may take to answer at first, and to acknowledge what is left at the end.
pub(crate) const BROKER_WITHIN: Duration = Duration::from_secs(10);

/// Messages that may wait between this program and the broker; beyond it the sender waits.
const QUEUE: usize = 1_000;

/// How long the broker keeps the session of a client that is cut off, seconds.
const SESSION_S: u32 = 600;

/// A connection whose acknowledgements are counted, so that the end can wait for them.
pub(crate) struct Broker {
    client: AsyncClient,
    qos: QoS,
    sent: u64,
    acknowledged: Arc<Acknowledged>,
    polling: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Acknowledged {
    count: AtomicU64,
    connected: AtomicU64,
    gone: AtomicBool,
    changed: Notify,
}

impl Broker {
    /// Connects as a client of its own name; gives up after a while.
    pub(crate) async fn connect(config: &MqttConfig, name: &str) -> Result<Self, CommandError> {
        let mut options = options(config, &format!("{name}-{}", std::process::id()));
        // The session survives a cut: what was not acknowledged is sent again (traps 7).
        options.set_clean_start(false).set_session_expiry_interval(Some(SESSION_S)).set_outgoing_inflight_upper_limit(1_000);
        let (client, events) = AsyncClient::new(options, QUEUE);
        let acknowledged = Arc::new(Acknowledged::default());
        let polling = tokio::spawn(poll(events, Arc::clone(&acknowledged)));
        let broker = Self { client, qos: QoS::AtLeastOnce, sent: 0, acknowledged, polling };
        let reached = broker.until(BROKER_WITHIN, |it| it.connected.load(Ordering::Acquire) > 0).await;
        reached
            .with_context(|| format!("reach the broker {}:{}", config.host, config.port))
            .map_err(CommandError::unreachable)?;
        Ok(broker)
    }

    /// Whether messages are sent at QoS 1, as they are unless told otherwise, or at 0.
    pub(crate) fn set_at_least_once(&mut self, at_least_once: bool) {
        self.qos = if at_least_once { QoS::AtLeastOnce } else { QoS::AtMostOnce };
    }

    /// Queues a message; waits while the queue is full.
    pub(crate) async fn send(&mut self, message: Outgoing) -> Result<(), CommandError> {
        let sent = self.client.publish(message.topic, self.qos, false, message.payload).await;
        sent.context("publish").map_err(CommandError::unreachable)?;
        self.sent += 1;
        Ok(())
    }

    /// Waits until the broker has acknowledged everything; at QoS 0, until everything is handed to the connection.
    pub(crate) async fn finish(self, patience: Duration) -> Result<(), CommandError> {
        let sent = self.sent;
        let all = if self.qos == QoS::AtLeastOnce {
            self.until(patience, |it| it.count.load(Ordering::Acquire) >= sent).await
        } else {
            let written = self.until(patience, |it| it.gone.load(Ordering::Acquire));
            let (asked, written) = tokio::join!(self.client.disconnect(), written);
            asked.context("disconnect").map_err(CommandError::unreachable)?;
            written
        };
        let count = self.acknowledged.count.load(Ordering::Acquire);
        let reconnects = self.acknowledged.connected.load(Ordering::Acquire).saturating_sub(1);
        self.polling.abort();
        eprintln!("davy: {count} of {sent} messages acknowledged by the broker, {reconnects} reconnects");
        all.with_context(|| format!("get all {sent} messages acknowledged")).map_err(CommandError::unreachable)
    }

    async fn until(&self, patience: Duration, done: impl Fn(&Acknowledged) -> bool) -> Result<(), tokio::time::error::Elapsed> {
        tokio::time::timeout(patience, async {
            loop {
                let changed = self.acknowledged.changed.notified();
                if done(&self.acknowledged) {
                    return;
                }
                changed.await;
            }
        })
        .await
    }
}

async fn poll(mut events: EventLoop, acknowledged: Arc<Acknowledged>) {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Incoming::PubAck(_))) => _ = acknowledged.count.fetch_add(1, Ordering::AcqRel),
            Ok(Event::Incoming(Incoming::ConnAck(_))) => _ = acknowledged.connected.fetch_add(1, Ordering::AcqRel),
            Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect)) => {
                acknowledged.gone.store(true, Ordering::Release);
                acknowledged.changed.notify_one();
                return;
            }
            Ok(_) => continue,
            Err(error) => {
                tracing::debug!(%error, "broker connection");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
        acknowledged.changed.notify_one();
    }
}

/// Options of a client; what sessions it wants and how much it sends at once is for the caller to say.
pub(crate) fn options(config: &MqttConfig, client_id: &str) -> MqttOptions {
    let mut options = MqttOptions::new(client_id, &config.host, config.port);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options.set_network_options(network).set_keep_alive(Duration::from_secs(20));
    if config.tls {
        options.set_transport(Transport::tls_with_default_config());
    }
    if let Some((user, password)) = &config.login {
        options.set_credentials(user, password.expose());
    }
    options
}
