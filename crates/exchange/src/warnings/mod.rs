//! Warnings: a fold over durable `events` that appends what is due to `events`, under a key of its own, and answers calls.

mod convert;
mod fold;
mod list;
mod respond;
mod runner;

use std::sync::Arc;

use journal::{Journal, JournalId};
use model::{ErrorKind, Position};
use parking_lot::RwLock;
use service::Latch;
use tokio::sync::watch;
use tokio::time::timeout;
use wire::{Failure, v1};

use crate::Config;
use fold::State;
use list::ListRequest;
use respond::Desk;
pub(crate) use runner::WarningRunner;

/// What calls are answered from.
pub(crate) struct WarningApi {
    journal: Arc<dyn Journal>,
    config: Config,
    state: Arc<RwLock<State>>,
    folded: watch::Receiver<Option<Position>>,
    desk: Desk,
}

/// The calls, and the loop that keeps what they are answered from.
pub(crate) fn warnings(journal: &Arc<dyn Journal>, latch: Latch, config: &Config) -> (WarningApi, WarningRunner) {
    let state: Arc<RwLock<State>> = Arc::default();
    let (folded, progress) = watch::channel(None);
    let (desk, inbox) = Desk::new(config.responses_max, config.wait_limit);
    let (journal, config) = (Arc::clone(journal), config.clone());
    let runner =
        WarningRunner { journal: Arc::clone(&journal), latch, config: config.clone(), state: Arc::clone(&state), folded, inbox };
    (WarningApi { journal, config, state, folded: progress, desk }, runner)
}

impl WarningApi {
    /// Everything that was durable at the call is in the answer.
    pub(crate) async fn list(&self, request: v1::ListWarningsRequest) -> Result<v1::ListWarningsResponse, Failure> {
        let request = ListRequest::check(request)?;
        let target = self.journal.bounds(JournalId::Events).durable;
        let mut folded = self.folded.clone();
        let waited = timeout(self.config.wait_limit, folded.wait_for(|it| it.is_some_and(|it| it >= target))).await;
        if !matches!(waited, Ok(Ok(_))) {
            let message = "the list of warnings is not up to date yet; try again";
            return Err(Failure::new(ErrorKind::Unavailable, "list_lags", message));
        }
        Ok(request.page(&self.state.read(), self.journal.epoch(), self.journal.now()))
    }

    /// Waits until the response is on record.
    pub(crate) async fn respond(&self, request: v1::RespondToWarningRequest) -> Result<v1::RespondToWarningResponse, Failure> {
        self.desk.respond(request).await
    }
}
