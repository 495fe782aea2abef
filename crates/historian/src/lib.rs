//! The historian: brings what the journals hold into the store, each record exactly once, and answers from there.
//! In: durable records of every telemetry partition, `events` and `dead`.
//! Out: rows in the store with the position they reach; `history.lost` in `events`; HistoryService.
//! May not enter: decisions about the plant, SQL, MQTT, another service. Nobody waits for it: no alarm is held up by a store.
//! Start at run.rs (the loop), then convert.rs (records to rows) and api/mod.rs (the service).

mod api;
mod complete;
mod convert;
mod error;
mod forget;
mod lost;
mod metrics;
mod occurrences;
mod progress;
mod request;
mod run;
mod statistics;
#[expect(dead_code, reason = "of later commits")]
mod supervision;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use journal::Journal;
use service::Latch;
use store::Store;
use wire::v1::history_service_server::{HistoryService, HistoryServiceServer};

pub use error::HistorianError;
pub use run::Historian;

/// The service, and the loop that keeps what it answers from up to date.
pub fn build(
    journal: Arc<dyn Journal>,
    store: Arc<dyn Store>,
    latch: Latch,
) -> (HistoryServiceServer<impl HistoryService>, Historian) {
    let stored = Arc::new(progress::Stored::default());
    let historian = Historian::new(Arc::clone(&journal), Arc::clone(&store), Arc::clone(&stored), latch);
    let folded = Arc::new(supervision::answer::Folded::default());
    (HistoryServiceServer::new(api::Api::new(journal, store, stored, folded)), historian)
}
