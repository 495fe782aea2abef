//! How callers come to a desk: they read what is known, or ask for something and wait until it is on record.

use std::sync::Arc;
use std::time::Duration;

use journal::{Journal, JournalId};
use model::{ErrorKind, Position};
use parking_lot::RwLock;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use wire::Failure;

use crate::book::Book;
use crate::clerk::{Clerk, Standing};

/// A request on its way to the runner, and where its answer goes.
pub(crate) struct Asked<C: Clerk> {
    pub(crate) ask: C::Ask,
    pub(crate) answer: oneshot::Sender<Result<C::Answer, Failure>>,
}

/// The callers' side.
pub struct Counter<C: Clerk> {
    journal: Arc<dyn Journal>,
    book: Arc<RwLock<Book<C>>>,
    folded: watch::Receiver<Option<Position>>,
    asks: mpsc::Sender<Asked<C>>,
    wait_limit: Duration,
}

impl<C: Clerk> Counter<C> {
    pub(crate) const fn new(
        journal: Arc<dyn Journal>,
        book: Arc<RwLock<Book<C>>>,
        folded: watch::Receiver<Option<Position>>,
        asks: mpsc::Sender<Asked<C>>,
        wait_limit: Duration,
    ) -> Self {
        Self { journal, book, folded, asks, wait_limit }
    }

    /// Reads what is known; everything that was durable at the call is in it. `Unavailable` where that takes too long.
    pub async fn read<T>(&self, read: impl FnOnce(&C, Standing) -> T + Send) -> Result<T, Failure> {
        let target = self.journal.bounds(JournalId::Events).durable;
        let mut folded = self.folded.clone();
        let waited = timeout(self.wait_limit, folded.wait_for(|it| it.is_some_and(|it| it >= target))).await;
        if !matches!(waited, Ok(Ok(_))) {
            let message = format!("the list of {} is not up to date yet; try again", C::KEEPS);
            return Err(Failure::new(ErrorKind::Unavailable, "list_lags", message));
        }
        let book = self.book.read();
        Ok(read(&book.clerk, Standing { epoch: self.journal.epoch(), position: book.position, now: self.journal.now() }))
    }

    /// Waits for the durable outcome; a caller who gives up repeats with the same request id.
    pub async fn ask(&self, ask: C::Ask) -> Result<C::Answer, Failure> {
        let request_id = C::request_id(&ask).clone();
        let (answer, answered) = oneshot::channel();
        self.asks.try_send(Asked { ask, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                Failure::new(ErrorKind::Exhausted, "too_many_requests", "too many requests wait to be taken; try again")
            }
            mpsc::error::TrySendError::Closed(_) => {
                Failure::new(ErrorKind::Unavailable, "stopping", "requests are not taken at present; try again")
            }
        })?;
        match timeout(self.wait_limit, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => {
                let request_id = request_id.as_str();
                let message = format!("outcome not known yet; repeat with the same request_id `{request_id}`");
                Err(Failure::new(ErrorKind::Unavailable, "outcome_unknown", message).with("request_id", request_id))
            }
        }
    }
}
