//! One connection of one edge node: a task that polls and only notes what came, so that it never waits for the sender (traps 10).
//!
//! Every connection is a client of its own, since the Will is fixed at CONNECT and carries the bdSeq of that session (traps 17, 19).
//! Limits: 100 requests wait for the connection, 64 messages for their acknowledgement; the sender waits beyond that.

use std::sync::Arc;
use std::time::Duration;

use ingest::MqttConfig;
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, LastWill, PubAck, PubAckReason, Publish, SubAck, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, Event, EventLoop, Incoming};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::counts::Counts;
use super::speech::{self, Message};
use crate::broker::{self, BROKER_WITHIN};

const QUEUE: usize = 100;
const IN_FLIGHT: u16 = 64;

/// How long a farewell may take.
const FAREWELL_WITHIN: Duration = Duration::from_secs(3);

/// What to listen to.
#[derive(Clone, Debug)]
pub(super) struct Ears {
    /// Where commands to this node come.
    pub(super) commands: String,
    /// Where its primary host says whether it is there.
    pub(super) host: Option<String>,
}

/// What the broker has said on this connection so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    subscribed: bool,
    pub(super) acknowledged: u64,
    /// Rebirths asked for.
    pub(super) rebirths: u64,
    /// Whether the primary host is there, and the time it said so for; `None` before its first word.
    host: Option<(bool, i64)>,
    /// Why there is nothing more to come.
    pub(super) ended: Option<String>,
}

impl Said {
    pub(super) fn host_is_online(&self) -> bool {
        self.host.is_some_and(|(online, _)| online)
    }
}

/// A connection; closed without a word when dropped, so that the broker publishes the Will.
pub(super) struct Connection {
    client: AsyncClient,
    pub(super) said: watch::Receiver<Said>,
    qos: QoS,
    pub(super) sent: u64,
    counts: Arc<Counts>,
    polling: JoinHandle<()>,
}

impl Connection {
    /// Connects and subscribes; `Err` says in words why not.
    pub(super) async fn open(
        config: &MqttConfig,
        client_id: &str,
        (will, ears, qos): (Message, Ears, u8),
        counts: &Arc<Counts>,
    ) -> Result<Self, String> {
        let mut options = broker::options(config, client_id);
        // The client makes room for as many as are allowed in flight: hundreds of clients must not take that of 65,535 each.
        options.set_clean_start(true).set_outgoing_inflight_upper_limit(IN_FLIGHT);
        options.set_last_will(LastWill::new(will.topic, will.payload, QoS::AtLeastOnce, false, None));
        let (client, events) = AsyncClient::new(options, QUEUE);
        let (sender, said) = watch::channel(Said::default());
        let subscriptions = [Some(&ears.commands), ears.host.as_ref()].into_iter().flatten();
        let filters: Vec<_> = subscriptions.map(|topic| Filter::new(topic.clone(), QoS::AtLeastOnce)).collect();
        let polling = tokio::spawn(poll(events, ears, sender, Arc::clone(counts)));
        let qos = if qos == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
        let mut connection = Self { client, said, qos, sent: 0, counts: Arc::clone(counts), polling };
        connection.client.try_subscribe_many(filters).map_err(|error| error.to_string())?;
        // Births are sent after the SUBACK: a rebirth asked for at once must not be missed (traps 6).
        let standing = connection.said.wait_for(|said| said.subscribed || said.ended.is_some());
        let said = timeout(BROKER_WITHIN, standing).await.map_err(|_| "no answer in time".to_owned())?;
        let ended = said.map_or_else(|_| Some("closed".to_owned()), |said| said.ended.clone());
        if let Some(reason) = ended {
            return Err(reason);
        }
        counts.connects.add(1);
        counts.changed.notify_waiters();
        Ok(connection)
    }

    /// Hands a message over; waits while too many are on their way. An error means that the connection is gone.
    pub(super) async fn send(&mut self, message: Message) -> Result<(), String> {
        let sent = self.client.publish(message.topic, self.qos, false, message.payload).await;
        sent.map_err(|_| self.why())?;
        self.sent += 1;
        self.counts.sent.add(1);
        Ok(())
    }

    /// Why it ended, or would have.
    pub(super) fn why(&self) -> String {
        self.said.borrow().ended.clone().unwrap_or_else(|| "closed".to_owned())
    }

    /// Says a last message at QoS 1, waits until everything is acknowledged, and disconnects, so that there is no Will.
    pub(super) async fn leave(mut self, farewell: Message) {
        let qos = std::mem::replace(&mut self.qos, QoS::AtLeastOnce);
        let expected = if qos == QoS::AtMostOnce { 1 } else { self.sent + 1 };
        let left = timeout(FAREWELL_WITHIN, async {
            self.send(farewell).await?;
            let all = self.said.wait_for(|said| said.acknowledged >= expected || said.ended.is_some()).await;
            all.map_err(|_| "closed".to_owned())?;
            self.client.disconnect().await.map_err(|error| error.to_string())?;
            let gone = self.said.wait_for(|said| said.ended.is_some()).await;
            gone.map(drop).map_err(|_| "closed".to_owned())
        });
        match left.await {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => tracing::debug!(reason, "left without a word"),
            Err(_) => tracing::debug!("left without a word: no answer in time"),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.polling.abort();
    }
}

async fn poll(mut events: EventLoop, ears: Ears, said: watch::Sender<Said>, counts: Arc<Counts>) {
    let ended = loop {
        match events.poll().await {
            Ok(Event::Incoming(Incoming::PubAck(ack))) => acknowledged(&ack, &said, &counts),
            Ok(Event::Incoming(Incoming::SubAck(ack))) => match refused(&ack) {
                Some(reason) => break reason,
                None => said.send_modify(|said| said.subscribed = true),
            },
            Ok(Event::Incoming(Incoming::Publish(publication))) => heard(&publication, &ears, &said),
            Ok(Event::Outgoing(Outgoing::Disconnect)) => break "left".to_owned(),
            Ok(_) => {}
            Err(error) => break error.to_string(),
        }
    };
    // Dropping the client's other half lets whoever waits to send know at once.
    drop(events);
    said.send_modify(|said| said.ended = Some(ended));
}

fn acknowledged(ack: &PubAck, said: &watch::Sender<Said>, counts: &Counts) {
    match ack.reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => counts.acknowledged.add(1),
        _ => counts.refused.add(1),
    }
    said.send_modify(|said| said.acknowledged += 1);
}

fn refused(ack: &SubAck) -> Option<String> {
    let refused = ack.return_codes.iter().find(|code| !matches!(code, SubscribeReasonCode::Success(_)));
    refused.map(|code| format!("the broker refused a subscription: {code:?}"))
}

fn heard(publication: &Publish, ears: &Ears, said: &watch::Sender<Said>) {
    let topic = String::from_utf8_lossy(&publication.topic);
    if topic == ears.commands {
        if speech::asks_rebirth(&publication.payload) {
            said.send_modify(|said| said.rebirths += 1);
        }
    } else if let (Some(host), Some(state)) = (&ears.host, host_state(&publication.payload))
        && topic == *host
    {
        said.send_modify(|said| {
            // An older word that comes later does not count (Sparkplug 3.0, 5.4: STATE timestamps).
            if said.host.is_none_or(|(_, since)| state.1 >= since) {
                said.host = Some(state);
            }
        });
    }
}

/// `{"online": bool, "timestamp": ms}`.
fn host_state(payload: &[u8]) -> Option<(bool, i64)> {
    let state: serde_json::Value = serde_json::from_slice(payload).ok()?;
    Some((state["online"].as_bool()?, state["timestamp"].as_i64()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(text: &str) -> Publish {
        Publish::new("spBv1.0/STATE/davy", QoS::AtLeastOnce, text.to_owned(), None)
    }

    #[test]
    fn the_host_is_there_when_its_newest_word_says_so() {
        let ears = Ears { commands: "spBv1.0/g/NCMD/n".to_owned(), host: Some("spBv1.0/STATE/davy".to_owned()) };
        let (sender, said) = watch::channel(Said::default());
        assert!(!said.borrow().host_is_online());
        for (text, online) in [
            ("{\"online\":true,\"timestamp\":5}", true),
            ("{\"online\":false,\"timestamp\":4}", true),
            ("OFFLINE", true),
            ("{\"online\":false,\"timestamp\":5}", false),
            ("{\"online\":true,\"timestamp\":6}", true),
        ] {
            heard(&state(text), &ears, &sender);
            assert_eq!(said.borrow().host_is_online(), online, "{text}");
        }
    }
}
