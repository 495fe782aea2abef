//! A publisher on a broker, for simulated gateways: QoS 1, with the acknowledgements counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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

/// A connection whose acknowledgements are counted, so that the end can wait for them.
pub(crate) struct Broker {
    client: AsyncClient,
    sent: u64,
    acknowledged: Arc<Acknowledged>,
    polling: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Acknowledged {
    count: AtomicU64,
    connected: AtomicU64,
    changed: Notify,
}

impl Broker {
    /// Connects as a client of its own name; gives up after a while.
    pub(crate) async fn connect(config: &MqttConfig, name: &str) -> Result<Self, CommandError> {
        let (client, events) = AsyncClient::new(options(config, name), QUEUE);
        let acknowledged = Arc::new(Acknowledged::default());
        let polling = tokio::spawn(poll(events, Arc::clone(&acknowledged)));
        let broker = Self { client, sent: 0, acknowledged, polling };
        let reached = broker.until(BROKER_WITHIN, |it| it.connected.load(Ordering::Acquire) > 0).await;
        reached
            .with_context(|| format!("reach the broker {}:{}", config.host, config.port))
            .map_err(CommandError::unreachable)?;
        Ok(broker)
    }

    /// Queues a message at QoS 1; waits while the queue is full.
    pub(crate) async fn send(&mut self, message: Outgoing) -> Result<(), CommandError> {
        let sent = self.client.publish(message.topic, QoS::AtLeastOnce, false, message.payload).await;
        sent.context("publish").map_err(CommandError::unreachable)?;
        self.sent += 1;
        Ok(())
    }

    /// Waits until the broker has acknowledged everything.
    pub(crate) async fn finish(self, patience: Duration) -> Result<(), CommandError> {
        let sent = self.sent;
        let all = self.until(patience, |it| it.count.load(Ordering::Acquire) >= sent).await;
        let count = self.acknowledged.count.load(Ordering::Acquire);
        self.polling.abort();
        eprintln!("davy: {count} of {sent} messages acknowledged by the broker");
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
            Ok(_) => continue,
            Err(error) => {
                tracing::debug!(%error, "broker connection");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
        acknowledged.changed.notify_one();
    }
}

fn options(config: &MqttConfig, name: &str) -> MqttOptions {
    let mut options = MqttOptions::new(format!("{name}-{}", std::process::id()), &config.host, config.port);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options.set_network_options(network).set_keep_alive(Duration::from_secs(20)).set_outgoing_inflight_upper_limit(1_000);
    if config.tls {
        options.set_transport(Transport::tls_with_default_config());
    }
    if let Some((user, password)) = &config.login {
        options.set_credentials(user, password.expose());
    }
    options
}
