//! Where deliveries come from: brokers, streams, or this process itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use model::{GatewayPath, SourceId, Time};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use crate::grpc::{Pushed, Taken};
use crate::mqtt::MqttAck;
use crate::push::PushReceiver;
use crate::report::GatewayReport;
use crate::{IngestError, MqttConfig, Receipt};

/// The newest receipt of each gateway.
pub type Receipts = Arc<BTreeMap<GatewayPath, Receipt>>;

/// How many deliveries from inside, and how many bytes of them, wait before a publisher is made to.
const LOCAL_QUEUE: usize = 1_024;
const LOCAL_QUEUE_BYTES: u32 = 64 * 1024 * 1024;
/// What Davy publishes itself and nobody has taken yet; what is beyond waits (receipts) or is dropped and counted.
const OUTGOING_QUEUE: usize = 1_024;

/// A source of deliveries.
#[derive(Debug)]
pub enum Link {
    /// A broker, for plain JSON.
    Mqtt(MqttConfig),
    /// A broker, as a Sparkplug B host application: a connection of its own (traps 20).
    Sparkplug(MqttConfig),
    /// Streams of gateways that push over gRPC; always up.
    Push(PushReceiver),
    /// This process, or the broker in it; always up.
    Local(LocalReceiver),
    /// This process beside a broker: it says nothing of whether gateways of that are reached, and takes no receipts.
    Beside(LocalReceiver),
}

/// What comes over a link, in one order.
#[derive(Debug)]
pub(crate) enum Arrival {
    Delivery(Delivery),
    Up {
        source: SourceId,
        session_lost: bool,
    },
    Down {
        source: SourceId,
        since: Time,
        reason: String,
    },
    /// Messages of a source may have been lost.
    Loss {
        source: SourceId,
        from: Time,
        to: Time,
        reason: String,
        messages: Option<u64>,
    },
    /// Somebody asks how the gateways are doing.
    Report(oneshot::Sender<Arc<[GatewayReport]>>),
}

/// What was delivered.
#[derive(Debug)]
pub(crate) enum Content {
    /// Over MQTT, or as if.
    Publication { topic: Bytes, payload: Bytes, retained: bool },
    /// Over a stream of gRPC.
    Push(Box<Pushed>),
}

impl Content {
    /// How much of it counts towards the size of a round.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Publication { payload, .. } => payload.len(),
            Self::Push(pushed) => pushed.bytes(),
        }
    }
}

/// One delivery.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) content: Content,
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
    /// A stream is told too what became of its message.
    Push {
        tell: oneshot::Sender<Taken>,
        taken: Taken,
    },
}

/// Something that Davy publishes where there is no broker but the one in its own process: receipts, commands to Sparkplug nodes, STATE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to.
    pub topic: String,
    /// What.
    pub payload: Bytes,
    /// Whether whoever subscribes later gets it too.
    pub retain: bool,
}

/// Publishes from inside the process. Clones publish to the same link.
#[derive(Clone, Debug)]
pub struct LocalPublisher {
    queue: mpsc::Sender<Arrival>,
    bytes: Arc<Semaphore>,
    receipts: watch::Receiver<Receipts>,
    outgoing: Arc<Mutex<Option<mpsc::Receiver<Outgoing>>>>,
    taken: Arc<AtomicBool>,
}

/// The other end of a `LocalPublisher`.
#[derive(Debug)]
pub struct LocalReceiver {
    pub(crate) queue: mpsc::Receiver<Arrival>,
    pub(crate) receipts: watch::Sender<Receipts>,
    pub(crate) outlet: LocalOutlet,
}

/// What Davy publishes over the local link; goes nowhere until somebody takes the other end.
#[derive(Clone, Debug)]
pub(crate) struct LocalOutlet {
    queue: mpsc::Sender<Outgoing>,
    taken: Arc<AtomicBool>,
}

impl LocalOutlet {
    /// Whether it went out, or nobody wants it; `false` asks for another try later.
    pub(crate) fn publish(&self, topic: String, payload: impl Into<Bytes>, retain: bool) -> bool {
        let outgoing = Outgoing { topic, payload: payload.into(), retain };
        !self.taken.load(Ordering::Acquire) || !matches!(self.queue.try_send(outgoing), Err(mpsc::error::TrySendError::Full(_)))
    }
}

/// A link inside the process; ends when all publishers are gone, or at shutdown.
pub fn local_link() -> (LocalPublisher, LocalReceiver) {
    let (queue, arrivals) = mpsc::channel(LOCAL_QUEUE);
    let (tell, receipts) = watch::channel(Receipts::default());
    let (publish, outgoing) = mpsc::channel(OUTGOING_QUEUE);
    let taken = Arc::new(AtomicBool::new(false));
    let bytes = Arc::new(Semaphore::new(LOCAL_QUEUE_BYTES as usize));
    let outlet = LocalOutlet { queue: publish, taken: Arc::clone(&taken) };
    let publisher = LocalPublisher { queue, bytes, receipts, outgoing: Arc::new(Mutex::new(Some(outgoing))), taken };
    (publisher, LocalReceiver { queue: arrivals, receipts: tell, outlet })
}

impl LocalPublisher {
    /// Publishes at QoS 1: resolves when the message is durable, or dropped as a repeat or a dead letter.
    pub async fn publish(&self, topic: &str, payload: impl Into<Bytes>) -> Result<(), IngestError> {
        self.publish_as(topic, payload, false).await
    }

    /// Publishes at QoS 1 with the RETAIN flag as it came; resolves like `publish`.
    pub async fn publish_as(&self, topic: &str, payload: impl Into<Bytes>, retained: bool) -> Result<(), IngestError> {
        self.hand_over(topic, payload.into(), retained).await?.done().await
    }

    /// Hands the message over; resolves when it is queued, so that messages keep the order of these calls while they are
    /// still on their way to durability.
    pub async fn begin(&self, topic: &str, payload: Bytes) -> Result<Publication, IngestError> {
        self.hand_over(topic, payload, false).await
    }

    /// Like `begin`, with the RETAIN flag as it came.
    pub async fn hand_over(&self, topic: &str, payload: Bytes, retained: bool) -> Result<Publication, IngestError> {
        let (ack, acknowledged) = oneshot::channel();
        let topic = Bytes::copy_from_slice(topic.as_bytes());
        let bytes = u32::try_from(payload.len()).unwrap_or(u32::MAX).min(LOCAL_QUEUE_BYTES);
        let bytes = Arc::clone(&self.bytes).acquire_many_owned(bytes).await.map_err(|_| closed())?;
        let room = Some(Room { _bytes: bytes, _place: None });
        let content = Content::Publication { topic, payload, retained };
        let delivery = Delivery { content, at: None, ack: Ack::Local(ack), room };
        self.queue.send(Arrival::Delivery(delivery)).await.map_err(|_| closed())?;
        Ok(Publication(acknowledged))
    }

    /// The newest receipts, and a way to wait for newer ones.
    pub fn receipts(&self) -> watch::Receiver<Receipts> {
        self.receipts.clone()
    }

    /// What Davy publishes itself, for the broker in this process to deliver; there once. Whoever takes it reads it, or receipts stand
    /// still and commands are dropped when 1,024 wait.
    pub fn outgoing(&self) -> Option<mpsc::Receiver<Outgoing>> {
        let outgoing = self.outgoing.lock().take();
        self.taken.store(outgoing.is_some() || self.taken.load(Ordering::Acquire), Ordering::Release);
        outgoing
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

pub(crate) fn closed() -> IngestError {
    IngestError::Ended { part: "the link" }
}
