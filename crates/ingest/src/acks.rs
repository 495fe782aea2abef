//! Acknowledgements and receipts: after durability, in order of arrival, from tasks of their own (traps 1, 4; never in the poll loop).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use journal::{Journal, JournalId};
use metrics::histogram;
use model::{GatewayPath, Position, Time};
use parking_lot::Mutex;
use rumqttc::v5::AsyncClient;
use rumqttc::v5::mqttbytes::QoS;
use service::Shutdown;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tracing::debug;

use crate::link::{Ack, LocalOutlet, Outgoing, Receipts};
use crate::{IngestError, Receipt, metrics as names};

/// Rounds that may wait for durability; then the writer waits and its next round grows.
pub(crate) const ROUNDS_WAITING: usize = 8;
/// How often receipts go out.
const RECEIPTS_EVERY: Duration = Duration::from_secs(1);

/// A round that was appended.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) waits: Vec<(JournalId, Position)>,
    pub(crate) acks: Vec<Ack>,
    pub(crate) receipts: BTreeMap<GatewayPath, Receipt>,
    pub(crate) since: Option<Time>,
}

/// Receipts to publish: one a gateway, so the oldest give way by themselves and the number of gateways is the bound.
pub(crate) type Outbox = Mutex<BTreeMap<GatewayPath, Receipt>>;

/// Acknowledges rounds until the writer is gone.
pub(crate) async fn acknowledge(
    journal: Arc<dyn Journal>,
    mut rounds: mpsc::Receiver<Settled>,
    outbox: Arc<Outbox>,
    drained: Shutdown,
) -> Result<(), IngestError> {
    while let Some(round) = rounds.recv().await {
        for (id, position) in round.waits {
            journal.durable(id, position).await.map_err(IngestError::journal("make durable what came in"))?;
        }
        for ack in round.acks {
            match ack {
                Ack::Nobody => {}
                Ack::Mqtt(ack) => ack.send().await,
                Ack::Local(publisher) => drop(publisher.send(())),
                Ack::Push { tell, taken } => drop(tell.send(taken)),
            }
        }
        if let Some(since) = round.since {
            #[expect(clippy::cast_precision_loss, reason = "microseconds of a latency")]
            histogram!(names::ACK_LATENCY).record(journal.now().since(since).micros() as f64 / 1e6);
        }
        outbox.lock().extend(round.receipts);
    }
    drained.request();
    Ok(())
}

/// Publishes over one connection.
#[derive(Clone, Debug)]
pub(crate) struct Publisher {
    pub(crate) client: AsyncClient,
    /// A broker that keeps no messages closes the connection when it is asked to.
    pub(crate) retain: bool,
    /// The last thing to say before the leave, at QoS 1.
    pub(crate) farewell: Option<Outgoing>,
}

impl Publisher {
    /// Says the farewell and closes the connection, in this order.
    async fn leave(self) {
        let Self { client, retain, farewell } = self;
        if let Some(Outgoing { topic, payload, retain: keep }) = farewell
            && let Err(error) = client.publish(topic, QoS::AtLeastOnce, keep && retain, payload).await
        {
            debug!(%error, "farewell not sent");
        }
        if let Err(error) = client.disconnect().await {
            debug!(%error, "connection ended before it was closed");
        }
    }
}

/// Where receipts go: to whoever is there.
#[derive(Default)]
pub(crate) struct Outlets {
    /// To publishers inside the process, and through the broker in it.
    pub(crate) local: Option<(watch::Sender<Receipts>, LocalOutlet)>,
    /// What publishes over the present connection.
    pub(crate) mqtt: Option<watch::Receiver<Option<Publisher>>>,
    /// Connections to take leave of at the end.
    pub(crate) leaving: Vec<watch::Receiver<Option<Publisher>>>,
}

/// Publishes receipts once a second; when all is acknowledged once more, and then takes leave of the broker.
pub(crate) async fn publish_receipts(outbox: Arc<Outbox>, outlets: Outlets, drained: Shutdown) -> Result<(), IngestError> {
    let mut every = interval(RECEIPTS_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // Both arms are cancel-safe: an interval and a token.
        tokio::select! {
            _ = every.tick() => outlets.publish(&outbox),
            () = drained.requested() => break,
        }
    }
    outlets.publish(&outbox);
    for connection in outlets.leaving {
        let publisher = connection.borrow().clone();
        if let Some(publisher) = publisher {
            publisher.leave().await;
        }
    }
    Ok(())
}

impl Outlets {
    fn publish(&self, outbox: &Outbox) {
        let due = std::mem::take(&mut *outbox.lock());
        if due.is_empty() {
            return;
        }
        if let Some((receipts, _)) = &self.local {
            receipts.send_modify(|known| {
                Arc::make_mut(known).extend(due.iter().map(|(gateway, receipt)| (gateway.clone(), *receipt)))
            });
        }
        let mut unsent = due;
        while let Some((gateway, receipt)) = unsent.pop_first() {
            if !self.send(&gateway, receipt) {
                unsent.insert(gateway, receipt);
                break;
            }
        }
        // Newer ones may be there already.
        let mut outbox = outbox.lock();
        for (gateway, receipt) in unsent {
            outbox.entry(gateway).or_insert(receipt);
        }
    }

    /// Sends one; `false` where there is no room or no connection now.
    fn send(&self, gateway: &GatewayPath, receipt: Receipt) -> bool {
        let (topic, payload) = (Receipt::topic(gateway), receipt.to_json());
        let local = self.local.as_ref().is_none_or(|(_, outlet)| outlet.publish(topic.clone(), payload.clone(), true));
        let mqtt = self.mqtt.as_ref().is_none_or(|clients| match &*clients.borrow() {
            Some(Publisher { client, retain, .. }) => client.try_publish(topic, QoS::AtMostOnce, *retain, payload).is_ok(),
            None => false,
        });
        local && mqtt
    }
}
