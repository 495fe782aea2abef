//! The Sparkplug host on a real Mosquitto: STATE over reconnects, large births.

use ::sparkplug::edge::{Edge, EdgeOptions, Reading};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use super::mosquitto::{broker, config_of};
use super::sparkplug_b::{edge, now, site_of_nodes};
use super::*;

const STATE: &str = "spBv1.0/STATE/davy";

/// A way to the broker that can be cut; each new epoch cuts what is open.
async fn cuttable(to: u16) -> (u16, watch::Sender<u32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (cut, cuts) = watch::channel(0);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut cuts = cuts.clone();
            cuts.mark_unchanged();
            tokio::spawn(async move {
                let mut far = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    _ = cuts.changed() => {}
                }
            });
        }
    });
    (port, cut)
}

/// A client beside Davy, with all it hears of STATE.
async fn observer(port: u16) -> (AsyncClient, mpsc::Receiver<String>) {
    let mut options = MqttOptions::new("observer", "127.0.0.1", port);
    options.set_max_packet_size(Some(16 * 1024 * 1024));
    let (client, mut events) = AsyncClient::new(options, 64);
    let (tell, heard) = mpsc::channel(64);
    client.subscribe(STATE, QoS::AtLeastOnce).await.unwrap();
    tokio::spawn(async move {
        while let Ok(event) = events.poll().await {
            if let Event::Incoming(Packet::Publish(it)) = event {
                tell.send(String::from_utf8(it.payload.to_vec()).unwrap()).await.unwrap_or_default();
            }
        }
    });
    (client, heard)
}

fn read(state: &str) -> (bool, u64) {
    let value: serde_json::Value = serde_json::from_str(state).unwrap_or_else(|_| panic!("no STATE: {state}"));
    (value["online"].as_bool().unwrap(), value["timestamp"].as_u64().unwrap())
}

async fn plant(port: u16) -> Plant {
    let (journal, data) = (Arc::new(Memory::new()), Arc::new(tempfile::tempdir().unwrap()));
    put_site(&*journal, site_of_nodes()).await;
    Plant::start(&journal, Link::Sparkplug(config_of(port)), &data)
}

/// Traps 19: what the broker says for Davy carries the timestamp of what Davy said of the same connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn state_and_will_agree_over_reconnects_and_only_grow() {
    let broker = broker().await;
    let (_observing, mut heard) = observer(broker.port()).await;
    let (port, cut) = cuttable(broker.port()).await;
    let plant = plant(port).await;
    // A Will that comes late is heard by the next connection too, which says the same again.
    let mut last = (false, 0);
    let mut next = async || {
        loop {
            let state = read(&within(heard.recv(), "STATE").await.expect("connected"));
            if state != std::mem::replace(&mut last, state) {
                return state;
            }
        }
    };
    let mut timestamps = Vec::new();
    for epoch in 1..=3 {
        let (online, timestamp) = next().await;
        assert!(online, "connection {epoch}");
        cut.send_replace(epoch);
        assert_eq!(next().await, (false, timestamp), "the Will of connection {epoch}");
        timestamps.push(timestamp);
    }
    let (online, timestamp) = next().await;
    timestamps.push(timestamp);
    assert!(online && timestamps.is_sorted_by(|one, other| one < other), "{timestamps:?}");
    plant.until_ready().await;
    plant.stop().await.unwrap();
    assert_eq!(next().await, (false, timestamp), "it takes leave itself");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_said_to_be_gone_says_again_that_it_is_there() {
    let broker = broker().await;
    let (client, mut heard) = observer(broker.port()).await;
    let plant = plant(broker.port()).await;
    let said = within(heard.recv(), "STATE").await.unwrap();
    assert!(read(&said).0);
    let timestamp = read(&said).1;
    for denial in [String::new(), format!(r#"{{"online":false,"timestamp":{timestamp}}}"#)] {
        client.publish(STATE, QoS::AtLeastOnce, true, denial.clone()).await.unwrap();
        assert_eq!(within(heard.recv(), "the denial").await.unwrap(), denial);
        assert_eq!(within(heard.recv(), "STATE again").await.unwrap(), said, "with the same timestamp");
    }
    plant.stop().await.unwrap();
}

/// Traps 11.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_birth_of_many_metrics_is_taken() {
    let broker = broker().await;
    let (client, mut heard) = observer(broker.port()).await;
    let plant = plant(broker.port()).await;
    within(heard.recv(), "STATE").await.unwrap();
    plant.until_ready().await;
    let mut node: Edge = edge(EdgeOptions::default());
    let filler = (0..4_000).map(|n| Reading::number(format!("a metric with a long enough name, number {n}"), 1.0));
    let birth = node.node_birth(now(&plant), [Reading::number("TI-1", 7.0)].into_iter().chain(filler).collect());
    assert!(birth.payload.len() > 200 * 1024, "{}", birth.payload.len());
    client.publish(birth.topic.to_string(), QoS::AtLeastOnce, false, birth.payload).await.unwrap();
    plant.journal.until("the birth's value", |journal| values(journal, "e01", 2) == [7.0]).await;
    let up = |body: &Body| matches!(body, Body::SourceUp { source, .. } if source.as_str() == "sparkplug/plant/n1");
    assert!(plant.journal.bodies(partition("e01")).iter().any(up));
    plant.stop().await.unwrap();
}
