//! How far the supervision record has come, shared between the loop that folds and the answers that wait for it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use journal::JournalId;
use model::Position;
use tokio::sync::{Notify, watch};

/// Positions of what is stored of the record, and a way to ask for haste.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    positions: watch::Sender<BTreeMap<JournalId, Position>>,
    /// What somebody waits for.
    wanted: std::sync::Mutex<BTreeSet<JournalId>>,
    haste: Notify,
}

impl Folded {
    /// The record of a journal is stored up to here.
    pub(crate) fn reached(&self, journal: JournalId, position: Position) {
        self.positions.send_modify(|positions| {
            positions.insert(journal, position);
        });
    }

    /// Resolves when somebody waits for what is not yet stored. Cancel-safe.
    pub(crate) async fn wanted(&self) {
        self.haste.notified().await;
    }

    /// What somebody waits for since this was asked last.
    pub(crate) fn take_wanted(&self) -> BTreeSet<JournalId> {
        self.wanted.lock().map(|mut wanted| std::mem::take(&mut *wanted)).unwrap_or_default()
    }

    /// Waits until the record of each journal is stored up to its target, or the time is up.
    pub(crate) async fn wait(&self, targets: &[(JournalId, Position)], within: Duration) {
        let reached = |positions: &BTreeMap<JournalId, Position>| {
            targets.iter().all(|(journal, target)| positions.get(journal).copied().unwrap_or_default() >= *target)
        };
        if reached(&self.positions.borrow()) {
            return;
        }
        if let Ok(mut wanted) = self.wanted.lock() {
            wanted.extend(targets.iter().map(|(journal, _)| *journal));
        }
        self.haste.notify_one();
        let mut positions = self.positions.subscribe();
        // Not in time, or nobody folds any more: the answer then says how far it goes.
        drop(tokio::time::timeout(within, positions.wait_for(reached)).await);
    }
}
