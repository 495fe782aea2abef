//! One stream of a client: reads while there is room, hands over, answers in order.
//!
//! There is no task: the connection polls the stream for answers, and with that polls its reading side. Nothing is read for a client that
//! takes no answers, and when its connection goes, all of it goes (traps 54, 55).

use std::collections::BTreeMap;
use std::pin::Pin;

use futures_util::Stream;
use model::{ErrorKind, GatewayPath};
use service::Shutdown;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tonic::{Code, Status, Streaming};
use tracing::debug;
use wire::{Failure, v1};

use super::answer::{Answers, Pending};
use super::{IN_FLIGHT, MAX_GATEWAYS, MAX_MESSAGE_BYTES, Pushed};
use crate::PushHandle;
use crate::push::StreamGuard;

/// Why nothing more is read: the client closed its side, or something else.
type Ending = Option<Failure>;

/// Both sides of a stream.
pub(super) struct PushStream {
    reading: Option<Pin<Box<dyn Future<Output = Ending> + Send>>>,
    answers: Answers,
    ending: Ending,
    over: bool,
    /// Among the streams of this process.
    _place: OwnedSemaphorePermit,
}

impl PushStream {
    pub(super) fn new(
        inbound: Streaming<v1::PushSamplesRequest>,
        handle: PushHandle,
        place: OwnedSemaphorePermit,
        shutdown: Shutdown,
    ) -> Self {
        let (pending, waiting) = mpsc::channel(IN_FLIGHT);
        let reader = Reader { handle, pending, gateway: None, open: BTreeMap::new() };
        let reading = Box::pin(reader.run(inbound, shutdown));
        Self { reading: Some(reading), answers: Answers::new(waiting), ending: None, over: false, _place: place }
    }

    /// As the stream that tonic polls.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<v1::PushSamplesResponse, Status>> + Send + 'static {
        futures_util::stream::unfold(Box::new(self), async |mut stream| {
            let item = stream.next().await?;
            Some((item, stream))
        })
    }

    async fn next(&mut self) -> Option<Result<v1::PushSamplesResponse, Status>> {
        if self.over {
            return None;
        }
        while let Some(reading) = &mut self.reading {
            // Answers are cancel-safe: what has settled stays with them. The reading side is polled again and again, never dropped.
            tokio::select! {
                biased;
                answer = self.answers.next() => match answer {
                    Some(answer) => return Some(Ok(answer)),
                    None => break,
                },
                ending = reading => {
                    (self.ending, self.reading) = (ending, None);
                }
            }
        }
        // What was handed over is still answered; only then the stream ends.
        if let Some(answer) = self.answers.next().await {
            return Some(Ok(answer));
        }
        self.over = true;
        let failure = self.ending.take().or_else(|| self.answers.is_cut().then(stopping))?;
        debug!(reason = failure.reason, "stream of a gateway ended");
        Some(Err(failure.into()))
    }
}

/// The reading side.
struct Reader {
    handle: PushHandle,
    pending: mpsc::Sender<Pending>,
    gateway: Option<GatewayPath>,
    open: BTreeMap<GatewayPath, StreamGuard>,
}

impl Reader {
    async fn run(mut self, mut inbound: Streaming<v1::PushSamplesRequest>, shutdown: Shutdown) -> Ending {
        loop {
            // A token, and a message that is read in part stays with the stream; after the token nothing is read.
            let next = tokio::select! {
                biased;
                () = shutdown.requested() => return Some(stopping()),
                next = inbound.message() => next,
            };
            let taken = match next {
                Ok(Some(request)) => self.take(request).await,
                Ok(None) => return None,
                Err(status) => Err(broken(&status)),
            };
            if let Err(failure) = taken {
                return Some(failure);
            }
        }
    }

    async fn take(&mut self, request: v1::PushSamplesRequest) -> Result<(), Failure> {
        let gateway = match (request.gateway.as_str(), &self.gateway) {
            ("", Some(known)) => known.clone(),
            ("", None) => return Err(Failure::field("gateway", "gateway is missing: name it in the first message of a stream")),
            (named, Some(known)) if known.as_str() == named => known.clone(),
            (named, _) => read_gateway(named)?,
        };
        if !self.open.contains_key(&gateway) {
            self.begin(&gateway).await?;
        }
        self.gateway = Some(gateway.clone());
        let sequence = request.sequence;
        self.hand_over(Pushed::samples(gateway, request), sequence).await
    }

    /// The first message of a gateway: it is connected, and learns where it stands.
    async fn begin(&mut self, gateway: &GatewayPath) -> Result<(), Failure> {
        if self.open.len() >= MAX_GATEWAYS {
            let message = format!("gateway: a stream speaks for {MAX_GATEWAYS} gateways at most; open another one");
            return Err(Failure::field("gateway", message));
        }
        self.open.insert(gateway.clone(), self.handle.open(gateway));
        self.hand_over(Pushed::opening(gateway.clone()), 0).await
    }

    /// Waits for room twice: among the answers of this stream, and in the queue to the writer.
    async fn hand_over(&mut self, pushed: Pushed, sequence: u64) -> Result<(), Failure> {
        let place = self.pending.reserve().await.map_err(|_| stopping())?;
        let (gateway, opening) = (pushed.gateway.clone(), pushed.is_opening());
        let pushing = self.handle.push(pushed).await.map_err(|_| stopping())?;
        place.send(Pending { gateway, sequence, opening, pushing });
        Ok(())
    }
}

fn read_gateway(named: &str) -> Result<GatewayPath, Failure> {
    GatewayPath::strict(named).map_err(|_| {
        let shown = crate::json::cut(named, 80);
        Failure::field("gateway", format!("gateway `{shown}` is none: name it park/enterprise/gateway, as the site files do"))
    })
}

fn stopping() -> Failure {
    Failure::new(ErrorKind::Unavailable, "shutting_down", "Davy is stopping; connect again and send what is not acknowledged")
}

/// What ends a stream from outside: a message that is none, or the client has gone.
fn broken(status: &Status) -> Failure {
    match status.code() {
        Code::OutOfRange => {
            let message =
                format!("message is too large: send at most {MAX_MESSAGE_BYTES} bytes; split its values over two messages");
            Failure::field("message", message)
        }
        Code::Internal => Failure::field("message", format!("message is no davy.v1.PushSamplesRequest: {}", status.message())),
        _ => Failure::new(ErrorKind::Unavailable, "connection_lost", "the client's side of the stream broke off"),
    }
}
