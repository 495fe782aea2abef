//! A gateway: publishes at QoS 1 and knows what the broker has taken. It talks to the broker, so Davy's restarts do not touch it.

use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::until_within;

/// Requests that wait for the connection.
const QUEUE: usize = 100;
const PACKET_BYTES_MAX: usize = 16 << 20;

/// A connected gateway.
#[derive(Debug)]
pub struct Publisher {
    client: AsyncClient,
    sent: u64,
    taken: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

impl Publisher {
    /// Connects under a client id; connects again for as long as it lives.
    pub fn connect(port: u16, client_id: &str) -> Self {
        let mut options = MqttOptions::new(client_id, "127.0.0.1", port);
        options.set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX).set_clean_session(false);
        let (client, events) = AsyncClient::new(options, QUEUE);
        let (sender, taken) = watch::channel(0);
        let task = tokio::spawn(drive(events, sender));
        Self { client, sent: 0, taken, task }
    }

    /// Hands a message over; waits where the broker is slow.
    pub async fn publish(&mut self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.client.publish(topic, QoS::AtLeastOnce, false, payload.into()).await.expect("the gateway's task runs");
        self.sent += 1;
    }

    /// Waits until the broker has taken everything sent so far.
    pub async fn flushed(&self, within: Duration) {
        let (sent, taken) = (self.sent, self.taken.clone());
        until_within(within, "the broker takes every message", async || (*taken.borrow() >= sent).then_some(())).await;
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn drive(mut events: EventLoop, taken: watch::Sender<u64>) {
    let mut pause = tokio::time::interval(Duration::from_millis(100));
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::PubAck(_))) => taken.send_modify(|taken| *taken += 1),
            Ok(_) => {}
            Err(_) => {
                pause.tick().await;
            }
        }
    }
}
