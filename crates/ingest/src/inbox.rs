//! The queues of all links as one: each keeps its own order, none can hold the others back.

use std::future::poll_fn;
use std::task::Poll;

use tokio::sync::mpsc;

use crate::link::Arrival;

/// Receives from every link.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    queues: Vec<mpsc::Receiver<Arrival>>,
    /// Whose turn it is.
    next: usize,
}

impl Inbox {
    pub(crate) fn add(&mut self, queue: mpsc::Receiver<Arrival>) {
        self.queues.push(queue);
    }

    /// Waits for arrivals and adds `limit` of them at most, from one link; 0 when every link has ended. Cancel-safe: what was taken out of a
    /// queue is in `arrived`.
    pub(crate) async fn recv_many(&mut self, arrived: &mut Vec<Arrival>, limit: usize) -> usize {
        poll_fn(|context| {
            let mut pending = false;
            for _ in 0..self.queues.len() {
                self.next = (self.next + 1) % self.queues.len();
                match self.queues[self.next].poll_recv_many(context, arrived, limit) {
                    Poll::Ready(0) => {}
                    Poll::Ready(count) => return Poll::Ready(count),
                    Poll::Pending => pending = true,
                }
            }
            if pending { Poll::Pending } else { Poll::Ready(0) }
        })
        .await
    }

    /// Adds everything that waits now.
    pub(crate) fn take_waiting(&mut self, arrived: &mut Vec<Arrival>) {
        for queue in &mut self.queues {
            let waiting = queue.len();
            arrived.extend(std::iter::from_fn(|| queue.try_recv().ok()).take(waiting));
        }
    }

    /// Takes nothing more; what waits can still be received.
    pub(crate) fn close(&mut self) {
        for queue in &mut self.queues {
            queue.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Protocol, SourceId};

    use super::*;

    fn up(protocol: Protocol) -> Arrival {
        Arrival::Up { source: SourceId::of(protocol), session_lost: false }
    }

    #[tokio::test]
    async fn links_take_turns_and_all_must_end() {
        let ((busy, first), (quiet, second)) = (mpsc::channel(10), mpsc::channel(10));
        let mut inbox = Inbox::default();
        inbox.add(first);
        inbox.add(second);
        for _ in 0..4 {
            busy.send(up(Protocol::Mqtt)).await.expect("open");
        }
        quiet.send(up(Protocol::Sparkplug)).await.expect("open");
        let mut arrived = Vec::new();
        for _ in 0..2 {
            assert!((1..=2).contains(&inbox.recv_many(&mut arrived, 2).await));
        }
        let quiet_ones = arrived.iter().filter(|it| matches!(it, Arrival::Up { source, .. } if source.as_str() == "sparkplug"));
        assert_eq!((arrived.len(), quiet_ones.count()), (3, 1), "the busy one does not hold the quiet one back");
        drop(busy);
        assert_eq!(inbox.recv_many(&mut arrived, 10).await, 2);
        inbox.close();
        assert_eq!(inbox.recv_many(&mut arrived, 10).await, 0);
        drop(quiet);
    }
}
