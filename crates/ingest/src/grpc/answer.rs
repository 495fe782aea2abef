//! What a client is told: acknowledgements in order, as many as have settled in one response, and every refusal.

use std::collections::{BTreeMap, VecDeque};

use model::GatewayPath;
use tokio::sync::mpsc;
use wire::v1;

use super::Taken;
use crate::IngestError;
use crate::push::Pushing;

/// Refusals of one response, more or less: the message that reaches it is told whole.
const REFUSALS: usize = 256;

/// A message that was handed over and is not answered yet.
pub(super) struct Pending {
    pub(super) gateway: GatewayPath,
    pub(super) sequence: u64,
    pub(super) opening: bool,
    pub(super) pushing: Pushing,
}

/// The answering side of a stream.
pub(super) struct Answers {
    waiting: mpsc::Receiver<Pending>,
    /// The oldest that has not settled; the bound of those behind it is that of the channel.
    front: Option<Pending>,
    /// Settled, and not yet part of a response.
    settled: VecDeque<Settled>,
    /// By gateway: the newest sequence number settled.
    acknowledged: BTreeMap<GatewayPath, u64>,
    messages: u64,
    cut: bool,
}

struct Settled {
    gateway: GatewayPath,
    sequence: u64,
    opening: bool,
    taken: Taken,
}

impl Answers {
    pub(super) fn new(waiting: mpsc::Receiver<Pending>) -> Self {
        Self { waiting, front: None, settled: VecDeque::new(), acknowledged: BTreeMap::new(), messages: 0, cut: false }
    }

    /// Whether a message was dropped before it settled: nothing is known of it, and nothing is said about what came after it.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// The next response; `None` when all is answered and nothing more is read. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<v1::PushSamplesResponse> {
        if self.settled.is_empty() {
            self.settle().await?;
        }
        // What settled at the same time is one response.
        while self.settled.len() < super::IN_FLIGHT && self.settle_now() {}
        self.response()
    }

    /// Waits until the oldest message has settled.
    async fn settle(&mut self) -> Option<()> {
        if self.cut {
            return None;
        }
        if self.front.is_none() {
            self.front = Some(self.waiting.recv().await?);
        }
        let front = self.front.as_mut().expect("filled above");
        let taken = front.pushing.done().await;
        self.note(taken).then_some(())
    }

    /// Takes the oldest message if it has settled already.
    fn settle_now(&mut self) -> bool {
        if self.cut {
            return false;
        }
        if self.front.is_none() {
            self.front = self.waiting.try_recv().ok();
        }
        let taken = self.front.as_mut().and_then(|front| front.pushing.try_done());
        taken.is_some_and(|taken| self.note(taken))
    }

    /// Notes what became of the front; `false` where nothing will be known of it.
    fn note(&mut self, taken: Result<Taken, IngestError>) -> bool {
        let Pending { gateway, sequence, opening, .. } = self.front.take().expect("only the front settles");
        self.cut |= taken.is_err();
        self.settled.extend(taken.ok().map(|taken| Settled { gateway, sequence, opening, taken }));
        !self.cut
    }

    /// One response from the front of what has settled: of one gateway; one that opens stands alone.
    fn response(&mut self) -> Option<v1::PushSamplesResponse> {
        let first = self.settled.front()?;
        let (gateway, opening) = (first.gateway.clone(), first.opening);
        let mut response = v1::PushSamplesResponse { gateway: gateway.as_str().to_owned(), ..v1::PushSamplesResponse::default() };
        let mut receipt = first.taken.receipt;
        let mut taken = 0;
        while response.refusals.len() < REFUSALS
            && let Some(next) =
                self.settled.pop_front_if(|it| it.gateway == gateway && it.opening == opening && (taken == 0 || !opening))
        {
            taken += 1;
            receipt = next.taken.receipt;
            if !opening {
                self.messages += 1;
                self.acknowledged.insert(gateway.clone(), next.sequence);
            }
            let named = next.taken.refusals.into_iter().map(|refusal| v1::Refusal { sequence: next.sequence, ..refusal });
            response.refusals.extend(named);
            response.more_refusals += next.taken.more_refusals;
        }
        response.acknowledged_sequence = self.acknowledged.get(&gateway).copied().unwrap_or(0);
        response.acknowledged_messages = self.messages;
        response.last_sequence = receipt.seq.unwrap_or(0);
        let (messages, refused, gaps) = (receipt.messages, receipt.refused, receipt.gaps);
        response.totals = Some(v1::GatewayTotals { messages, refused, gaps, unmapped_values: receipt.unmapped });
        Some(response)
    }
}
