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
mod gather;
mod lost;
mod metrics;
mod occurrences;
mod pace;
mod progress;
mod request;
mod run;
mod statistics;
mod supervision;
#[cfg(test)]
mod tests;
mod upkeep;
mod watch;
mod writes;

use std::sync::Arc;

use journal::Journal;
use service::{Component, Latch, Shutdown};
use store::{Policy, Store};
use wire::v1::history_service_server::{HistoryService, HistoryServiceServer};

pub use error::HistorianError;

use run::Rows;
use supervision::{Folded, Supervisor};
use tokio_util::task::AbortOnDropHandle;
use upkeep::Keeper;

/// What the historian is made of.
pub struct Parts {
    /// Where records come from.
    pub journal: Arc<dyn Journal>,
    /// Where rows go.
    pub store: Arc<dyn Store>,
    /// Readiness: released when the store has said how far it is.
    pub latch: Latch,
    /// How upkeep is: never holds readiness back.
    pub upkeep: Component,
    /// How long what is kept.
    pub policy: Policy,
}

/// The service, and the loops that keep what it answers from up to date.
pub fn build(parts: Parts) -> (HistoryServiceServer<impl HistoryService>, Historian) {
    let Parts { journal, store, latch, upkeep, policy } = parts;
    let stored = Arc::new(progress::Stored::default());
    let rows = Rows::new(Arc::clone(&journal), Arc::clone(&store), Arc::clone(&stored), latch);
    let folded = Arc::new(Folded::default());
    let supervisor = Supervisor::new(Arc::clone(&journal), Arc::clone(&store), Arc::clone(&folded));
    let keeper = Keeper::new(Arc::clone(&store), Arc::clone(&stored), policy, upkeep);
    (HistoryServiceServer::new(api::Api::new(journal, store, stored, folded)), Historian { rows, supervisor, keeper })
}

/// The loops.
pub struct Historian {
    rows: Rows,
    supervisor: Supervisor,
    keeper: Keeper,
}

impl Historian {
    /// Runs until shutdown; what ends the storing of rows ends all: a journal that is gone, or a store that holds the history of another.
    pub async fn serve(self, shutdown: Shutdown) -> Result<(), HistorianError> {
        let beside = shutdown.child();
        // A task of its own: folding must not wait for rows, nor rows for folding.
        let supervising = AbortOnDropHandle::new(tokio::spawn(self.supervisor.serve(beside.clone())));
        let rows = async {
            let ended = self.rows.serve(shutdown).await;
            beside.request();
            ended
        };
        let (ended, ()) = tokio::join!(rows, self.keeper.run(&beside));
        ended?;
        supervising.await.unwrap_or_else(|error| {
            // Rows are stored, and alarms are not concerned.
            tracing::error!(%error, "the loop of the supervision record ended");
            Ok(())
        })
    }
}
