//! Against a real Mosquitto of each test's own.

use harness::{Mosquitto, Store, until};
use journal::JournalId;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use tokio::sync::mpsc;

use super::*;
use crate::MqttConfig;

/// A broker without sessions on disk, that lets as many messages be under way as these tests send in a row.
pub(super) async fn broker() -> Mosquitto {
    Mosquitto::start_with(Store::None, "max_inflight_messages 1000").await
}

/// Settings for a broker on this machine, impatient.
pub(super) fn config_of(port: u16) -> MqttConfig {
    let config = MqttConfig::parse(&format!("mqtt://127.0.0.1:{port}")).unwrap();
    let millis = Duration::from_millis;
    MqttConfig { backoff_min: millis(20), backoff_max: millis(100), canary_every: millis(200), ..config }
}

/// A gateway: publishes at QoS 1 and hears its receipts. Its packets may be larger than any that ingest takes.
struct Gateway {
    client: AsyncClient,
    acknowledged: mpsc::Receiver<()>,
    receipts: mpsc::Receiver<String>,
}

impl Gateway {
    async fn connect(broker: &Mosquitto, id: &str, enterprise: &str) -> Self {
        let mut options = MqttOptions::new(id, "127.0.0.1", broker.port());
        options.set_max_packet_size(Some(16 * 1024 * 1024));
        let (client, mut events) = AsyncClient::new(options, 64);
        let (acknowledge, acknowledged) = mpsc::channel(4_096);
        let (tell, receipts) = mpsc::channel(4_096);
        let (subscribed, ready) = tokio::sync::oneshot::channel();
        let mut subscribed = Some(subscribed);
        tokio::spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::PubAck(_))) => acknowledge.send(()).await.unwrap_or_default(),
                    Ok(Event::Incoming(Packet::SubAck(_))) => drop(subscribed.take().map(|it| it.send(()))),
                    Ok(Event::Incoming(Packet::Publish(it))) => {
                        tell.send(String::from_utf8(it.payload.to_vec()).unwrap()).await.unwrap_or_default();
                    }
                    Ok(_) => {}
                    Err(_) => break,
                }
            }
        });
        client.subscribe(format!("davy/v1/rugang/{enterprise}/gw1/receipt"), QoS::AtMostOnce).await.unwrap();
        within(ready, "the gateway's subscription").await.unwrap();
        Self { client, acknowledged, receipts }
    }

    async fn publish(&mut self, enterprise: &str, payload: impl Into<bytes::Bytes>) {
        self.client.publish(topic(enterprise), QoS::AtLeastOnce, false, payload.into()).await.unwrap();
        within(self.acknowledged.recv(), "the broker's acknowledgement").await.unwrap();
    }

    async fn receipt_with(&mut self, what: &str) -> String {
        loop {
            let receipt = within(self.receipts.recv(), what).await.expect("connected");
            if receipt.contains(what) {
                return receipt;
            }
        }
    }
}

fn ups(journal: &Memory) -> Vec<bool> {
    let up = |body| if let Body::SourceUp { session_lost, .. } = body { Some(session_lost) } else { None };
    journal.bodies(partition("e01")).into_iter().filter_map(up).collect()
}

fn downs(journal: &Memory) -> usize {
    let down = |body: &&Body| matches!(body, Body::SourceDown { source, .. } if source.as_str() == "mqtt");
    journal.bodies(partition("e01")).iter().filter(down).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn telemetry_comes_in_and_receipts_go_out() {
    let broker = broker().await;
    let plant = Plant::with_site(Link::Mqtt(config_of(broker.port())), &["e01"]).await;
    plant.journal.until("the link up", |journal| ups(journal) == [false]).await;
    plant.until_ready().await;
    let mut gateway = Gateway::connect(&broker, "gw", "e01").await;
    for n in 0..2_000 {
        let payload = format!(r#"{{"ts":{},"values":{{"PI-101":{n}}},"seq":{n}}}"#, 1_732_370_000_000_u64 + n);
        gateway.client.publish(topic("e01"), QoS::AtLeastOnce, false, payload).await.unwrap();
    }
    plant.journal.until("all values", |journal| values(journal, "e01", 1).len() == 2_000).await;
    assert_eq!(plant.values("e01", 1), (0..2_000).map(f64::from).collect::<Vec<_>>(), "in order, each once");
    let receipt = gateway.receipt_with("\"seq\":1999").await;
    assert_eq!(receipt, r#"{"durable_ts":1732370001999,"seq":1999,"messages":2000,"refused":0,"gaps":0,"unmapped":0}"#);
    plant.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_forgot_its_sessions_is_subscribed_to_again() {
    let mut broker = broker().await;
    let plant = Plant::with_site(Link::Mqtt(config_of(broker.port())), &["e01"]).await;
    plant.journal.until("the link up", |journal| ups(journal) == [false]).await;
    broker.kill();
    plant.journal.until("the link down", |journal| downs(journal) == 1).await;
    assert!(!plant.health.is_ready());
    broker.start_again().await;
    plant.journal.until("the link up again, without its session", |journal| ups(journal) == [false, true]).await;
    let mut gateway = Gateway::connect(&broker, "gw", "e01").await;
    gateway.publish("e01", r#"{"values":{"PI-101":5}}"#).await;
    plant.journal.until("data again", |journal| values(journal, "e01", 1) == [5.0]).await;
    plant.until_ready().await;
    plant.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_while_davy_was_away_is_kept_by_the_broker() {
    let broker = broker().await;
    let plant = Plant::with_site(Link::Mqtt(config_of(broker.port())), &["e01"]).await;
    plant.journal.until("the link up", |journal| ups(journal) == [false]).await;
    let (journal, data) = (Arc::clone(&plant.journal), Arc::clone(&plant.data));
    plant.stop().await.unwrap();
    let mut gateway = Gateway::connect(&broker, "gw", "e01").await;
    for n in 1..=100 {
        gateway.publish("e01", format!(r#"{{"values":{{"PI-101":{n}}}}}"#)).await;
    }
    let plant = Plant::start(&journal, Link::Mqtt(config_of(broker.port())), &data);
    journal.until("what was sent meanwhile", |journal| values(journal, "e01", 1).len() == 100).await;
    journal.until("the link up", |journal| ups(journal) == [false, false]).await;
    plant.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_packet_that_is_too_large_stops_nobody() {
    let broker = broker().await;
    let plant = Plant::with_site(Link::Mqtt(config_of(broker.port())), &["e01"]).await;
    plant.journal.until("the link up", |journal| ups(journal) == [false]).await;
    let mut gateway = Gateway::connect(&broker, "gw", "e01").await;
    gateway.publish("e01", vec![b' '; 5 * 1024 * 1024]).await;
    gateway.publish("e01", vec![b' '; 1024 * 1024 + 1]).await;
    gateway.publish("e01", r#"{"values":{"PI-101":5}}"#).await;
    plant.journal.until("the small one", |journal| values(journal, "e01", 1) == [5.0]).await;
    assert_eq!((ups(&plant.journal).len(), downs(&plant.journal)), (1, 0), "the connection held");
    let dead = plant.journal.all(JournalId::Dead);
    assert_eq!(wire::DeadLetter::decode(&dead[0].body).unwrap().reason, "too_large", "of the one a little too large");
    plant.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_not_there_is_waited_for() {
    let mut broker = broker().await;
    broker.kill();
    let plant = Plant::with_site(Link::Mqtt(config_of(broker.port())), &["e01"]).await;
    plant.journal.until("the start", |journal| !journal.bodies(partition("e01")).is_empty()).await;
    assert!(!plant.health.is_ready() && !plant.serving.is_finished());
    broker.start_again().await;
    plant.journal.until("the link up", |journal| ups(journal) == [false]).await;
    plant.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_full_queue_dropped_is_said_also_over_a_restart() {
    let settings = "max_inflight_messages 10\nmax_queued_messages 5\nsys_interval 1";
    let broker = Mosquitto::start_with(Store::None, settings).await;
    let plant = Plant::with_site(Link::Mqtt(config_of(broker.port())), &["e01"]).await;
    plant.journal.until("the link up", |journal| ups(journal) == [false]).await;
    let counter = plant.data.path().join("mqtt-dropped");
    until("a first reading of the counter", async || counter.exists().then_some(())).await;
    let (journal, data) = (Arc::clone(&plant.journal), Arc::clone(&plant.data));
    plant.stop().await.unwrap();
    let mut gateway = Gateway::connect(&broker, "gw", "e01").await;
    for n in 0..100 {
        gateway.publish("e01", format!(r#"{{"values":{{"PI-101":{n}}}}}"#)).await;
    }
    let plant = Plant::start(&journal, Link::Mqtt(config_of(broker.port())), &data);
    let losses = |journal: &Memory| {
        let loss =
            |body| if let Body::Loss { source, messages, reason, .. } = body { Some((source, messages, reason)) } else { None };
        journal.bodies(partition("e01")).into_iter().filter_map(loss).collect::<Vec<_>>()
    };
    journal.until("the loss", |journal| !losses(journal).is_empty()).await;
    let (source, messages, reason) = losses(&journal).remove(0);
    assert_eq!(source.as_str(), "mqtt");
    assert!(messages.is_some_and(|it| (80..=100).contains(&it)), "{messages:?}");
    assert!(reason.contains("max_queued_messages"), "the cure: {reason}");
    plant.stop().await.unwrap();
}
