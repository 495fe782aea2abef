//! Where deliveries come from: a broker, or this process itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use model::{GatewayPath, Time};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use crate::mqtt::MqttAck;
use crate::{IngestError, MqttConfig, Receipt};

/// The newest receipt of each gateway.
pub type Receipts = Arc<BTreeMap<GatewayPath, Receipt>>;

/// How many deliveries from inside, and how many bytes of them, wait before a publisher is made to.
const LOCAL_QUEUE: usize = 1_024;
const LOCAL_QUEUE_BYTES: u32 = 64 * 1024 * 1024;

/// A source of deliveries.
#[derive(Debug)]
pub enum Link {
    /// A broker.
    Mqtt(MqttConfig),
    /// This process; always up.
    Local(LocalReceiver),
}

/// What comes over a link, in one order.
#[derive(Debug)]
pub(crate) enum Arrival {
    Delivery(Delivery),
    Up { session_lost: bool },
    Down { since: Time, reason: String },
}

/// One publication.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) topic: Bytes,
    pub(crate) payload: Bytes,
    pub(crate) retained: bool,
    /// Journal time of arrival; `None` from inside: when it is taken.
    pub(crate) at: Option<Time>,
    pub(crate) ack: Ack,
    /// Its share of the queue's bounds, given back when it is decoded.
    pub(crate) room: Option<Room>,
}

/// Room in the queue, held while a delivery waits.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) _bytes: OwnedSemaphorePermit,
    pub(crate) _place: Option<OwnedSemaphorePermit>,
}

/// Whom to tell when a delivery is durable.
#[derive(Debug)]
pub(crate) enum Ack {
    Nobody,
    Mqtt(MqttAck),
    Local(oneshot::Sender<()>),
}

/// Publishes from inside the process. Clones publish to the same link.
#[derive(Clone, Debug)]
pub struct LocalPublisher {
    queue: mpsc::Sender<Arrival>,
    bytes: Arc<Semaphore>,
    receipts: watch::Receiver<Receipts>,
}

/// The other end of a `LocalPublisher`.
#[derive(Debug)]
pub struct LocalReceiver {
    pub(crate) queue: mpsc::Receiver<Arrival>,
    pub(crate) receipts: watch::Sender<Receipts>,
}

/// A link inside the process; ends when all publishers are gone, or at shutdown.
pub fn local_link() -> (LocalPublisher, LocalReceiver) {
    let (queue, arrivals) = mpsc::channel(LOCAL_QUEUE);
    let (tell, receipts) = watch::channel(Receipts::default());
    let bytes = Arc::new(Semaphore::new(LOCAL_QUEUE_BYTES as usize));
    (LocalPublisher { queue, bytes, receipts }, LocalReceiver { queue: arrivals, receipts: tell })
}

impl LocalPublisher {
    /// Publishes at QoS 1: resolves when the message is durable, or dropped as a repeat or a dead letter.
    pub async fn publish(&self, topic: &str, payload: impl Into<Bytes>) -> Result<(), IngestError> {
        self.begin(topic, payload.into()).await?.done().await
    }

    /// Hands the message over; resolves when it is queued, so that messages keep the order of these calls while they are
    /// still on their way to durability.
    pub async fn begin(&self, topic: &str, payload: Bytes) -> Result<Publication, IngestError> {
        let (ack, acknowledged) = oneshot::channel();
        let topic = Bytes::copy_from_slice(topic.as_bytes());
        let bytes = u32::try_from(payload.len()).unwrap_or(u32::MAX).min(LOCAL_QUEUE_BYTES);
        let bytes = Arc::clone(&self.bytes).acquire_many_owned(bytes).await.map_err(|_| closed())?;
        let room = Some(Room { _bytes: bytes, _place: None });
        let delivery = Delivery { topic, payload, retained: false, at: None, ack: Ack::Local(ack), room };
        self.queue.send(Arrival::Delivery(delivery)).await.map_err(|_| closed())?;
        Ok(Publication(acknowledged))
    }

    /// The newest receipts, and a way to wait for newer ones.
    pub fn receipts(&self) -> watch::Receiver<Receipts> {
        self.receipts.clone()
    }
}

/// A message on its way.
#[derive(Debug)]
pub struct Publication(oneshot::Receiver<()>);

impl Publication {
    /// Resolves when the message is durable.
    pub async fn done(self) -> Result<(), IngestError> {
        self.0.await.map_err(|_| closed())
    }
}

fn closed() -> IngestError {
    IngestError::Ended { part: "the link" }
}
