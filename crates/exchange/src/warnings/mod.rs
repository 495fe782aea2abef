//! Warnings: a desk that says what is due of them and what addressees say, and the calls that it answers.

mod clerk;
mod convert;
mod list;
mod respond;

use std::sync::Arc;

use desk::{Counter, DeskRunner};
use journal::Journal;
use service::Latch;
use wire::{Failure, v1};

use crate::Config;
pub(crate) use clerk::WarningClerk;
use list::ListRequest;

/// What calls are answered from.
pub(crate) struct WarningApi(Counter<WarningClerk>);

/// The calls, and the loop that keeps what they are answered from.
pub(crate) fn warnings(journal: &Arc<dyn Journal>, latch: Latch, config: &Config) -> (WarningApi, DeskRunner<WarningClerk>) {
    let (counter, runner) = desk::desk(Arc::clone(journal), latch, config.desk(), WarningClerk::default);
    (WarningApi(counter), runner)
}

impl WarningApi {
    /// Everything that was durable at the call is in the answer.
    pub(crate) async fn list(&self, request: v1::ListWarningsRequest) -> Result<v1::ListWarningsResponse, Failure> {
        let request = ListRequest::check(request)?;
        self.0.read(|clerk, standing| request.page(&clerk.warnings, standing)).await
    }

    /// Waits until the response is on record.
    pub(crate) async fn respond(&self, request: v1::RespondToWarningRequest) -> Result<v1::RespondToWarningResponse, Failure> {
        self.0.ask(respond::check(request)?).await
    }
}
