//! How far each journal is stored, shared between the loop that stores and the service that answers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use journal::JournalId;
use model::{Position, Time};
use tokio::sync::{Notify, watch};

/// Stored positions as last seen, and a way to ask for haste.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    positions: watch::Sender<BTreeMap<JournalId, Position>>,
    haste: Notify,
    /// Samples recorded after this are not all stored; 0 while nothing is known.
    samples_to: AtomicI64,
    /// Rows wait that are worth hurrying for.
    catching_up: AtomicBool,
}

impl Stored {
    /// A journal is stored up to here.
    pub(crate) fn reached(&self, journal: JournalId, position: Position) {
        self.positions.send_modify(|positions| {
            positions.insert(journal, position);
        });
    }

    /// Whether the history is behind by more than it is in the midst of live input.
    pub(crate) fn catches_up(&self, behind: bool) {
        self.catching_up.store(behind, Ordering::Relaxed);
    }

    /// Whether rows wait that are worth hurrying for.
    pub(crate) fn is_catching_up(&self) -> bool {
        self.catching_up.load(Ordering::Relaxed)
    }

    /// Samples recorded up to here are stored.
    pub(crate) fn samples_reached(&self, to: Time) {
        self.samples_to.store(to.micros(), Ordering::Relaxed);
    }

    /// Up to when recorded samples are stored: upkeep takes it as the present, or all of a backlog would be late to it.
    pub(crate) fn samples_to(&self) -> Time {
        Time::from_micros(self.samples_to.load(Ordering::Relaxed))
    }

    /// Resolves when somebody waits for what is not yet stored. Cancel-safe.
    pub(crate) async fn wanted(&self) {
        self.haste.notified().await;
    }

    /// Waits until every journal is stored up to its target, or the time is up.
    pub(crate) async fn wait(&self, targets: &[(JournalId, Position)], within: Duration) {
        let reached = |positions: &BTreeMap<JournalId, Position>| {
            targets.iter().all(|(journal, target)| positions.get(journal).copied().unwrap_or_default() >= *target)
        };
        if reached(&self.positions.borrow()) {
            return;
        }
        self.haste.notify_one();
        let mut positions = self.positions.subscribe();
        // Not in time, or nobody stores any more: the answer then says how far it goes.
        drop(tokio::time::timeout(within, positions.wait_for(reached)).await);
    }
}
