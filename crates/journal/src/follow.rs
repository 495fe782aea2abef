//! Follows a journal with a fold: restore the newest snapshot, take the tail, keep snapshots; the same for every list of open things.

use bytes::Bytes;
use model::Position;

use crate::{Journal, JournalError, JournalId, JournalRecord, Key, Level, ReadLimit, Snapshot};

/// A state that is a pure function of the records before it.
pub trait Fold: Send {
    /// Takes the next record.
    fn apply(&mut self, record: &JournalRecord);

    /// The state as bytes.
    fn snapshot(&self) -> Bytes;

    /// Takes the state that `snapshot` gave; false where it cannot be read.
    fn restore(&mut self, body: &[u8]) -> bool;
}

/// A fold with its place in the journal.
pub struct Follower<F> {
    /// The fold.
    pub fold: F,
    /// Everything up to here is in it.
    pub position: Position,
    key: Key,
    journal: JournalId,
    level: Level,
    snapshot_at: Position,
}

impl<F: Fold> Follower<F> {
    /// Restores the newest readable snapshot of `key` and folds everything after it that is there now.
    pub async fn start(
        journal: &dyn Journal,
        id: JournalId,
        key: Key,
        level: Level,
        mut new: impl FnMut() -> F,
    ) -> Result<Self, JournalError> {
        let mut fold = new();
        let mut position = Position(0);
        for snapshot in journal.snapshots(&key).await? {
            if fold.restore(&snapshot.body) {
                position = snapshot.position;
                break;
            }
            fold = new();
        }
        let mut follower = Self { fold, position, key, journal: id, level, snapshot_at: position };
        follower.catch_up(journal).await?;
        Ok(follower)
    }

    /// Folds everything that is there now.
    pub async fn catch_up(&mut self, journal: &dyn Journal) -> Result<(), JournalError> {
        while self.step(journal).await? > 0 {}
        Ok(())
    }

    /// Folds the next records that are there now; says how many. Cancel-safe: a read that is dropped folds nothing.
    pub async fn step(&mut self, journal: &dyn Journal) -> Result<usize, JournalError> {
        let records = journal.read(self.journal, self.position, self.level, ReadLimit::default()).await?;
        for record in &records {
            self.fold.apply(record);
            self.position = record.position;
        }
        Ok(records.len())
    }

    /// Resolves when there is more to fold. Cancel-safe.
    pub async fn more(&self, journal: &dyn Journal) -> Result<(), JournalError> {
        journal.wait(self.journal, self.position, self.level).await.map(drop)
    }

    /// Keeps a snapshot if at least `every` positions passed since the last one.
    pub async fn snapshot_every(&mut self, journal: &dyn Journal, every: u64) -> Result<(), JournalError> {
        let before = self.snapshot_at;
        let Some(snapshot) = self.snapshot_due(every) else { return Ok(()) };
        journal.put_snapshot(snapshot).await.inspect_err(|_| self.snapshot_at = before)
    }

    /// The snapshot itself, for a caller who keeps it beside its loop; it counts as kept from here on.
    pub fn snapshot_due(&mut self, every: u64) -> Option<Snapshot> {
        if self.position.0 < self.snapshot_at.0.saturating_add(every) || self.position == self.snapshot_at {
            return None;
        }
        self.snapshot_at = self.position;
        let body = self.fold.snapshot();
        Some(Snapshot { key: self.key.clone(), journal: self.journal, position: self.position, body })
    }
}
