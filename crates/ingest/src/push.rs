//! The link that gateways push over: a bounded queue to the writer, and which gateways have a stream open.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{GatewayPath, Span};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::IngestError;
use crate::grpc::{Pushed, Taken};
use crate::link::{Ack, Arrival, Content, Delivery, Room, closed};
use crate::report::GatewayReport;

/// How many messages, and how many bytes of them, wait before a stream is not read any more.
const QUEUE: usize = 1_024;
const QUEUE_BYTES: u32 = 64 * 1024 * 1024;
/// What a waiting message takes beside its content, bytes.
const MESSAGE_BYTES: usize = 256;
/// A gateway without any stream for this long is down: a client that reconnects is not.
pub(crate) const GRACE: Span = Span::from_secs(60);
/// Gateways whose streams are counted; those beyond are taken in all the same and never called connected.
const MAX_STREAMS: usize = 10_000;

/// Callers that wait for a report at once.
const MAX_ASKING: usize = 64;
/// Streams at once: each may hold a message that is decoded and waits for room.
const MAX_PUSHING: usize = 1_024;

/// Streams open, by gateway.
pub(crate) type Streams = Arc<Mutex<BTreeMap<GatewayPath, u32>>>;

/// Pushes messages to the writer, and asks it for reports. Clones push over the same link.
#[derive(Clone, Debug)]
pub struct PushHandle {
    queue: mpsc::Sender<Arrival>,
    bytes: Arc<Semaphore>,
    streams: Streams,
    /// Places of those who wait for a report, and of the streams of this process.
    asking: Arc<Semaphore>,
    pushing: Arc<Semaphore>,
}

/// The other end of a `PushHandle`.
#[derive(Debug)]
pub struct PushReceiver {
    pub(crate) queue: mpsc::Receiver<Arrival>,
    pub(crate) streams: Streams,
}

/// A link for streams of gRPC; always up.
pub fn push_link() -> (PushHandle, PushReceiver) {
    let (queue, arrivals) = mpsc::channel(QUEUE);
    let streams = Streams::default();
    let bytes = Arc::new(Semaphore::new(QUEUE_BYTES as usize));
    let (asking, pushing) = (Arc::new(Semaphore::new(MAX_ASKING)), Arc::new(Semaphore::new(MAX_PUSHING)));
    (PushHandle { queue, bytes, streams: Arc::clone(&streams), asking, pushing }, PushReceiver { queue: arrivals, streams })
}

impl PushHandle {
    /// Hands a message over; resolves when it is queued, so that messages of one stream keep the order of these calls. While the queue is
    /// full it waits, and whoever reads the stream with it: so the disk slows the client down.
    pub(crate) async fn push(&self, pushed: Pushed) -> Result<Pushing, IngestError> {
        let (tell, told) = oneshot::channel();
        let bytes = u32::try_from(pushed.bytes() + MESSAGE_BYTES).unwrap_or(u32::MAX).min(QUEUE_BYTES);
        let bytes = Arc::clone(&self.bytes).acquire_many_owned(bytes).await.map_err(|_| closed())?;
        let room = Some(Room { _bytes: bytes, _place: None });
        let ack = Ack::Push { tell, taken: Taken::default() };
        let delivery = Delivery { content: Content::Push(Box::new(pushed)), at: None, ack, room };
        self.queue.send(Arrival::Delivery(delivery)).await.map_err(|_| closed())?;
        Ok(Pushing(told))
    }

    /// Says that a stream of this gateway is open, until the guard is dropped.
    pub(crate) fn open(&self, gateway: &GatewayPath) -> StreamGuard {
        let mut streams = self.streams.lock();
        if streams.len() < MAX_STREAMS || streams.contains_key(gateway) {
            *streams.entry(gateway.clone()).or_default() += 1;
            return StreamGuard { counted: Some((Arc::clone(&self.streams), gateway.clone())) };
        }
        StreamGuard { counted: None }
    }

    /// A place for one more stream, until it is dropped; `None` where all are taken.
    pub(crate) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.pushing).try_acquire_owned().ok()
    }

    /// How every gateway is doing, whatever it speaks; made at most five times a second, for all who ask.
    pub async fn report(&self) -> Result<Arc<[GatewayReport]>, IngestError> {
        let _place = self.asking.try_acquire().map_err(|_| IngestError::Busy)?;
        let (tell, told) = oneshot::channel();
        self.queue.send(Arrival::Report(tell)).await.map_err(|_| closed())?;
        told.await.map_err(|_| closed())
    }
}

/// A message on its way.
#[derive(Debug)]
pub(crate) struct Pushing(oneshot::Receiver<Taken>);

impl Pushing {
    /// Resolves when the message is durable, with what became of it.
    /// Cancel-safe; not to be asked again after that.
    pub(crate) async fn done(&mut self) -> Result<Taken, IngestError> {
        (&mut self.0).await.map_err(|_| closed())
    }

    /// The same without waiting; `None` while it is on its way.
    pub(crate) fn try_done(&mut self) -> Option<Result<Taken, IngestError>> {
        match self.0.try_recv() {
            Err(oneshot::error::TryRecvError::Empty) => None,
            settled => Some(settled.map_err(|_| closed())),
        }
    }
}

/// An open stream.
#[derive(Debug)]
pub(crate) struct StreamGuard {
    counted: Option<(Streams, GatewayPath)>,
}

impl Drop for StreamGuard {
    fn drop(&mut self) {
        let Some((streams, gateway)) = &self.counted else { return };
        let mut streams = streams.lock();
        if let Some(open) = streams.get_mut(gateway) {
            *open -= 1;
            if *open == 0 {
                streams.remove(gateway);
            }
        }
    }
}
