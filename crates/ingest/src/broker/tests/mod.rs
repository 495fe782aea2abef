//! The embedded broker with ingest behind it, on a journal whose durability the test holds in its hand.

mod acks;
mod clients;
mod hostile;
mod memory;
mod peer;
mod rights;
mod users;

use std::net::SocketAddr;
use std::sync::Arc;

use harness::Port;
use tokio::sync::mpsc;

use super::*;
use crate::tests::{Memory, Plant, within};
use crate::{Link, local_link};
use peer::{Hello, Peer, V5, V311};

/// Both versions of MQTT that are served.
const VERSIONS: [u8; 2] = [V311, V5];

/// A broker before ingest.
struct Site {
    plant: Plant,
    address: SocketAddr,
    /// Its port stays its own after the broker has ended.
    _port: Port,
    outgoing: mpsc::Sender<Outgoing>,
    stop: Shutdown,
    serving: tokio::task::JoinHandle<Result<(), IngestError>>,
}

impl Site {
    /// With the enterprise `e01`, whose gateway is `rugang/e01/gw1`.
    async fn start(users: Option<&str>) -> Self {
        let users = users.map(|text| Users::parse("users.toml", text).unwrap());
        let (publisher, receiver) = local_link();
        let plant = Plant::with_site(Link::Local(receiver), &["e01"]).await;
        let port = Port::take();
        let listen = SocketAddr::from(([127, 0, 0, 1], port.number()));
        let broker = EmbeddedBroker::bind(BrokerConfig { listen, users }).await.unwrap();
        let (address, stop) = (broker.local_addr(), Shutdown::new());
        let (outgoing, messages) = mpsc::channel(16);
        let latch = plant.health.latch("broker");
        let serving = tokio::spawn(Box::pin(broker.serve_with(publisher, Some(messages), latch, stop.clone())));
        plant.until_ready().await;
        Self { plant, address, _port: port, outgoing, stop, serving }
    }

    fn journal(&self) -> &Memory {
        &self.plant.journal
    }

    /// A client that nobody has to know.
    async fn client(&self, version: u8, id: &str) -> Peer {
        let mut peer = Peer::reach(self.address, version).await;
        peer.connect(id, None, None).await;
        assert_eq!(peer.connack().await, 0);
        peer
    }

    async fn until_values(&self, wanted: &[f64]) {
        self.journal().until("the values", |journal| crate::tests::values(journal, "e01", 1) == wanted).await;
    }

    async fn stop(self) {
        self.stop.request();
        within(self.serving, "the broker to end").await.unwrap().unwrap();
        self.plant.stop().await.unwrap();
    }
}

const TOPIC: &str = "davy/v1/rugang/e01/gw1/telemetry";

fn value(value: f64) -> String {
    format!(r#"{{"values":{{"PI-101":{value}}}}}"#)
}
