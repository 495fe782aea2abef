//! Warnings: a desk that says what is due of them and what addressees say, and the calls that it answers.

mod clerk;
mod convert;
mod list;
mod measured;
mod painter;
mod respond;

use std::sync::Arc;

use desk::{Counter, DeskRunner};
use journal::{Journal, JournalError};
use model::{ErrorKind, Time};
use service::{Latch, Shutdown};
use wire::{Failure, v1};

use crate::Config;
pub(crate) use clerk::WarningClerk;
use clerk::{WarningAnswer, WarningAsk};
use list::ListRequest;
pub(crate) use painter::Painter;

/// What calls are answered from.
pub(crate) struct WarningApi(Arc<Counter<WarningClerk>>);

/// The loops behind the calls: one keeps what they are answered from, one makes pictures.
pub(crate) struct WarningRunner {
    pub(crate) desk: DeskRunner<WarningClerk>,
    pub(crate) painter: Painter,
}

/// The calls, and their loops.
pub(crate) fn warnings(journal: &Arc<dyn Journal>, latch: Latch, config: &Config) -> (WarningApi, WarningRunner) {
    let (counter, desk) = desk::desk(Arc::clone(journal), latch, config.desk(), WarningClerk::default);
    let counter = Arc::new(counter);
    let painter = Painter { journal: Arc::clone(journal), counter: Arc::clone(&counter), look_every: config.poll_interval };
    (WarningApi(counter), WarningRunner { desk, painter })
}

impl WarningRunner {
    /// Runs until shutdown, or until the desk fails.
    pub(crate) async fn run(self, shutdown: &Shutdown) -> Result<(), JournalError> {
        // Cancel-safe: a picture that is not finished is wanted still.
        tokio::select! {
            ended = self.desk.run(shutdown) => ended,
            () = never_first(self.painter.run(shutdown)) => Ok(()),
        }
    }
}

/// The painter ends at shutdown alone, and then the desk is waited for.
async fn never_first(painter: impl Future<Output = ()>) {
    painter.await;
    std::future::pending().await
}

impl WarningApi {
    /// Everything that was durable at the call is in the answer.
    pub(crate) async fn list(&self, request: v1::ListWarningsRequest) -> Result<v1::ListWarningsResponse, Failure> {
        let request = ListRequest::check(request)?;
        self.0.read(|clerk, standing| request.page(&clerk.warnings, standing)).await
    }

    /// Reads what is known and when that is in journal time, everything that was durable at the call included.
    pub(crate) async fn read<T>(&self, read: impl FnOnce(&WarningClerk, Time) -> T + Send) -> Result<T, Failure> {
        self.0.read(|clerk, standing| read(clerk, standing.now)).await
    }

    /// Waits until the response is on record.
    pub(crate) async fn respond(&self, request: v1::RespondToWarningRequest) -> Result<v1::RespondToWarningResponse, Failure> {
        match self.0.ask(WarningAsk::Response(respond::check(request)?)).await? {
            WarningAnswer::Response(response) => Ok(*response),
            WarningAnswer::Picture => Err(Failure::new(ErrorKind::Internal, "wrong_answer", "the desk answered another request")),
        }
    }
}
