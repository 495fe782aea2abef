//! Floods and nuisances of the present: a desk that says what it sees, and that nobody asks.

mod clerk;

use std::sync::Arc;
use std::time::Duration;

use journal::{Journal, JournalId};
use service::{Latch, Shutdown};

use crate::{EngineError, FloodsConfig};
use clerk::FloodClerk;

/// What the watch needs.
pub struct FloodParts {
    /// Where events come from and go.
    pub journal: Arc<dyn Journal>,
    /// Held until the watch is up to date.
    pub latch: Latch,
    /// Settings.
    pub config: FloodsConfig,
}

/// Watches until shutdown.
pub async fn watch_floods(parts: FloodParts, shutdown: Shutdown) -> Result<(), EngineError> {
    let FloodParts { journal, latch, config } = parts;
    let FloodsConfig { flood, snapshot_records, look_every } = config;
    let desk = desk::Config { look_every, snapshot_records, asks_max: 1, wait_limit: Duration::ZERO };
    let (_, runner) = desk::desk(journal, latch, desk, move || FloodClerk::new(flood));
    runner.run(&shutdown).await.map_err(EngineError::of(JournalId::Events))
}
