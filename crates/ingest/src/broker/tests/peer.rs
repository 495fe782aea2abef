//! A client of few words: raw packets of MQTT 3.1.1 and 5, so that a test sees every code that comes back.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::tests::within;

pub(super) const V311: u8 = 4;
pub(super) const V5: u8 = 5;

pub(super) const PUBLISH: u8 = 3;
pub(super) const PUBACK: u8 = 4;
pub(super) const PUBREC: u8 = 5;
pub(super) const PUBCOMP: u8 = 7;
pub(super) const SUBACK: u8 = 9;
const CONNACK: u8 = 2;

/// What a CONNECT says.
#[derive(Default)]
pub(super) struct Hello<'a> {
    pub(super) id: &'a str,
    pub(super) login: Option<(&'a str, &'a str)>,
    pub(super) will: Option<(&'a str, &'a str)>,
    pub(super) retained_will: bool,
    /// Whether the session is to be kept.
    pub(super) keep: bool,
}

pub(super) struct Peer {
    stream: TcpStream,
    version: u8,
}

impl Peer {
    pub(super) async fn reach(address: SocketAddr, version: u8) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), version }
    }

    pub(super) async fn send(&mut self, first: u8, body: &[u8]) {
        let mut packet = vec![first];
        let mut left = body.len();
        loop {
            let more = left >= 128;
            packet.push(u8::try_from(left % 128).unwrap() | if more { 128 } else { 0 });
            left /= 128;
            if !more {
                break;
            }
        }
        packet.extend(body);
        self.stream.write_all(&packet).await.unwrap();
    }

    /// The next packet: its type and body; `None` when the other side has closed.
    pub(super) async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        within(self.read(), "a packet").await
    }

    async fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.stream.read_u8().await.ok()?;
        let (mut length, mut shift) = (0_usize, 0);
        loop {
            let byte = self.stream.read_u8().await.ok()?;
            length |= usize::from(byte & 127) << shift;
            shift += 7;
            if byte & 128 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.ok()?;
        Some((first >> 4, body))
    }

    /// Nothing comes for a while; a test of something that must not happen can only wait.
    pub(super) async fn hears_nothing(&mut self) {
        let heard = tokio::time::timeout(Duration::from_millis(300), self.read()).await;
        assert!(heard.is_err(), "{heard:?}");
    }

    /// Waits for the end, whatever comes before; says which kinds of packets came.
    pub(super) async fn until_closed(&mut self) -> Vec<u8> {
        let mut heard = Vec::new();
        while let Some((kind, _)) = self.next().await {
            heard.push(kind);
        }
        heard
    }

    fn text(body: &mut Vec<u8>, text: &[u8]) {
        body.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        body.extend(text);
    }

    /// MQTT 5 has properties here; these have none.
    fn properties(&self, body: &mut Vec<u8>) {
        if self.version == V5 {
            body.push(0);
        }
    }

    pub(super) async fn connect(&mut self, id: &str, login: Option<(&str, &str)>, will: Option<(&str, &str)>) {
        self.open(Hello { id, login, will, ..Hello::default() }).await;
    }

    pub(super) async fn open(&mut self, hello: Hello<'_>) {
        let Hello { id, login, will, retained_will, keep } = hello;
        let mut body = Vec::new();
        Self::text(&mut body, b"MQTT");
        let clean = if keep { 0 } else { 2 };
        let retained = if retained_will { 0x20 } else { 0 };
        let flags = clean | if will.is_some() { 4 | 8 | retained } else { 0 } | if login.is_some() { 0xc0 } else { 0 };
        body.extend([self.version, flags, 0, 60]);
        if keep && self.version == V5 {
            // The session expiry interval, seconds.
            body.extend([5, 0x11, 0, 0, 2, 0]);
        } else {
            self.properties(&mut body);
        }
        Self::text(&mut body, id.as_bytes());
        if let Some((topic, payload)) = will {
            self.properties(&mut body);
            Self::text(&mut body, topic.as_bytes());
            Self::text(&mut body, payload.as_bytes());
        }
        if let Some((user, password)) = login {
            Self::text(&mut body, user.as_bytes());
            Self::text(&mut body, password.as_bytes());
        }
        self.send(0x10, &body).await;
    }

    /// The code of the CONNACK; 0 is welcome.
    pub(super) async fn connack(&mut self) -> u8 {
        let (kind, body) = self.next().await.expect("an answer");
        assert_eq!(kind, CONNACK);
        body[1]
    }

    pub(super) async fn publish(&mut self, qos: u8, id: u16, topic: &str, payload: impl AsRef<[u8]>) {
        self.say(qos << 1, id, topic, payload).await;
    }

    /// With RETAIN.
    pub(super) async fn publish_retained(&mut self, qos: u8, id: u16, topic: &str, payload: impl AsRef<[u8]>) {
        self.say(qos << 1 | 1, id, topic, payload).await;
    }

    async fn say(&mut self, flags: u8, id: u16, topic: &str, payload: impl AsRef<[u8]>) {
        let mut body = Vec::new();
        Self::text(&mut body, topic.as_bytes());
        if flags & 6 != 0 {
            body.extend(id.to_be_bytes());
        }
        self.properties(&mut body);
        body.extend(payload.as_ref());
        self.send(0x30 | flags, &body).await;
    }

    /// The packet id and, in MQTT 5, the code of an answer of this kind.
    pub(super) async fn answer(&mut self, kind: u8) -> (u16, u8) {
        let (got, body) = self.next().await.expect("an answer");
        assert_eq!(got, kind, "{body:?}");
        (u16::from_be_bytes([body[0], body[1]]), body.get(2).copied().unwrap_or(0))
    }

    pub(super) async fn publish_acked(&mut self, id: u16, topic: &str, payload: impl AsRef<[u8]>) {
        self.publish(1, id, topic, payload).await;
        assert_eq!(self.answer(PUBACK).await, (id, 0));
    }

    /// PUBREL.
    pub(super) async fn release(&mut self, id: u16) {
        self.send(0x62, &id.to_be_bytes()).await;
    }

    /// Subscribes at QoS 1; the code of the answer: 0x80 and above is a refusal.
    pub(super) async fn subscribe(&mut self, filter: &str) -> u8 {
        let mut body = vec![0, 9];
        self.properties(&mut body);
        Self::text(&mut body, filter.as_bytes());
        body.push(1);
        self.send(0x82, &body).await;
        let (kind, body) = self.next().await.expect("an answer");
        assert_eq!(kind, SUBACK);
        *body.last().unwrap()
    }

    /// The next message as topic and payload.
    pub(super) async fn message(&mut self) -> (String, String) {
        let (kind, body) = self.next().await.expect("a message");
        assert_eq!(kind, PUBLISH);
        let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
        let (topic, rest) = body[2..].split_at(topic);
        let payload = rest.iter().position(|byte| *byte == b'{').map_or(rest, |start| &rest[start..]);
        (String::from_utf8(topic.to_vec()).unwrap(), String::from_utf8_lossy(payload).into_owned())
    }

    /// DISCONNECT, and the end that follows it: a client that comes back at once may take its own connection over before the broker has
    /// read the word.
    pub(super) async fn take_leave(mut self) {
        self.send(0xe0, &[]).await;
        self.until_closed().await;
    }

    /// Bytes as they are.
    pub(super) async fn shout(&mut self, bytes: &[u8]) {
        // The other side may have closed already.
        drop(self.stream.write_all(bytes).await);
    }
}
