//! The loop that keeps the list: follows `events` at the durable level, so that nothing is shown that a crash could take back.

use std::sync::Arc;

use journal::{Follower, Journal, JournalError, JournalId, Key, Level};
use metrics::gauge;
use model::Position;
use parking_lot::RwLock;
use service::{Component, Latch, Shutdown};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tracing::{info, warn};

use super::fold::{Open, Shared};
use crate::metrics::OPEN_ALARMS;
use crate::{AlarmConfig, EngineError};

/// Keeps the list of the alarm API up to date.
pub struct AlarmRunner {
    journal: Arc<dyn Journal>,
    latch: Latch,
    config: AlarmConfig,
    open: Arc<RwLock<Open>>,
    folded: watch::Sender<Position>,
}

impl AlarmRunner {
    pub(crate) fn new(
        journal: Arc<dyn Journal>,
        latch: Latch,
        config: AlarmConfig,
    ) -> (Self, Arc<RwLock<Open>>, watch::Receiver<Position>) {
        let open = Arc::new(RwLock::new(Open::new(config.outcomes_max)));
        let (folded, progress) = watch::channel(Position(0));
        (Self { journal, latch, config, open: Arc::clone(&open), folded }, open, progress)
    }

    /// Follows until shutdown.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), EngineError> {
        let Self { journal, latch, config, open, folded } = self;
        let failed = EngineError::of(JournalId::Events);
        let key = Key::new("alarms").map_err(&failed)?;
        let anew = || Shared::anew(&open, config.outcomes_max);
        let starting = Follower::start(&*journal, JournalId::Events, key, Level::Durable, anew);
        // Cancel-safe: a start that is dropped has changed nothing but the list, which nobody was shown.
        let mut follower = tokio::select! {
            follower = starting => follower.map_err(&failed)?,
            () = shutdown.requested() => return Ok(()),
        };
        info!(position = follower.position.0, open = open.read().list.len(), "list of alarms up to date");
        let health = latch.release();
        folded.send_replace(follower.position);
        // At most one snapshot is being kept, beside the loop: answers must not wait for a disk that is busy with the engines' snapshots.
        let mut saves = JoinSet::new();
        while !shutdown.is_requested() {
            // Cancel-safe: waiting changes nothing, and a snapshot that is kept is kept either way.
            tokio::select! {
                more = follower.more(&*journal) => more.map_err(&failed)?,
                Some(kept) = saves.join_next() => {
                    note_kept(kept);
                    continue;
                }
                () = shutdown.requested() => break,
            }
            follower.step(&*journal).await.map_err(&failed)?;
            folded.send_replace(follower.position);
            tell(&health, &open.read());
            if saves.is_empty()
                && let Some(snapshot) = follower.snapshot_due(config.snapshot_records)
            {
                let journal = Arc::clone(&journal);
                saves.spawn(async move { journal.put_snapshot(snapshot).await });
            }
        }
        while let Some(kept) = saves.join_next().await {
            note_kept(kept);
        }
        follower.snapshot_every(&*journal, 1).await.map_err(failed)
    }
}

fn note_kept(kept: Result<Result<(), JournalError>, JoinError>) {
    let error = match kept {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    warn!(error, "a snapshot of the list of alarms was not kept");
}

fn tell(health: &Component, open: &Open) {
    gauge!(OPEN_ALARMS).set(u32::try_from(open.list.len()).unwrap_or(u32::MAX));
    if open.unreadable > 0 {
        health.degraded(format!("{} records of events cannot be read; the list of alarms may be wrong", open.unreadable));
    }
}
