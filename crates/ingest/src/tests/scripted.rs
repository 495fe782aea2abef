//! Against a scripted broker, packet by packet: which acknowledgement goes over which connection, and what is announced.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::MqttConfig;

const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;
const PUBACK: u8 = 4;
const SUBSCRIBE: u8 = 8;
const PINGREQ: u8 = 12;

/// The broker's end of one connection.
struct Peer(TcpStream);

impl Peer {
    /// First byte and body.
    async fn packet(&mut self) -> (u8, Vec<u8>) {
        let header = self.0.read_u8().await.unwrap();
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = self.0.read_u8().await.unwrap();
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        (header, body)
    }

    /// The next packet of a kind; canaries are sent back, receipts and pings read over.
    async fn next(&mut self, wanted: u8) -> Vec<u8> {
        loop {
            let (header, body) = within(self.packet(), "a packet").await;
            let kind = header >> 4;
            if kind == wanted {
                return body;
            }
            match kind {
                PUBLISH if body.windows(7).any(|it| it == b"_canary") => self.send(0x30, &body).await,
                PUBLISH | PINGREQ => {}
                _ => panic!("packet of kind {kind} where {wanted} was awaited"),
            }
        }
    }

    async fn send(&mut self, header: u8, body: &[u8]) {
        let mut packet = vec![header];
        let mut rest = body.len();
        loop {
            let byte = u8::try_from(rest % 128).unwrap();
            rest /= 128;
            packet.push(if rest > 0 { byte | 0x80 } else { byte });
            if rest == 0 {
                break;
            }
        }
        packet.extend_from_slice(body);
        self.0.write_all(&packet).await.unwrap();
    }

    /// A publication at QoS 1.
    async fn publish(&mut self, packet_id: u16, payload: &str) {
        let topic = topic("e01");
        let mut body = u16::try_from(topic.len()).unwrap().to_be_bytes().to_vec();
        body.extend_from_slice(topic.as_bytes());
        body.extend_from_slice(&packet_id.to_be_bytes());
        body.push(0);
        body.extend_from_slice(payload.as_bytes());
        self.send(0x32, &body).await;
    }

    async fn puback(&mut self) -> u16 {
        let body = self.next(PUBACK).await;
        u16::from_be_bytes([body[0], body[1]])
    }
}

/// Accepts a connection up to its subscription; gives the CONNECT packet too.
async fn accept(listener: &TcpListener, session_present: bool, codes: [u8; 2]) -> (Peer, Vec<u8>) {
    accept_with(listener, &[u8::from(session_present), 0, 0], codes).await
}

async fn accept_with(listener: &TcpListener, connack: &[u8], codes: [u8; 2]) -> (Peer, Vec<u8>) {
    let (stream, _) = within(listener.accept(), "a connection").await.unwrap();
    let mut peer = Peer(stream);
    let connect = peer.next(CONNECT).await;
    peer.send(0x20, connack).await;
    let subscribe = peer.next(SUBSCRIBE).await;
    peer.send(0x90, &[subscribe[0], subscribe[1], 0, codes[0], codes[1]]).await;
    if codes.iter().all(|code| *code < 0x80) {
        // What can be done without is asked for alone; this broker has no such thing.
        let extra = peer.next(SUBSCRIBE).await;
        peer.send(0x90, &[extra[0], extra[1], 0, 0x87]).await;
    }
    (peer, connect)
}

async fn plant() -> (TcpListener, Plant) {
    plant_with(|_| ()).await
}

async fn plant_with(change: impl FnOnce(&mut MqttConfig)) -> (TcpListener, Plant) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = MqttConfig::parse(&format!("mqtt://davy:pw@127.0.0.1:{}", listener.local_addr().unwrap().port())).unwrap();
    let millis = Duration::from_millis;
    let mut config = MqttConfig { backoff_min: millis(10), backoff_max: millis(50), canary_every: millis(100), ..config };
    change(&mut config);
    let plant = Plant::with_site(Link::Mqtt(config), &["e01"]).await;
    (listener, plant)
}

#[tokio::test]
async fn the_session_is_announced_as_the_design_says() {
    let (listener, plant) = plant().await;
    let (_peer, connect) = accept(&listener, false, [1, 0]).await;
    assert_eq!(&connect[..7], b"\0\x04MQTT\x05");
    assert_eq!(connect[7] & 0x02, 0, "no clean start");
    let has = |property: &[u8]| connect.windows(property.len()).any(|it| it == property);
    assert!(has(&[0x11, 0x00, 0x09, 0x3a, 0x80]), "session expiry of 7 days");
    assert!(has(&[0x21, 0x20, 0x00]), "receive maximum of 8192");
    assert!(has(&[0x27, 0x00, 0x12, 0x00, 0x00]), "maximum packet size");
    plant.journal.until("the start", |journal| !journal.bodies(partition("e01")).is_empty()).await;
    assert!(!plant.health.is_ready(), "not before the canary came back");
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn acknowledgements_come_after_durability_in_order_and_never_cross_a_connection() {
    let (listener, plant) = plant().await;
    let (mut peer, _) = accept(&listener, false, [1, 0]).await;
    plant.journal.hold_durability(true);
    let payload = |n: u16| format!(r#"{{"ts":{},"values":{{"PI-101":{n}}}}}"#, 1_732_370_000_000_u64 + u64::from(n));
    for n in 1..=15 {
        peer.publish(n, &payload(n)).await;
    }
    plant.journal.until("15 appended", |journal| values(journal, "e01", 1).len() == 15).await;
    // The link is cut while 15 wait; then the broker gives packet identifier 1 to another message and repeats the 15 under new ones.
    drop(peer);
    let (mut peer, _) = accept(&listener, true, [1, 0]).await;
    plant.journal.hold_durability(false);
    peer.publish(100, &payload(100)).await;
    assert_eq!(peer.puback().await, 100, "acknowledgements of the old connection go nowhere");
    for n in 1..=15 {
        peer.publish(200 + n, &payload(n)).await;
    }
    for n in 1..=15 {
        assert_eq!(peer.puback().await, 200 + n, "in order");
    }
    assert_eq!(plant.values("e01", 1).len(), 16, "exactly those 15 came again, and were told apart");
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn a_refused_subscription_is_no_link() {
    let (listener, plant) = plant().await;
    let (_refused, _) = accept(&listener, false, [0x87, 0]).await;
    let (mut peer, _) = accept(&listener, true, [1, 0]).await;
    let up = |journal: &Memory| journal.bodies(partition("e01")).iter().any(|it| matches!(it, Body::SourceUp { .. }));
    assert!(!up(&plant.journal) && !plant.health.is_ready());
    peer.publish(7, r#"{"values":{"PI-101":1}}"#).await;
    assert_eq!(peer.puback().await, 7);
    // The peer sends canaries back only while it is read.
    let echo = tokio::spawn(async move { peer.next(u8::MAX).await });
    plant.journal.until("the link up", up).await;
    plant.stop().await.unwrap();
    echo.abort();
}

#[tokio::test]
async fn what_was_taken_before_shutdown_is_acknowledged_before_the_leave() {
    let (listener, plant) = plant().await;
    let (mut peer, _) = accept(&listener, false, [1, 0]).await;
    plant.journal.hold_durability(true);
    peer.publish(9, r#"{"values":{"PI-101":1}}"#).await;
    plant.journal.until("it appended", |journal| values(journal, "e01", 1).len() == 1).await;
    plant.shutdown.request();
    plant.journal.hold_durability(false);
    assert_eq!(peer.puback().await, 9);
    assert!(within(peer.next(14), "the leave").await.first().is_none_or(|reason| *reason == 0), "a clean DISCONNECT");
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn a_session_taken_over_is_no_reason_to_hurry_back() {
    let (listener, plant) = plant().await;
    let (mut peer, _) = accept(&listener, false, [1, 0]).await;
    peer.send(0xe0, &[0x8e, 0]).await;
    let said = async {
        while !plant.health.report().contains("SessionTakenOver") {
            tokio::task::yield_now().await;
        }
    };
    within(said, "the health report").await;
    assert!(!plant.health.is_ready());
    // Any other end is followed by an attempt within 50 ms here.
    let again = tokio::time::timeout(Duration::from_millis(500), listener.accept()).await;
    assert!(again.is_err(), "two instances would throw each other out for ever (traps 14)");
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn a_broker_that_keeps_no_messages_is_not_asked_to() {
    let (listener, plant) = plant().await;
    let (mut peer, _) = accept_with(&listener, &[0, 0, 2, 0x25, 0], [1, 0]).await;
    peer.publish(1, r#"{"values":{"PI-101":1}}"#).await;
    let receipt = async {
        loop {
            let (header, body) = peer.packet().await;
            if header >> 4 == PUBLISH && body.windows(7).any(|it| it == b"receipt") {
                return header;
            }
        }
    };
    assert_eq!(within(receipt, "a receipt").await & 1, 0);
    plant.stop().await.unwrap();
}

#[tokio::test]
async fn a_canary_that_is_not_let_through_ends_the_connection_though_data_flows() {
    let (listener, plant) = plant_with(|config| config.canary_timeout = Duration::from_millis(300)).await;
    let (mut peer, _) = accept(&listener, false, [1, 0]).await;
    // Ends with a panic of its own when the connection is cut.
    let feed = tokio::spawn(async move {
        for n in 1.. {
            peer.publish(n, r#"{"values":{"PI-101":1}}"#).await;
            while within(peer.packet(), "an acknowledgement").await.0 >> 4 != PUBACK {}
        }
    });
    let (_peer, _) = accept(&listener, true, [1, 0]).await;
    assert!(feed.await.is_err() && !plant.values("e01", 1).is_empty());
    assert!(plant.health.report().contains("canary"), "{}", plant.health.report());
    assert!(!plant.health.is_ready());
    plant.stop().await.unwrap();
}
